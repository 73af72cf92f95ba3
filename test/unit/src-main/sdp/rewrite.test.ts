import { describe, expect, it } from 'vitest'
import { directionOf, nextVersion, sameTransport, withCodecsOf, withDefaultCandidate, withDirection } from '../../../../src-main/sdp/rewrite.ts'

const sdp = ['v=0', 'o=- 5 18446744073709551615 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', 'm=audio 4000 RTP/AVP 0 8 101', 'a=rtpmap:101 telephone-event/8000', 'a=sendrecv', ''].join('\r\n')

describe('rewriting a description', () => {
  it('replaces the direction of every stream, wherever it stood, and leaves the rest', () => {
    expect(withDirection(sdp.replace('t=0 0', 't=0 0\r\na=recvonly'), 'inactive')).toBe(sdp.replace('a=sendrecv', 'a=inactive'))
  })
  it('understands hold in both forms (RFC 3264 §8.4); 0.0.0.0 only without ICE', () => {
    expect(directionOf(sdp)).toBe('sendrecv')
    const old = sdp.replace('c=IN IP4 192.0.2.1', 'c=IN IP4 0.0.0.0')
    expect(directionOf(old)).toBe('sendonly')
    expect(directionOf(old.replace('a=sendrecv', 'a=recvonly'))).toBe('inactive')
    expect(directionOf(old.replace('a=sendrecv', 'a=sendrecv\r\na=ice-ufrag:x'))).toBe('sendrecv')
  })
  it('counts the version up without losing digits', () => {
    expect(nextVersion('o=- 5 18446744073709551614 IN IP4 192.0.2.1')).toBe('o=- 5 18446744073709551615 IN IP4 192.0.2.1')
    expect(nextVersion('o=-')).toBe('o=-')
  })
  it('keeps the codecs that are offered, by name (RFC 3264 §6.1)', () => {
    const offer = sdp.replace('RTP/AVP 0 8 101', 'RTP/AVP 8 96').replace('101 telephone-event', '96 telephone-event')
    expect(withCodecsOf(sdp, offer)).toBe(sdp.replace('RTP/AVP 0 8 101', 'RTP/AVP 8 101'))
    expect(withCodecsOf(sdp, sdp.replace('RTP/AVP 0 8 101', 'RTP/AVP 18').replace(/a=rtpmap.*\r\n/, ''))).toBeUndefined()
  })
  it('tells another address, key or ICE user from the same transport', () => {
    expect(sameTransport(sdp, withDirection(sdp, 'sendonly'))).toBe(true)
    expect(sameTransport(sdp, sdp.replace('4000', '4002'))).toBe(false)
    const ice = `${sdp}a=ice-ufrag:a\r\na=fingerprint:sha-256 00\r\n`
    expect(sameTransport(ice, ice.replace('4000', '4002'))).toBe(true)
    expect(sameTransport(ice, ice.replace('ufrag:a', 'ufrag:b'))).toBe(false)
  })
  it('names the best candidate in m= and c= (RFC 8839 §4.2.1.2)', () => {
    const ice = 'v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=candidate:1 1 udp 99 2001:db8::1 7000 typ host\r\na=candidate:2 1 udp 5 192.0.2.7 7002 typ host\r\na=rtcp:9 IN IP4 0.0.0.0\r\n'
    const out = withDefaultCandidate(ice)
    expect(out).toMatch(/^m=audio 7002 [^]*^c=IN IP4 192\.0\.2\.7\r$[^]*^a=rtcp:7002 IN IP4 192\.0\.2\.7\r$/m)
    expect(withDefaultCandidate(sdp)).toBe(sdp)
  })
})
