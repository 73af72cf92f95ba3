/**
 * The number of peers, estimated by how densely our neighbours stand (RFC 7363 §6.1): 2^128 / d, where d is the mean
 * distance of successive peers from the farthest predecessor to the farthest successor.
 */
import { toHex } from '../../../base/bytes.ts'
import type { NeighbourTable } from '../policy.ts'
import { distance, fraction } from '../ring.ts'

/** Peers in the overlay, ourselves included; their exact number where the two lists meet behind us. */
export function networkSize(nodeId: Uint8Array, { predecessors, successors }: NeighbourTable): number {
  const first = predecessors.at(-1), last = successors.at(-1)
  if (first === undefined || last === undefined) return 1
  const known = new Set([...predecessors, ...successors].map(toHex))
  if (known.size < predecessors.length + successors.length) return known.size + 1
  const before = fraction(distance(first, nodeId)), behind = fraction(distance(nodeId, last))
  // Lists that go round the ring have met, though neither names the other's peers.
  return before + behind >= 1 ? known.size + 1 : known.size / (before + behind)
}
