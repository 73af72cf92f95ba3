/**
 * The stabilisation interval (RFC 7363 §6.6): a Chord ring stays one as long as its peers send in the order of log2² N
 * messages before half of them fail or as many again join.
 */
import type { Estimates } from './sharedEstimates.ts'

/** Milliseconds, between `leastMs` and `mostMs`; the latter too where nobody comes or goes. */
export function stabilizationMs({ peers, joinRate, failureRate }: Estimates, leastMs: number, mostMs: number): number {
  const rounds = Math.log2(Math.max(2, peers)) ** 2
  const untilHalfFail = failureRate > 0 ? 1 / (2 * failureRate) : Infinity
  const untilDoubled = joinRate > 0 ? peers / joinRate : Infinity
  return Math.max(leastMs, Math.min(mostMs, 1000 * Math.min(untilHalfFail, untilDoubled) / rounds))
}
