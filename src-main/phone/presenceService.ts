/**
 * Presence: what we show of ourselves and what we see of our contacts (RFC 3856). Nothing central is involved:
 * each pair of peers holds its own subscriptions. Composes the notifier's half with one watch for each contact.
 */
import type { OwnPresence, PresenceView } from '@shared/model/index.ts'
import { Emitter, type Event } from '../base/event.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { ServerSubscription, UserAgent } from '../sip/ua/userAgent.ts'
import { sipUri } from './address.ts'
import { Gate } from './gate.ts'
import type { Presence } from './pidf.ts'
import { PresenceNotifier } from './presenceNotifier.ts'
import { PresenceWatch } from './presenceWatch.ts'
import type { SettingsService } from './settingsService.ts'
import type { ContactStore, SettingsStore, WatcherStore } from './stores.ts'
import type { TargetResolver } from './targetResolver.ts'

export interface PresenceServiceDeps {
  readonly clock: Clock
  readonly log: Log
  readonly resolver: TargetResolver
  readonly userAgent: Pick<UserAgent, 'subscribe' | 'request'>
  readonly contacts: ContactStore
  readonly watchers: WatcherStore
  readonly store: SettingsStore
  readonly settings: Pick<SettingsService, 'get' | 'onChanged'>
  /** Our address of record. */
  readonly aor: () => string
  /** Is this an address of the overlay? Others are not asked for presence: nobody but the user makes something leave it. */
  readonly isWatchable?: (aor: string) => boolean
}

const lookUpsAtOnce = 8
/** people who watched us within this time are told when we come back */
const rememberMs = 7 * 24 * 3_600_000
const maxTouched = 100
const unknown: PresenceView = { state: 'unknown', note: '', since: 0 }

export class PresenceService {
  private readonly watches = new Map<string, PresenceWatch>()
  private readonly gate = new Gate(lookUpsAtOnce)
  private readonly notifier: PresenceNotifier
  private readonly ownChanged = new Emitter<OwnPresence>()
  private readonly contactChanged = new Emitter<string>()
  private readonly unsubscribe: () => void
  private touching = new AbortController()
  private chosen: OwnPresence
  private inCall = false
  private published: readonly Presence[] = []
  private running = false
  /** What the user chose. */
  readonly onOwnChanged: Event<OwnPresence> = this.ownChanged.event
  /** The contact whose presence is another now. */
  readonly onContactChanged: Event<string> = this.contactChanged.event

  constructor(private readonly deps: PresenceServiceDeps) {
    this.chosen = deps.store.presence() ?? { state: 'available', note: '' }
    const { clock, watchers, aor } = deps
    this.notifier = new PresenceNotifier({ clock, store: watchers, aor, isAllowed: (watcher) => this.isAllowed(watcher) }, this.effective())
    this.unsubscribe = deps.settings.onChanged(() => { this.notifier.recheck(); this.notifier.publish(this.effective()) })
  }

  own(): OwnPresence { return this.chosen }

  /** Changes what we show; a note that is not given is kept. Watchers are told at once. */
  setOwn(presence: { readonly state: OwnPresence['state']; readonly note?: string | undefined }): void {
    this.chosen = { state: presence.state, note: presence.note ?? this.chosen.note }
    this.deps.store.savePresence(this.chosen)
    this.notifier.publish(this.effective())
    this.ownChanged.emit(this.chosen)
  }

  /** The calls' fact: a call is up, or none is any more. */
  setInCall(inCall: boolean): void {
    this.inCall = inCall
    this.notifier.publish(this.effective())
  }

  /** What the owner's phones have published of themselves (RFC 3903): they can make him busier, never freer or away. */
  setPublished(presences: readonly Presence[]): void {
    this.published = presences
    this.notifier.publish(this.effective())
  }

  /** Watches every contact. */
  start(): void {
    this.running = true
    this.touching = new AbortController()
    for (const contact of this.deps.contacts.all()) this.watch(contact.aor, false)
  }

  /** We are in the overlay (again): looks for every contact, and lets those who watched us know. */
  noteOnline(): void {
    for (const watch of this.watches.values()) watch.poke(undefined, false)
    if (!this.running || this.chosen.state === 'offline') return
    const since = this.deps.clock.now() - rememberMs
    for (const aor of this.deps.watchers.recent(since, maxTouched)) {
      // those we watch hear of us by our SUBSCRIBE
      if (this.watches.has(aor) || this.deps.isWatchable?.(aor) === false) continue
      this.gate.run(() => this.touch(aor)).catch((cause: unknown) => { this.deps.log.debug('presence.touch', { aor, cause: String(cause) }) })
    }
  }

  /** `aor` was heard of: a pipe, call, message or subscription came from it. */
  noteReachable(aor: string, nodeId?: string): void { this.watches.get(aor)?.poke(nodeId) }

  /** Ends all subscriptions, ours and others', so that others see us go at once. */
  stop(): void {
    this.running = false
    this.touching.abort()
    this.notifier.stop()
    for (const watch of this.watches.values()) watch.stop()
    this.watches.clear()
  }

  /** After `stop`, for good. */
  dispose(): void { this.unsubscribe() }

  of(aor: string): PresenceView { return this.watches.get(aor)?.view ?? unknown }

  /** @param urgent does not wait for the look-ups of others */
  watch(aor: string, urgent = true): void {
    if (!this.running || this.watches.has(aor) || this.deps.isWatchable?.(aor) === false) return
    const watch = new PresenceWatch({ ...this.deps, gate: this.gate }, aor, () => { this.contactChanged.emit(aor) })
    this.watches.set(aor, watch)
    watch.start(urgent)
  }

  unwatch(aor: string): void {
    this.watches.get(aor)?.stop()
    this.watches.delete(aor)
    this.notifier.recheck()
  }

  /** The user agent's fact: somebody wants to watch us. */
  incoming(subscription: ServerSubscription): void { this.notifier.incoming(subscription) }

  /** Addresses that watch us now. */
  get watchedBy(): readonly string[] { return this.notifier.watchers }

  private effective(): Presence {
    const { state, note } = this.chosen
    if (state === 'offline') return { state, note }
    const said = (wanted: Presence['state']): Presence | undefined => this.published.find((each) => each.state === wanted)
    if ((this.inCall || said('in-call') !== undefined) && this.deps.settings.get().presenceInCall) return { state: 'in-call', note }
    const busy = said('busy')
    return busy === undefined ? { state, note } : { state: 'busy', note: note === '' ? busy.note : note }
  }

  private isAllowed(watcher: string): boolean {
    // the owner's own devices and phones speak with his address
    return watcher === this.deps.aor() || this.deps.settings.get().presenceFor === 'everyone' || this.deps.contacts.get(watcher) !== undefined
  }

  /** Any request will do: its pipe is the sign of life (OPTIONS, RFC 3261 §11). */
  private async touch(aor: string): Promise<void> {
    const { signal } = this.touching
    if (signal.aborted) return
    const targets = await this.deps.resolver.resolve(aor, signal)
    await Promise.allSettled(targets.slice(0, 4).map((target) =>
      this.deps.userAgent.request({ connection: target.connection, requestUri: target.requestUri }, 'OPTIONS', { to: sipUri(aor) }, signal)))
  }
}
