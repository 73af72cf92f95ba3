/**
 * The ordinary SIP phones that may log in at this peer: user names and generated passwords, of which only the
 * digests are kept (RFC 8760). Every phone speaks for the peer's owner (docs/decisions/0005-phones-share-their-owners-address.md).
 */
import { PeerError } from '../base/errors.ts'
import { Emitter, type Event } from '../base/event.ts'
import type { Random } from '../ports/random.ts'
import { type DigestAlgorithm, type DigestHashes, digestSecret } from '../sip/auth/digest.ts'

export interface PhoneAccountRecord {
  readonly userName: string
  readonly displayName: string
  /** Name of the overlay, which is the realm of the digests. */
  readonly realm: string
  /** H(userName:realm:password), hexadecimal. */
  readonly sha256: string
  readonly md5: string
  /** The phone looks at the first challenge only, and knows nothing but MD5. */
  readonly md5First: boolean
  readonly createdAt: number
  /** Of two copies the later one counts. */
  readonly changedAt: number
  /** Kept without digests, so that other devices of the owner hear of it. */
  readonly removed: boolean
}

export interface PhoneAccountStore {
  all(): readonly PhoneAccountRecord[]
  get(userName: string): PhoneAccountRecord | undefined
  put(account: PhoneAccountRecord): void
  remove(userName: string): void
}

/** Without letters and digits that are read as one another. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789'
const GROUPS = 4, GROUP_LENGTH = 4
const MAX_ACCOUNTS = 200
const MAX_REMOVED = 200
/** A clock that is ahead by more than this must not outlive every later change. */
const MAX_AHEAD_MS = 86_400_000

export class PhoneAccounts {
  private readonly changed = new Emitter<void>()
  private readonly gone = new Emitter<string>()
  /** Something was added or removed here, or came from another device of the owner. */
  readonly onChanged: Event<void> = this.changed.event
  /** An account cannot log in any more, or with another password only. */
  readonly onGone: Event<string> = this.gone.event

  constructor(private readonly deps: {
    readonly random: Random
    readonly hashes: DigestHashes
    readonly store: PhoneAccountStore
    /** Name of the overlay. */
    readonly realm: string
    now(): number
    /** The owner's address of record. */
    owner(): string
  }) {}

  get realm(): string { return this.deps.realm }

  list(): readonly PhoneAccountRecord[] { return this.table().filter((account) => !account.removed) }

  /** With removed ones: what other devices of the owner are told. */
  table(): readonly PhoneAccountRecord[] { return this.deps.store.all().filter((account) => account.realm === this.deps.realm) }

  get(userName: string): PhoneAccountRecord | undefined {
    const account = this.deps.store.get(userName.toLowerCase())
    return account?.realm === this.deps.realm && !account.removed ? account : undefined
  }

  /** @returns the password too, which nobody can read again. @throws PeerError 'name-invalid', 'name-taken', 'too-many-requests' */
  add(name: string, displayName = '', md5First = false): { readonly account: PhoneAccountRecord; readonly password: string } {
    const userName = name.trim().toLowerCase()
    if (!/^[a-z0-9][a-z0-9._-]{0,31}$/.test(userName)) throw new PeerError('name-invalid', 'letters, digits, dots, dashes and underscores, 32 at most')
    if (this.deps.store.get(userName)?.removed === false) throw new PeerError('name-taken', `there is a phone ${userName} already`)
    if (this.deps.store.all().filter(({ removed }) => !removed).length >= MAX_ACCOUNTS) throw new PeerError('too-many-requests', `${MAX_ACCOUNTS} phones are enough`)
    const password = this.password()
    const digest = (algorithm: DigestAlgorithm): string => digestSecret(this.deps.hashes, algorithm, userName, this.deps.realm, password)
    const account = { userName, displayName, realm: this.deps.realm, sha256: digest('SHA-256'), md5: digest('MD5'), md5First, createdAt: this.deps.now(), changedAt: this.later(userName), removed: false }
    this.deps.store.put(account)
    this.changed.emit()
    return { account, password }
  }

