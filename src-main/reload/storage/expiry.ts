/**
 * Ages of stored values (RFC 6940 §7): a value lives for its lifetime from its reception by this node's monotonic
 * clock. Ends of life are kept as wall time so that they mean something after a restart, but within one run the
 * wall clock is read once: setting the system's clock neither kills nor prolongs what is stored.
 */
import type { Clock } from '../../ports/clock.ts'

export class StorageClock {
  private readonly offsetMs: number

  constructor(private readonly clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.offsetMs = clock.now() - clock.monotonic()
  }

  /** ms since 1970, never going back. */
  nowMs(): number {
    return this.offsetMs + this.clock.monotonic()
  }

  endOfLife(lifetimeS: number): number {
    return this.nowMs() + lifetimeS * 1000
  }

  /** Whole seconds left, rounded up: what Fetch answers and replicas carry as lifetime (§7.4.1.1). */
  remainingS(expiresAtMs: number): number {
    return Math.max(0, Math.min(0xffffffff, Math.ceil((expiresAtMs - this.nowMs()) / 1000)))
  }
}
