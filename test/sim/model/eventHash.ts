/** A running hash of a simulation's event log: the same seed must give the same events at the same virtual times. */
export class EventHash {
  events = 0
  private a = 0x811c9dc5
  private b = 0x9747b28c

  add(...numbers: readonly number[]): void {
    this.events++
    // Times have fractions; microseconds tell them apart.
    for (const n of numbers) this.mix(Math.round(n * 1000))
  }

  mix(n: number): void {
    this.a = Math.imul(this.a ^ (n | 0), 0x01000193)
    this.b = Math.imul(this.b ^ (n | 0) ^ (this.b >>> 15), 0x85ebca6b)
  }

  get hex(): string { return [this.a, this.b].map((n) => (n >>> 0).toString(16).padStart(8, '0')).join('') }
}
