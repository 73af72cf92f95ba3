/** A rate limit: `ratePerS` tokens a second, at most `burst` saved up. */
/** The slice of ports/clock needed here; base stands below ports. */
interface Ages { monotonic(): number }

export class TokenBucket {
  private tokens: number
  private atMs: number

  constructor(private readonly clock: Ages, private readonly ratePerS: number, private readonly burst: number) {
    this.tokens = burst
    this.atMs = clock.monotonic()
  }

  /** Takes `cost` tokens and says true, or takes none and says false. */
  take(cost = 1): boolean {
    const now = this.clock.monotonic()
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.atMs) * this.ratePerS) / 1000)
    this.atMs = now
    if (this.tokens < cost) return false
    this.tokens -= cost
    return true
  }
}
