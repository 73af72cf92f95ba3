/** A running hash of a simulation's event log: the same seed must give the same events at the same virtual times. */
export class EventHash {
  events = 0
  private a = 0x811c9dc5
  private b = 0x9747b28c

  add(...numbers: readonly number[]): void {
    this.events++
    for (const n of numbers) {
      // Times have fractions; microseconds tell them apart.
      const v = Math.round(n * 1000)
      this.a = Math.imul(this.a ^ (v | 0), 0x01000193)
      this.b = Math.imul(this.b ^ (v | 0) ^ (this.b >>> 15), 0x85ebca6b)
    }
  }

  get hex(): string { return [this.a, this.b].map((n) => (n >>> 0).toString(16).padStart(8, '0')).join('') }
}
