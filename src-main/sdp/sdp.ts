/**
 * Session descriptions (RFC 8866) as the phone needs to see them: parsed within limits, and questions about security,
 * codecs and direction. The texts themselves come from and go to WebRTC or the headless engine unchanged.
 */
import * as sdpTransform from 'sdp-transform'
import { DecodeError } from '../base/errors.ts'

export type SdpDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'
export type SdpSecurity = 'dtls-srtp' | 'sdes' | 'none'

export interface SdpMedia {
  /** 'audio', 'video', … */
  readonly kind: string
  /** 0 means that the stream was rejected or ended (RFC 3264 §6). */
  readonly port: number
  readonly protocol: string
  readonly direction: SdpDirection
  readonly security: SdpSecurity
  /** In order of preference, such as 'opus/48000' or 'PCMA/8000'. */
  readonly codecs: readonly string[]
  /** Address of the c= line that applies. */
  readonly address: string
  /** The address is found by ICE: the one of the c= line may be a placeholder (RFC 8839 §5.5). */
  readonly ice: boolean
}

export interface Sdp {
  readonly sessionId: string
  readonly sessionVersion: number
  readonly media: readonly SdpMedia[]
}

const MAX_SDP_LENGTH = 64 * 1024
const MAX_LINES = 1000
const MAX_MEDIA = 32

/** RFC 3551 §6: payload types that need no rtpmap. */
const STATIC_CODECS: Readonly<Record<number, string>> = { 0: 'PCMU/8000', 3: 'GSM/8000', 4: 'G723/8000', 8: 'PCMA/8000', 9: 'G722/8000', 13: 'CN/8000', 15: 'G728/8000', 18: 'G729/8000' }

/** @throws DecodeError */
export function parseSdp(text: string): Sdp {
  if (text.length > MAX_SDP_LENGTH) throw new DecodeError('SDP too long')
  const lines = text.split(/\r\n|\n/)
  if (lines.length > MAX_LINES) throw new DecodeError('SDP has too many lines')
  if (lines[0] !== 'v=0') throw new DecodeError('SDP does not start with v=0')
  for (const line of lines) if (line !== '' && !/^[a-z]=/.test(line)) throw new DecodeError('SDP line')
  const parsed = transform(text)
  if (typeof parsed.origin !== 'object') throw new DecodeError('SDP without origin')
  if (parsed.media.length > MAX_MEDIA) throw new DecodeError('SDP has too many media descriptions')
  return {
    sessionId: String(parsed.origin.sessionId), sessionVersion: Number(parsed.origin.sessionVersion),
    media: parsed.media.map((media) => readMedia(parsed, media)),
  }
}

type Parsed = ReturnType<typeof sdpTransform.parse>
type ParsedMedia = Parsed['media'][number]

/** What the library throws on odd input becomes DecodeError. */
function transform(text: string): Parsed {
  try { return sdpTransform.parse(text) } catch (error) { throw new DecodeError(`SDP: ${error instanceof Error ? error.message : 'unreadable'}`) }
}

function readMedia(session: Parsed, media: ParsedMedia): SdpMedia {
  // The library makes numbers of what looks like one, wherever it stands.
  if (typeof media.type !== 'string' || typeof media.protocol !== 'string' || !Number.isInteger(media.port)) throw new DecodeError('SDP media line')
  return {
    kind: media.type, port: media.port, protocol: media.protocol,
    direction: media.direction ?? session.direction ?? 'sendrecv',
    security: securityOf(session, media),
    codecs: codecsOf(media),
    address: String(media.connection?.ip ?? session.connection?.ip ?? ''),
    ice: (media.iceUfrag ?? session.iceUfrag) !== undefined,
  }
}

function securityOf(session: Parsed, media: ParsedMedia): SdpSecurity {
  if ((media.fingerprint ?? session.fingerprint) !== undefined) return 'dtls-srtp'
  return media.crypto !== undefined && media.crypto.length > 0 && media.protocol.includes('SAVP') ? 'sdes' : 'none'
}

function codecsOf(media: ParsedMedia): string[] {
  const named = new Map(media.rtp.map((rtp) => [rtp.payload, rtp.rate === undefined ? String(rtp.codec) : `${rtp.codec}/${rtp.rate}`]))
  const out: string[] = []
  for (const payload of String(media.payloads ?? '').split(' ')) {
    const codec = named.get(Number(payload)) ?? STATIC_CODECS[Number(payload)]
    if (codec !== undefined) out.push(codec)
  }
  return out
}

/** How the sound would be protected: that of the first audio stream in use. @throws DecodeError */
export function sdpSecurity(text: string): SdpSecurity { return firstAudio(text)?.security ?? 'none' }

/** Codecs of the first audio stream in use, best first. @throws DecodeError */
export function sdpCodecs(text: string): readonly string[] { return firstAudio(text)?.codecs ?? [] }

/** Direction of the first audio stream in use, as its sender wrote it. @throws DecodeError */
export function sdpDirection(text: string): SdpDirection { return firstAudio(text)?.direction ?? 'inactive' }

/** RFC 3264 §8.4 in both forms: direction without receiving, or the connection address 0.0.0.0. @throws DecodeError */
export function sdpOnHold(text: string): boolean {
  const audio = firstAudio(text)
  return audio !== undefined && (audio.direction === 'sendonly' || audio.direction === 'inactive' || (audio.address === '0.0.0.0' && !audio.ice))
}

function firstAudio(text: string): SdpMedia | undefined { return parseSdp(text).media.find((media) => media.kind === 'audio' && media.port !== 0) }
