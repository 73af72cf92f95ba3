/**
 * The notifier of the dialog event package (RFC 4235 §3): the owner's own phones, and his other devices, watch his calls,
 * for a lamp that says "busy". The first document of a subscription, and that after each refresh, is full; others name
 * what changed since the last one was sent. Owns the subscriptions and what each was told.
 */
import type { CallView } from '@shared/model/index.ts'
import type { ServerSubscription } from '../sip/ua/userAgent.ts'
import { buildDialogInfo, dialogInfoType, dialogKey } from './dialogInfo.ts'

export interface DialogNotifierDeps {
  readonly aor: () => string
  /** Calls in view, ended ones for a while included. */
  readonly calls: () => readonly CallView[]
}

const maxWatchers = 50

class Watcher {
  private version = 0
  /** What was told of each dialog last, by call. */
  private told = new Map<string, string>()

  constructor(private readonly deps: DialogNotifierDeps, readonly subscription: ServerSubscription) {}

  /** Made when a NOTIFY is really sent: changes meanwhile are in it. */
  document(full: boolean): Uint8Array {
    const all = this.deps.calls()
    // what has ended is told once, by a partial document or the first full one after it
    const shown = all.filter((call) => (full && call.state !== 'ended') || this.told.get(call.id) !== dialogKey(call))
      .filter((call) => call.state !== 'ended' || this.told.has(call.id))
    this.told = new Map(all.filter((call) => call.state !== 'ended' || this.told.has(call.id)).map((call) => [call.id, dialogKey(call)]))
    return buildDialogInfo(this.deps.aor(), this.version++, full, shown)
  }

  get isStale(): boolean {
    return this.deps.calls().some((call) => this.told.get(call.id) !== dialogKey(call) && (call.state !== 'ended' || this.told.has(call.id)))
  }
}

export class DialogNotifier {
  private readonly watchers = new Set<Watcher>()

  constructor(private readonly deps: DialogNotifierDeps) {}

  get size(): number { return this.watchers.size }

  /** The user agent's fact: somebody wants to watch. */
  incoming(subscription: ServerSubscription): void {
    // a proven other is a stranger to our calls; without proof it is a phone that has logged in (sip/element/server.ts)
    if (subscription.identity !== undefined && subscription.identity.aor !== this.deps.aor()) { subscription.reject(403); return }
    if (this.watchers.size >= maxWatchers) { subscription.reject(503); return }
    const watcher = new Watcher(this.deps, subscription)
    subscription.user = { onEnded: () => { this.watchers.delete(watcher) } }
    subscription.accept('active')
    subscription.publish({ contentType: dialogInfoType, document: (full) => watcher.document(full) })
    if (subscription.expiresS > 0) this.watchers.add(watcher)
  }

  /** The calls' fact: something changed. */
  changed(): void { for (const watcher of this.watchers) if (watcher.isStale) watcher.subscription.changed() }

  stop(): void {
    for (const { subscription } of [...this.watchers]) subscription.terminate('deactivated')
    this.watchers.clear()
  }
}
