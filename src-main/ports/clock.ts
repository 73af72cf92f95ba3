/**
 * Time as the core sees it. The core never reads the system's clock: it is handed one of these, so that the
 * same code runs under virtual time.
 */
export interface Clock {
  /** Wall time, milliseconds since 1970-01-01T00:00:00Z. May jump when the system's clock is set. */
  now(): number
  /** Milliseconds from an arbitrary origin; never goes back. For ages, expiry and round-trip times. */
  monotonic(): number
  /** Calls `fire` once, after `delayMs` milliseconds, never before this call returns. */
  setTimer(delayMs: number, fire: () => void): Timer
}

export interface Timer {
  /** Idempotent; `fire` is not called afterwards. */
  cancel(): void
}
