/**
 * The Framing Header (RFC 6940 §6.6.2) over a byte stream: FramedMessage data (128) and ack (129) frames, cut
 * out of whatever pieces the stream delivers, and the memory of received sequence numbers an ack reports.
 */
import { DecodeError } from '../../base/errors.ts'

const DATA = 128
const ACK = 129
const DATA_HEADER = 8
const ACK_LENGTH = 9

export type Frame =
  | { readonly type: 'data'; readonly sequence: number; readonly message: Uint8Array }
  | { readonly type: 'ack'; readonly sequence: number; readonly received: number }

/** A data frame; `message` is copied. */
export function encodeData(sequence: number, message: Uint8Array): Uint8Array {
  const out = new Uint8Array(DATA_HEADER + message.length)
  const view = new DataView(out.buffer)
  view.setUint32(0, (DATA << 24) | (sequence >>> 8))
  view.setUint8(4, sequence & 0xff)
  view.setUint8(5, message.length >>> 16)
  view.setUint16(6, message.length & 0xffff)
  out.set(message, DATA_HEADER)
  return out
}

/** An ack frame: `received` is the bitmask of the 32 sequence numbers before `sequence`. */
export function encodeAck(sequence: number, received: number): Uint8Array {
  const out = new Uint8Array(ACK_LENGTH)
  const view = new DataView(out.buffer)
  view.setUint8(0, ACK)
  view.setUint32(1, sequence)
  view.setUint32(5, received)
  return out
}

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

  constructor(private readonly maxMessageBytes: number) {}

  /** @throws DecodeError when the stream cannot be followed any longer; FrameTooLarge for an oversized message. */
  *push(bytes: Uint8Array): Generator<Frame> {
    if (bytes.length === 0) return
    this.pieces.push(bytes)
    this.length += bytes.length
    if (this.length < this.wanted) return
    const all = this.pieces.length === 1 ? bytes : join(this.pieces, this.length)
    let at = 0
    try {
      for (;;) {
        const left = all.length - at
        this.wanted = 1
        if (left === 0) break
        const type = all[at] as number
        if (type !== DATA && type !== ACK) throw new DecodeError(`frame type ${type}`, at)
        const view = new DataView(all.buffer, all.byteOffset + at, left)
        this.wanted = type === ACK ? ACK_LENGTH : DATA_HEADER
        if (left < this.wanted) break
        if (type === ACK) {
          at += ACK_LENGTH
          yield { type: 'ack', sequence: view.getUint32(1), received: view.getUint32(5) }
          continue
        }
        const length = (view.getUint8(5) << 16) | view.getUint16(6)
        if (length > this.maxMessageBytes) throw new FrameTooLarge(length, all.slice(at + DATA_HEADER, at + DATA_HEADER + this.maxMessageBytes))
        this.wanted = DATA_HEADER + length
        if (left < this.wanted) break
        const message = all.slice(at + DATA_HEADER, at + this.wanted)
        at += this.wanted
        yield { type: 'data', sequence: view.getUint32(1), message }
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

function join(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const out = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) { out.set(piece, at); at += piece.length }
  return out
}
