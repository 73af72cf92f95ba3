/**
 * From start to stop of an overlay node: listens, looks for others, joins, keeps trying while it cannot, stands
 * alone if it may (RFC 6940 §11.4: only when told), and looks for others again when it has lost them. Owns the
 * phase that users see; joining itself is `join`, upkeep `maintenance`.
 */
import { sleep, withAny } from '../../base/abort.ts'
import { toHex } from '../../base/bytes.ts'
import { PeerError } from '../../base/errors.ts'
import { Emitter, type Event } from '../../base/event.ts'
import { Notifier } from '../../base/notifier.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'
import type { SocketAddress } from '../../ports/secureStream.ts'
import type { Membership } from '../topology/membership.ts'
import { findWaysIn, type SearchDependencies } from './bootstrapSearch.ts'
import { joinThrough, type JoinDependencies } from './join.ts'
import type { Maintenance } from './maintenance.ts'
import type { OverlayPhase, OverlayStatus } from './overlay.ts'

/** What the service asks of a node's way through life; a client's is `clientLifecycle`. */
export interface NodeLifecycle {
  readonly status: OverlayStatus
  readonly onStatus: Event<OverlayStatus>
  /** Whether it takes part and can ask others. */
  readonly isMember: boolean
  /** Node-IDs that lead to it. */
  readonly route: readonly Uint8Array[]
  readonly onRoute: Event<void>
  starting(): void
  run(listen: SocketAddress): void
  refresh(): void
  stop(): void
}

export interface LifecycleDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly membership: Membership
  readonly maintenance: Maintenance
  readonly join: Omit<JoinDependencies, 'onStep'>
  readonly search: SearchDependencies
  /** May stand alone when nobody is found: the organiser's installation, or who was alone the last time. */
  readonly firstPeer: boolean
}

/** How long addresses are tried in one round. Who may stand alone does not wait long for others. */
const ROUND_MS = { firstPeer: 2_500, other: 10_000 } as const
const RETRY_MS = { first: 1_000, most: 15_000 } as const
/** Looking for other parts of the overlay: often while alone or after changes, seldom in a ring at rest (RFC 6940 §10.7.4.4). */
const LOOK_MS = { alone: 3_000, aloneMost: 30_000, ring: 20_000, ringMost: 300_000 } as const

const SMALL_RING = 8
const LARGE_RING = 50

export class Lifecycle implements NodeLifecycle {
  private readonly statusEvent = new Emitter<OverlayStatus>()
  readonly onStatus = this.statusEvent.event
  /** A peer is reached by its Node-ID as long as it is one. */
  readonly onRoute = new Emitter<void>().event
  private current: OverlayStatus = { phase: 'stopped', step: null, listen: null, size: 0 }
  private readonly wake = new Notifier()
  /** The size at the last look: while it changes, looks are more frequent. */
  private settledSize = 0
  private readonly stopped = new AbortController()

  constructor(private readonly deps: LifecycleDependencies) {}

  get status(): OverlayStatus { return this.current }
  get isMember(): boolean { return this.deps.membership.chord.isMember }
  get route(): readonly Uint8Array[] { return [this.deps.join.nodeId] }

  starting(): void { this.set('starting', 'listen') }

  /** Listening has succeeded: join in the background, until `stop`. */
  run(listen: SocketAddress): void {
    this.current = { ...this.current, listen }
    this.deps.maintenance.start()
    this.live(this.stopped.signal).catch((error: unknown) => {
      if (!this.stopped.signal.aborted) this.deps.log.error('overlay lifecycle ended', { error: String(error) })
    })
  }

  /** The neighbour table changed, or the last peer went. */
  refresh(): void {
    if (!this.isMember || this.stopped.signal.aborted) return
    const alone = this.deps.membership.chord.routablePeers.length === 0
    const wasJoined = this.current.phase === 'joined'
    this.set(alone ? 'alone' : 'joined', null)
    if (alone && wasJoined) this.wake.notify()
  }

