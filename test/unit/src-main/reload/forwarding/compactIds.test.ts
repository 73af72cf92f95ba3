import { describe, expect, test } from 'vitest'
import { CompactIds } from '../../../../../src-main/reload/forwarding/compactIds.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'

const node = (n: number): Uint8Array => Uint8Array.of(n >> 8, n & 0xff, ...new Uint8Array(14))

describe('compact IDs (RFC 6940 §6.3.2.2)', () => {
  test('have the top bit, stand for one connection, and stay the same as long as it lasts', () => {
    const ids = new CompactIds(new SeededRandom(1))
    const a = ids.of(node(1)) ?? 0, b = ids.of(node(2)) ?? 0
    expect(a & b & 0x8000).toBe(0x8000)
    expect(a).not.toBe(b)
    expect(ids.of(node(1))).toBe(a)
    expect([ids.nodeOf(a), ids.nodeOf(b), ids.nodeOf(a & 0x7fff), ids.nodeOf(a ^ 0x1000)]).toEqual([node(1), node(2), undefined, undefined])
  })

  test('generations start at random', () => {
    const seen = new Set<number>()
    for (let seed = 0; seed < 60; seed++) seen.add(((new CompactIds(new SeededRandom(seed)).of(node(1)) ?? 0) >> 12) & 7)
    expect(seen.size).toBe(8)
  })

  test('a slot that goes to another connection has another generation: the old ID stands for nobody', () => {
    const ids = new CompactIds(new SeededRandom(2))
    const old = ids.of(node(1)) ?? 0
    ids.release(node(1))
    expect(ids.nodeOf(old)).toBeUndefined()
    // All the way round, so that the slot is used again.
    let again = 0
    for (let i = 0; i < 4096; i++) { again = ids.of(node(7)) ?? 0; if (i < 4095) ids.release(node(7)) }
    expect([again & 0xfff, ids.nodeOf(again)]).toEqual([old & 0xfff, node(7)])
    expect(((again >> 12) & 7)).toBe((((old >> 12) & 7) + 1) % 8)
    expect(ids.nodeOf(old)).toBeUndefined()
  })

  test('slots are used in rotation, those in use are passed over, and there is none when all are', () => {
    const ids = new CompactIds(new SeededRandom(3))
    const slots = Array.from({ length: 4096 }, (_, i) => (ids.of(node(i)) ?? 0) & 0xfff)
    expect(new Set(slots).size).toBe(4096)
    expect(ids.of(node(5000))).toBeUndefined()
    ids.release(node(9))
    expect((ids.of(node(5000)) ?? 0) & 0xfff).toBe(slots[9])
  })
})