  /** @throws PeerError 'phone-unknown' */
  remove(name: string): void {
    const account = this.get(name.trim())
    if (account === undefined) throw new PeerError('phone-unknown', `there is no phone ${name}`)
    this.deps.store.put(removedOf(account, this.later(account.userName)))
    this.forgetOld()
    this.gone.emit(account.userName)
    this.changed.emit()
  }

  /** Takes over what is newer in the table of another device of the owner. */
  merge(theirs: readonly PhoneAccountRecord[]): void {
    let taken = false
    for (const record of theirs) {
      const ours = this.deps.store.get(record.userName)
      if (record.realm !== this.deps.realm || record.changedAt > this.deps.now() + MAX_AHEAD_MS) continue
      if (ours !== undefined && (ours.realm !== record.realm || !isNewer(record, ours))) continue
      if (!record.removed && ours?.removed !== false && this.list().length >= MAX_ACCOUNTS) continue
      this.deps.store.put(record)
      taken = true
      if (ours !== undefined && ours.sha256 !== record.sha256) this.gone.emit(record.userName)
    }
    if (!taken) return
    this.forgetOld()
    this.changed.emit()
  }

  /** Do we know something that this table does not? */
  isNewerThan(theirs: readonly PhoneAccountRecord[]): boolean {
    const known = new Map(theirs.map((record) => [record.userName, record]))
    return this.table().some((ours) => { const other = known.get(ours.userName); return other === undefined || isNewer(ours, other) })
  }

  /** A time that is later than what is known of this name, whatever the clocks say. */
  private later(userName: string): number { return Math.max(this.deps.now(), (this.deps.store.get(userName)?.changedAt ?? 0) + 1) }

  private forgetOld(): void {
    const removed = this.deps.store.all().filter((account) => account.removed).sort((a, b) => a.changedAt - b.changedAt)
    for (const { userName } of removed.slice(0, Math.max(0, removed.length - MAX_REMOVED))) this.deps.store.remove(userName)
  }

  /** AccountSecrets of `sip/auth`. */
  secret(userName: string, algorithm: DigestAlgorithm): string | undefined {
    const account = this.get(userName)
    // the digest is over the name as the phone writes it
    if (account?.userName !== userName) return undefined
    return algorithm === 'MD5' ? account.md5 : account.sha256
  }

  /** In its owner's name any of the phones may ask, as one does that is transferred: which one shows only in its answer. */
  wantsMd5First(userName: string): boolean {
    const owner = this.deps.owner()
    if (userName === owner.slice(0, owner.lastIndexOf('@'))) return this.list().some(({ md5First }) => md5First)
    return this.get(userName)?.md5First === true
  }

  /** A phone may register, and write into From, its own name or its owner's, in whatever domain means this peer. */
  authorise(account: string, aor: string): string | undefined {
    const user = aor.slice(0, Math.max(0, aor.lastIndexOf('@')))
    const owner = this.deps.owner()
    if (user.toLowerCase() === account.toLowerCase()) return `${account.toLowerCase()}@${this.deps.realm}`
    return user === owner.slice(0, owner.lastIndexOf('@')) ? owner : undefined
  }

  speaksFor(account: string, aor: string): boolean { return this.authorise(account, aor) !== undefined }

  /** 79 bits. */
  private password(): string {
    let out = ''
    while (out.replaceAll('-', '').length < GROUPS * GROUP_LENGTH) {
      const [byte = 255] = this.deps.random.bytes(1)
      if (byte >= 256 - (256 % LETTERS.length)) continue // all letters equally likely
      if (out !== '' && out.replaceAll('-', '').length % GROUP_LENGTH === 0 && !out.endsWith('-')) out += '-'
      out += LETTERS[byte % LETTERS.length] ?? ''
    }
    return out
  }
}

function removedOf(account: PhoneAccountRecord, changedAt: number): PhoneAccountRecord { return { ...account, displayName: '', sha256: '', md5: '', changedAt, removed: true } }

/** The later one; of two at the same time the same one everywhere. */
function isNewer(a: PhoneAccountRecord, b: PhoneAccountRecord): boolean {
  return a.changedAt > b.changedAt || (a.changedAt === b.changedAt && a.sha256 > b.sha256)
}
