/**
 * Who is closer to a resource on CHORD-RELOAD's ring (RFC 6940 §10.1): the fewer steps clockwise from the
 * Resource-ID to the node, the closer.
 */
import { toHex } from '../../base/bytes.ts'
import type { StorageTopology } from './dependencies.ts'

export function ringNumber(id: Uint8Array): bigint {
  return BigInt(`0x${toHex(id)}`)
}

/** Steps clockwise from `from` to `to`. */
export function stepsTo(from: Uint8Array, to: Uint8Array): bigint {
  return BigInt.asUintN(128, ringNumber(to) - ringNumber(from))
}

/** Whether `id` lies in (after, upTo]. */
export function isBetween(after: Uint8Array, id: Uint8Array, upTo: Uint8Array): boolean {
  return stepsTo(id, upTo) < stepsTo(after, upTo)
}

/** How many of the nodes we know of, ourselves included, are closer to `resourceId` than `nodeId` is. */
export function closerNodes(topology: StorageTopology, resourceId: Uint8Array, nodeId: Uint8Array): number {
  const limit = stepsTo(resourceId, nodeId)
  const known = new Set([topology.nodeId, ...topology.predecessors, ...topology.successors].map((id) => stepsTo(resourceId, id)))
  return [...known].filter((steps) => steps < limit).length
}
