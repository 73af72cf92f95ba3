import { describe, expect, it } from 'vitest'
import { keyTypeOf, publicKeyBits, readElement, readElements, readTime } from '../../../../src-main/base/der.ts'
import { element, integer, sequence, time } from '../../../../src-main/base/derWriter.ts'
import { DecodeError } from '../../../../src-main/base/errors.ts'
import { fromHex, toHex, utf8Bytes } from '../../../../src-main/base/bytes.ts'

describe('DER (X.690)', () => {
  it('writes lengths in the fewest bytes and reads them back', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
      const bytes = element(0x04, new Uint8Array(length))
      const read = readElement(bytes, 0)
      expect([read.tag, read.body.length, read.end, read.whole.length]).toEqual([0x04, length, bytes.length, bytes.length])
      expect(bytes.length - length).toBe(length < 128 ? 2 : length < 256 ? 3 : length < 65_536 ? 4 : 5)
    }
  })
  it('writes INTEGERs positive and without leading zeros', () => {
    expect(toHex(integer(fromHex('00007f')))).toBe('02017f')
    expect(toHex(integer(fromHex('80')))).toBe('02020080')
    expect(toHex(integer(fromHex('0000')))).toBe('020100')
  })
  it('writes UTCTime until 2049 and GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5)', () => {
    expect(new TextDecoder().decode(time(Date.UTC(2049, 11, 31, 23, 59, 59)).subarray(2))).toBe('491231235959Z')
    expect(new TextDecoder().decode(time(Date.UTC(2050, 0, 1)).subarray(2))).toBe('20500101000000Z')
    for (const ms of [0, Date.UTC(1999, 1, 28, 1, 2, 3), Date.UTC(2024, 1, 29), Date.UTC(2049, 11, 31), Date.UTC(2051, 5, 1)]) expect(readTime(readElement(time(ms), 0))).toBe(ms)
  })
  it.each(['490231000000Z', '4912312359Z', '491231235959', '491231236059Z', '20500101000000Z', ''])('refuses the UTCTime "%s"', (text) => {
    expect(() => readTime(readElement(element(0x17, utf8Bytes(text)), 0))).toThrow(DecodeError)
  })
  it('refuses elements that are longer than what they stand in, and more of them than allowed', () => {
    expect(() => readElement(fromHex('0405aabb'), 0)).toThrow(DecodeError)
    expect(() => readElements(fromHex('0500050005'), 10)).toThrow(DecodeError)
    expect(() => readElements(fromHex('05000500'), 1)).toThrow(DecodeError)
  })
  it('tells keys of RSA, of ECDSA and of others apart', () => {
    const info = (oid: string): Uint8Array => sequence(sequence(element(0x06, fromHex(oid))), fromHex('0302000a'))
    expect([info('2a864886f70d010101'), info('2a8648ce3d0201'), info('2b6570')].map(keyTypeOf)).toEqual(['rsa', 'ec', 'other'])
    expect(toHex(publicKeyBits(info('2b6570')))).toBe('0a')
    expect(() => keyTypeOf(sequence())).toThrow(DecodeError)
  })
})
