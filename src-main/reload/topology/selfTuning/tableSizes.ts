/** Sizes of the routing table for an overlay of N peers (RFC 7363 §6.2). */
import type { TableSizes } from '../policy.ts'

/** As with CHORD-RELOAD (RFC 6940 §10.1): below it copies of data have no place. */
export const LEAST_NEIGHBOURS = 3
/** RFC 7363 §6.2: "max(ceiling(log2(N)), 16)". */
const LEAST_ENTRIES = 16

/** @param peers estimated; at least 1 */
export function tableSizes(peers: number): TableSizes {
  const levels = Math.ceil(Math.log2(Math.max(1, peers)))
  const neighbours = Math.max(levels, LEAST_NEIGHBOURS)
  const entries = Math.max(levels, LEAST_ENTRIES)
  // Which entries are filled decides (§5.4), not how many peers there are beside the neighbours. Whoever was pushed out of
  // the neighbour table stays linked: where peers come and go it is soon a neighbour again.
  return { predecessors: neighbours, successors: neighbours, entries, wanted: 0, kept: 4 * neighbours + entries }
}
