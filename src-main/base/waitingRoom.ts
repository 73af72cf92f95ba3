/**
 * A bounded place for those who have not proven anything yet: half-open handshakes, connections nobody has logged in on.
 * When one comes too many, the one that has waited longest goes, of the source that has most in there. So a source that
 * fills the room with what never ends pushes out its own, and who is done quickly is not kept out, not even behind the same
 * address. Owns the room; what is in it belongs to who put it there.
 */
export class WaitingRoom<T> {
  /** Insertion order is order of coming. */
  private readonly waiting = new Map<T, string>()
  private readonly counts = new Map<string, number>()

  /** @param onPushedOut told of each that had to go; it has left already */
  constructor(private readonly limit: number, private readonly onPushedOut: (item: T) => void) {}

  get size(): number { return this.waiting.size }

  has(item: T): boolean { return this.waiting.has(item) }

  /** @param source who is behind it: an address */
  enter(item: T, source: string): void {
    if (this.waiting.has(item)) return
    this.waiting.set(item, source)
    this.counts.set(source, (this.counts.get(source) ?? 0) + 1)
    if (this.waiting.size > this.limit) this.pushOut()
  }

  /** @returns false when it was not, or no longer, there */
  leave(item: T): boolean {
    const source = this.waiting.get(item)
    if (source === undefined) return false
    this.waiting.delete(item)
    const count = (this.counts.get(source) ?? 0) - 1
    if (count > 0) this.counts.set(source, count)
    else this.counts.delete(source)
    return true
  }

  private pushOut(): void {
    const most = Math.max(...this.counts.values())
    for (const [item, source] of this.waiting) {
      if (this.counts.get(source) !== most) continue
      this.leave(item)
      this.onPushedOut(item)
      return
    }
  }
}
