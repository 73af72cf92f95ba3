/**
 * Round-trip time and retransmission timeout of one link (RFC 6298 §2, as RFC 6940 §6.6.3.1 and §6.6.5 ask):
 * milliseconds throughout, not rounded to seconds.
 */
const K = 4
const GRANULARITY_MS = 1
const INITIAL_RTO_MS = 1000
const MAX_RTO_MS = 60_000

export class RoundTripTime {
  private srtt: number | undefined
  private rttvar = 0

  /** Smoothed round-trip time, null before the first measurement. */
  get smoothedMs(): number | null { return this.srtt ?? null }

  get rtoMs(): number {
    return this.srtt === undefined ? INITIAL_RTO_MS : Math.min(MAX_RTO_MS, this.srtt + Math.max(GRANULARITY_MS, K * this.rttvar))
  }

  measure(rttMs: number): void {
    if (this.srtt === undefined) {
      this.srtt = rttMs
      this.rttvar = rttMs / 2
      return
    }
    this.rttvar = 0.75 * this.rttvar + 0.25 * Math.abs(this.srtt - rttMs)
    this.srtt = 0.875 * this.srtt + 0.125 * rttMs
  }
}
