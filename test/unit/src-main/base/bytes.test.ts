import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter, compareBytes, concatBytes, equalBytes, fromBase64, fromHex, mapKey, toBase64, toHex, utf8Text } from '../../../../src-main/base/bytes.ts'
import { DecodeError, InvariantError } from '../../../../src-main/base/errors.ts'
import { formatIpAddress, parseIpAddress } from '../../../../src-main/base/ipAddress.ts'
import { formatRfc3339, parseRfc3339 } from '../../../../src-main/base/rfc3339.ts'
import { fc } from '../../../support/properties.ts'

describe('ByteReader and ByteWriter', () => {
  it('write and read big-endian numbers', () => {
    const w = new ByteWriter(1).u8(1).u16(0x0203).u24(0x040506).u32(0xf7080900).u64(0xfedcba9876543210n)
    const r = new ByteReader(w.finish())
    expect([r.u8(), r.u16(), r.u24(), r.u32(), r.u64(), r.remaining]).toEqual([1, 0x0203, 0x040506, 0xf7080900, 0xfedcba9876543210n, 0])
  })

  it('a read past the end throws DecodeError with its place', () => {
    const r = new ByteReader(Uint8Array.of(1, 2, 3, 4), 1, 3)
    expect(r.u16()).toBe(0x0203)
    expect(() => r.u8()).toThrow(new DecodeError('ends early', 3))
    expect(() => new ByteReader(Uint8Array.of(1)).sub(2)).toThrow(DecodeError)
  })

  it('lent bytes are what would have been copied, and their place is used again', () => {
    const write = (w: ByteWriter, n: number): ByteWriter => w.u32(n).prefixed(3, (inner) => { inner.bytes(new Uint8Array(n)) })
    for (const n of [1, 300, 20_000]) {
      const copy = write(new ByteWriter(), n).finish()
      const inside = write(new ByteWriter(), n).lend((bytes) => {
        expect(bytes).toEqual(copy)
        // Who writes meanwhile does not write there.
        write(new ByteWriter(), n + 1).finish()
        return [...bytes]
      })
      expect(inside).toEqual([...copy])
    }
  })

  it('what is finished in shared memory is of its own bytes, and nobody writes there again', () => {
    const lengths = [0, 1, 64, 65, 1500, 4096, 4097, 9000]
    const made = Array.from({ length: 200 }, (_, i) => {
      const length = lengths[i % lengths.length] as number
      return { length, bytes: new ByteWriter().bytes(new Uint8Array(length).fill(i)).finishShared() }
    })
    made.forEach(({ length, bytes }, i) => { expect(bytes).toEqual(new Uint8Array(length).fill(i)) })
    expect(new Set(made.filter(({ length }) => length === 1500).map(({ bytes }) => bytes.buffer)).size).toBeLessThan(25)
  })

  it('equal bytes are equal to the last one, whatever their length', () => {
    for (let length = 0; length < 12; length++) {
      const a = Uint8Array.from({ length }, (_, i) => 0xff - i)
      expect(equalBytes(a, a.slice())).toBe(true)
      for (let i = 0; i < length; i++) expect(equalBytes(a, a.map((byte, at) => at === i ? byte ^ 0x80 : byte))).toBe(false)
    }
  })

  it('a value that does not fit is a bug', () => {
    expect(() => new ByteWriter().u8(256)).toThrow(InvariantError)
    expect(() => new ByteWriter().prefixed(1, (w) => { w.bytes(new Uint8Array(256)) })).toThrow(InvariantError)
  })
})

describe('helpers', () => {
  it('hex and base64 go there and back, as node writes them', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => {
      expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'))
      expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'))
      expect(fromHex(toHex(bytes).toUpperCase())).toEqual(bytes)
      expect(fromBase64(` ${toBase64(bytes)}\n`)).toEqual(bytes)
    }))
    for (const text of ['a', 'zz']) expect(() => fromHex(text)).toThrow(DecodeError)
    for (const text of ['a', 'ab=c', '====', 'abc!']) expect(() => fromBase64(text)).toThrow(DecodeError)
  })

  it('different byte strings have different keys, whatever their lengths', () => {
    fc.assert(fc.property(fc.constantFrom(0, 1, 4, 7, 15, 16, 17, 31, 32, 33), fc.constantFrom(16, 32, 5), fc.integer(), (length, other, fill) => {
      const a = Uint8Array.from({ length }, (_, i) => fill + i), b = Uint8Array.from({ length: other }, (_, i) => fill + i)
      expect(mapKey(a) === mapKey(b)).toBe(length === other)
      expect(mapKey(a.slice())).toBe(mapKey(a))
      for (let i = 0; i < length; i++) expect(mapKey(a.map((byte, at) => at === i ? byte ^ 1 : byte))).not.toBe(mapKey(a))
    }))
  })

  it('compare orders unsigned bytes, and equal agrees', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (a, b) => {
      expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b))
      expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0)
      expect(concatBytes(a, b)).toEqual(Uint8Array.of(...a, ...b))
    }))
    expect(() => utf8Text(Uint8Array.of(0xff))).toThrow(DecodeError)
  })

  it('IPv6 is written as RFC 5952 says', () => {
    const pairs = [['2001:DB8:0:0:0:0:0:1', '2001:db8::1'], ['::', '::'], ['1:0:0:2:0:0:0:3', '1:0:0:2::3'], ['::ffff:192.0.2.1', '::ffff:c000:201'], ['fe80::', 'fe80::'], ['1:2:3:4:5:6:0:8', '1:2:3:4:5:6:0:8']]
    for (const [text, canonical] of pairs) expect(formatIpAddress(parseIpAddress(text as string))).toBe(canonical)
    fc.assert(fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => { expect(parseIpAddress(formatIpAddress(bytes))).toEqual(bytes) }))
    for (const bad of ['1.2.3', '1.2.3.256', '01.2.3.4', ':::', '1::2::3', '1:2:3:4:5:6:7', 'fe80::1%eth0', '', 'host']) expect(() => parseIpAddress(bad)).toThrow(DecodeError)
  })

  it('RFC 3339 times agree with the calendar', () => {
    fc.assert(fc.property(fc.date({ min: new Date('1900-01-01T00:00:00Z'), max: new Date('2400-01-01T00:00:00Z'), noInvalidDate: true }), (date) => {
      expect(parseRfc3339(date.toISOString())).toBe(date.getTime())
      expect(formatRfc3339(date.getTime())).toBe(`${date.toISOString().slice(0, 19)}Z`)
    }))
    expect(parseRfc3339('2002-10-10T09:00:00+02:00')).toBe(Date.UTC(2002, 9, 10, 7))
    for (const bad of ['2023-02-29T00:00:00Z', '2023-13-01T00:00:00Z', 'yesterday', '2023-01-01T00:00:00']) expect(() => parseRfc3339(bad)).toThrow(DecodeError)
  })
})
