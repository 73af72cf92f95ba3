/**
 * Tells when a phone's flow has failed in silence (RFC 5626 §4.4, §5.4): over it a phone promises to be heard at least
 * once in Flow-Timer seconds. A flow that is silent for longer, with some grace, is closed, and its bindings go with it.
 * Watches a flow as long as a binding is bound to it. Owns a timer for each flow it watches.
 */
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Connection } from '../transport/connection.ts'
import type { Bindings } from './bindings.ts'

/** What the phone is told. */
export const FLOW_TIMER_S = 120
/** The server waits by so much longer, for delays on the way and a keep-alive that is sent again. */
const GRACE = 0.25

export class FlowWatch {
  private readonly timers = new Map<Connection, Timer>()

  constructor(private readonly deps: {
    readonly clock: Clock
    readonly bindings: Bindings
    /** When something came over it last, by the clock's monotonic time; undefined when it is closed. */
    heardAt(flow: Connection): number | undefined
  }, private readonly flowTimerS = FLOW_TIMER_S) {}

  /** Flows that are watched. */
  get size(): number { return this.timers.size }

  /**
   * A binding has been made over this flow.
   * @returns what to tell the phone; undefined for a WebSocket, which has pings of its own (RFC 7118)
   */
  watch(flow: Connection): number | undefined {
    if (flow.transport === 'WS' || flow.transport === 'WSS') return undefined
    const heardAt = this.deps.heardAt(flow)
    if (heardAt !== undefined && !this.timers.has(flow)) this.arm(flow, heardAt)
    return this.flowTimerS
  }

  connectionClosed(flow: Connection): void {
    this.timers.get(flow)?.cancel()
    this.timers.delete(flow)
  }

  close(): void { for (const flow of [...this.timers.keys()]) this.connectionClosed(flow) }

  private get limitMs(): number { return this.flowTimerS * (1 + GRACE) * 1000 }

  private arm(flow: Connection, heardAt: number): void {
    this.timers.set(flow, this.deps.clock.setTimer(heardAt + this.limitMs - this.deps.clock.monotonic(), () => { this.look(flow) }))
  }

  private look(flow: Connection): void {
    this.timers.delete(flow)
    const heardAt = this.deps.heardAt(flow)
    if (heardAt === undefined || !this.deps.bindings.bound(flow)) return
    if (this.deps.clock.monotonic() - heardAt < this.limitMs) this.arm(flow, heardAt)
    else flow.close()
  }
}
