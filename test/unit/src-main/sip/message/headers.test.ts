import { expect, it } from 'vitest'
import { asciiBytes } from '../../../../../src-main/sip/message/lexer.ts'
import { parseDatagram } from '../../../../../src-main/sip/message/parser.ts'
import { fc, runs } from '../../../../support/properties.ts'

it('a list has the same elements folded at any white space as on one line', () => {
  const element = fc.constantFrom('<sip:a@b>', '"x, y" <sip:c@d;lr>;q=0.5', 'Bob Builder <sip:e@f>', '')
  const spaces = fc.constantFrom(' ', '\r\n ', ' \r\n\t')
  fc.assert(fc.property(fc.array(fc.tuple(element, spaces, spaces), { maxLength: 4 }), (parts) => {
    const contacts = (fold: (spaces: string) => string): unknown => {
      const list = parts.map(([text, before, after]) => `${fold(before)}${text.replaceAll(' ', fold(after))}${fold(after)}`).join(',')
      const message = parseDatagram(asciiBytes(`OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nContact:${list}\r\n\r\n`))
      try { return message.contacts === '*' ? '*' : message.contacts.map(({ displayName, uri, params }) => [displayName, uri.kind === 'sip' && uri.host, params.toString()]) } catch { return 'refused' }
    }
    expect(contacts((s) => s)).toEqual(contacts(() => ' '))
  }), runs(500))
})
