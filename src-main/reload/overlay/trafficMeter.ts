/**
 * Bytes per second, sent and received, as exponentially weighted averages (RFC 7851 §5.3): calculated every five
 * seconds with alpha 0.8, while somebody may ask for them.
 */
import type { Clock, Timer } from '../../ports/clock.ts'

const INTERVAL_MS = 5_000
const ALPHA = 0.8

export class TrafficMeter {
  private timer: Timer | undefined
  private last: { readonly at: number; readonly sent: number; readonly received: number } | undefined
  private average: { readonly sent: number; readonly received: number } | undefined

  /** @param total bytes since start */
  constructor(private readonly clock: Clock, private readonly total: () => { readonly sent: number; readonly received: number }) {}

  /** Bytes per second, rounded up; undefined in the first five seconds. */
  get bytesPerSecond(): { readonly sent: number; readonly received: number } | undefined {
    return this.average === undefined ? undefined : { sent: Math.ceil(this.average.sent), received: Math.ceil(this.average.received) }
  }

  start(): void {
    if (this.timer !== undefined) return
    this.last = { at: this.clock.monotonic(), ...this.total() }
    this.timer = this.clock.setTimer(INTERVAL_MS, () => { this.tick() })
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = this.last = this.average = undefined
  }

  private tick(): void {
    this.timer = this.clock.setTimer(INTERVAL_MS, () => { this.tick() })
    const now = { at: this.clock.monotonic(), ...this.total() }
    const { last, average } = this
    this.last = now
    if (last === undefined || now.at === last.at) return
    const seconds = (now.at - last.at) / 1000
    const present = { sent: (now.sent - last.sent) / seconds, received: (now.received - last.received) / seconds }
    // "The value for the very first time period should simply be the average of … that time period."
    this.average = average === undefined ? present : { sent: ALPHA * present.sent + (1 - ALPHA) * average.sent, received: ALPHA * present.received + (1 - ALPHA) * average.received }
  }
}
