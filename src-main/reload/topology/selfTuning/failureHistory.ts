/**
 * The rate at which peers fail (RFC 7363 §6.3): U = k / (M · Tk), of a history of the last K failures among the M
 * peers of the routing table, with the time we joined as its first entry. K is a quarter of the routing table.
 */

const SHARE = 0.25
/** Two times make a span. */
const LEAST = 2
/** No failure is told from another within this time. */
const LEAST_SPAN_MS = 1_000

export class FailureHistory {
  private times: number[]

  /** @param joinedAt in ms, as all times here */
  constructor(joinedAt: number) { this.times = [joinedAt] }

  failed(at: number): void {
    this.times.push(at)
    // What a larger routing table can hold is not known yet: the most a history may ever need.
    if (this.times.length > 256) this.times.shift()
  }

  /**
   * Failures of one peer per second. As long as the history is not full it is "as if there was a failure at the
   * current time"; and also later, when that gives less: else a few peers that went at once would count for ever.
   * @param peers M, the unique Node-IDs in the routing table
   */
  rate(peers: number, now: number): number {
    const most = Math.max(LEAST, Math.round(SHARE * peers))
    this.times = this.times.slice(-most)
    const first = this.times[0] ?? now
    const count = this.times.length
    const rate = (failures: number, until: number): number => failures * 1000 / (Math.max(1, peers) * Math.max(LEAST_SPAN_MS, until - first))
    return count < most ? rate(count, now) : Math.min(rate(count, this.times.at(-1) ?? now), rate(count + 1, now))
  }
}
