/** The reader of DER, against elements that node-forge has encoded. */
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../../src-main/base/bytes.ts'
import { keyTypeOf, publicKeyBits, readElement, readElements, readTime } from '../../../../src-main/base/der.ts'
import { DecodeError } from '../../../../src-main/base/errors.ts'
import { bitString, integer, objectId, octetString, sequence, time, toDer } from '../../../../src-main/enrollment/asn1.ts'

describe('DER (X.690)', () => {
  it('has lengths of one to four bytes', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
      const bytes = toDer(octetString(new Uint8Array(length)))
      const read = readElement(bytes, 0)
      expect([read.tag, read.body.length, read.end, read.whole.length]).toEqual([0x04, length, bytes.length, bytes.length])
      expect(bytes.length - length).toBe(length < 128 ? 2 : length < 256 ? 3 : length < 65_536 ? 4 : 5)
    }
  })
  it('has INTEGERs in the fewest bytes', () => {
    expect(toHex(toDer(integer(fromHex('7f'))))).toBe('02017f')
    expect(toHex(toDer(integer(fromHex('0080'))))).toBe('02020080')
  })
  it('has UTCTime until 2049 and GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5)', () => {
    const text = (ms: number): string => new TextDecoder().decode(readElement(toDer(time(ms)), 0).body)
    expect(text(Date.UTC(2049, 11, 31, 23, 59, 59))).toBe('491231235959Z')
    expect(text(Date.UTC(2050, 0, 1))).toBe('20500101000000Z')
    for (const ms of [0, Date.UTC(1999, 1, 28, 1, 2, 3), Date.UTC(2024, 1, 29), Date.UTC(2049, 11, 31), Date.UTC(2051, 5, 1)]) expect(readTime(readElement(toDer(time(ms)), 0))).toBe(ms)
  })
  it.each(['490231000000Z', '4912312359Z', '491231235959', '491231236059Z', '20500101000000Z', ''])('refuses the UTCTime "%s"', (text) => {
    const body = new TextEncoder().encode(text)
    expect(() => readTime(readElement(Uint8Array.of(0x17, body.length, ...body), 0))).toThrow(DecodeError)
  })
  it('refuses elements that are longer than what they stand in, and more of them than allowed', () => {
    expect(() => readElement(fromHex('0405aabb'), 0)).toThrow(DecodeError)
    expect(() => readElements(fromHex('0500050005'), 10)).toThrow(DecodeError)
    expect(() => readElements(fromHex('05000500'), 1)).toThrow(DecodeError)
  })
  it('tells keys of RSA, of ECDSA and of others apart', () => {
    const info = (oid: string): Uint8Array => toDer(sequence(sequence(objectId(oid)), bitString(Uint8Array.of(0x0a))))
    expect(['1.2.840.113549.1.1.1', '1.2.840.10045.2.1', '1.3.101.112'].map((oid) => keyTypeOf(info(oid)))).toEqual(['rsa', 'ec', 'other'])
    expect(toHex(publicKeyBits(info('1.3.101.112')))).toBe('0a')
    expect(() => keyTypeOf(toDer(sequence()))).toThrow(DecodeError)
  })
})
