import { describe, expect, test } from 'vitest'
import { compareBytes, equalBytes, toHex } from '../../../../../src-main/base/bytes.ts'
import { PeerRing } from '../../../../../src-main/reload/topology/peerRing.ts'
import { clockwise, distance } from '../../../../../src-main/reload/topology/ring.ts'
import { fc } from '../../../../support/properties.ts'

const id = fc.uint8Array({ minLength: 16, maxLength: 16 })
const hex = (ids: readonly Uint8Array[]): string[] => ids.map(toHex)

describe('peers around one of them (RFC 6940 §10.1)', () => {
  test('are in clockwise order whatever the order they come in', () => {
    fc.assert(fc.property(id, fc.uniqueArray(id, { maxLength: 20, selector: toHex }), (origin, ids) => {
      const ring = new PeerRing(origin)
      for (const one of ids) ring.add(one)
      const others = ids.filter((one) => !equalBytes(one, origin))
      expect(hex(ring.all)).toEqual(hex(clockwise(origin, others)))
      expect(hex(ring.following(3))).toEqual(hex(clockwise(origin, others).slice(0, 3)))
      expect(hex(ring.preceding(3))).toEqual(hex(clockwise(origin, others).slice(-3).reverse()))
    }))
  })

  test('the next hop is the largest Node-ID strictly between us and the id (RFC 6940 §10.3)', () => {
    fc.assert(fc.property(id, fc.uniqueArray(id, { maxLength: 20, selector: toHex }), id, (origin, ids, target) => {
      const ring = new PeerRing(origin)
      for (const one of ids) ring.add(one)
      const between = clockwise(origin, ids).filter((one) => !equalBytes(one, origin) && compareBytes(distance(origin, one), distance(origin, target)) < 0)
      expect(ring.lastBefore(target)).toEqual(between.at(-1))
    }))
  })

  test('those behind an id follow it clockwise, whatever the origin', () => {
    fc.assert(fc.property(id, fc.uniqueArray(id, { maxLength: 12, selector: toHex }), id, fc.nat(14), (origin, ids, target, count) => {
      const ring = new PeerRing(origin)
      for (const one of ids) ring.add(one)
      expect(hex(ring.from(target, count))).toEqual(hex(clockwise(target, ids.filter((one) => !equalBytes(one, origin))).slice(0, count)))
    }))
  })

  test('each is held once, and leaves when deleted', () => {
    const ring = new PeerRing(new Uint8Array(16))
    const one = new Uint8Array(16).fill(1)
    expect([ring.add(one), ring.add(one.slice()), ring.size, ring.has(one)]).toEqual([true, false, 1, true])
    expect([ring.delete(one), ring.delete(one), ring.size, ring.has(one)]).toEqual([true, false, 0, false])
    expect(ring.add(new Uint8Array(16))).toBe(false)
  })
})
