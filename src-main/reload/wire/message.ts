/**
 * A whole RELOAD message (RFC 6940 §6.3): forwarding header, message contents, security block. The body stays
 * bytes; `bodies.ts` reads it by its code. Fragments are joined before they come here (`fragments.ts`).
 */
import { ByteReader, ByteWriter, utf8Bytes } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import { boolean, decode, encode, len16, len32, opaque, struct, u16, u32, vector, type Infer, len8 } from '../../base/presentation.ts'
import { ErrorCode, MessageCode } from './constants.ts'
import { decodeHeader, encodeBehindHeader, type ForwardingHeader, type HeaderFields } from './forwardingHeader.ts'
import { securityBlock, type SecurityBlock } from './signature.ts'
import { storeAns, type StoreAns } from './storage.ts'

/** §6.3.3. */
export const messageExtension = struct({ type: u16, critical: boolean, extensionContents: opaque(len32) })
export type MessageExtension = Infer<typeof messageExtension>

export const messageContents = struct({ messageCode: u16, messageBody: opaque(len32), extensions: vector(len32, messageExtension) })
export type MessageContents = Infer<typeof messageContents>

export interface Message {
  readonly header: ForwardingHeader
  readonly contents: MessageContents
  readonly security: SecurityBlock
  /** Writes overlay ‖ transaction_id ‖ MessageContents, as received: what is signed, up to the SignerIdentity (§6.3.4). */
  readonly signedPart: (writer: ByteWriter) => void
}

/** @throws DecodeError; also for a fragment, which is not a message yet */
export function decodeMessage(bytes: Uint8Array): Message {
  const { headerLength, ...header } = decodeHeader(bytes)
  if (!header.fragment.last || header.fragment.offset !== 0) throw new DecodeError('a fragment, not a whole message', 12)
  const r = new ByteReader(bytes, headerLength)
  const contents = messageContents.read(r)
  const contentsEnd = r.offset
  const security = securityBlock.read(r)
  r.expectEnd('the security block')
  return { header, contents, security, signedPart: (w) => { w.bytes(bytes.subarray(4, 8)).bytes(bytes.subarray(20, 28)).bytes(bytes.subarray(headerLength, contentsEnd)) } }
}

/** The signed part of a message about to be sent: overlay ‖ transaction_id ‖ MessageContents (§6.3.4). */
export function writeSignedPart(w: ByteWriter, header: Pick<ForwardingHeader, 'overlay' | 'transactionId'>, contents: MessageContents): void {
  w.u32(header.overlay).u64(header.transactionId)
  messageContents.write(w, contents)
}

export function encodeMessage(message: { readonly header: HeaderFields, readonly contents: MessageContents, readonly security: SecurityBlock }): Uint8Array {
  return encodeBehindHeader(message.header, message.contents.messageBody.length + 2048, (w) => {
    messageContents.write(w, message.contents)
    securityBlock.write(w, message.security)
  })
}

/** §6.3.3.1. */
export const errorResponse = struct({ errorCode: u16, errorInfo: opaque(len16) })
export type ErrorResponse = Infer<typeof errorResponse>

/** The contents of an error answer. @param info text for people, or the bytes that the code defines */
export function errorContents(errorCode: number, info: string | Uint8Array = ''): MessageContents {
  const errorInfo = typeof info === 'string' ? utf8Bytes(info) : info
  return { messageCode: MessageCode.error, messageBody: encode(errorResponse, { errorCode, errorInfo }), extensions: [] }
}

const kindList = vector(len8, u32)
/** The error_info of Error_Unknown_Kind (§6.3.3.1). */
export function unknownKindInfo(kinds: readonly number[]): Uint8Array { return encode(kindList, kinds) }
/** @throws DecodeError */
export function readUnknownKindInfo(info: Uint8Array): readonly number[] { return decode(kindList, info, 'the list of Kinds') }
/** The error_info of Error_Generation_Counter_Too_Low (§7.4.1.2). @throws DecodeError */
export function readGenerationInfo(response: ErrorResponse): StoreAns | undefined {
  return response.errorCode === ErrorCode.generationCounterTooLow ? decode(storeAns, response.errorInfo, 'the StoreAns') : undefined
}
