import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../src-main/base/errors.ts'
import { buildPidf, parsePidf, type ShownState } from '../../../../src-main/phone/pidf.ts'
import { fc, runs } from '../../../support/properties.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('PIDF', () => {
  it.each(['available', 'busy', 'away', 'in-call', 'offline'] as const)('carries %s with a note', (state) => {
    const document = buildPidf('bob@office.example', { state, note: 'back at <5> & "then"' })
    expect(parsePidf(document)).toEqual({ state, note: 'back at <5> & "then"' })
  })

  it('says basic status open and the activity of RFC 4480', () => {
    const text = new TextDecoder().decode(buildPidf('b"b@office.example', { state: 'in-call', note: '' }))
    expect(text).toContain('<basic>open</basic>')
    expect(text).toContain('<rpid:on-the-phone/>')
    expect(text).toContain('entity="pres:b&quot;b@office.example"')
    expect(new TextDecoder().decode(buildPidf('bob@x', { state: 'offline', note: '' }))).toContain('<basic>closed</basic>')
  })

  it('reads the example of RFC 3863 §4.3, with prefixes, several tuples and unknown elements', () => {
    const text = '<?xml version="1.0" encoding="UTF-8"?><impp:presence xmlns:impp="urn:ietf:params:xml:ns:pidf" xmlns:local="urn:example-com:pidf-status-type" entity="pres:someone@example.com">'
      + '<impp:tuple id="ub93s3"><impp:status><impp:basic>open</impp:basic><local:location>home</local:location></impp:status><impp:contact priority="0.8">im:someone@mobilecarrier.net</impp:contact></impp:tuple>'
      + '<impp:tuple id="ty4658"><impp:status><impp:basic>closed</impp:basic></impp:status><impp:note xml:lang="en">Don\'t Disturb &#x263a;</impp:note></impp:tuple></impp:presence>'
    expect(parsePidf(bytes(text))).toEqual({ state: 'available', note: "Don't Disturb ☺" })
  })

  it.each([
    ['nothing', ''], ['no XML', 'hello'], ['an open tag', '<presence><tuple>'], ['a document type', '<!DOCTYPE p [<!ENTITY a "b">]><presence/>'],
    ['absurd nesting', '<a>'.repeat(5000)], ['too much', `<presence>${' '.repeat(40_000)}</presence>`],
  ])('refuses %s as DecodeError', (_, text) => { expect(() => parsePidf(bytes(text))).toThrow(DecodeError) })

  it('refuses bytes that are no UTF-8', () => { expect(() => parsePidf(Uint8Array.of(0x3c, 0xff, 0xfe))).toThrow(DecodeError) })

  it('bounds the note of a stranger', () => {
    const text = `<presence><tuple><status><basic>open</basic></status><note>${'x'.repeat(5000)}</note></tuple></presence>`
    expect(parsePidf(bytes(text)).note).toHaveLength(200)
  })

  it('reads back every note it wrote and throws nothing but DecodeError on damage', () => {
    const states: ShownState[] = ['available', 'busy', 'away', 'in-call', 'offline']
    fc.assert(fc.property(fc.constantFrom(...states), fc.string({ unit: 'grapheme', maxLength: 80 }), fc.nat(600), fc.nat(255), (state, typed, at, byte) => {
      const note = typed.trim()
      const document = buildPidf('bob@office.example', { state, note })
      expect(parsePidf(document)).toEqual({ state, note })
      document[at % document.length] = byte
      try {
        parsePidf(document)
      } catch (cause) {
        expect(cause).toBeInstanceOf(DecodeError)
      }
    }), runs(500))
  })
})