  /** Ends joining and looking; the phase is 'stopped'. */
  stop(): void {
    this.stopped.abort(new PeerError('cancelled', 'stopped'))
    this.deps.maintenance.stop()
    this.current = { ...this.current, listen: null }
    this.set('stopped', null)
  }

  private async live(signal: AbortSignal): Promise<void> {
    for (let retryMs: number = RETRY_MS.first; !await this.joinOnce(signal); retryMs = Math.min(2 * retryMs, RETRY_MS.most)) {
      if (this.deps.firstPeer) {
        this.deps.membership.forget()
        this.deps.membership.enter()
        break
      }
      this.set('offline', null)
      await sleep(this.deps.clock, retryMs, signal)
    }
    this.refresh()
    // In a large ring the others look as well; not all of them at once, though all may have joined at once.
    const large = this.current.size >= LARGE_RING
    if (large) {
      this.settledSize = this.current.size
      await this.look(this.mostMs * this.chance(), signal)
    }
    for (let waitMs: number = large ? this.mostMs : LOOK_MS.alone; ;) {
      const settled = isNear(this.current.size, this.settledSize)
      this.settledSize = this.current.size
      if (this.current.phase === 'alone') waitMs = settled ? Math.min(2 * waitMs, LOOK_MS.aloneMost) : LOOK_MS.alone
      else waitMs = settled ? Math.min(2 * waitMs, this.mostMs) : LOOK_MS.ring
      await this.look(waitMs * (0.75 + 0.5 * this.chance()), signal)
    }
  }

  private async look(waitMs: number, signal: AbortSignal): Promise<void> {
    await this.pause(waitMs, signal)
    if (await this.deps.maintenance.lookForPartition(signal)) this.deps.log.info('met another part of the overlay')
  }

  /** True when we are a member. @throws the signal's reason */
  private async joinOnce(signal: AbortSignal): Promise<boolean> {
    this.set('joining', 'bootstrap')
    const join = { ...this.deps.join, onStep: (step: 'attach' | 'join') => { this.set('joining', step) } }
    const limitMs = this.deps.firstPeer ? ROUND_MS.firstPeer : ROUND_MS.other
    for await (const node of findWaysIn(this.deps.search, limitMs, signal)) {
      try {
        await joinThrough(join, node, signal)
        return true
      } catch (error) {
        signal.throwIfAborted()
        this.deps.log.info('join failed', { through: toHex(node), error: String(error) })
        this.set('joining', 'bootstrap')
      }
    }
    signal.throwIfAborted()
    return false
  }

  /** The longest time between two looks: the larger the ring, the more look beside us, so that it is looked as often, by whomever. At most an hour. */
  private get mostMs(): number { return LOOK_MS.ringMost * Math.max(1, Math.min(12, this.current.size / 250)) }

  /** Between 0 and 1. */
  private chance(): number {
    const [byte = 0] = this.deps.random.bytes(1)
    return byte / 255
  }

  private async pause(ms: number, signal: AbortSignal): Promise<void> {
    const early = new AbortController()
    this.wake.wait().then(() => { early.abort(new PeerError('cancelled')) }, () => undefined)
    await withAny([signal, early.signal], (until) => sleep(this.deps.clock, ms, until)).catch((error: unknown) => {
      if (!early.signal.aborted || signal.aborted) throw error
    })
  }

  private set(phase: OverlayPhase, step: OverlayStatus['step']): void {
    const size = phase === 'stopped' ? 0 : this.isMember ? this.deps.membership.size : 1
    const { current } = this
    if (current.phase === phase && current.step === step && current.size === size) return
    this.current = { phase, step, listen: current.listen, size }
    this.deps.log.info('overlay', { phase, step, size })
    this.statusEvent.emit(this.current)
  }
}

/** Sizes of large rings are estimates, which each coming and going shifts. */
function isNear(size: number, before: number): boolean {
  return size < SMALL_RING ? size === before : size < 2 * before && before < 2 * size
}
