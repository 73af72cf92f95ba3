/**
 * Whether a peer disobeys CHORD-RELOAD's rule for the next hop (RFC 6940 §10.3), as far as its own Updates show
 * (RFC 7851 §6.2).
 */
import { equalBytes } from '../../base/bytes.ts'
import type { NeighbourLists } from './chord.ts'
import { inRange } from './ring.ts'

/**
 * `from` gave us a message for `id`. That is right as long as it brings the message nearer to `id`; past it only when we
 * are the first peer behind `id`, and then `from` may name nobody between itself and us.
 * @param lists what `from` said last
 * @param isThere whether a peer is known to be up: who is named may be gone
 */
export function misroutes(nodeId: Uint8Array, from: Uint8Array, lists: NeighbourLists, id: Uint8Array, isThere: (peer: Uint8Array) => boolean): boolean {
  if (inRange(from, nodeId, id)) return false
  return [...lists.successors, ...lists.predecessors].some((peer) => !equalBytes(peer, nodeId) && inRange(from, peer, nodeId) && isThere(peer))
}
