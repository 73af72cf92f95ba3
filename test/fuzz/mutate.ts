/**
 * Mutations of byte strings, as fuzzers know them: bits, bytes, interesting integers, lengths, removed, repeated and
 * foreign pieces, and for text formats pieces that mean something to them. All chance comes from the seed.
 */
import type { SeededRandom } from '../support/seededRandom.ts'

const interesting = [0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 20, 32, 38, 64, 100, 127, 128, 129, 254, 255] as const

export class Mutator {
  constructor(private readonly random: SeededRandom, private readonly corpus: readonly Uint8Array[], private readonly dictionary: readonly Uint8Array[], private readonly maxLength: number) {}

  /** One to eight mutations of one input of the corpus. */
  next(): Uint8Array {
    let out: Uint8Array = this.pick(this.corpus).slice()
    const count = 1 + this.below(this.random.float() < 0.8 ? 3 : 8)
    for (let i = 0; i < count; i++) out = this.once(out)
    return out.length > this.maxLength ? out.subarray(0, this.maxLength) : out
  }

  private below(limit: number): number { return Math.floor(this.random.float() * limit) }
  private pick<T>(from: readonly T[]): T { return from[this.below(from.length)] as T }

  private once(bytes: Uint8Array): Uint8Array {
    const at = this.below(bytes.length + 1)
    const length = this.random.float() < 0.7 ? 1 + this.below(8) : this.below(Math.max(1, bytes.length - at))
    const other = this.pick(this.corpus)
    const from = this.below(other.length + 1)
    switch (this.below(11)) {
      case 0: return this.change(bytes, (b) => b ^ (1 << this.below(8)))
      case 1: return this.change(bytes, () => this.below(256))
      case 2: return this.change(bytes, () => this.pick(interesting))
      case 3: return this.change(bytes, (b) => (b + this.below(5) - 2) & 0xff)
      case 4: return this.integer(bytes)
      case 5: return splice(bytes, at, length, new Uint8Array(0))
      case 6: return splice(bytes, at, 0, bytes.subarray(at, at + length))
      case 7: return splice(bytes, at, 0, this.random.bytes(length % 64))
      case 8: return splice(bytes, at, length, other.subarray(from, from + this.below(64)))
      case 9: return Uint8Array.of(...bytes.subarray(0, at), ...other.subarray(from))
      default: return this.dictionary.length === 0 ? this.change(bytes, () => this.pick(interesting)) : splice(bytes, at, this.below(2) * length, this.pick(this.dictionary))
    }
  }

  private change(bytes: Uint8Array, how: (byte: number) => number): Uint8Array {
    const i = this.below(bytes.length)
    const byte = bytes[i]
    if (byte !== undefined) bytes[i] = how(byte)
    return bytes
  }

  /** A 16- or 32-bit field set to an extreme, to the input's length, or a little off what it was. */
  private integer(bytes: Uint8Array): Uint8Array {
    const size = this.pick([2, 4] as const)
    if (bytes.length < size) return bytes
    const at = this.below(bytes.length - size + 1)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const old = size === 2 ? view.getUint16(at) : view.getUint32(at)
    const value = this.pick([0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1), bytes.length, bytes.length - at - size, old + 1, old - 1, old + this.below(16)])
    if (size === 2) view.setUint16(at, value & 0xffff)
    else view.setUint32(at, value >>> 0)
    return bytes
  }
}

function splice(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  const tail = bytes.subarray(Math.min(bytes.length, at + remove))
  const out = new Uint8Array(at + insert.length + tail.length)
  out.set(bytes.subarray(0, at))
  out.set(insert, at)
  out.set(tail, at + insert.length)
  return out
}
