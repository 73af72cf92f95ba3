/**
 * Whether a peer disobeys CHORD-RELOAD's rule for the next hop (RFC 6940 §10.3), as far as its own Updates show
 * (RFC 7851 §6.2).
 */
import { equalBytes } from '../../base/bytes.ts'
import type { NeighbourLists } from './chord.ts'
import { inRange } from './ring.ts'

/**
 * `from` gave us a message for `id`. That is right as long as it brings the message nearer to `id`; past it only when we
 * are the first peer behind `id`, and `from` knows nobody in front of it to whom the message need not go back.
 * @param lists what `from` said last
 * @param before the nodes of the Via List
 * @param isThere whether a peer is known to be up: who is named may be gone
 */
export function misroutes(
  nodeId: Uint8Array, from: Uint8Array, lists: NeighbourLists, id: Uint8Array, before: readonly Uint8Array[], isThere: (peer: Uint8Array) => boolean,
): boolean {
  if (inRange(from, nodeId, id)) return false
  const wentBack = before.some((node) => inRange(from, node, id))
  return [...lists.successors, ...lists.predecessors].some((peer) => {
    if (equalBytes(peer, nodeId) || !inRange(from, peer, nodeId) || !isThere(peer)) return false
    return equalBytes(peer, id) || !inRange(from, peer, id) || !wentBack
  })
}
