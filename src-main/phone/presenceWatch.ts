/**
 * The watcher's half of presence for one contact (RFC 3856 §5, RFC 6665 §4.1): finds the contact's devices,
 * subscribes to each, and merges what they say. When the last subscription is lost the contact is offline and is
 * looked for again: every 2 s for a minute, then ever more rarely up to 15 s, and at once when it is heard of.
 */
import type { PresenceView } from '@shared/model/index.ts'
import { DecodeError, PeerError } from '../base/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { ClientSubscription, UserAgent } from '../sip/ua/userAgent.ts'
import { sipUri } from './address.ts'
import type { Gate } from './gate.ts'
import { parsePidf, pidfType, type Presence, type ShownState } from './pidf.ts'
import type { Target, TargetResolver } from './targetResolver.ts'

export interface WatchDeps {
  readonly clock: Clock
  readonly log: Log
  readonly resolver: TargetResolver
  readonly userAgent: Pick<UserAgent, 'subscribe'>
  /** Bounds look-ups by polling; those after a sign of life do not wait. */
  readonly gate: Gate
}

export const pollMs = { first: 2_000, last: 15_000, firstForMs: 60_000 } as const
const lookUpTimeoutMs = 20_000
/** after a sign of life during a look-up that failed */
const pokedRetryMs = 500
const maxPoked = 5
/** while subscribed, a sign of life is a reason to look for replaced connections, but not each time */
const recheckMs = 30_000
const refusedRetryMs = 300_000
const expiresS = 3_600
const maxDevices = 6
/** of several devices the busiest says what the person does */
const order: readonly ShownState[] = ['in-call', 'busy', 'available', 'away', 'offline']

interface Device {
  readonly nodeId: string | undefined
  readonly connectionId: string
  subscription: ClientSubscription | undefined
  presence: Presence | undefined
}

export class PresenceWatch {
  private readonly devices = new Set<Device>()
  private readonly stopped = new AbortController()
  private timer: Timer | undefined
  private looking = false
  private poked = 0
  private lostAt: number
  private lastLookAt = -Infinity
  private refused = false
  private delayMs: number = pollMs.first
  private shown: PresenceView

  constructor(private readonly deps: WatchDeps, readonly aor: string, private readonly onChanged: () => void) {
    this.lostAt = deps.clock.monotonic()
    this.shown = { state: 'unknown', note: '', since: deps.clock.now() }
  }

  get view(): PresenceView { return this.shown }

  /** @param urgent does not wait for the look-ups of others */
  start(urgent: boolean): void { this.look(urgent) }

  /** A sign of life of the contact, from its device `nodeId` when that is known. @param urgent as for `start` */
  poke(nodeId?: string, urgent = true): void {
    if (this.stopped.signal.aborted) return
    if (this.looking) { this.poked = Math.min(maxPoked, this.poked + 1); return }
    const known = nodeId === undefined || [...this.devices].some((device) => device.nodeId === nodeId)
    const recent = this.deps.clock.monotonic() - this.lastLookAt < recheckMs
    if (this.devices.size > 0 && known && recent) return
    if (this.devices.size === 0) this.lostAt = this.deps.clock.monotonic()
    this.look(urgent)
  }

  /** Ends the subscriptions. Nothing is told afterwards. */
  stop(): void {
    this.stopped.abort()
    this.timer?.cancel()
    for (const device of [...this.devices]) device.subscription?.end()
    this.devices.clear()
  }

  private look(urgent: boolean): void {
    this.timer?.cancel()
    this.looking = true
    const lookUp = (): Promise<void> => this.lookUp()
    const done = urgent ? lookUp() : this.deps.gate.run(lookUp)
    done.then(() => undefined, (cause: unknown) => {
      if (this.stopped.signal.aborted) return
      if (!(cause instanceof PeerError)) this.deps.log.debug('presence.look-up', { aor: this.aor, cause: String(cause) })
    }).then(() => { this.lookedUp() }, (cause: unknown) => { this.deps.log.error('presence.watch', { cause: String(cause) }) })
  }

  private async lookUp(): Promise<void> {
    if (this.stopped.signal.aborted) return
    this.lastLookAt = this.deps.clock.monotonic()
    const abort = new AbortController()
    const give = (): void => { abort.abort(new PeerError('network-timeout')) }
    this.stopped.signal.addEventListener('abort', give, { once: true })
    const timer = this.deps.clock.setTimer(lookUpTimeoutMs, give)
    try {
      const targets = await this.deps.resolver.resolve(this.aor, abort.signal)
      if (!this.stopped.signal.aborted) for (const target of targets.slice(0, maxDevices)) this.subscribe(target)
    } finally {
      timer.cancel()
      this.stopped.signal.removeEventListener('abort', give)
    }
  }

  private lookedUp(): void {
    this.looking = false
    if (this.stopped.signal.aborted) return
    if (this.devices.size === 0) this.lost()
    else this.poked = 0
  }

  private subscribe(target: Target): void {
    const nodeId = target.identity?.nodeId
    const old = [...this.devices].find((each) => each.nodeId === nodeId && (nodeId !== undefined || each.connectionId === target.connection.id))
    if (old?.connectionId === target.connection.id) return
    if (old === undefined && this.devices.size >= maxDevices) return
    const device: Device = { nodeId, connectionId: target.connection.id, subscription: undefined, presence: old?.presence }
    if (old !== undefined) { this.devices.delete(old); old.subscription?.end() }
    this.devices.add(device)
    const options = { to: sipUri(this.aor), event: 'presence', accept: pidfType, expiresS }
    device.subscription = this.deps.userAgent.subscribe({ connection: target.connection, requestUri: target.requestUri }, options, {
      onNotify: (contentType, body) => { if (this.devices.has(device)) this.notified(device, contentType, body) },
      onTerminated: (reason, status) => {
        if (!this.devices.delete(device)) return
        this.deps.log.debug('presence.terminated', { aor: this.aor, reason, status })
        this.refused = status === 403 || status === 603 || reason === 'rejected'
        if (this.devices.size > 0) this.show()
        else if (!this.looking) this.lost()
      },
    })
  }

  private notified(device: Device, contentType: string, body: Uint8Array): void {
    if (body.length === 0) return
    try {
      if (contentType !== pidfType) throw new DecodeError(`presence as ${contentType}`)
      device.presence = parsePidf(body)
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause
      this.deps.log.info('presence.undecodable', { aor: this.aor, what: cause.what })
      return
    }
    this.refused = false
    this.show()
  }

  private lost(): void {
    const now = this.deps.clock.monotonic()
    if (this.shown.state !== 'offline') this.lostAt = now
    this.show()
    if (now - this.lostAt < pollMs.firstForMs) this.delayMs = pollMs.first
    else this.delayMs = Math.min(pollMs.last, this.delayMs * 1.5)
    let delayMs = this.refused ? refusedRetryMs : this.delayMs
    if (this.poked > 0) { this.poked--; delayMs = pokedRetryMs }
    this.timer?.cancel()
    this.timer = this.deps.clock.setTimer(delayMs, () => { this.look(false) })
  }

  /** Shows the merged state, if it is another than before. */
  private show(): void {
    const said = [...this.devices].flatMap((device) => device.presence ?? [])
    if (this.devices.size > 0 && said.length === 0) return
    const best = [...said].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))[0] ?? { state: 'offline' as const, note: '' }
    if (best.state === this.shown.state && best.note === this.shown.note) return
    this.shown = { state: best.state, note: best.note, since: this.deps.clock.now() }
    this.onChanged()
  }
}
