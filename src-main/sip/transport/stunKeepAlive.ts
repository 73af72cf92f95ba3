/**
 * STUN on a SIP port (RFC 5626 §8, RFC 5389): phones send Binding Requests over UDP to keep their flow open, and learn
 * from the answer where their packets come from. Only that: no credentials, no other method.
 */
import { parseIpAddress } from '../../base/ipAddress.ts'
import type { HostPort } from './address.ts'

const HEADER_BYTES = 20
const MAGIC_COOKIE = 0x2112a442
const BINDING_REQUEST = 0x0001, BINDING_RESPONSE = 0x0101, BINDING_ERROR_RESPONSE = 0x0111
const ERROR_CODE = 0x0009, UNKNOWN_ATTRIBUTES = 0x000a, XOR_MAPPED_ADDRESS = 0x0020
/** RFC 5389 §18.2: comprehension may be skipped from here on. */
const FIRST_OPTIONAL = 0x8000
/** Known, and of no meaning here: MAPPED-ADDRESS to XOR-MAPPED-ADDRESS of §18.2, and those of ICE. */
const KNOWN = new Set([0x0001, 0x0006, 0x0008, ERROR_CODE, UNKNOWN_ATTRIBUTES, 0x0014, 0x0015, XOR_MAPPED_ADDRESS, 0x0024, 0x0025])

/** No SIP message begins with 0 or 1, and every Binding message does. */
export function isStun(bytes: Uint8Array): boolean { return bytes.length >= HEADER_BYTES && (bytes[0] as number) < 2 }

/** @param from where the request came from. @returns undefined for what is no Binding Request, which is dropped */
export function answerBinding(bytes: Uint8Array, from: HostPort): Uint8Array | undefined {
  if (bytes.length < HEADER_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.getUint16(0) !== BINDING_REQUEST || view.getUint32(4) !== MAGIC_COOKIE || view.getUint16(2) !== bytes.length - HEADER_BYTES || bytes.length % 4 !== 0) return undefined
  const unknown: number[] = []
  for (let at = HEADER_BYTES; at < bytes.length;) {
    const type = view.getUint16(at), next = at + 4 + ((view.getUint16(at + 2) + 3) & ~3)
    if (next > bytes.length) return undefined
    if (type < FIRST_OPTIONAL && !KNOWN.has(type)) unknown.push(type)
    at = next
  }
  return unknown.length === 0 ? respond(bytes, BINDING_RESPONSE, [[XOR_MAPPED_ADDRESS, mappedAddress(bytes, from)]])
    : respond(bytes, BINDING_ERROR_RESPONSE, [[ERROR_CODE, Uint8Array.of(0, 0, 4, 20)], [UNKNOWN_ATTRIBUTES, types(unknown)]])
}

function respond(request: Uint8Array, type: number, attributes: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const length = attributes.reduce((sum, [, value]) => sum + 4 + ((value.length + 3) & ~3), 0)
  const out = new Uint8Array(HEADER_BYTES + length)
  const view = new DataView(out.buffer)
  out.set(request.subarray(0, HEADER_BYTES)) // cookie and transaction ID stay
  view.setUint16(0, type)
  view.setUint16(2, length)
  let at = HEADER_BYTES
  for (const [name, value] of attributes) {
    view.setUint16(at, name)
    view.setUint16(at + 2, value.length)
    out.set(value, at + 4)
    at += 4 + ((value.length + 3) & ~3)
  }
  return out
}

/** RFC 5389 §15.2: port and address, hidden from NATs that rewrite what looks like their own. */
function mappedAddress(request: Uint8Array, { host, port }: HostPort): Uint8Array {
  const address = parseIpAddress(host)
  const out = new Uint8Array(4 + address.length)
  out.set([0, address.length === 4 ? 1 : 2, (port >>> 8) ^ 0x21, (port & 0xff) ^ 0x12])
  // cookie and transaction ID, as far as the address goes
  for (const [i, byte] of address.entries()) out[4 + i] = byte ^ (request[4 + i] as number)
  return out
}

function types(list: readonly number[]): Uint8Array {
  const out = new Uint8Array(list.length * 2)
  const view = new DataView(out.buffer)
  for (const [i, type] of list.entries()) view.setUint16(2 * i, type)
  return out
}
