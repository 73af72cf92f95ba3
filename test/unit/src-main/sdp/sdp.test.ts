import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../src-main/base/errors.ts'
import { parseSdp, sdpCodecs, sdpDirection, sdpOnHold, sdpSecurity } from '../../../../src-main/sdp/sdp.ts'

const sdp = (media: string, session = '') => `v=0\r\no=- 42 7 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n${session}${media}`
const webrtc = sdp('m=audio 9 UDP/TLS/RTP/SAVPF 111 9 0\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:9 G722/8000\r\na=sendrecv\r\na=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\n')

describe('session descriptions (RFC 8866)', () => {
  it('lists codecs in order of preference, static payload types included', () => {
    expect(sdpCodecs(webrtc)).toEqual(['opus/48000', 'G722/8000', 'PCMU/8000'])
    expect(sdpCodecs(sdp('m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n'))).toEqual(['PCMA/8000', 'telephone-event/8000'])
  })

  it.each([
    [webrtc, 'dtls-srtp'], [sdp('m=audio 4000 RTP/AVP 0\r\n'), 'none'],
    [sdp('m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n'), 'sdes'],
    [sdp('m=audio 4000 RTP/SAVP 0\r\n', 'a=fingerprint:sha-256 AA:BB\r\n'), 'dtls-srtp'], [sdp(''), 'none'],
  ])('says how the sound is protected', (text, security) => { expect(sdpSecurity(text)).toBe(security) })

  it('knows hold in both forms (RFC 3264 §8.4)', () => {
    expect(sdpOnHold(sdp('m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n'))).toBe(true)
    expect(sdpOnHold(sdp('m=audio 4000 RTP/AVP 0\r\n', 'a=inactive\r\n'))).toBe(true)
    expect(sdpOnHold(sdp('m=audio 4000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n'))).toBe(true)
    expect(sdpOnHold(sdp('m=audio 4000 RTP/AVP 0\r\n'))).toBe(false)
    expect(sdpDirection(sdp('m=video 9 RTP/AVP 31\r\na=inactive\r\nm=audio 4000 RTP/AVP 0\r\na=recvonly\r\n'))).toBe('recvonly')
  })

  it('does not take a number for a protocol, nor for an address', () => {
    expect(() => parseSdp(sdp('m=audio 0 9 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n'))).toThrow(DecodeError)
    expect(parseSdp(sdp('m=audio 4000 RTP/AVP 0\r\nc=IN IP4 7\r\n')).media[0]?.address).toBe('7')
  })

  it('reads origin and streams, rejected ones with port 0', () => {
    const parsed = parseSdp(sdp('m=audio 0 RTP/AVP 0\r\nm=audio 5000 RTP/AVP 8\r\n'))
    expect([parsed.sessionId, parsed.sessionVersion, parsed.media.map((m) => m.port)]).toEqual(['42', 7, [0, 5000]])
    expect(sdpCodecs(sdp('m=audio 0 RTP/AVP 0\r\nm=audio 5000 RTP/AVP 8\r\n'))).toEqual(['PCMA/8000'])
  })

  it.each([
    ['', 'start'], ['hello', 'start'], ['v=1\r\n', 'start'], ['v=0\r\n', 'origin'], ['v=0\r\nnonsense\r\n', 'line'], [sdp('a='.padEnd(70_000, 'x')), 'long'],
    [sdp('a=x\r\n'.repeat(1100)), 'lines'], [sdp('m=audio 1 RTP/AVP 0\r\n'.repeat(40)), 'media'], [sdp('m=\r\n'), 'media'], [sdp('m=audio x RTP/AVP 0\r\n'), 'media'],
  ])('throws DecodeError for what is none (%#)', (text, word) => {
    expect(() => parseSdp(text)).toThrow(DecodeError)
    expect(() => parseSdp(text)).toThrow(word)
  })
})
