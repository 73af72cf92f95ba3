/** RFC 4475 and RFC 5118: each message is sent to a user agent and treated as its RFC says. */
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../../src-main/base/errors.ts'
import { parseSdp } from '../../../../../src-main/sdp/sdp.ts'
import type { SipMessage, SipRequest } from '../../../../../src-main/sip/message/message.ts'
import { parseDatagram } from '../../../../../src-main/sip/message/parser.ts'
import { aorOf, printUri, uriEquals } from '../../../../../src-main/sip/message/uri.ts'
import { sipPair, startLines } from '../../../../support/sipPeers.ts'

const data = resolve(import.meta.dirname, '../../../../data/sip')

/** The archive of RFC 5118 has bare line feeds, and lengths that fit neither form; on the wire they would be right. */
function load(path: string): Uint8Array {
  const bytes = new Uint8Array(readFileSync(resolve(data, path)))
  if (bytes.includes(13)) return bytes
  const text = new TextDecoder().decode(bytes).replaceAll('\n', '\r\n')
  const head = text.indexOf('\r\n\r\n')
  return new TextEncoder().encode(text.replace(/^Content-Length: \d+/m, `Content-Length: ${head < 0 ? 0 : text.length - head - 4}`))
}

/** Status codes with which a user agent answers the message over UDP. */
function answers(path: string): number[] {
  const pair = sipPair({ reliable: false })
  pair.bob.take = (call) => { call.reject(486) }
  pair.a.user = undefined
  pair.a.send(load(path))
  pair.clock.advance(100)
  pair.bob.messages[0]?.respond(200)
  pair.clock.advance(100)
  const lines = startLines(pair.b).map((line) => Number(line.split(' ')[1])).filter((status) => status >= 200)
  return [...new Set(lines)]
}

function read(path: string): SipMessage { return parseDatagram(load(path)) }
function readRequest(path: string): SipRequest {
  const message = read(path)
  if (message.kind !== 'request') throw new Error('a request was expected')
  return message
}

const seen = new Set<string>()
function torture(name: string, title: string, check: (path: string) => void): void {
  const path = `${name}.dat`
  seen.add(path)
  it(`${name}: ${title}`, () => { check(path) })
}
const answered = (...status: number[]) => (path: string) => { expect(answers(path)).toEqual(status) }
const r = (name: string) => `rfc4475/${name}`
const six = (name: string) => `rfc5118/${name}`

