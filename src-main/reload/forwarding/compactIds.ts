/**
 * Compact IDs of our own (RFC 6940 §6.3.2.2): two bytes that stand for a connected node in a Via List, and so on the
 * way back in a Destination List. 12 bits are a slot, 3 a generation that changes when the slot goes to another
 * connection, so that a late answer is dropped and not misrouted. Slots are used in rotation.
 */
import { toHex } from '../../base/bytes.ts'
import type { Random } from '../../ports/random.ts'

const SLOTS = 4096
const GENERATIONS = 8
const COMPACT_BIT = 0x8000

export class CompactIds {
  /** Made with the first slot: most nodes never need one. */
  private generations: Uint8Array | undefined
  private readonly nodes = new Map<number, Uint8Array>()
  private readonly slots = new Map<string, number>()
  private last = 0

  constructor(private readonly random: Random) {}

  /** The compact ID of a connected node; undefined when every slot is in use. */
  of(nodeId: Uint8Array): number | undefined {
    const key = toHex(nodeId)
    const slot = this.slots.get(key) ?? this.allocate(key, nodeId)
    return slot === undefined ? undefined : COMPACT_BIT | (this.generation(slot) << 12) | slot
  }

  /** Who a compact ID of ours stands for; undefined when it is none, or its connection is gone. */
  nodeOf(id: number): Uint8Array | undefined {
    const slot = id & (SLOTS - 1)
    return (id & COMPACT_BIT) !== 0 && ((id >> 12) & (GENERATIONS - 1)) === this.generation(slot) ? this.nodes.get(slot) : undefined
  }

  /** The connection to this node is gone. */
  release(nodeId: Uint8Array): void {
    const key = toHex(nodeId)
    const slot = this.slots.get(key)
    if (slot === undefined) return
    this.slots.delete(key)
    this.nodes.delete(slot)
  }

  private generation(slot: number): number { return this.generations?.[slot] ?? 0 }

  private allocate(key: string, nodeId: Uint8Array): number | undefined {
    if (this.slots.size === SLOTS) return undefined
    const generations = this.generations ??= this.random.bytes(SLOTS).map((byte) => byte % GENERATIONS)
    do this.last = (this.last + 1) % SLOTS
    while (this.nodes.has(this.last))
    generations[this.last] = (this.generation(this.last) + 1) % GENERATIONS
    this.nodes.set(this.last, nodeId)
    this.slots.set(key, this.last)
    return this.last
  }
}
