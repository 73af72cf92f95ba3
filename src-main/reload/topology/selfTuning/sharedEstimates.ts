/**
 * Estimates of a stabilisation period, our own and those that others share (RFC 7363 §6.5): what counts is the 75th
 * percentile of each, so that a few that are far off, by chance or by malice, do not.
 */
import { BoundedMap } from '../../../base/boundedMap.ts'
import { toHex } from '../../../base/bytes.ts'
import type { SelfTuningData } from '../../wire/extensions.ts'

export interface Estimates {
  /** N */
  readonly peers: number
  /** L, peers a second */
  readonly joinRate: number
  /** U, failures of one peer per second */
  readonly failureRate: number
}

const DAY_S = 24 * 3600
const MOST = 0xffffffff
/** More than any period brings, even with many peers that probe us. */
const MAX_RECEIVED = 256

export class SharedEstimates {
  /** The last ones of each peer: who speaks often counts once. */
  private readonly received = new BoundedMap<string, Estimates>(MAX_RECEIVED)

  add(from: Uint8Array, estimates: Estimates): void { this.received.set(toHex(from), estimates) }

  /** Ends the period: what holds for the next one. */
  close(own: Estimates): Estimates {
    const all = [own, ...this.received.values()]
    this.received.clear()
    const of = (value: (estimates: Estimates) => number): number => percentile75(all.map(value))
    return { peers: of((e) => e.peers), joinRate: of((e) => e.joinRate), failureRate: of((e) => e.failureRate) }
  }
}

/** The value whose rank is 75 % of their number, rounded (RFC 7363 §2). */
export function percentile75(values: readonly number[]): number {
  const rank = Math.max(1, Math.round(0.75 * values.length))
  return [...values].sort((a, b) => a - b)[rank - 1] ?? 0
}

/** On the wire rates are per 24 hours, rounded up. */
export function toWire({ peers, joinRate, failureRate }: Estimates): SelfTuningData {
  const whole = (value: number): number => Math.min(MOST, Math.ceil(value))
  return { networkSize: Math.min(MOST, Math.round(peers)), joinRate: whole(joinRate * DAY_S), leaveRate: whole(failureRate * DAY_S) }
}

/** undefined: of a sender that knows nothing, or nonsense; an overlay has a peer at least. */
export function fromWire({ networkSize, joinRate, leaveRate }: SelfTuningData): Estimates | undefined {
  return networkSize === 0 ? undefined : { peers: networkSize, joinRate: joinRate / DAY_S, failureRate: leaveRate / DAY_S }
}
