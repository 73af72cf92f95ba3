/** Named counts of what came, went and was dropped; the names are dotted, area first. */
export class Counters {
  private readonly counts = new Map<string, { count: number }>()

  add(name: string, by = 1): void {
    const entry = this.counts.get(name)
    if (entry === undefined) this.counts.set(name, { count: by })
    else entry.count += by
  }

  get(name: string): number { return this.counts.get(name)?.count ?? 0 }
  /** A copy, names in order. */
  snapshot(): Readonly<Record<string, number>> { return Object.fromEntries([...this.counts].map(([name, { count }]) => [name, count] as const).sort(([a], [b]) => (a < b ? -1 : 1))) }
}