describe('RFC 4475 §3.1.1 valid messages', () => {
  torture(r('wsinv'), 'odd white space, folding, compact forms, unknown header fields and parameters', (path) => {
    const m = readRequest(path)
    expect(m.defect).toBeUndefined()
    expect(m.cseq).toEqual({ number: 9, method: 'INVITE' })
    expect(m.maxForwards).toBe(68)
    expect(m.vias).toHaveLength(3)
    expect(m.vias[2]?.params.get('branch')).toBe('z9hG4bK30239')
    expect(m.to.params.get('tag')).toBe('1918181833n')
    expect(m.from.displayName).toBe('J Rosenberg \\"')
    expect(m.fromTag).toBe('98asjd8')
    expect(m.headers.get('NewFangledHeader')).toBe('newfangled value continued newfangled value')
    expect(m.headers.get('UnknownHeaderWithUnusualValue')).toBe(';;,,;;,;')
    expect(m.routes).toHaveLength(1)
    expect(m.contacts).toHaveLength(1)
    expect(m.body.length).toBe(150)
  })
  torture(r('intmeth'), 'the whole range of characters in method, URI, display name and parameters', (path) => {
    const m = readRequest(path)
    expect(m.defect).toBeUndefined()
    expect(m.method).toBe("!interesting-Method0123456789_*+`.%indeed'~")
    expect(m.uri.kind === 'sip' && m.uri.password).toBe('&it+has=1,weird!*pas$wo~d_too.(doesn\'t-it)')
    expect(m.via.transport).toBe('TCP')
    expect(m.to.displayName).toContain('BEL:\x07 NUL:\0 DEL:\x7f')
    expect(m.from.displayName).toBe("token1~` token2'+_ token3*%!.-")
    expect(m.headers.get("extensionHeader-!.%*+_`'~")).toBe('\ufeff\u5927\u505c\u96fb')
    expect(answers(path)).toEqual([501])
  })
  torture(r('esc01'), 'escapes within the user part are part of the user', (path) => {
    const m = readRequest(path)
    expect(m.uri.kind === 'sip' && [m.uri.user, m.uri.host]).toEqual(['sips%3Auser%40example.com', 'example.net'])
    expect(aorOf(m.uri)).toBe('sips:user@example.com@example.net')
    expect(m.to.uri.kind === 'sip' && m.to.uri.user).toBe('%75se%72')
    expect(answers(path)).toEqual([486])
  })
  torture(r('escnull'), 'escaped NULs keep two addresses apart', (path) => {
    const { contacts } = readRequest(path)
    if (contacts === '*') throw new Error('contacts')
    const [a, b] = contacts
    expect(contacts).toHaveLength(2)
    expect(a !== undefined && b !== undefined && uriEquals(a.uri, b.uri)).toBe(false)
  })
  torture(r('esc02'), 'a percent sign outside of URIs escapes nothing', (path) => {
    const m = readRequest(path)
    expect(m.method).toBe('RE%47IST%45R')
    expect(m.to.displayName).toBe('%Z%45')
    expect(answers(path)).toEqual([501])
  })
  torture(r('lwsdisp'), 'no white space between display name and bracket', (path) => {
    expect(readRequest(path).from.displayName).toBe('caller')
    expect(answers(path)).toEqual([200])
  })
  torture(r('longreq'), 'long values in all fields', (path) => {
    const m = readRequest(path)
    expect(m.defect).toBeUndefined()
    expect(m.vias).toHaveLength(34)
    expect(m.to.displayName).toMatch(/^I have a user name of (extreme){10} proportion$/)
    expect(m.body.length).toBe(150)
    expect(answers(path)).toEqual([486])
  })
  torture(r('dblreq'), 'what follows the body in a datagram is ignored', (path) => {
    const m = readRequest(path)
    expect([m.method, m.body.length, m.headers.count('Via')]).toEqual(['REGISTER', 0, 1])
  })
  torture(r('semiuri'), 'a semicolon in the user part belongs to it', (path) => {
    const m = readRequest(path)
    expect(m.uri.kind === 'sip' && [m.uri.user, m.uri.params.size]).toEqual(['user;par=u%40example.net', 0])
    expect(answers(path)).toEqual([200])
  })
  torture(r('transports'), 'known and unknown transports in Via', (path) => {
    expect(readRequest(path).vias.map((v) => v.transport)).toEqual(['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP'])
    expect(answers(path)).toEqual([200])
  })
  torture(r('mpart01'), 'a multipart body with binary parts', (path) => {
    const m = readRequest(path)
    expect(m.contentType?.value).toBe('multipart/mixed')
    expect(m.contentType?.params.get('boundary')).toBe('7a9cbec02ceef655')
    expect(m.body.length).toBe(Number(m.headers.get('Content-Length')))
    expect(m.body.includes(0x82)).toBe(true)
    expect(parseDatagram(m.encode()).body).toEqual(m.body)
    expect(answers(path)).toEqual([200])
  })
  torture(r('unreason'), 'a reason phrase in UTF-8', (path) => {
    const m = read(path)
    expect(m.kind === 'response' && [m.status, m.reason]).toEqual([200, '= 2**3 * 5**2 но сто девяносто девять - простое'])
  })
  torture(r('noreason'), 'an empty reason phrase', (path) => {
    const m = read(path)
    expect(m.kind === 'response' && [m.status, m.reason]).toEqual([100, ''])
  })
})

