/** A running hash of a simulation's event log: the same seed must give the same events at the same virtual times. */
export class EventHash {
  events = 0
  private a = 0x811c9dc5
  private b = 0x9747b28c

  /** @param atMs has fractions: microseconds tell them apart; the others are whole */
  add(atMs: number, first: number, second: number, third = 0): void {
    this.events++
    this.mix(Math.round(atMs * 1000))
    this.mix(first)
    this.mix(second)
    this.mix(third)
  }

  mix(n: number): void {
    this.a = Math.imul(this.a ^ (n | 0), 0x01000193)
    this.b = Math.imul(this.b ^ (n | 0) ^ (this.b >>> 15), 0x85ebca6b)
  }

  get hex(): string { return [this.a, this.b].map((n) => (n >>> 0).toString(16).padStart(8, '0')).join('') }
}
