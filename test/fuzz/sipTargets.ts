/** Targets of SIP: what comes from phones and peers as text (RFC 3261 §7, §18.3, §19.1; RFC 8866). */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { concatBytes, utf8Bytes, utf8Text } from '../../src-main/base/bytes.ts'
import { DecodeError } from '../../src-main/base/errors.ts'
import { parseSdp, sdpCodecs, sdpDirection, sdpOnHold, sdpSecurity } from '../../src-main/sdp/sdp.ts'
import { type Challenge, type Credentials, parseChallenge, parseCredentials, printChallenge, printCredentials } from '../../src-main/sip/auth/digest.ts'
import { StreamFramer } from '../../src-main/sip/message/framer.ts'
import { makeResponse, type SipMessage } from '../../src-main/sip/message/message.ts'
import { parseNameAddr, printNameAddr } from '../../src-main/sip/message/nameAddr.ts'
import { parseDatagram } from '../../src-main/sip/message/parser.ts'
import { aorOf, parseUri, printUri, uriEquals, uriOfAor } from '../../src-main/sip/message/uri.ts'
import { parseVia, printVia } from '../../src-main/sip/message/via.ts'
import { sipElementTarget } from './sipElementTarget.ts'
import { sipWebSocketTarget } from './sipWebSocketTarget.ts'
import { must, mustEqual, type FuzzTarget } from './target.ts'

const folder = join(import.meta.dirname, '../data/sip')
const torture = (): readonly Uint8Array[] => ['rfc4475', 'rfc5118'].flatMap((rfc) => readdirSync(join(folder, rfc)).sort().map((file) => new Uint8Array(readFileSync(join(folder, rfc, file)))))
const words = (...texts: readonly string[]): readonly Uint8Array[] => texts.map(utf8Bytes)

const typedFields = ['via', 'vias', 'from', 'to', 'fromTag', 'toTag', 'callId', 'cseq', 'maxForwards', 'contacts', 'routes', 'recordRoutes', 'expires', 'contentType', 'event', 'subscriptionState', 'text'] as const

/** Every typed field of a message: read, or refused with DecodeError. */
function readAll(message: SipMessage): readonly string[] {
  const out: string[] = []
  for (const field of typedFields) {
    try {
      const value = message[field]
      out.push(`${field} ${typeof value === 'object' ? '' : String(value)}`)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      out.push(`${field} refused`)
    }
  }
  for (const name of ['Supported', 'Require', 'Allow', 'Via', 'Contact']) message.tokens(name)
  return out
}

function checkMessage(message: SipMessage): number {
  const fields = readAll(message)
  const encoded = message.encode()
  if (message.kind === 'request') makeResponse(message, 486, undefined, 'tag').encode()
  if (message.kind === 'request' && message.defect !== undefined) return encoded.length
  const again = parseDatagram(encoded)
  mustEqual(readAll(again), fields, 'the fields read differently after encoding')
  mustEqual([...again.encode()], [...encoded], 'encodes differently the second time')
  return encoded.length
}

const sipDictionary = words('\r\n', '\r\n\r\n', '\r\n ', ' ', '\t', ';', ',', '<', '>', '"', '\\"', '%00', '%', ':', '@', '[::1]', '[', ']', ';branch=z9hG4bK', ';tag=', ';lr', ';rport', ';maddr=', '?a=b', 'SIP/2.0', 'SIP/2.0/UDP ',
  'Via: ', 'v: ', 'l: 0', 'Content-Length: 4294967296', 'Content-Length: -1', 'CSeq: 4294967296 INVITE', 'Max-Forwards: 256', 'Contact: *', 'm: <sip:a@b>;q=0.5', 'Expires: 9999999999', 'sips:', 'tel:+1', '\u0000', '\u{1f600}', '\u{feff}', 'INVITE', 'To: ', 'From: ', 'i: ')

const sipMessage: FuzzTarget = {
  name: 'sip-message', seeds: torture, dictionary: sipDictionary,
  run: (input) => checkMessage(parseDatagram(input)),
}

/** The first byte says how the stream is cut. */
const sipStream: FuzzTarget = {
  name: 'sip-stream', dictionary: sipDictionary,
  seeds: () => {
    const whole = torture()
    return whole.map((bytes, i) => concatBytes(Uint8Array.of(i * 5), bytes, utf8Bytes('\r\n\r\n'), whole[(i + 1) % whole.length] as Uint8Array))
  },
  run(input) {
    const stream = input.slice(1)
    // Keep-alives are left out: a CRLFCRLF that comes in two pieces is two single ones.
    const cutAlike = (step: number): { heard: string[]; problem: string | undefined } => {
      const heard: string[] = []
      const framer = new StreamFramer({ onMessage: (message) => { readAll(message); heard.push(Buffer.from(message.encode()).toString('latin1')) }, onPing: () => undefined })
      try {
        for (let at = 0; at < stream.length; at += step) framer.push(stream.slice(at, at + step))
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        return { heard, problem: error.what }
      }
      return { heard, problem: undefined }
    }
    const one = cutAlike(Math.max(1, stream.length))
    mustEqual(cutAlike(1 + (input[0] ?? 0)), one, 'the messages depend on how the stream is cut')
    if (one.problem !== undefined) throw new DecodeError(one.problem)
    return one.heard.join('').length
  },
}

const uris = ['sip:alice@atlanta.com', 'sip:alice:secret@atlanta.com;transport=tcp', 'sips:alice@[2001:db8::1]:5061?subject=x&priority=urgent', 'sip:+1-212-555-1212:1234@gateway.com;user=phone', 'sip:%61lice@x;a=%41;lr',
  'tel:+358-555-1234567;postd=pp22', 'tel:7042;phone-context=example.com', 'urn:service:sos', 'im:fred@example.com', 'sip:office.example;gr=ARCZt~', 'sip:a@b;maddr=1.2.3.4;ttl=15']

