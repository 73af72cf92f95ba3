import type { Random } from '../../src-main/ports/random.ts'

/** xorshift128+ from a 32-bit seed: repeatable chance for tests. Never for keys. */
export class SeededRandom implements Random {
  private a: number
  private b: number
  private c: number
  private d: number

  constructor(seed: number) {
    const next = (): number => { seed = (seed + 0x9e3779b9) | 0; let z = seed; z = Math.imul(z ^ (z >>> 16), 0x85ebca6b); z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35); return z ^ (z >>> 16) }
    this.a = next(); this.b = next(); this.c = next(); this.d = next()
  }

  private uint32(): number {
    const t = this.a ^ (this.a << 11)
    this.a = this.b; this.b = this.c; this.c = this.d
    this.d = this.d ^ (this.d >>> 19) ^ t ^ (t >>> 8)
    return this.d >>> 0
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length)
    for (let i = 0; i < length; i++) out[i] = this.uint32() & 0xff
    return out
  }

  /** 0 ≤ x < 1 */
  float(): number { return this.uint32() / 0x1_0000_0000 }
}
