/** The little that this window reads from SDP itself; negotiation is the browser's (RFC 3264, RFC 8829). */

const wanted = ['audio/opus', 'audio/g722', 'audio/pcmu', 'audio/pcma', 'audio/telephone-event']
const staticNames: Record<string, string> = { 0: 'PCMU/8000', 8: 'PCMA/8000', 9: 'G722/8000' }

/** Opus first, then what phones without WebRTC speak, then keys (RFC 4733); the rest is not offered. */
export function preferredCodecs<C extends { mimeType: string; clockRate: number }>(codecs: readonly C[]): C[] {
  const rank = (codec: C): number => wanted.indexOf(codec.mimeType.toLowerCase())
  return codecs.filter((codec) => rank(codec) >= 0).sort((a, b) => rank(a) - rank(b) || b.clockRate - a.clockRate)
}

function audioSection(sdp: string): string | undefined {
  return sdp.split(/^(?=m=)/m).find((section) => section.startsWith('m=audio '))
}

/** The codec an answer selects: its first payload type that carries sound, as 'opus/48000'; '' when there is none. */
export function answeredCodec(answer: string): string {
  const section = audioSection(answer)
  const line = section?.split(/\r?\n/)[0]?.split(' ')
  if (section === undefined || line === undefined || line[1] === '0') return ''
  for (const payloadType of line.slice(3)) {
    const mapped = new RegExp(`^a=rtpmap:${payloadType} ([^\\s/]+/\\d+)`, 'm').exec(section)?.[1] ?? staticNames[payloadType]
    if (mapped !== undefined && !/^(telephone-event|CN|red)\//i.test(mapped)) return mapped
  }
  return ''
}
