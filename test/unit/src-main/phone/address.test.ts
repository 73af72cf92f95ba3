import { describe, expect, it } from 'vitest'
import { PeerError } from '../../../../src-main/base/errors.ts'
import { dialled, normaliseAor, reachableTarget, sipUri } from '../../../../src-main/phone/address.ts'
import { fc, runs } from '../../../support/properties.ts'

const domain = 'office.example'

describe('normaliseAor', () => {
  it.each([
    ['sip:bob@office.example', 'bob@office.example'],
    ['SIPS:bob@Office.Example.', 'bob@office.example'],
    ['bob@OFFICE.example', 'bob@office.example'],
    ['bob', 'bob@office.example'],
    ['  sip:bob ', 'bob@office.example'],
    ['"Bob B." <sip:bob@office.example;transport=tls>;tag=1', 'bob@office.example'],
    ['sip:bob@office.example;transport=udp?subject=x', 'bob@office.example'],
    ['sip:%62ob%20b'.replace('%20', '.'), 'bob.b@office.example'],
    ['sip:J%C3%B6rg@office.example', 'Jörg@office.example'],
    ['bob@192.0.2.1:5070', 'bob@192.0.2.1:5070'],
    ['bob@[2001:DB8::1]', 'bob@[2001:db8::1]'],
    ['+4930123@office.example', '+4930123@office.example'],
    ['Bob@office.example', 'Bob@office.example'],
  ])('brings %s to %s', (text, aor) => { expect(normaliseAor(text, domain)).toBe(aor) })

  it.each([
    '', ' ', 'sip:', '@office.example', 'bob@', 'bob@-bad', 'bo b@office.example', 'bob@office..example', 'a@b@c d', 'tel:+4930', 'http://x/',
    'sip:bob:secret@office.example', 'sip:%zz@office.example', 'sip:%0d%0aVia@office.example', 'sip:%40@office.example', '<sip:bob@office.example',
    'bob\u202egro@office.example', `${'a'.repeat(400)}@office.example`, 'x'.repeat(5000),
  ])('refuses %j with address-invalid', (text) => {
    expect(() => normaliseAor(text, domain)).toThrow(expect.objectContaining({ code: 'address-invalid' }))
  })

  it('is a fixed point of itself and of the URI made from it, whatever is typed', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      let aor: string
      try {
        aor = normaliseAor(text, domain)
      } catch (cause) {
        expect(cause).toBeInstanceOf(PeerError)
        return
      }
      expect(normaliseAor(sipUri(aor), 'other.example')).toBe(aor)
      expect(sipUri(aor)).toMatch(/^sip:[\x21-\x7e]+$/)
    }), runs(2000))
  }, 30_000)

  it('escapes in a URI what RFC 3261 §25.1 does not allow in the user part', () => {
    expect(sipUri('Jörg#1@office.example')).toBe('sip:J%C3%B6rg%231@office.example')
    expect(sipUri('a+b;c@office.example')).toBe('sip:a+b;c@office.example')
  })
})

describe('an address to call', () => {
  it('keeps what it says about the way in the URI, and out of the key', () => {
    expect(dialled('sips:bob@example.org', domain)).toEqual({ aor: 'bob@example.org', uri: 'sips:bob@example.org' })
    expect(dialled('"Bob" <sip:bob@Example.org:5070;transport=TCP;x=1>', domain)).toEqual({ aor: 'bob@example.org:5070', uri: 'sip:bob@example.org:5070;transport=tcp' })
    expect(dialled('sip:bob@office.example:5060', domain).aor).toBe('bob@office.example')
    expect(dialled('bob', domain)).toEqual({ aor: 'bob@office.example', uri: 'sip:bob@office.example' })
    expect(dialled('sip:a;transport=udp@192.0.2.5', domain).uri).toBe('sip:a;transport=udp@192.0.2.5')
  })
})

describe('where others reach the other side of a call', () => {
  it('is its contact, or its address where that leads nowhere in the overlay (RFC 5589 §7.3)', () => {
    const target = (contact: string, aor = 'bob@office.example'): string => reachableTarget(contact, aor, 'office.example')
    expect(target('sip:bob@office.example;gr=x')).toBe('sip:bob@office.example;gr=x')
    expect(target('sip:desk-0x1@192.0.2.7:5060')).toBe('sip:bob@office.example')
    expect(target('sip:carol@192.0.2.7:5060', 'carol@elsewhere.example')).toBe('sip:carol@192.0.2.7:5060')
  })
})
