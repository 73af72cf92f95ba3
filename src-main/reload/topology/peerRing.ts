/**
 * Peers in clockwise order from one of them (RFC 6940 §10.1): the order that neighbours, fingers and next hops are
 * taken in. Kept sorted, since it is asked for each message and changes seldom; each change makes a new list, so that
 * whoever holds one may go through it meanwhile.
 */
import { compareBytes, equalBytes } from '../../base/bytes.ts'

export class PeerRing {
  private ids: readonly Uint8Array[] = []
  /** How many are greater than the origin; those behind zero follow. */
  private greater = 0

  constructor(readonly origin: Uint8Array) {}

  get size(): number { return this.ids.length }
  get all(): readonly Uint8Array[] { return this.ids }
  has(id: Uint8Array): boolean { return this.known(id) !== undefined }

  /** The same id as it is held here: bytes of a message need not be kept for it. */
  known(id: Uint8Array): Uint8Array | undefined {
    const there = this.firstFrom(id)
    return there !== undefined && equalBytes(there, id) ? there : undefined
  }

  /** False when it was there. The origin itself is never taken in. */
  add(id: Uint8Array): boolean {
    if (equalBytes(id, this.origin) || this.has(id)) return false
    this.replace(this.place(id), 0, id)
    return true
  }

  delete(id: Uint8Array): boolean {
    if (!this.has(id)) return false
    this.replace(this.place(id), 1)
    return true
  }

  clear(): void { this.ids = []; this.greater = 0 }

  /** The next ones clockwise, nearest first. */
  following(count: number): readonly Uint8Array[] { return this.ids.slice(0, count) }

  /** The next ones counterclockwise, nearest first. */
  preceding(count: number): readonly Uint8Array[] { return this.ids.slice(-count).reverse() }

  /** The last one strictly between the origin and `id`, clockwise. */
  lastBefore(id: Uint8Array): Uint8Array | undefined { return this.ids[this.place(id) - 1] }

  /** The first one at or behind `id`, clockwise from the origin. */
  firstFrom(id: Uint8Array): Uint8Array | undefined { return this.ids[this.place(id)] }

  /** The next `count` ones at or behind `id`, clockwise, nearest first. */
  from(id: Uint8Array, count: number): readonly Uint8Array[] {
    const at = this.place(id)
    return [...this.ids.slice(at, at + count), ...this.ids.slice(0, Math.min(at, Math.max(0, at + count - this.ids.length)))]
  }

  private replace(at: number, count: number, ...by: readonly Uint8Array[]): void {
    this.ids = this.ids.toSpliced(at, count, ...by)
    this.greater = this.ids.filter((id) => compareBytes(id, this.origin) > 0).length
  }

  /** Of the first one that is not before `id`. */
  private place(id: Uint8Array): number {
    const isBehindZero = compareBytes(id, this.origin) < 0
    let low = isBehindZero ? this.greater : 0, high = isBehindZero ? this.ids.length : this.greater
    while (low < high) {
      const middle = (low + high) >> 1
      if (compareBytes(this.ids[middle] as Uint8Array, id) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
