import { describe, expect, it } from 'vitest'
import { PeerError } from '../../../../src-main/base/errors.ts'
import { fromBase32, parseCode, parseLink, printCode, printLink, toBase32 } from '../../../../src-main/enrollment/invitationCode.ts'
import { checkOverlayName, checkUserName } from '../../../../src-main/enrollment/names.ts'
import { fc } from '../../../support/properties.ts'

describe('invitation codes', () => {
  it('are 8 groups of 4 letters and digits that read back', () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 10, maxLength: 10 }), fc.uint8Array({ minLength: 10, maxLength: 10 }), (secret, pin) => {
      const code = printCode({ secret, pin })
      expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){7}[0-9A-HJKMNP-TV-Z]{4}$/)
      expect(parseCode(code)).toEqual({ secret, pin })
    }))
  })
  it('are read as people type them', () => {
    const code = printCode({ secret: new Uint8Array(10), pin: new Uint8Array(10).fill(0x08) })
    expect(parseCode(code.replaceAll('0', 'o').replaceAll('1', 'l').replaceAll('-', '  ').toLowerCase())).toEqual(parseCode(code))
  })
  it('use Crockford’s alphabet', () => {
    expect(toBase32(Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0xff]))).toBe('ZZZZZZZZ')
    expect(toBase32(Uint8Array.from([0x00, 0x44, 0x32, 0x14, 0xc7]))).toBe('01234567')
    expect(fromBase32('U')).toBeUndefined()
  })
  it('raise invitation-invalid for anything else, and nothing else', () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => {
      for (const read of [parseCode, parseLink, (t: string) => parseLink(`ringway://join?${t}`)]) {
        try {
          read(text)
        } catch (error) { expect((error as PeerError).code).toBe('invitation-invalid') }
      }
    }))
  })
  it('travel in links that survive line breaks in mail', () => {
    const link = printLink({ overlayName: 'office.example', url: 'https://192.0.2.1:6085/.well-known/reload-config', code: printCode({ secret: new Uint8Array(10), pin: new Uint8Array(10) }), pin: undefined, user: 'bob' })
    expect(parseLink(`${link.slice(0, 50)}\r\n  ${link.slice(50)}`).user).toBe('bob')
  })
})

describe('names', () => {
  it('of users are lower-case ASCII and belong to the overlay', () => {
    expect(checkUserName(' Alice ', 'office.example')).toBe('alice@office.example')
    expect(checkUserName('alice@office.example', 'office.example')).toBe('alice@office.example')
    for (const bad of ['', 'a b', 'älice', 'a\0b', 'alice@home.example', '.a', 'a.', 'a..b', 'a'.repeat(65), '"a"', 'a;b']) {
      expect(() => checkUserName(bad, 'office.example')).toThrow(expect.objectContaining({ code: 'name-invalid' }) as Error)
    }
  })
  it('of overlays look like domain names', () => {
    expect(checkOverlayName('Office.Example.')).toBe('office.example')
    for (const bad of ['', 'a b', '-a.b', 'a..b', '192.0.2.1', 'a_b', 'x'.repeat(64), `${'abcdefghi.'.repeat(25)}x`]) {
      expect(() => checkOverlayName(bad)).toThrow(expect.objectContaining({ code: 'overlay-name-invalid' }) as Error)
    }
  })
})