const sipUri: FuzzTarget = {
  name: 'sip-uri', maxLength: 4096, dictionary: sipDictionary, seeds: () => uris.map(utf8Bytes),
  run(input) {
    const text = utf8Text(input)
    const uri = parseUri(text)
    const printed = printUri(uri)
    const again = parseUri(printed)
    must(printUri(again) === printed, 'prints differently the second time')
    must(uriEquals(uri, again) && uriEquals(again, uri) && uriEquals(uri, uri), 'a URI is not equal to itself')
    const aor = aorOf(uri)
    if (aor !== undefined) uriOfAorOrRefused(aor)
    return printed.length
  },
}

function uriOfAorOrRefused(aor: string): void {
  try { uriOfAor(aor) } catch (error) { if (!(error instanceof DecodeError)) throw error }
}

const sipFields: FuzzTarget = {
  name: 'sip-fields', maxLength: 4096, dictionary: sipDictionary,
  seeds: () => words('"A \\"quoted\\" name, really" <sip:alice@atlanta.com;lr>;tag=88sja8x', 'sip:a@b;tag=1', 'Bob <sips:b@[::1]:5061>;q=0.7;expires=60', '<tel:+1>',
    'SIP/2.0/UDP a.example:5060;branch=z9hG4bK1;received=1.2.3.4;rport=5;ttl=1', 'SIP / 2.0 / TCP [2001:db8::1] ;branch=z9hG4bK2;maddr=x'),
  run(input) {
    const text = utf8Text(input)
    let refused: DecodeError | undefined
    let output = 0
    for (const [parse, print] of [[parseNameAddr, printNameAddr], [parseVia, printVia]] as const) {
      try {
        const again = (printed: string): string => (print as (value: unknown) => string)(parse(printed))
        // Characters that may not be printed go at the first time.
        const printed = again(again(text))
        must(again(printed) === printed, 'prints differently the third time')
        output += printed.length
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        refused = error
      }
    }
    if (refused !== undefined && output === 0) throw refused
    return output
  },
}

/** Challenges and credentials, which strangers send before they have proven anything (RFC 3261 §22.4, RFC 7616). */
const sipDigest: FuzzTarget = {
  name: 'sip-digest', maxLength: 4200,
  seeds: () => words('Digest realm="atlanta.com", nonce="84a4cc6f3082121f32b42a2187831a9e", algorithm=SHA-256, qop="auth,auth-int", opaque="", stale=FALSE',
    'Digest username="bob", realm="biloxi.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="sip:bob@biloxi.com", qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
    'digest \t, ,username="a \\"b\\" c" , realm = x ,nonce=y,uri="sip:a",qop=AUTH,nc=ffffffff,cnonce="",response="",algorithm=md5', 'Basic QWxhZGRpbg=='),
  dictionary: words('Digest ', '"', '\\"', ',', ', ', '=', ' ', '\t', ';', 'realm=', 'nonce=', 'nc=', '00000001', 'qop=auth', 'algorithm=MD5', 'username=', 'stale=true', '\u0000', 'é'),
  run(input) {
    const text = utf8Text(input)
    const challenge = parseChallenge(text), credentials = parseCredentials(text)
    let length = 0
    if (challenge !== undefined) {
      // what a challenge offers is printed as we offer it; the rest stays
      const printed = (value: string): string => printChallenge(parseChallenge(value) as Challenge)
      const once = printed(printChallenge(challenge))
      must(printed(once) === once, 'a challenge prints differently the third time')
      length += once.length
    }
    if (credentials !== undefined) {
      const printed = (value: string): string => printCredentials(parseCredentials(value) as Credentials)
      const once = printed(printCredentials(credentials))
      must(printed(once) === once, 'credentials print differently the third time')
      length += once.length
    }
    return length
  },
}

const sdps = ['v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0 8 97\r\na=rtpmap:97 iLBC/8000\r\na=sendonly\r\n',
  'v=0\r\no=a 4611731400430051336 2 IN IP6 ::1\r\ns=x\r\nt=0 0\r\na=group:BUNDLE 0\r\na=fingerprint:sha-256 AA:BB\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=ice-ufrag:abc\r\na=ice-pwd:def\r\na=setup:actpass\r\na=mid:0\r\na=candidate:1 1 udp 2113937151 192.0.2.1 5000 typ host\r\na=rtcp-mux\r\na=inactive\r\n',
  'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\nm=video 1 RTP/AVP 31\r\n'] as const

const sdp: FuzzTarget = {
  name: 'sdp', seeds: () => sdps.map(utf8Bytes),
  dictionary: words('\r\n', '\n', 'a=', 'm=audio ', 'c=IN IP4 ', 'a=rtpmap:', 'a=fmtp:0 ', 'a=__proto__:', 'a=candidate:', 'a=simulcast:', 'a=rid:', 'a=ssrc:1 cname:', 'a=source-filter: incl IN IP4 ', 'a=extmap:1/sendrecv ', 'a=sendonly', '0', '65536', '-1', ' '),
  run(input) {
    const text = utf8Text(input)
    const parsed = parseSdp(text)
    sdpSecurity(text); sdpCodecs(text); sdpDirection(text); sdpOnHold(text)
    for (const { kind, protocol, address, codecs } of parsed.media) must([kind, protocol, address, ...codecs].every((field) => typeof field === 'string'), 'a field is no text')
    return JSON.stringify(parsed).length
  },
}

export const sipTargets: readonly FuzzTarget[] = [sipMessage, sipStream, sipWebSocketTarget(torture, sipDictionary), sipElementTarget(torture, sipDictionary), sipUri, sipFields, sipDigest, sdp]
