/**
 * The Framing Header (RFC 6940 §6.6.2) over a byte stream: FramedMessage data (128) and ack (129) frames, cut
 * out of whatever pieces the stream delivers, and the memory of received sequence numbers an ack reports.
 */
import { concatBytes } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import { decode, encode } from '../../base/presentation.ts'
import { DATA_FRAME_OVERHEAD, framedMessage, frameLength, type FramedMessage } from '../wire/framing.ts'

/** A data frame; `message` is copied. */
export function encodeData(sequence: number, message: Uint8Array): Uint8Array { return encode(framedMessage, { type: 'data', sequence, message }) }

/** An ack frame: `received` is the bitmask of the 32 sequence numbers before `ackSequence`. */
export function encodeAck(ackSequence: number, received: number): Uint8Array { return encode(framedMessage, { type: 'ack', ackSequence, received }) }

/** Thrown when a frame announces a message larger than allowed; `head` has what arrived of it so far (RFC 6940 §6.6). */
export class FrameTooLarge extends DecodeError {
  constructor(readonly length: number, readonly head: Uint8Array) { super(`frame of ${length} bytes`) }
}

/** Cuts frames out of a stream. Holds at most one frame of `maxMessageBytes` and the piece just pushed. */
export class FrameDecoder {
  private pieces: Uint8Array[] = []
  private length = 0
  /** Bytes that must be there before it is worth looking again. */
  private wanted = 1

  private readonly limit: () => number

  /** @param maxMessageBytes a function where a new configuration may change it */
  constructor(maxMessageBytes: number | (() => number)) { this.limit = typeof maxMessageBytes === 'number' ? () => maxMessageBytes : maxMessageBytes }

  private get maxMessageBytes(): number { return this.limit() }

  /** @throws DecodeError when the stream cannot be followed any longer; FrameTooLarge for an oversized message. */
  *push(bytes: Uint8Array): Generator<FramedMessage> {
    if (bytes.length === 0) return
    this.pieces.push(bytes)
    this.length += bytes.length
    if (this.length < this.wanted) return
    const all = this.pieces.length === 1 ? bytes : concatBytes(...this.pieces)
    let at = 0
    try {
      for (;;) {
        const length = frameLength(all, at)
        this.wanted = length === undefined ? all.length - at + 1 : length
        if (length === undefined) break
        if (length < 0) throw new DecodeError(`frame type ${all[at] ?? 0}`, at)
        if (length > this.maxMessageBytes + DATA_FRAME_OVERHEAD) {
          throw new FrameTooLarge(length - DATA_FRAME_OVERHEAD, all.slice(at + DATA_FRAME_OVERHEAD, at + DATA_FRAME_OVERHEAD + this.maxMessageBytes))
        }
        if (all.length - at < length) break
        // A message that is kept must not keep what came with it: a copy, unless it came alone.
        const frame = decode(framedMessage, length === all.length ? all : all.slice(at, at + length), 'the frame')
        at += length
        yield frame
      }
    } finally {
      const rest = all.subarray(at)
      this.pieces = rest.length === 0 ? [] : [rest]
      this.length = rest.length
    }
  }
}

/** Which of the 32 sequence numbers before the newest arrived; bit 0 is the one just before it. */
export class ReceivedSequences {
  private newest: number | undefined
  private mask = 0

  /** Notes `sequence` and returns the mask relative to it. */
  note(sequence: number): number {
    if (this.newest === undefined) { this.newest = sequence; return 0 }
    const ahead = (sequence - this.newest) | 0
    if (ahead > 0) {
      this.mask = ahead > 32 ? 0 : ((ahead === 32 ? 0 : this.mask << ahead) | (1 << (ahead - 1))) >>> 0
      this.newest = sequence
      return this.mask
    }
    if (ahead < 0 && ahead >= -32) this.mask = (this.mask | (1 << (-ahead - 1))) >>> 0
    // Relative to an older number only what lies before it counts.
    return ahead === 0 ? this.mask : ahead > -32 ? this.mask >>> -ahead : 0
  }
}