describe('RFC 4475 §3.1.2 invalid messages', () => {
  torture(r('badinv01'), 'extraneous separators: 400', answered(400))
  torture(r('clerr'), 'Content-Length larger than the message: 400', answered(400))
  torture(r('ncl'), 'negative Content-Length: 400', answered(400))
  torture(r('scalar02'), 'request scalars out of range: 400', answered(400))
  torture(r('scalarlg'), 'response scalars out of range: dropped', (path) => { expect(() => read(path).cseq).toThrow(DecodeError) })
  torture(r('quotbal'), 'unterminated quote in a display name: 400', answered(400))
  torture(r('ltgtruri'), 'brackets around the Request-URI: 400', answered(400))
  torture(r('lwsruri'), 'white space within the Request-URI: 400', answered(400))
  torture(r('lwsstart'), 'several spaces in the request line: 400', answered(400))
  torture(r('trws'), 'white space after the request line: 400', answered(400))
  torture(r('escruri'), 'header fields in the Request-URI: 400', answered(400))
  torture(r('baddate'), 'a Date that is not in GMT is ignored', answered(486))
  torture(r('regbadct'), 'a Contact with header fields needs brackets', (path) => { expect(() => readRequest(path).contacts).toThrow(DecodeError) })
  torture(r('badaspec'), 'spaces within the address: 400', answered(400))
  torture(r('baddn'), 'unquoted display name with a comma: 400', answered(400))
  torture(r('badvers'), 'unknown version: 505', answered(505))
  torture(r('mismatch01'), 'CSeq of another method: 400', answered(400))
  torture(r('mismatch02'), 'CSeq of another, unknown method: 400', answered(400))
  torture(r('bigcode'), 'a status code out of range: dropped', (path) => { expect(() => read(path)).toThrow(DecodeError) })
})

describe('RFC 4475 §3.2 to §3.4', () => {
  torture(r('badbranch'), 'nothing behind the magic cookie: the transaction is found by the rules of RFC 2543', answered(200))
  torture(r('insuf'), 'mandatory header fields missing: 400', answered(400))
  torture(r('unkscm'), 'unknown scheme in the Request-URI: 416', answered(416))
  torture(r('novelsc'), 'known scheme that is not for SIP: 416', answered(416))
  torture(r('unksm2'), 'unknown schemes in To, From and Contact are readable', (path) => {
    const m = readRequest(path)
    expect([printUri(m.to.uri), m.from.uri.kind, m.contacts === '*' ? '' : m.contacts[0]?.uri.kind]).toEqual(['isbn:2983792873', 'other', 'other'])
  })
  torture(r('bext01'), 'unknown option tags in Require: 420', answered(420))
  torture(r('invut'), 'unknown content type: 415', answered(415))
  torture(r('regaut01'), 'an unknown authorisation scheme does not matter to the parser', (path) => {
    expect(readRequest(path).headers.get('Authorization')).toBe('NoOneKnowsThisScheme opaque-data=here')
  })
  torture(r('multi01'), 'several values where one is allowed: 400', answered(400))
  torture(r('mcl01'), 'contradicting Content-Lengths: 400', answered(400))
  torture(r('bcast'), 'a response with the broadcast address in Via is dropped', (path) => {
    const pair = sipPair({ reliable: false })
    pair.a.send(load(path))
    pair.clock.advance(10)
    expect(pair.b.sent).toEqual([])
    expect(pair.bob.element.transport.counters.stray).toBe(1)
  })
  torture(r('zeromf'), 'Max-Forwards 0 at its destination is served', answered(200))
  torture(r('cparam01'), 'an unknown parameter of Contact', (path) => {
    const { contacts } = readRequest(path)
    expect(contacts !== '*' && [contacts[0]?.params.has('unknownparam'), contacts[0]?.uri.kind === 'sip' && contacts[0].uri.params.size]).toEqual([true, 0])
  })
  torture(r('cparam02'), 'an unknown parameter of the URI in Contact', (path) => {
    const { contacts } = readRequest(path)
    expect(contacts !== '*' && [contacts[0]?.params.size, contacts[0]?.uri.kind === 'sip' && contacts[0].uri.params.has('unknownparam')]).toEqual([0, true])
  })
  torture(r('regescrt'), 'escaped header fields in a Contact URI', (path) => {
    const { contacts } = readRequest(path)
    expect(contacts !== '*' && contacts[0]?.uri.kind === 'sip' && contacts[0].uri.headers).toBe('Route=%3Csip:sip.example.com%3E')
  })
  torture(r('sdp01'), 'a caller that does not understand SDP: 406', answered(406))
  torture(r('inv2543'), 'an INVITE of RFC 2543 without branch and tag', answered(486))
})

