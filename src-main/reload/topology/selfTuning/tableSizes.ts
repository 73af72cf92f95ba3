/** Sizes of the routing table for an overlay of N peers (RFC 7363 §6.2). */
import type { TableSizes } from '../policy.ts'

/**
 * One copy more than RFC 6940 §10.4 has: with sessions of minutes an owner and two successors do vanish within the seconds
 * that it takes to miss the first of them. A peer of another implementation refuses it, and has lost nothing.
 */
const REPLICAS = 3
/** Below it copies of data have no place. */
export const LEAST_NEIGHBOURS = REPLICAS + 1
/** RFC 7363 §6.2: "max(ceiling(log2(N)), 16)". */
const LEAST_ENTRIES = 16

/** @param peers estimated; at least 1 */
export function tableSizes(peers: number): TableSizes {
  const levels = Math.ceil(Math.log2(Math.max(1, peers)))
  const neighbours = Math.max(levels, LEAST_NEIGHBOURS)
  const entries = Math.max(levels, LEAST_ENTRIES)
  // Which entries are filled decides (§5.4), not how many peers there are beside the neighbours. Whoever was pushed out of
  // the neighbour table stays linked: where peers come and go it is soon a neighbour again.
  return { predecessors: neighbours, successors: neighbours, replicas: REPLICAS, entries, wanted: 0, kept: 4 * neighbours + entries }
}
