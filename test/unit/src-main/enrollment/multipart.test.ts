import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../src-main/base/errors.ts'
import { parseForm, printForm } from '../../../../src-main/enrollment/multipart.ts'
import { fc } from '../../../support/properties.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('multipart/form-data', () => {
  it('reads back what was written, whatever the bytes', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (bodies) => {
      const parts = bodies.map((body, i) => ({ name: `f${i}`, type: 'application/pkcs10', body }))
      const form = printForm(parts, 'bound-0123456789')
      expect([...parseForm(form.contentType, form.body).values()]).toEqual(parts)
    }))
  })
  it('reads a form as other clients write it: preamble, quoted boundary, no type, more parameters', () => {
    const body = bytes('hello\r\n--a b\r\ncontent-disposition: form-data; filename="x.csr"; name="csr"\r\n\r\n\x01\r\n\x02\r\n--a b\r\nContent-Disposition: form-data; name=username\r\n\r\nbob\r\n--a b--\r\nbye')
    const form = parseForm('multipart/form-data; charset=utf-8; boundary="a b"', body)
    expect(form.get('csr')).toEqual({ name: 'csr', type: 'text/plain', body: bytes('\x01\r\n\x02') })
    expect(new TextDecoder().decode(form.get('username')?.body)).toBe('bob')
  })
  it('refuses forms cut short, fields given twice and too many of them', () => {
    const part = (name: string): { name: string; type: string; body: Uint8Array } => ({ name, type: 'text/plain', body: bytes('x') })
    const whole = printForm([part('a')], 'zz')
    for (let at = 0; at < whole.body.length - 4; at++) expect(() => parseForm(whole.contentType, whole.body.slice(0, at))).toThrow(DecodeError)
    for (const names of [['a', 'a'], Array.from({ length: 17 }, (_, i) => `f${i}`)]) {
      const form = printForm(names.map(part), 'zz')
      expect(() => parseForm(form.contentType, form.body)).toThrow(DecodeError)
    }
    expect(() => parseForm('application/json', whole.body)).toThrow(DecodeError)
  })
  it('raises DecodeError, and nothing else, for garbage', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('--zz', '\r\n', ':', ';', 'name="a"', 'Content-Disposition: form-data', '-', 'x'), maxLength: 40 }), (text) => {
      try {
        parseForm('multipart/form-data; boundary=zz', bytes(text))
      } catch (error) { expect(error).toBeInstanceOf(DecodeError) }
    }))
  })
})
