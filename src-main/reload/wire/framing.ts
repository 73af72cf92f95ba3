/** The Framing Header of every overlay link (RFC 6940 §6.6.2). */
import { readU32 } from '../../base/bytes.ts'
import { decode, enumeration, len24, opaque, select, struct, u8, u32, type Infer } from '../../base/presentation.ts'

export const DATA_FRAME = 128
export const ACK_FRAME = 129

export const framedMessage = select('type', enumeration(u8, { data: DATA_FRAME, ack: ACK_FRAME }), {
  data: struct({ sequence: u32, message: opaque(len24) }),
  /** `received`: the least significant bit is ack_sequence − 1, the most significant ack_sequence − 32. */
  ack: struct({ ackSequence: u32, received: u32 }),
})
export type FramedMessage = Infer<typeof framedMessage>

export const DATA_FRAME_OVERHEAD = 8
export const ACK_FRAME_LENGTH = 9

/** @throws DecodeError unless `bytes` are one frame */
export function readFrame(bytes: Uint8Array): FramedMessage {
  // Half of all frames are these.
  if (bytes.length === ACK_FRAME_LENGTH && bytes[0] === ACK_FRAME) return { type: 'ack', ackSequence: readU32(bytes, 1), received: readU32(bytes, 5) }
  return decode(framedMessage, bytes, 'the frame')
}

/** Of a data frame. */
export function sequenceOf(head: Uint8Array): number { return readU32(head, 1) }

/**
 * Bytes of the frame that starts at `offset` of a stream: undefined when too little has come to tell, -1 when the
 * type is wrong, which a stream does not recover from.
 */
export function frameLength(bytes: Uint8Array, offset = 0): number | undefined {
  const type = bytes[offset]
  if (type === undefined) return undefined
  if (type === ACK_FRAME) return ACK_FRAME_LENGTH
  if (type !== DATA_FRAME) return -1
  if (bytes.length - offset < DATA_FRAME_OVERHEAD) return undefined
  return DATA_FRAME_OVERHEAD + ((bytes[offset + 5] as number) << 16 | (bytes[offset + 6] as number) << 8 | (bytes[offset + 7] as number))
}
