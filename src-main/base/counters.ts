/** Named counts of what came, went and was dropped; the names are dotted, area first. */
export class Counters {
  private readonly counts = new Map<string, number>()

  add(name: string, by = 1): void { this.counts.set(name, (this.counts.get(name) ?? 0) + by) }
  get(name: string): number { return this.counts.get(name) ?? 0 }
  /** A copy, names in order. */
  snapshot(): Readonly<Record<string, number>> { return Object.fromEntries([...this.counts].sort(([a], [b]) => (a < b ? -1 : 1))) }
}
