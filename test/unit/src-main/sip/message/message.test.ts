import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../../src-main/base/errors.ts'
import { Headers } from '../../../../../src-main/sip/message/headers.ts'
import { splitList, unquote } from '../../../../../src-main/sip/message/lexer.ts'
import { makeResponse, SipRequest, SipResponse } from '../../../../../src-main/sip/message/message.ts'
import { parseNameAddr, printNameAddr } from '../../../../../src-main/sip/message/nameAddr.ts'
import { MAX_HEAD_BYTES } from '../../../../../src-main/sip/message/headScan.ts'
import { DEFAULT_LIMITS, parseDatagram, parseHead } from '../../../../../src-main/sip/message/parser.ts'
import { parseVia, printVia } from '../../../../../src-main/sip/message/via.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const crlf = (text: string) => bytes(text.trimStart().replaceAll('\n', '\r\n'))
const request = (text: string) => {
  const message = parseDatagram(crlf(text))
  if (message.kind !== 'request') throw new Error('a request was expected')
  return message
}

describe('messages (RFC 3261 §7)', () => {
  it('knows compact forms, any case, folding and several values in one line', () => {
    const m = request(`
INVITE sip:bob@biloxi.com SIP/2.0
v: SIP/2.0/UDP a.example;branch=z9hG4bK1,
 SIP / 2.0 / TCP b.example:5070 ;branch=z9hG4bK2
VIA: SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK3;rport
f: "A \\"quoted\\" name, really" <sip:alice@atlanta.com>;tag=88sja8x
t:   Bob   Builder  <sip:bob@biloxi.com>
i: 987asjd97y7atg
CSeq:  986759 \t INVITE
m: <sip:alice@10.0.0.1>;q=0.7, "B" <sip:b@10.0.0.1;transport=tcp>;expires=60
c: application/SDP ; charset=UTF-8
Subject: first
\tsecond
l: 4

abcd`)
    expect(m.vias.map((v) => [v.transport, v.host, v.port])).toEqual([['UDP', 'a.example', undefined], ['TCP', 'b.example', 5070], ['TLS', '[2001:db8::1]', 5061]])
    expect(m.from.displayName).toBe('A "quoted" name, really')
    expect(m.fromTag).toBe('88sja8x')
    expect(m.to.displayName).toBe('Bob Builder')
    expect(m.toTag).toBeUndefined()
    expect(m.cseq).toEqual({ number: 986759, method: 'INVITE' })
    expect(m.contacts === '*' ? [] : m.contacts.map((c) => c.params.toString())).toEqual([';q=0.7', ';expires=60'])
    expect(m.contentType?.value).toBe('application/sdp')
    expect(m.headers.get('s')).toBe('first second')
    expect(m.text).toBe('abcd')
  })

  it('passes unknown header fields through in order, spelling and value untouched', () => {
    const text = 'OPTIONS sip:a@b SIP/2.0\r\nX-Odd:  a, "b;c" ;d=<e>\r\nv: SIP/2.0/UDP h;branch=z9hG4bKx\r\nx-odd: second ä\r\nP-Thing: \r\nContent-Length: 3\r\n\r\n\0\xff\r'
    const head = bytes(text.slice(0, -3))
    const message = parseDatagram(new Uint8Array([...head, 0, 255, 13]))
    expect([...message.headers]).toEqual([['X-Odd', 'a, "b;c" ;d=<e>'], ['v', 'SIP/2.0/UDP h;branch=z9hG4bKx'], ['x-odd', 'second ä'], ['P-Thing', ''], ['Content-Length', '3']])
    const again = parseDatagram(message.encode())
    expect([...again.headers]).toEqual([...message.headers])
    expect([...again.body]).toEqual([0, 255, 13])
  })

  it('forwards lines that were not touched byte for byte, folding and white space and all', () => {
    const untouched = 'f :  "Zoë 😀" <sip:zoe@b>;tag=ä\r\nX-Folded: a,\r\n\t b  \r\n   c\r\nSUBJECT:none \r\n'
    const message = parseDatagram(bytes(`OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx , SIP/2.0/TCP i;branch=z9hG4bKy\r\nMax-Forwards: 70\r\n${untouched}t: <sip:é@b>\r\nl: 2\r\n\r\nok`))
    expect(message.from.displayName).toBe('Zoë 😀')
    expect(message.headers.get('x-folded')).toBe('a, b c')
    expect(message.headers.get('Subject')).toBe('none')
    message.headers.prepend('Via', 'SIP/2.0/UDP me;branch=z9hG4bKz').set('Max-Forwards', '69')
    expect(new TextDecoder().decode(message.encode())).toBe(
      `OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP me;branch=z9hG4bKz\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx , SIP/2.0/TCP i;branch=z9hG4bKy\r\nMax-Forwards: 69\r\n${untouched}t: <sip:é@b>\r\nl: 2\r\n\r\nok`)
    message.headers.replaceFirst('Via', undefined).replaceFirst('Via', undefined)
    expect(message.vias.map(({ host }) => host)).toEqual(['i'])
  })

  it('never sends on a line that a bare line break would cut in two', () => {
    const message = parseDatagram(bytes('OPTIONS sip:a@b SIP/2.0\r\nX: a\nEvil: yes\r\nY: b\rEvil: yes\r\nl: 0\r\n\r\n'))
    expect(message.kind === 'request' && message.defect?.status).toBe(400)
    expect(new TextDecoder().decode(message.encode())).not.toMatch(/^Evil/m)
    expect(() => parseDatagram(bytes('SIP/2.0 200 OK\r\nX: a\nEvil: yes\r\nl: 0\r\n\r\n'))).toThrow(DecodeError)
  })

  it('knows names by all their letters, not by a hash of them', () => {
    const message = parseDatagram(bytes('OPTIONS sip:a@b SIP/2.0\r\nVIA: SIP/2.0/UDP h\r\nVib: x\r\nCSEQ: 1 OPTIONS\r\nC-SEQ: 2\r\nContent-Lenght: 9\r\nl: 0\r\n\r\n'))
    expect(message.vias).toHaveLength(1)
    expect(message.cseq.number).toBe(1)
    expect([message.headers.get('vib'), message.headers.get('c-seq'), message.headers.get('Content-Length')]).toEqual(['x', '2', '0'])
  })

  it('parses typed header fields when asked and again after a change', () => {
    const m = request('OPTIONS sip:a@b SIP/2.0\nTo: <sip:broken\nContent-Length: 0\n\n')
    expect(m.defect).toBeUndefined()
    expect(() => m.to).toThrow(DecodeError)
    m.headers.set('To', '<sip:fine@b>;tag=1')
    expect(m.toTag).toBe('1')
    m.headers.set('To', '<sip:fine@b>;tag=2')
    expect(m.toTag).toBe('2')
  })

  it('takes the body by Content-Length, or the rest of the datagram', () => {
    expect(request('OPTIONS sip:a@b SIP/2.0\nContent-Length: 2\n\nabcd').text).toBe('ab')
    expect(request('OPTIONS sip:a@b SIP/2.0\n\nabcd').text).toBe('abcd')
    expect(request('OPTIONS sip:a@b SIP/2.0\nContent-Length: 9\n\nabcd').defect?.status).toBe(400)
    expect(() => parseDatagram(crlf('SIP/2.0 200 OK\nContent-Length: 9\n\nabcd'))).toThrow(DecodeError)
  })

  it.each([
    ['OPTIONS sip:a@b SIP/3.0\n\n', 505], ['OPTIONS  sip:a@b SIP/2.0\n\n', 400], ['OPTIONS sip:a@b SIP/2.0 \n\n', 400], ['OPTIONS <sip:a@b> SIP/2.0\n\n', 400],
    ['OPTIONS sip:a@b?x=y SIP/2.0\n\n', 400], ['OPTIONS sip:a@b SIP/2.0\nno colon here\n\n', 400], ['OPTIONS sip:a@b SIP/2.0\nbad name: x\n\n', 400],
    ['OPTIONS sip:a@b SIP/2.0\nl: 0\nContent-Length: 1\n\nx', 400], ['OPTIONS sip:a@b SIP/2.0\nContent-Length: -1\n\nx', 400],
  ])('marks %j as unfit: %i', (text, status) => { expect(request(text).defect?.status).toBe(status) })

  it.each([
    '', '\n\n', 'hello\n\n', 'GET / HTTP/1.1\n\n', 'OPTIONS sip:a@b\n\n', 'SIP/2.0 99 X\n\n', 'SIP/2.0 700 X\n\n', 'SIP/2.0 2000 X\n\n', 'SIP/3.0 200 OK\n\n', 'SIP/2.0 abc\n\n', 'OPTIONS sip:a@b SIP/2.0',
  ])('throws DecodeError for %j', (text) => { expect(() => parseDatagram(crlf(text))).toThrow(DecodeError) })

  it('bounds header bytes, header fields and the body, and wants UTF-8', () => {
    const many = 'X: y\n'.repeat(DEFAULT_LIMITS.maxHeaders + 1)
    expect(() => parseDatagram(crlf(`OPTIONS sip:a@b SIP/2.0\n${many}\n`))).toThrow('too many header fields')
    expect(() => parseDatagram(crlf(`OPTIONS sip:a@b SIP/2.0\nX: ${'y'.repeat(DEFAULT_LIMITS.maxHeadBytes)}\n\n`))).toThrow('too large')
    const long = crlf(`OPTIONS sip:a@b SIP/2.0\nX: ${'y'.repeat(MAX_HEAD_BYTES)}\n\n`)
    expect(() => parseHead(long, { ...DEFAULT_LIMITS, maxHeadBytes: Infinity }), 'none is read in part').toThrow('too large')
    expect(() => parseDatagram(new Uint8Array([...crlf('OPTIONS sip:a@b SIP/2.0\nX: '), 0xc3, 0x28, ...crlf('\n\n')].filter((_, i) => i >= 0)))).toThrow(DecodeError)
    expect(request(`MESSAGE sip:a@b SIP/2.0\n\n${'x'.repeat(DEFAULT_LIMITS.maxBodyBytes + 1)}`).defect?.status).toBe(513)
  })

  it('never lets a value start another header field', () => {
    const m = new SipRequest('OPTIONS', 'sip:a@b')
    m.headers.append('Subject', 'x\r\nEvil: yes')
    expect(new TextDecoder().decode(m.encode())).not.toMatch(/^Evil/m)
    expect(new SipResponse(200, 'OK').startLine).toBe('SIP/2.0 200 OK')
    expect(makeResponse(m, 400, 'bad\r\nEvil: yes').startLine).not.toContain('\n')
  })

  it('copies Via, From, To, Call-ID and CSeq into a response and adds the tag (§8.2.6)', () => {
    const m = request('INVITE sip:b@c SIP/2.0\nVia: SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b;branch=2\nVia: SIP/2.0/UDP c;branch=3\nFrom: <sip:a@c>;tag=x\nTo: sip:b@c\nCall-ID: 1\nCSeq: 1 INVITE\nRecord-Route: <sip:p;lr>\nTimestamp: 5\n\n')
    const response = makeResponse(m, 180, undefined, 'y')
    expect(response.vias).toHaveLength(3)
    expect(response.toTag).toBe('y')
    expect(response.recordRoutes).toHaveLength(1)
    expect(makeResponse(m, 100).headers.get('Timestamp')).toBe('5')
    expect(makeResponse(m, 486, undefined, 'y').recordRoutes).toHaveLength(0)
  })

  it.each(['', ' ', '"open', '"x" y <sip:a@b>', 'A, B <sip:a@b>', '<sip:a@b', 'sip:a@b?x=y', '<sip:a@b> junk', '<sip:a@b>;=x'])('refuses the address %j', (text) => {
    expect(() => parseNameAddr(text)).toThrow(DecodeError)
  })

  it('gives parameters of an address without brackets to the header field (§20)', () => {
    const value = parseNameAddr('sip:a@b;tag=x;y')
    expect(value.params.toString()).toBe(';tag=x;y')
    expect(printNameAddr(value)).toBe('<sip:a@b>;tag=x;y')
    expect(printNameAddr(parseNameAddr('A B<sip:a@b;lr>;q="1;2"'))).toBe('"A B" <sip:a@b;lr>;q="1;2"')
  })

  it('splits lists at commas outside quotes and brackets', () => {
    expect(splitList('a, "b,\\",c" , <sip:d,e@f>,')).toEqual(['a', '"b,\\",c"', '<sip:d,e@f>'])
    expect(unquote('"a\\"b\\\\"')).toBe('a"b\\')
  })

  it.each(['', 'SIP/2.0', 'SIP/2.0/UDP', 'HTTP/1.1/UDP a', 'SIP/2.0/UDP a:b', 'SIP/2.0/UDP a b', 'SIP/2.0/ a', 'SIP/x/UDP a'])('refuses the Via %j', (text) => {
    expect(() => parseVia(text)).toThrow(DecodeError)
  })

  it('prints a Via as read', () => {
    const text = 'SIP/2.0/DTLS-UDP [::1]:5061;branch=z9hG4bKx;rport;received=2001:db8::1'
    expect(printVia(parseVia(text))).toBe(text)
  })

  it('edits header lines in place', () => {
    const h = new Headers().append('Route', '<a>, <b>').append('To', 'x').append('Route', '<c>')
    expect(h.getList('route')).toEqual(['<a>', '<b>', '<c>'])
    h.replaceFirst('Route', undefined)
    expect(h.getList('Route')).toEqual(['<b>', '<c>'])
    h.replaceFirst('Route', '<z>').replaceFirst('Route', undefined)
    expect(h.getLines('Route')).toEqual(['<c>'])
    h.prepend('Via', '1').prepend('via', '0')
    expect([...h].map(([n]) => n)).toEqual(['via', 'Via', 'To', 'Route'])
    h.set('TO', 'y').remove('v')
    expect([...h]).toEqual([['TO', 'y'], ['Route', '<c>']])
  })
})
