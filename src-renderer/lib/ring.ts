/** Where peers stand on the picture of the ring: an angle follows from the Node-ID (RFC 6940 §10.1), nothing is laid out. */
import type { NeighbourView } from '@shared/model/index.ts'

/** The share of the circle before this Node-ID, 0 ≤ x < 1; from the first 52 bits of 128. */
export function turnOf(nodeId: string): number {
  const value = Number.parseInt(nodeId.slice(0, 13), 16)
  return Number.isFinite(value) ? value / 2 ** 52 : 0
}

export interface RingNode { nodeId: string; own: boolean; neighbour: NeighbourView | null; turn: number; x: number; y: number }

/**
 * The own peer and its neighbours in ring order, on a circle of `radius` around 0,0; zero is at the top and
 * Node-IDs grow clockwise. Peers closer than `apart` of a turn are drawn `apart` from each other, so that each can be pointed at.
 */
export function placeOnRing(ownId: string, neighbours: readonly NeighbourView[], radius: number, apart = 0.02): RingNode[] {
  const all = [{ nodeId: ownId, own: true, neighbour: null as NeighbourView | null }, ...neighbours.filter((n) => n.nodeId !== ownId).map((n) => ({ nodeId: n.nodeId, own: false, neighbour: n }))]
    .map((node) => ({ ...node, turn: turnOf(node.nodeId) }))
    .sort((a, b) => a.turn - b.turn || a.nodeId.localeCompare(b.nodeId))
  let last = -1
  const gap = Math.min(apart, 1 / Math.max(1, all.length))
  return all.map((node) => {
    const turn = last < 0 ? node.turn : Math.max(node.turn, last + gap)
    last = turn
    const angle = turn * 2 * Math.PI
    return { ...node, x: Math.sin(angle) * radius, y: -Math.cos(angle) * radius }
  })
}
