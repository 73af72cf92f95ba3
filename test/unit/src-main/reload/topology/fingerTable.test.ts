import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../../../../src-main/base/bytes.ts'
import { entryOf, entryStart, entryTarget, invalidEntries } from '../../../../../src-main/reload/topology/fingerTable.ts'
import { fc } from '../../../../support/properties.ts'

const id = fc.uint8Array({ minLength: 16, maxLength: 16 })
const entry = fc.integer({ min: 1, max: 128 })
const big = (bytes: Uint8Array): bigint => BigInt(`0x${toHex(bytes)}`)
const ring = 1n << 128n
const at = (place: string): Uint8Array => fromHex(`${place}${'0'.repeat(30)}`)

describe('the Finger Table (RFC 6940 §10.1, §10.7.4.2)', () => {
  test('finger i is searched for at n + 2^(128-i), i from 1', () => {
    fc.assert(fc.property(id, entry, (n, i) => { expect(big(entryStart(n, i))).toBe((big(n) + (1n << BigInt(128 - i))) % ring) }))
  })

  test('entry i is valid in the range from n + 2^(128-i) to n + 2^(128-(i-1)) - 1', () => {
    fc.assert(fc.property(id, entry, id, (n, i, chance) => {
      const steps = (big(entryTarget(n, i, chance)) - big(n) + ring) % ring
      expect(steps >= 1n << BigInt(128 - i) && steps < 1n << BigInt(129 - i)).toBe(true)
      expect(entryOf(n, entryTarget(n, i, chance))).toBe(i)
      expect(entryOf(n, entryStart(n, i))).toBe(i)
    }))
  })

  test('random targets reach both ends of the range', () => {
    const low = entryTarget(at('00'), 3, new Uint8Array(16)), high = entryTarget(at('00'), 3, new Uint8Array(16).fill(0xff))
    expect([toHex(low), toHex(high)]).toEqual([`20${'0'.repeat(30)}`, `3f${'f'.repeat(30)}`])
  })

  test('a peer fills the entry of its range; nothing is searched for nearer than the last successor', () => {
    expect(invalidEntries(at('00'), [at('01'), at('02'), at('04'), at('50')], at('04'))).toEqual([1, 3, 4, 5])
    expect(invalidEntries(at('00'), [at('01'), at('02'), at('04'), at('50'), at('80'), at('3f'), at('10'), at('0a')], at('04'))).toEqual([])
  })

  test('a peer that knows nobody has nobody to search through', () => {
    expect(invalidEntries(at('00'), [], undefined)).toEqual([])
  })
})