describe('RFC 5118 IPv6', () => {
  torture(six('ipv6-good'), 'IPv6 references everywhere', (path) => {
    const m = readRequest(path)
    expect(m.defect).toBeUndefined()
    expect(m.uri.kind === 'sip' && m.uri.host).toBe('[2001:db8::10]')
    expect(m.via.host).toBe('[2001:db8::9:1]')
  })
  torture(six('ipv6-bad'), 'no brackets in the Request-URI: 400', answered(400))
  torture(six('port-ambiguous'), 'a port within the brackets is part of the address', (path) => {
    const { uri } = readRequest(path)
    expect(uri.kind === 'sip' && [uri.host, uri.port]).toEqual(['[2001:db8::10:5070]', undefined])
  })
  torture(six('port-unambiguous'), 'a port behind the brackets', (path) => {
    const { uri } = readRequest(path)
    expect(uri.kind === 'sip' && [uri.host, uri.port]).toEqual(['[2001:db8::10]', 5070])
  })
  torture(six('via-received-param-with-delim'), 'received with brackets', (path) => { expect(readRequest(path).via.params.get('received')).toBe('[2001:db8::9:255]') })
  torture(six('via-received-param-no-delim'), 'received without brackets', (path) => { expect(readRequest(path).via.params.get('received')).toBe('2001:db8::9:255') })
  torture(six('ipv6-in-sdp'), 'IPv6 in the description', (path) => {
    expect(parseSdp(readRequest(path).text).media.map((m) => m.address)).toEqual(['2001:db8::20', '2001:db8::20'])
    expect(answers(path)).toEqual([486])
  })
  torture(six('mult-ip-in-header'), 'IPv4 and IPv6 in one message', (path) => {
    expect(readRequest(path).vias.map((v) => v.host)).toEqual(['[2001:db8::9:1]', '192.0.2.1', '[2001:db8::9:255]'])
  })
  torture(six('mult-ip-in-sdp'), 'IPv4 and IPv6 in one description', (path) => {
    expect(parseSdp(readRequest(path).text).media.map((m) => m.address)).toEqual(['192.0.2.1', '2001:db8::1'])
  })
  torture(six('ipv4-mapped-ipv6'), 'IPv4-mapped addresses', (path) => {
    const m = readRequest(path)
    expect(m.via.host).toBe('[::ffff:192.0.2.10]')
    expect(m.via.port).toBe(19823)
  })
  torture(six('ipv6-bug-abnf-3-colons'), 'the extra colon of the grammar is tolerated', (path) => {
    const wrong = readRequest(path).uri, right = readRequest(six('ipv6-correct-abnf-2-colons.dat')).uri
    expect(uriEquals(wrong, right)).toBe(true)
    expect(answers(path)).toEqual([200])
  })
  torture(six('ipv6-correct-abnf-2-colons'), 'the right form', answered(200))
})

describe('the suite', () => {
  it('covers every message of both RFCs', () => {
    const files = ['rfc4475', 'rfc5118'].flatMap((dir) => readdirSync(resolve(data, dir)).map((f) => `${dir}/${f}`))
    expect(files.filter((f) => !seen.has(f))).toEqual([])
    expect(files).toHaveLength(61)
  })
})
