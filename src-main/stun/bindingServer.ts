/**
 * Answers STUN Binding Requests (RFC 5389 §7.3.1, §10.3 left out: no credentials), as a SIP port does for phones that keep
 * their flow open by them (RFC 5626 §8). Messages are read and written by the package `stun`, behind this file only.
 */
import stun, { type StunMessage } from 'stun'
import { isIpAddress } from '../base/ipAddress.ts'

const { STUN_BINDING_REQUEST, STUN_BINDING_RESPONSE, STUN_BINDING_ERROR_RESPONSE } = stun.constants

const HEADER_BYTES = 20
/** RFC 5389 §18.2: comprehension may be skipped from here on. */
const FIRST_OPTIONAL = 0x8000
/** Known, and of no meaning here: MAPPED-ADDRESS to XOR-MAPPED-ADDRESS of §18.2, and those of ICE. */
const KNOWN = new Set([0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014, 0x0015, 0x0020, 0x0024, 0x0025])

/** Where STUN shares a port: no message of SIP begins with 0 or 1, and every Binding message does (RFC 5626 §8). */
export function isStun(bytes: Uint8Array): boolean { return bytes.length >= HEADER_BYTES && (bytes[0] as number) < 2 }

/** @param from where the request came from, an address literal. @returns undefined for what is no Binding Request, which is dropped */
export function answerBinding(bytes: Uint8Array, from: { readonly host: string; readonly port: number }): Uint8Array | undefined {
  const request = readRequest(bytes)
  if (request === undefined || !isIpAddress(from.host)) return undefined
  const unknown = [...request].map(({ type }) => type).filter((type) => type < FIRST_OPTIONAL && !KNOWN.has(type))
  const answer = stun.createMessage(unknown.length === 0 ? STUN_BINDING_RESPONSE : STUN_BINDING_ERROR_RESPONSE, request.transactionId)
  if (unknown.length === 0) answer.addXorAddress(from.host, from.port)
  else {
    answer.addError(420, 'Unknown Attribute')
    answer.addUnknownAttributes(unknown)
  }
  return new Uint8Array(stun.encode(answer))
}

function readRequest(bytes: Uint8Array): StunMessage | undefined {
  // The package reads attributes to the length that the header tells, whatever has come.
  if (!isStun(bytes) || bytes.length % 4 !== 0 || ((bytes[2] as number) << 8 | (bytes[3] as number)) !== bytes.length - HEADER_BYTES) return undefined
  try {
    const message = stun.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    return message.type === STUN_BINDING_REQUEST && !message.isLegacy() ? message : undefined
  } catch { return undefined }
}
