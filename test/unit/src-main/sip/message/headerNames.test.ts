import { describe, expect, it } from 'vitest'
import { viewOf } from '../../../../../src-main/base/bytes.ts'
import { headerId, HeaderId, idAt, LONGEST, nameAt } from '../../../../../src-main/sip/message/headerNames.ts'
import { fc, runs } from '../../../../support/properties.ts'

const SPELLINGS = ['via', 'v', 'from', 'f', 'to', 't', 'call-id', 'i', 'cseq', 'max-forwards', 'contact', 'm', 'content-type', 'content-length', 'content-language', 'l', 'rack', 'accept', 'accept-contact', 'subscription-state', 'p-preferred-identity']

/** A line of a head with this name, and more behind it than a name has. */
const line = (name: string): Uint8Array => Uint8Array.from(`${name}:${'x'.repeat(LONGEST)}`, (c) => c.charCodeAt(0))

const anyCase = (name: string): fc.Arbitrary<string> =>
  fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length }).map((upper) => Array.from(name, (c, i) => (upper[i] === true ? c.toUpperCase() : c)).join(''))

describe('names in a head (RFC 3261 §7.3.1)', () => {
  it('are the same in every case', () => {
    fc.assert(fc.property(fc.constantFrom(...SPELLINGS).chain((name) => fc.tuple(fc.constant(name), anyCase(name))), ([name, spelling]) => {
      const id = headerId(name), bytes = line(spelling)
      expect(id).not.toBe(HeaderId.other)
      expect(nameAt(viewOf(bytes), 0)).toBe(name.length << 8 | id)
      expect(idAt(bytes, 0, name.length, true)).toBe(id)
    }), runs(500))
  })

  it('are not taken for others, whatever byte is another', () => {
    fc.assert(fc.property(fc.constantFrom(...SPELLINGS), fc.nat(), fc.nat(255), (name, at, byte) => {
      const bytes = line(name)
      bytes[at % (name.length + 1)] = byte
      const colon = bytes.indexOf(58), found = nameAt(viewOf(bytes), 0)
      if (found !== 0) expect(found).toBe(colon << 8 | idAt(bytes, 0, colon, true))
      else if (colon > 0) expect(idAt(bytes, 0, colon, true)).toBeLessThanOrEqual(HeaderId.other)
    }), runs(2000))
  })

  it('that nobody knows have one id', () => {
    for (const name of ['X-Ray', 'Viaa', 'Vi', 'z', 'Content-Lengths', 'y'.repeat(LONGEST + 1)]) {
      expect(nameAt(viewOf(line(name)), 0)).toBe(0)
      for (const spaced of [false, true]) expect(idAt(line(name), 0, name.length, spaced)).toBe(HeaderId.other)
      expect(headerId(name)).toBe(HeaderId.other)
    }
    expect(headerId('\u212a'), 'the sign for Kelvin is no k').toBe(HeaderId.other)
  })
})
