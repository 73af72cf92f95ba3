/** The codecs of the headless engine behind one face: frames of 20 ms at 48 kHz mono in and out. */
import { DecodeError } from '../base/errors.ts'
import { decodeG711, encodeG711, type Law } from './g711.ts'
import { Opus } from './opus.ts'

export const sampleRate = 48_000
export const frameSamples = 960
export const frameMs = 20

export interface AudioCodec {
  /** As the phone shows it, such as 'opus/48000'. */
  readonly name: string
  /** RTP timestamp units of one frame. */
  readonly timestampStep: number
  encode(frame: Int16Array): Uint8Array
  /** @throws DecodeError */
  decode(payload: Uint8Array): Int16Array
  close(): void
}

/** MIME types we speak, best first. */
export const mimeTypes = ['audio/opus', 'audio/PCMU', 'audio/PCMA'] as const

/** @returns undefined for a codec we do not speak */
export function createCodec(mimeType: string): AudioCodec | undefined {
  switch (mimeType.toLowerCase()) {
    case 'audio/opus': {
      const opus = new Opus()
      return { name: 'opus/48000', timestampStep: 960, encode: (frame) => opus.encode(frame), decode: (payload) => opus.decode(payload), close: () => { opus.close() } }
    }
    case 'audio/pcmu': return g711('PCMU')
    case 'audio/pcma': return g711('PCMA')
    default: return undefined
  }
}

/** 120 ms */
const maxG711Bytes = 960

function g711(law: Law): AudioCodec {
  let last = 0
  return {
    name: `${law}/8000`, timestampStep: 160,
    encode: (frame) => encodeG711(law, frame),
    decode: (payload) => {
      if (payload.length > maxG711Bytes) throw new DecodeError('G.711 packet longer than 120 ms')
      const samples = decodeG711(law, payload, last)
      last = samples.at(-1) ?? last
      return samples
    },
    close: () => { last = 0 },
  }
}
