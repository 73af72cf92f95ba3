/** The timers of RFC 3261 §17 (table 4, corrected by RFC 6026), in milliseconds, from T1, T2 and T4. */
export interface TimerValues { readonly t1: number; readonly t2: number; readonly t4: number }

export const DEFAULT_TIMERS: TimerValues = { t1: 500, t2: 4000, t4: 5000 }

/** Timer D on UDP: at least 32 s, so that every retransmitted final response meets its ACK. */
export const TIMER_D_MS = 32_000
/** §17.2.1: 100 Trying unless the user answers within so long. */
export const TRYING_DELAY_MS = 200

/** Timers B, F, H, J, L and M. */
export function transactionTimeout(timers: TimerValues): number { return 64 * timers.t1 }
