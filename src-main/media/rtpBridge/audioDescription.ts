/**
 * What a bridge reads in the session description of one side, and the descriptions it writes (RFC 8866, RFC 3264,
 * RFC 4568, RFC 8829 §5): one stream of sound; other streams are refused. Codecs are those that are carried unchanged.
 */
import { DecodeError } from '../../base/errors.ts'
import { directionOf } from '../../sdp/rewrite.ts'
import { parseSdp, type SdpDirection } from '../../sdp/sdp.ts'

export interface Codec {
  readonly payloadType: number
  /** as in a=rtpmap, such as 'opus/48000/2' */
  readonly rtpmap: string
  readonly fmtp: string | undefined
}

export interface AudioDescription {
  readonly codecs: readonly Codec[]
  readonly direction: SdpDirection
  readonly protocol: string
  readonly host: string
  readonly port: number
  readonly rtcpPort: number
  readonly rtcpMux: boolean
  /** values of a=crypto */
  readonly crypto: readonly string[]
  readonly ice: { readonly ufrag: string; readonly pwd: string; readonly candidates: readonly string[] } | undefined
  readonly fingerprint: { readonly algorithm: string; readonly value: string } | undefined
  readonly setup: string | undefined
  readonly mid: string | undefined
  readonly ptime: string | undefined
  /** the m= lines in their order; the one of the sound is `audio` */
  readonly lines: readonly (string | 'audio')[]
}

const carried = new Set(['opus/48000', 'g722/8000', 'pcmu/8000', 'pcma/8000', 'telephone-event/8000', 'telephone-event/48000'])
const staticMaps: Readonly<Record<number, string>> = { 0: 'PCMU/8000', 8: 'PCMA/8000', 9: 'G722/8000' }

/** What two sides know a codec by. */
export function codecKey(codec: Codec): string { return codec.rtpmap.toLowerCase().split('/').slice(0, 2).join('/') }

export function isSound(codec: Codec): boolean { return !codecKey(codec).startsWith('telephone-event') }

/** @throws DecodeError */
export function readAudio(sdp: string): AudioDescription {
  const parsed = parseSdp(sdp) // bounds and grammar
  const parts = sdp.split(/\r?\n(?=m=)/)
  const session = parts[0]?.split(/\r?\n/) ?? []
  const index = parsed.media.findIndex((media) => media.kind === 'audio' && media.port !== 0)
  const part = parts[index + 1]?.split(/\r?\n/)
  if (index < 0 || part === undefined) throw new DecodeError('no sound in the description')
  const all = (name: string): string[] => part.filter((line) => line.startsWith(`a=${name}`)).map((line) => line.slice(name.length + 2).replace(/^:/, '').trim())
  const one = (name: string): string | undefined => all(name)[0] ?? session.find((line) => line.startsWith(`a=${name}:`))?.slice(name.length + 3).trim()
  const [, port = '', , ...payloads] = part[0]?.split(/\s+/) ?? []
  const maps = byPayload(all('rtpmap')), formats = byPayload(all('fmtp'))
  const codecs = payloads.map(Number).flatMap((payloadType): Codec[] => {
    const rtpmap = maps.get(payloadType) ?? staticMaps[payloadType]
    if (rtpmap === undefined || payloadType > 127) return []
    const codec = { payloadType, rtpmap, fmtp: formats.get(payloadType) }
    return carried.has(codecKey(codec)) ? [codec] : []
  })
  const ufrag = one('ice-ufrag'), pwd = one('ice-pwd'), fingerprint = one('fingerprint')?.split(/\s+/)
  const rtpPort = Number(port.split('/')[0])
  return {
    codecs, direction: directionOf(sdp), protocol: parsed.media[index]?.protocol ?? '', host: parsed.media[index]?.address ?? '', port: rtpPort,
    rtcpPort: Number(/^\d+/.exec(one('rtcp') ?? '')?.[0] ?? rtpPort + 1), rtcpMux: part.some((line) => line.trim() === 'a=rtcp-mux'),
    crypto: all('crypto'), ice: ufrag === undefined || pwd === undefined ? undefined : { ufrag, pwd, candidates: all('candidate').slice(0, 30) },
    fingerprint: fingerprint?.[1] === undefined ? undefined : { algorithm: fingerprint[0]?.toLowerCase() ?? '', value: fingerprint[1] },
    setup: one('setup'), mid: all('mid')[0], ptime: all('ptime')[0],
    lines: parts.slice(1).map((each, i) => (i === index ? 'audio' : each.split(/\r?\n/)[0] ?? '')),
  }
}

function byPayload(values: readonly string[]): Map<number, string> {
  return new Map(values.flatMap((value) => {
    const space = value.indexOf(' ')
    return space < 0 ? [] : [[Number(value.slice(0, space)), value.slice(space + 1).trim()] as const]
  }))
}

export interface Origin { readonly id: string; version: number; readonly host: string }

export interface Written {
  readonly origin: Origin
  readonly host: string
  readonly port: number
  readonly protocol: string
  readonly codecs: readonly Codec[]
  readonly direction: SdpDirection
  readonly ptime: string | undefined
  /** attributes of the transport, without `a=` */
  readonly transport: readonly string[]
  /** for a group of one (RFC 9143); undefined for phones */
  readonly mid: string | undefined
  readonly lines: readonly (string | 'audio')[]
}

export function writeAudio(part: Written): string {
  const { origin, host, codecs } = part
  const family = (address: string): string => (address.includes(':') ? 'IP6' : 'IP4')
  const audio = [
    `m=audio ${part.port} ${part.protocol} ${codecs.map((codec) => codec.payloadType).join(' ')}`,
    `c=IN ${family(host)} ${host}`,
    ...(part.mid === undefined ? [] : [`a=mid:${part.mid}`]),
    ...part.transport.map((line) => `a=${line}`),
    ...codecs.flatMap((codec) => [`a=rtpmap:${codec.payloadType} ${codec.rtpmap}`, ...(codec.fmtp === undefined ? [] : [`a=fmtp:${codec.payloadType} ${codec.fmtp}`])]),
    ...(part.ptime === undefined ? [] : [`a=ptime:${part.ptime}`]),
    `a=${part.direction}`,
  ]
  const lines = part.lines.flatMap((line) => (line === 'audio' ? audio : [refused(line)]))
  return [
    'v=0', `o=- ${origin.id} ${origin.version} IN ${family(origin.host)} ${origin.host}`, 's=-', `c=IN ${family(host)} ${host}`, 't=0 0',
    ...(part.mid === undefined ? [] : [`a=group:BUNDLE ${part.mid}`]), ...lines, '',
  ].join('\r\n')
}

/** RFC 3264 §6: port zero. */
function refused(line: string): string { return line.replace(/^(m=\S+ )\S+/, '$10') }
