/**
 * The notifier's half of presence (RFC 3856 §6, RFC 6665 §4.2): who watches us, and what they are told. Owns the
 * accepted subscriptions, bounded in number; what to say and whom to allow is told to it.
 */
import type { Clock } from '../ports/clock.ts'
import type { ServerSubscription } from '../sip/ua/userAgent.ts'
import { buildPidf, pidfType, type Presence } from './pidf.ts'
import type { WatcherStore } from './stores.ts'

export interface NotifierDeps {
  readonly clock: Clock
  readonly store: WatcherStore
  /** Our address of record. */
  readonly aor: () => string
  readonly isAllowed: (watcher: string) => boolean
}

const maxWatchers = 500
/** devices of one person; older subscriptions give way, being most likely left over from an earlier run */
const maxPerWatcher = 8

export class PresenceNotifier {
  private readonly subscriptions = new Set<ServerSubscription>()

  constructor(private readonly deps: NotifierDeps, private presence: Presence) {}

  /** Addresses that watch now. */
  get watchers(): readonly string[] { return [...new Set([...this.subscriptions].map((each) => each.from.aor))] }

  /** The user agent's fact: somebody wants to watch. */
  incoming(subscription: ServerSubscription): void {
    const watcher = subscription.from.aor
    if (subscription.event !== 'presence') { subscription.reject(489); return }
    if (!this.deps.isAllowed(watcher)) { subscription.reject(403); return }
    const others = [...this.subscriptions].filter((each) => each.from.aor === watcher)
    if (others.length >= maxPerWatcher) others.slice(0, others.length - maxPerWatcher + 1).forEach((each) => { this.end(each, 'deactivated') })
    if (this.subscriptions.size >= maxWatchers) { subscription.reject(503); return }
    subscription.user = { onEnded: () => { this.subscriptions.delete(subscription) } }
    subscription.accept('active')
    subscription.notify(pidfType, this.document())
    if (subscription.expiresS === 0) return
    this.subscriptions.add(subscription)
    this.deps.store.put(watcher, this.deps.clock.now())
  }

  /** Tells every watcher at once. */
  publish(presence: Presence): void {
    if (presence.state === this.presence.state && presence.note === this.presence.note) return
    this.presence = presence
    const document = this.document()
    for (const subscription of [...this.subscriptions]) subscription.notify(pidfType, document)
  }

  /** Whom to allow has changed. */
  recheck(): void {
    for (const each of [...this.subscriptions]) {
      if (this.deps.isAllowed(each.from.aor)) continue
      this.end(each, 'rejected')
      this.deps.store.remove(each.from.aor)
    }
  }

  /** Ends every subscription, so that watchers see us go at once. They may come back any time. */
  stop(): void {
    for (const each of [...this.subscriptions]) this.end(each, 'deactivated')
  }

  private end(subscription: ServerSubscription, reason: string): void {
    this.subscriptions.delete(subscription)
    subscription.terminate(reason)
  }

  private document(): Uint8Array { return buildPidf(this.deps.aor(), this.presence) }
}
