/**
 * Twenty messages such as phones and proxies send, 600 to 1600 bytes: REGISTER with credentials, INVITE and 200 with
 * SDP, NOTIFY with PIDF and MESSAGE, in four variants with one to four Vias, up to three Record-Routes, folded lines,
 * compact names and quoted names.
 */
const lines = (...parts: readonly string[]): string => parts.join('\r\n')
const withBody = (head: string, type: string, body: string): string => `${head}\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
const times = (count: number, make: (i: number) => string): string[] => Array.from({ length: count }, (_, i) => make(i))

const vias = (count: number, v: number, transport = 'UDP'): string => times(count, (i) => {
  const host = i === count - 1 ? `192.0.2.${10 + v}` : `p${i}.example.net`
  const source = i === 0 ? '' : `=${49000 + i};received=198.51.100.${i + v}`
  return `Via: SIP/2.0/${transport} ${host}:${5060 + i};branch=z9hG4bK-${v}${i}-8f3a7c1d;rport${source}`
}).join('\r\n')

const recordRoutes = (count: number, v: number, folded: boolean): string =>
  `\r\nRecord-Route: ${times(count, (i) => `<sip:p${i}.example.net:${5060 + i};lr;ftag=a73kszlfl${v}>`).join(folded ? ',\r\n ' : ', ')}`

const sdp = (v: number): string => lines(
  'v=0', `o=alice ${2890844526 + v} ${2890844526 + v} IN IP4 192.0.2.${10 + v}`, 's=-', `c=IN IP4 192.0.2.${10 + v}`, 't=0 0',
  `m=audio ${49170 + 2 * v} RTP/AVP 0 8 96 97 101`, 'a=rtpmap:0 PCMU/8000', 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:96 opus/48000/2',
  'a=fmtp:96 minptime=10;useinbandfec=1', 'a=rtpmap:97 iLBC/8000', 'a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15', 'a=ptime:20',
  `a=candidate:1 1 UDP 2130706431 192.0.2.${10 + v} ${49170 + 2 * v} typ host`, 'a=sendrecv', '',
)

const pidf = (v: number): string => lines(
  '<?xml version="1.0" encoding="UTF-8"?>', `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:bob${v}@example.com">`,
  `  <tuple id="sg89ae${v}">`, `    <status><basic>${v % 2 === 1 ? 'open' : 'closed'}</basic></status>`,
  `    <contact priority="0.8">sip:bob${v}@192.0.2.${20 + v}:5060</contact>`, '    <note xml:lang="en">At my desk, working on P2PSIP</note>',
  `    <timestamp>2026-11-22T09:2${v}:10Z</timestamp>`, '  </tuple>', '</presence>', '',
)

const userAgent = 'User-Agent: ExampleSoftphone/1.4.2 (Linux x86_64)'
const allow = 'Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO, UPDATE, PRACK'

function variant(v: number): readonly string[] {
  const odd = v % 2 === 1, compact = v === 3
  const callId = `f81d4fae-7dec-11d0-a765-00a0c91e6bf${v}@192.0.2.${10 + v}`
  return [
    `${lines(`REGISTER sip:example.com SIP/2.0`, vias(1 + (v % 2), v, odd ? 'TCP' : 'UDP'), 'Max-Forwards: 70',
      `From: "Alice Liddell" <sip:alice${v}@example.com>;tag=456248${v}`, `To: "Alice Liddell" <sip:alice${v}@example.com>`, `Call-ID: ${callId}`, `CSeq: ${1826 + v} REGISTER`,
      `Contact: <sip:alice${v}@192.0.2.${10 + v}:5060;transport=${odd ? 'tcp' : 'udp'}>;expires=3600;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E12${v}>";reg-id=1`,
      `Authorization: Digest username="alice${v}", realm="example.com",${odd ? '\r\n  ' : ' '}nonce="84a4cc6f3082121f32b42a2187831a9e", uri="sip:example.com", response="7587245234b3434cc3412213e5f113a5", algorithm=MD5, qop=auth, nc=0000000${1 + v}, cnonce="0a4f113b"`,
      'Supported: path, outbound, gruu', allow, userAgent, 'Expires: 3600')}\r\nContent-Length: 0\r\n\r\n`,
    withBody(lines(`INVITE sip:bob${v}@example.com;user=phone SIP/2.0`, vias(2 + (v % 3), v) + recordRoutes(1 + (v % 3), v, odd), 'Max-Forwards: 68',
      `${compact ? 'f' : 'From'}: "Alice \\"Al\\" Liddell" <sip:alice${v}@example.com>;tag=9fxced76sl${v}`, `${compact ? 't' : 'To'}: Bob <sip:bob${v}@example.com>`,
      `${compact ? 'i' : 'Call-ID'}: ${callId}`, `CSeq: ${314159 + v} INVITE`, `${compact ? 'm' : 'Contact'}: <sip:alice${v}@192.0.2.${10 + v}:5060;transport=udp>`,
      `Subject: I know you're there,${odd ? '\r\n ' : ' '}pick up the phone`, 'Supported: 100rel, timer, replaces, norefersub', 'Session-Expires: 1800;refresher=uac', 'Min-SE: 90', allow, userAgent), 'application/sdp', sdp(v)),
    withBody(lines('SIP/2.0 200 OK', vias(2 + (v % 3), v) + recordRoutes(1 + (v % 3), v, odd), `From: "Alice Liddell" <sip:alice${v}@example.com>;tag=9fxced76sl${v}`,
      `To: Bob <sip:bob${v}@example.com>;tag=8321234356${v}`, `Call-ID: ${callId}`, `CSeq: ${314159 + v} INVITE`, `Contact: <sip:bob${v}@192.0.2.${40 + v}:5060>`,
      'Supported: 100rel, timer, replaces', allow, 'Server: ExampleUAS/2.0'), 'application/sdp', sdp(v + 4)),
    withBody(lines(`NOTIFY sip:alice${v}@192.0.2.${10 + v}:5060 SIP/2.0`, vias(1 + (v % 2), v), 'Max-Forwards: 70', `From: <sip:bob${v}@example.com>;tag=ffd2${v}`,
      `To: <sip:alice${v}@example.com>;tag=xfg9${v}`, `Call-ID: ${callId}`, `CSeq: ${8775 + v} NOTIFY`, `Contact: <sip:presence${v}.example.com>`, 'Event: presence',
      'Subscription-State: active;expires=599', userAgent), 'application/pidf+xml', pidf(v)),
    withBody(lines(`MESSAGE sip:bob${v}@example.com SIP/2.0`, vias(1 + (v % 3), v, 'TCP'), 'Max-Forwards: 70', `From: "Alice Liddell" <sip:alice${v}@example.com>;tag=49583${v}`,
      `To: sip:bob${v}@example.com`, `Call-ID: ${callId}`, `CSeq: ${1 + v} MESSAGE`, 'Date: Sun, 22 Nov 2026 08:25:02 GMT', 'Accept-Language: en, fr;q=0.8, de;q=0.5', userAgent), 'text/plain',
    'Watson, come here. I want to see you; the fleet bed slots in at nine tonight. '.repeat(2 + v).trim()),
  ]
}

/** As they come from the wire. */
export const corpus: readonly Buffer[] = times(4, String).flatMap((_, v) => variant(v)).map((text) => Buffer.from(text, 'utf8'))
