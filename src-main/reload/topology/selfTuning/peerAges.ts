/**
 * How long the peers of the routing table have been in the overlay, as they say in Updates and Probe answers, and the
 * rate at which peers join that follows from it (RFC 7363 §6.4): L = N / Ages[floor(rsize/2)], ages ascending.
 */
import { toHex } from '../../../base/bytes.ts'

export class PeerAges {
  /** When each one started, by our clock. */
  private readonly startedAt = new Map<string, number>()

  /** @param uptimeS as the peer says; @param now in ms */
  heard(id: Uint8Array, uptimeS: number, now: number): void { this.startedAt.set(toHex(id), now - uptimeS * 1000) }

  forget(id: Uint8Array): void { this.startedAt.delete(toHex(id)) }

  /** Seconds, ascending; of peers that never told theirs nothing is known. */
  of(ids: readonly Uint8Array[], now: number): readonly number[] {
    return ids.flatMap((id) => {
      const startedAt = this.startedAt.get(toHex(id))
      return startedAt === undefined ? [] : [(now - startedAt) / 1000]
    }).sort((a, b) => a - b)
  }
}

/** Peers that join the overlay of `peers` peers, per second; 0 when no age is known. @param ages in seconds, ascending */
export function joinRate(peers: number, ages: readonly number[]): number {
  const median = ages[Math.floor(ages.length / 2)]
  // Ages are whole seconds.
  return median === undefined ? 0 : peers / Math.max(1, median)
}
