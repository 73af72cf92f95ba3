import { describe, expect, test } from 'vitest'
import { fromHex } from '../../../../../../src-main/base/bytes.ts'
import { joinRate, PeerAges } from '../../../../../../src-main/reload/topology/selfTuning/peerAges.ts'

const at = (place: string): Uint8Array => fromHex(`${place}${'0'.repeat(30)}`)

describe('the join rate (RFC 7363 §6.4)', () => {
  test('is N / Ages[floor(rsize/2)]', () => {
    expect(joinRate(500, [10, 20, 30, 400, 500])).toBeCloseTo(500 / 30, 12)
    expect(joinRate(500, [10, 20, 30, 400])).toBeCloseTo(500 / 30, 12)
    expect(joinRate(7, [100])).toBeCloseTo(0.07, 12)
  })

  test('nothing is known of joining where no age is, and nobody is younger than a second', () => {
    expect(joinRate(500, [])).toBe(0)
    expect(joinRate(500, [0, 0, 0])).toBe(500)
  })

  test('ages grow with the time since they were told, in ascending order; who is gone has none', () => {
    const ages = new PeerAges()
    ages.heard(at('10'), 100, 50_000)
    ages.heard(at('20'), 5, 60_000)
    ages.heard(at('30'), 7, 60_000)
    ages.heard(at('20'), 6, 61_000)
    expect(ages.of(['10', '20', '30', '40'].map(at), 70_000)).toEqual([15, 17, 120])
    ages.forget(at('10'))
    expect(ages.of(['10', '20'].map(at), 70_000)).toEqual([15])
  })
})
