/** A map that never holds more than its limit: the entry not used for the longest time makes room for a new one. */
export class BoundedMap<K, V> {
  private readonly entries = new Map<K, V>()
  /**
   * Stands before the oldest entry: a new iterator would first have to pass all that were deleted there. Kept only from
   * one eviction to the next few uses, since it holds on to what the map has outgrown.
   */
  private oldest: IterableIterator<[K, V]> | undefined = undefined
  private uses = 0

  /**
   * @param limit Infinity for a map that holds everything, and whose entries need no order
   * @param onEvict is told of entries dropped to make room, not of deleted ones
   */
  constructor(private readonly limit: number, private readonly onEvict?: (key: K, value: V) => void) {}

  get size(): number { return this.entries.size }
  has(key: K): boolean { return this.entries.has(key) }

  /** Counts as a use. */
  get(key: K): V | undefined {
    const value = this.entries.get(key)
    if (value !== undefined && this.limit !== Infinity) this.renew(key, value)
    return value
  }

  set(key: K, value: V): void {
    this.renew(key, value)
    if (this.entries.size <= this.limit) return
    this.uses = 0
    this.oldest ??= this.entries.entries()
    const oldest = this.oldest.next()
    if (oldest.done === true) return
    this.entries.delete(oldest.value[0])
    this.onEvict?.(oldest.value[0], oldest.value[1])
  }

  private renew(key: K, value: V): void {
    this.entries.delete(key)
    this.entries.set(key, value)
    if (this.oldest !== undefined && ++this.uses > this.limit) this.oldest = undefined
  }

  delete(key: K): boolean { return this.entries.delete(key) }
  clear(): void { this.entries.clear() }
  keys(): IterableIterator<K> { return this.entries.keys() }
  values(): IterableIterator<V> { return this.entries.values() }
  [Symbol.iterator](): IterableIterator<[K, V]> { return this.entries.entries() }
}
