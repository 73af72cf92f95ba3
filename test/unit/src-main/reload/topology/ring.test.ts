import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../../../../src-main/base/bytes.ts'
import { clockwise, compareClockwise, distance, fraction, inRange, nextId } from '../../../../../src-main/reload/topology/ring.ts'
import { fc } from '../../../../support/properties.ts'

const id = fc.uint8Array({ minLength: 16, maxLength: 16 })
const big = (bytes: Uint8Array): bigint => BigInt(`0x${toHex(bytes)}`)
const modulus = 1n << 128n
const of = (last: string): Uint8Array => fromHex(last.padStart(32, '0'))

describe('the ring modulo 2^128 (RFC 6940 §10.1)', () => {
  test('distance is (to − from) mod 2^128', () => {
    fc.assert(fc.property(id, id, (a, b) => { expect(big(distance(a, b))).toBe((big(b) - big(a) + modulus) % modulus) }))
  })

  test('id + 1 goes round', () => {
    fc.assert(fc.property(id, (a) => { expect(big(nextId(a))).toBe((big(a) + 1n) % modulus) }))
    expect(nextId(new Uint8Array(16).fill(0xff))).toEqual(new Uint8Array(16))
  })

  test('an id lies in exactly one of the ranges that distinct peers divide the ring into', () => {
    fc.assert(fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 8, selector: toHex }), id, (peers, x) => {
      const order = clockwise(new Uint8Array(16), peers)
      const owners = order.filter((peer, i) => inRange(order.at(i - 1)!, x, peer))
      expect(owners).toHaveLength(1)
    }))
  })

  test('a range excludes its beginning and includes its end, across zero too', () => {
    expect(inRange(of('10'), of('10'), of('20'))).toBe(false)
    expect(inRange(of('10'), of('20'), of('20'))).toBe(true)
    expect(inRange(of('f0'), of('05'), of('10'))).toBe(true)
    expect(inRange(of('f0'), of('20'), of('10'))).toBe(false)
    expect(inRange(of('10'), of('99'), of('10'))).toBe(true)
  })

  test('a range is (after, upTo] by distance, whatever the ids', () => {
    fc.assert(fc.property(id, id, id, (after, x, upTo) => {
      const steps = big(distance(after, x)), span = big(distance(after, upTo))
      expect(inRange(after, x, upTo)).toBe(span === 0n || (steps > 0n && steps <= span))
    }))
  })

  test('who is met first going clockwise is who is nearer by distance', () => {
    fc.assert(fc.property(id, id, id, (origin, a, b) => {
      const order = big(distance(origin, a)) - big(distance(origin, b))
      expect(Math.sign(compareClockwise(origin, a, b))).toBe(order < 0n ? -1 : order > 0n ? 1 : 0)
    }))
  })

  test('half the ring is 0.5', () => { expect(fraction(fromHex(`80${'0'.repeat(30)}`))).toBe(0.5) })
})
