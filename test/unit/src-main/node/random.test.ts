import { describe, expect, it } from 'vitest'
import { createNodeRandom } from '../../../../src-main/node/random.ts'

describe('random bytes of the system', () => {
  it('never come twice, whether they are few or many', () => {
    const random = createNodeRandom()
    const seen = new Set<string>()
    for (let i = 0; i < 3000; i++) seen.add(Buffer.from(random.bytes(12)).toString('hex'))
    expect(seen.size).toBe(3000)
    expect([0, 1, 64, 65, 5000].map((length) => random.bytes(length).length)).toEqual([0, 1, 64, 65, 5000])
    const bits = Buffer.concat(Array.from({ length: 1000 }, () => random.bytes(64))).reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)
    expect(bits / 512_000).toBeCloseTo(0.5, 2)
  })

  it('are the caller\'s alone: what is written into them changes no others', () => {
    const random = createNodeRandom()
    random.bytes(16).fill(255)
    expect(random.bytes(16).every((byte) => byte === 255)).toBe(false)
  })
})
