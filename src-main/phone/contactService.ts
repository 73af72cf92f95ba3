/**
 * The address book: what is kept about people, joined with the presence seen of them. Adding a contact starts
 * watching its presence, removing it ends that.
 */
import type { ContactView, PresenceView } from '@shared/model/index.ts'
import { PeerError } from '../base/errors.ts'
import { Emitter, type Event } from '../base/event.ts'
import { normaliseAor, userPart } from './address.ts'
import type { ContactRecord, ContactStore } from './stores.ts'

/** The slice of the presence service that contacts need. */
export interface PresenceOfContacts {
  readonly onContactChanged: Event<string>
  of(aor: string): PresenceView
  watch(aor: string): void
  unwatch(aor: string): void
}

/** `contact` is null when it was removed. */
export interface ContactChange { readonly aor: string; readonly contact: ContactView | null }

const maxContacts = 2000

export class ContactService {
  private readonly changed = new Emitter<ContactChange>()
  readonly onChanged: Event<ContactChange> = this.changed.event

  constructor(
    private readonly store: ContactStore,
    private readonly presence: PresenceOfContacts,
    private readonly domain: () => string,
  ) {
    presence.onContactChanged((aor) => {
      const record = this.store.get(aor)
      if (record !== undefined) this.changed.emit({ aor, contact: this.view(record) })
    })
  }

  all(): readonly ContactView[] { return this.store.all().map((record) => this.view(record)) }

  get(aor: string): ContactView | undefined {
    const record = this.store.get(aor)
    return record === undefined ? undefined : this.view(record)
  }

  /** What to call `aor`: the contact's name, else the name given, else the user part. */
  nameOf(aor: string, given = ''): string {
    return this.store.get(aor)?.displayName || given || userPart(aor)
  }

  /** @throws PeerError 'address-invalid', 'contact-exists', 'too-many-requests' (the book is full) */
  add(uri: string, displayName?: string): ContactView {
    const aor = normaliseAor(uri, this.domain())
    if (this.store.get(aor) !== undefined) throw new PeerError('contact-exists', `${aor} is a contact already`)
    if (this.store.all().length >= maxContacts) throw new PeerError('too-many-requests', `more than ${maxContacts} contacts`)
    const record: ContactRecord = { aor, displayName: displayName?.trim() || userPart(aor), favourite: false }
    this.store.put(record)
    this.presence.watch(aor)
    return this.tell(record)
  }

  /** @throws PeerError 'address-invalid', 'contact-unknown' */
  update(uri: string, change: { readonly displayName?: string | undefined; readonly favourite?: boolean | undefined }): ContactView {
    const old = this.known(uri)
    const record: ContactRecord = {
      aor: old.aor,
      displayName: change.displayName === undefined ? old.displayName : change.displayName.trim() || userPart(old.aor),
      favourite: change.favourite ?? old.favourite,
    }
    this.store.put(record)
    return this.tell(record)
  }

  /** @throws PeerError 'address-invalid', 'contact-unknown' */
  remove(uri: string): void {
    const { aor } = this.known(uri)
    this.store.remove(aor)
    this.presence.unwatch(aor)
    this.changed.emit({ aor, contact: null })
  }

  private known(uri: string): ContactRecord {
    const aor = normaliseAor(uri, this.domain())
    const record = this.store.get(aor)
    if (record === undefined) throw new PeerError('contact-unknown', `${aor} is no contact`)
    return record
  }

  private tell(record: ContactRecord): ContactView {
    const contact = this.view(record)
    this.changed.emit({ aor: record.aor, contact })
    return contact
  }

  private view(record: ContactRecord): ContactView { return { ...record, presence: this.presence.of(record.aor) } }
}
