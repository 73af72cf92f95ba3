import { describe, expect, test } from 'vitest'
import { compareBytes, fromHex } from '../../../../../../src-main/base/bytes.ts'
import { clockwise } from '../../../../../../src-main/reload/topology/ring.ts'
import { networkSize } from '../../../../../../src-main/reload/topology/selfTuning/networkSize.ts'
import { SeededRandom } from '../../../../../support/seededRandom.ts'

/** Ids on a ring of 256 places: two hexadecimal digits in front. */
const at = (place: string): Uint8Array => fromHex(`${place}${'0'.repeat(30)}`)

describe('the network size (RFC 7363 §6.1)', () => {
  test('is 2^128 divided by the mean distance from the farthest predecessor to the farthest successor', () => {
    // Six steps of 16 in 256 places: sixteen peers.
    expect(networkSize(at('80'), { predecessors: ['70', '60', '50'].map(at), successors: ['90', 'a0', 'b0'].map(at) })).toBeCloseTo(16, 9)
    // 96 places in five uneven steps, across the zero point.
    expect(networkSize(at('08'), { predecessors: ['f0', 'e0'].map(at), successors: ['10', '18', '40'].map(at) })).toBeCloseTo(5 * 256 / 96, 9)
  })

  test('is exact where the lists of both sides meet', () => {
    expect(networkSize(at('80'), { predecessors: [], successors: [] })).toBe(1)
    expect(networkSize(at('80'), { predecessors: [at('10')], successors: [at('10')] })).toBe(2)
    expect(networkSize(at('80'), { predecessors: ['70', '10', '90'].map(at), successors: ['90', '10', '70'].map(at) })).toBe(4)
  })

  test('of 1,000 peers, by ten neighbours on each side, is within 15 % in the median and seldom off by half', () => {
    const random = new SeededRandom(5)
    const peers = Array.from({ length: 1000 }, () => random.bytes(16)).sort(compareBytes)
    const estimates = peers.map((id) => {
      const others = clockwise(id, peers)
      return networkSize(id, { successors: others.slice(1, 11), predecessors: others.slice(-10).reverse() })
    }).sort((a, b) => a - b)
    expect(Math.abs((estimates[500] ?? 0) - 1000)).toBeLessThan(150)
    expect(estimates.filter((n) => n > 500 && n < 2000).length).toBeGreaterThan(980)
  })
})
