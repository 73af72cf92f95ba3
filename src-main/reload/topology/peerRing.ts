/**
 * Peers in clockwise order from one of them (RFC 6940 §10.1): the order that neighbours, fingers and next hops are
 * taken in. Kept sorted, since it is asked for each message and changes seldom.
 */
import { compareBytes } from '../../base/bytes.ts'
import { distance } from './ring.ts'

interface Place { readonly id: Uint8Array; readonly steps: Uint8Array }

export class PeerRing {
  private readonly places: Place[] = []

  constructor(readonly origin: Uint8Array) {}

  get size(): number { return this.places.length }
  get all(): readonly Uint8Array[] { return this.places.map(({ id }) => id) }
  has(id: Uint8Array): boolean { return this.find(distance(this.origin, id)).found }

  /** False when it was there. The origin itself is never taken in. */
  add(id: Uint8Array): boolean {
    const steps = distance(this.origin, id)
    const { at, found } = this.find(steps)
    if (found || steps.every((byte) => byte === 0)) return false
    this.places.splice(at, 0, { id, steps })
    return true
  }

  delete(id: Uint8Array): boolean {
    const { at, found } = this.find(distance(this.origin, id))
    if (found) this.places.splice(at, 1)
    return found
  }

  clear(): void { this.places.length = 0 }

  /** The next ones clockwise, nearest first. */
  following(count: number): readonly Uint8Array[] { return this.places.slice(0, count).map(({ id }) => id) }

  /** The next ones counterclockwise, nearest first. */
  preceding(count: number): readonly Uint8Array[] { return this.places.slice(-count).reverse().map(({ id }) => id) }

  /** The last one strictly between the origin and `id`, clockwise. */
  lastBefore(id: Uint8Array): Uint8Array | undefined {
    const { at } = this.find(distance(this.origin, id))
    return this.places[at - 1]?.id
  }

  /** The first one at or behind `id`, clockwise from the origin. */
  firstFrom(id: Uint8Array): Uint8Array | undefined { return this.places[this.find(distance(this.origin, id)).at]?.id }

  private find(steps: Uint8Array): { readonly at: number; readonly found: boolean } {
    let low = 0, high = this.places.length
    while (low < high) {
      const middle = (low + high) >> 1
      const order = compareBytes((this.places[middle] as Place).steps, steps)
      if (order === 0) return { at: middle, found: true }
      if (order < 0) low = middle + 1
      else high = middle
    }
    return { at: low, found: false }
  }
}
