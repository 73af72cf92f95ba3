/**
 * Puts received RTP packets back in order and hands them out at a steady pace (RFC 3550 §6.4.1 gives the terms).
 * It waits for a few packets before it starts, skips what is lost, and drops its surplus when it grows too long.
 */
const startDepth = 3
const maxDepth = 50
const keptWhenTooLong = 5

export interface Received { readonly payloadType: number; readonly payload: Uint8Array }

export class JitterBuffer {
  private readonly packets = new Map<number, Received>()
  private next: number | undefined
  private filling = true

  /** Packets that wait. */
  get depth(): number { return this.packets.size }

  /** @param sequence 16-bit RTP sequence number */
  push(sequence: number, packet: Received): void {
    if (this.next !== undefined && distance(this.next, sequence) < 0) {
      // far behind is no late packet but a sender that started anew
      if (distance(this.next, sequence) > -1_000) return
      this.restart()
    }
    this.packets.set(sequence, packet)
    if (this.packets.size <= maxDepth) return
    const order = this.inOrder()
    for (const old of order.slice(0, order.length - keptWhenTooLong)) this.packets.delete(old)
    this.next = order[order.length - keptWhenTooLong]
  }

  /** The packet whose turn it is; undefined when it was lost, or none has come yet. */
  pop(): Received | undefined {
    if (this.packets.size === 0) { this.filling = true; return undefined }
    if (this.filling) {
      if (this.packets.size < startDepth) return undefined
      this.filling = false
      this.next = this.inOrder()[0]
    }
    const sequence = this.next ?? 0
    const packet = this.packets.get(sequence)
    this.packets.delete(sequence)
    this.next = (sequence + 1) & 0xffff
    return packet
  }

  private restart(): void {
    this.packets.clear()
    this.next = undefined
    this.filling = true
  }

  private inOrder(): number[] {
    const sequences = [...this.packets.keys()]
    const first = this.next ?? sequences[0] ?? 0
    return sequences.sort((a, b) => distance(first, a) - distance(first, b))
  }
}

/** From `a` to `b` on the circle of 16-bit numbers, -32768…32767. */
function distance(a: number, b: number): number {
  return (((b - a) & 0xffff) ^ 0x8000) - 0x8000
}
