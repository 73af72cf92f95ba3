import { describe, expect, it } from 'vitest'
import { answeredCodec, preferredCodecs } from '../../../../src-renderer/media/sdp.ts'

const sdp = (line: string, ...attributes: string[]): string => ['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0', line, ...attributes, ''].join('\r\n')

describe('codecs', () => {
  it('prefers Opus, keeps G.722, G.711 and telephone-event, and drops the rest', () => {
    const offered = ['audio/PCMA', 'audio/red', 'audio/telephone-event', 'audio/opus', 'audio/CN', 'audio/PCMU', 'audio/G722'].map((mimeType) => ({ mimeType, clockRate: 8000 }))
    expect(preferredCodecs(offered).map((c) => c.mimeType)).toEqual(['audio/opus', 'audio/G722', 'audio/PCMU', 'audio/PCMA', 'audio/telephone-event'])
  })

  it('reads the first format of the answer as the one in use', () => {
    expect(answeredCodec(sdp('m=audio 9 UDP/TLS/RTP/SAVPF 111 0', 'a=rtpmap:111 opus/48000/2', 'a=rtpmap:0 PCMU/8000'))).toBe('opus/48000')
  })

  it('knows static payload types without a map, and passes over telephone-event', () => {
    expect(answeredCodec(sdp('m=audio 9 UDP/TLS/RTP/SAVPF 101 8', 'a=rtpmap:101 telephone-event/8000'))).toBe('PCMA/8000')
  })

  it('finds none in a rejected stream, or where there is no audio', () => {
    expect(answeredCodec(sdp('m=audio 0 UDP/TLS/RTP/SAVPF 0'))).toBe('')
    expect(answeredCodec(sdp('m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=rtpmap:96 VP8/90000'))).toBe('')
    expect(answeredCodec('')).toBe('')
  })
})
