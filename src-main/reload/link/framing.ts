/**
 * The Framing Header (RFC 6940 §6.6.2) over a byte stream: FramedMessage data (128) and ack (129) frames, cut
 * out of whatever pieces the stream delivers, and the memory of received sequence numbers an ack reports.
 */
import { ByteWriter, concatBytes } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import { encode } from '../../base/presentation.ts'
import { ACK_FRAME, ACK_FRAME_LENGTH, DATA_FRAME, DATA_FRAME_OVERHEAD, framedMessage, frameLength, readFrame, sequenceOf, type FramedMessage } from '../wire/framing.ts'

/** A data frame; `message` is copied. */
export function encodeData(sequence: number, message: Uint8Array): Uint8Array { return encode(framedMessage, { type: 'data', sequence, message }) }

/** What stands before a message in its data frame. */
export function encodeDataHead(sequence: number, messageBytes: number): Uint8Array {
  return new ByteWriter(DATA_FRAME_OVERHEAD).u8(DATA_FRAME).u32(sequence).u24(messageBytes).finish()
}

/** An ack frame: `received` is the bitmask of the 32 sequence numbers before `ackSequence`. */
export function encodeAck(ackSequence: number, received: number): Uint8Array {
  return new ByteWriter(ACK_FRAME_LENGTH).u8(ACK_FRAME).u32(ackSequence).u32(received).finish()
}

/** Thrown when a frame announces a message larger than allowed; `head` is as much of it as is allowed (RFC 6940 §6.6). */
export class FrameTooLarge extends DecodeError {
  constructor(readonly length: number, readonly head: Uint8Array) { super(`frame of ${length} bytes`) }
}

/** Shared by all that hold nothing; never written to. */
const NOTHING: Uint8Array[] = []

/** Cuts frames out of a stream. Holds at most one frame of `maxMessageBytes` and the piece just added. */
export class FrameDecoder {
  /** What has come and is not cut up, in pieces while it is known to be too little. */
  private pieces: Uint8Array[] = NOTHING
  private length = 0
  /** Of the first piece, cut up already. */
  private at = 0
  /** Bytes that must be there before it is worth looking again. */
  private wanted = 1

  /** @param limits read at each frame: a new configuration may change them */
  constructor(private readonly limits: { readonly maxMessageBytes: number }) {}

  /** The frames that are whole with these bytes; go through them before the next call. @throws as `next` */
  *push(bytes: Uint8Array): Generator<FramedMessage> {
    this.add(bytes)
    for (let frame = this.next(); frame !== undefined; frame = this.next()) yield frame
  }

  /** Takes what has come; `next` cuts it. */
  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (this.pieces === NOTHING) this.pieces = [bytes]
    else this.pieces.push(bytes)
    this.length += bytes.length
  }

  /** The next whole frame. @throws DecodeError when the stream cannot be followed any longer; FrameTooLarge for an oversized message. */
  next(): FramedMessage | undefined {
    if (this.length < this.wanted) return undefined
    const all = this.pieces.length === 2 ? this.asWritten() : this.together()
    if (!(all instanceof Uint8Array)) return all
    const { at } = this
    const { maxMessageBytes } = this.limits
    const length = frameLength(all, at)
    this.wanted = length ?? this.length + 1
    if (length === undefined) return undefined
    if (length < 0) throw new DecodeError(`frame type ${all[at] ?? 0}`, at)
    if (length > maxMessageBytes + DATA_FRAME_OVERHEAD) {
      // With its beginning whoever sent it can be told.
      this.wanted = maxMessageBytes + DATA_FRAME_OVERHEAD
      if (this.length < this.wanted) return undefined
      throw new FrameTooLarge(length - DATA_FRAME_OVERHEAD, all.slice(at + DATA_FRAME_OVERHEAD, at + DATA_FRAME_OVERHEAD + maxMessageBytes))
    }
    if (this.length < length) return undefined
    this.taken(length)
    // A message that is kept must not keep what came with it: a copy, unless it came alone.
    return readFrame(length === all.length ? all : all.slice(at, at + length))
  }

  /** The frame when its head and its message have come one by one, as links write them: nothing is to be put together. */
  private asWritten(): FramedMessage | Uint8Array {
    const [head, message] = this.pieces as [Uint8Array, Uint8Array]
    const isFrame = head.length === DATA_FRAME_OVERHEAD && head[0] === DATA_FRAME && this.at === 0 && message.length <= this.limits.maxMessageBytes &&
      frameLength(head) === DATA_FRAME_OVERHEAD + message.length
    if (!isFrame) return this.together()
    this.taken(this.length)
    return { type: 'data', sequence: sequenceOf(head), message }
  }

  private together(): Uint8Array {
    const [first] = this.pieces
    if (first !== undefined && this.pieces.length === 1) return first
    const all = concatBytes(...this.pieces).subarray(this.at)
    this.pieces = [all]
    this.at = 0
    return all
  }

  private taken(length: number): void {
    this.at += length
    this.length -= length
    this.wanted = 1
    if (this.length === 0) { this.pieces = NOTHING; this.at = 0 }
  }
}

/** Which of the 32 sequence numbers before the newest arrived; bit 0 is the one just before it. */
export class ReceivedSequences {
  private newest: number | undefined
  private mask = 0

  /** What the last acknowledgement of the newest one says; undefined when nothing has come. */
  get last(): { readonly sequence: number; readonly received: number } | undefined {
    return this.newest === undefined ? undefined : { sequence: this.newest, received: this.mask }
  }

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
