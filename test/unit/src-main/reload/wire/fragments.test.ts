import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../../src-main/base/errors.ts'
import { toNode } from '../../../../../src-main/reload/wire/destination.ts'
import { HeaderView, encodeWithHeader } from '../../../../../src-main/reload/wire/forwardingHeader.ts'
import { FragmentSet, fragmentMessage, MIN_FRAGMENT_BODY } from '../../../../../src-main/reload/wire/fragments.ts'
import { fc, runs } from '../../../../support/properties.ts'

const header = { overlay: 1, configurationSequence: 0, ttl: 100, transactionId: 5n, destinationList: [toNode(new Uint8Array(16).fill(7))] }
const make = (length: number): Uint8Array => encodeWithHeader(header, Uint8Array.from({ length }, (_, i) => i * 7))

describe('fragmentation (RFC 6940 §6.7)', () => {
  it('cuts into parts of equal size, each with the full header and its own length', () => {
    const message = make(3000)
    const parts = fragmentMessage(message, 1200)
    expect(parts.map((p) => new HeaderView(p).fragment)).toEqual([{ offset: 0, last: false }, { offset: 1000, last: false }, { offset: 2000, last: true }])
    expect(parts.map((p) => new HeaderView(p).length)).toEqual([1056, 1056, 1056])
  })

  it('does not fragment what fits, nor when less than 256 bytes of body would fit', () => {
    const message = make(3000)
    expect(fragmentMessage(message, message.length)).toEqual([message])
    expect(fragmentMessage(message, 56 + MIN_FRAGMENT_BODY - 1)).toEqual([message])
    // Two parts of 300 bytes would not have 256 each.
    expect(fragmentMessage(make(300), 56 + 299)).toHaveLength(1)
  })

  it('gives every part at least 256 bytes of body, in sizes that differ by one at most', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 9000 }), fc.integer({ min: 300, max: 1500 }), (length, limit) => {
      const sizes = fragmentMessage(make(length), limit).map((part) => new HeaderView(part).body.length)
      expect(sizes.reduce((a, b) => a + b, 0)).toBe(length)
      if (sizes.length === 1) return
      expect(Math.min(...sizes)).toBeGreaterThanOrEqual(MIN_FRAGMENT_BODY)
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      expect(Math.max(...sizes) + 56).toBeLessThanOrEqual(limit)
    }))
  })

  it('joins parts in any order, cut again on the way, and repeated', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 9000 }), fc.integer({ min: 320, max: 1500 }), fc.integer({ min: 320, max: 1500 }), fc.infiniteStream(fc.nat()), (length, first, second, chance) => {
      const message = make(length)
      const random = chance[Symbol.iterator]()
      const parts = [...fragmentMessage(message, first).flatMap((part) => fragmentMessage(part, second)), ...fragmentMessage(message, second)]
        .map((part) => ({ part, key: random.next().value as number })).sort((a, b) => a.key - b.key)
      const set = new FragmentSet(16_384)
      let whole: Uint8Array | undefined
      for (const { part } of parts) whole ??= set.add(part)
      expect(whole).toEqual(message)
    }), runs(60))
  })

  it('refuses overlaps that differ, two ends, and more than its limit', () => {
    const [a, b] = fragmentMessage(make(3000), 1700) as [Uint8Array, Uint8Array]
    const set = new FragmentSet(16_384)
    set.add(a)
    const forged = a.slice()
    forged[forged.length - 1] = (forged.at(-1) as number) ^ 1
    expect(() => set.add(forged)).toThrow(DecodeError)
    const other = new FragmentSet(16_384)
    other.add(b)
    expect(() => other.add(fragmentMessage(make(3001), 1700)[1] as Uint8Array)).toThrow(DecodeError)
    expect(() => new FragmentSet(2000).add(b)).toThrow(DecodeError)
  })
})
