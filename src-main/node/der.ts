/**
 * A bounds-checked reader of the few DER structures (X.690) that node:crypto does not hand out: the extensions of
 * a certificate. Every length is checked against its parent, so hostile bytes can only raise DecodeError.
 */
import { DecodeError } from '../base/errors.ts'

export interface DerElement {
  /** Identifier byte: class, constructed bit and tag number (low-tag form only). */
  readonly tag: number
  /** Contents without identifier and length. */
  readonly body: Uint8Array
  /** Offset of the first byte after the element, in the array it was read from. */
  readonly end: number
}

/** @throws DecodeError when no whole element stands at `at`. */
export function readElement(bytes: Uint8Array, at: number): DerElement {
  const tag = bytes[at], first = bytes[at + 1]
  if (tag === undefined || first === undefined) throw new DecodeError('DER element cut short', at)
  if ((tag & 0x1f) === 0x1f) throw new DecodeError('DER high tag number', at)
  let length = first, start = at + 2
  if (first >= 0x80) {
    const count = first & 0x7f
    if (count === 0 || count > 3) throw new DecodeError('DER length', at + 1)
    length = 0
    for (let i = 0; i < count; i++) {
      const byte = bytes[start++]
      if (byte === undefined) throw new DecodeError('DER length cut short', at + 1)
      length = length * 256 + byte
    }
  }
  if (start + length > bytes.length) throw new DecodeError('DER element longer than its parent', at)
  return { tag, body: bytes.subarray(start, start + length), end: start + length }
}

/** Elements of a constructed value. @throws DecodeError when there are more than `limit`. */
export function readElements(body: Uint8Array, limit = 1000): DerElement[] {
  const elements: DerElement[] = []
  for (let at = 0; at < body.length;) {
    if (elements.length === limit) throw new DecodeError('too many DER elements', at)
    const element = readElement(body, at)
    elements.push(element)
    at = element.end
  }
  return elements
}

const same = (a: Uint8Array, b: readonly number[]): boolean => a.length === b.length && b.every((byte, i) => a[i] === byte)

/** The value of one extension of an X.509 certificate (RFC 5280 §4.1.2.9), by the DER contents of its OID. */
export function certificateExtension(certificate: Uint8Array, oid: readonly number[]): Uint8Array | undefined {
  const outer = readElement(certificate, 0)
  if (outer.tag !== 0x30 || outer.end !== certificate.length) throw new DecodeError('not one certificate', outer.end)
  const tbs = readElement(outer.body, 0)
  if (tbs.tag !== 0x30) throw new DecodeError('no TBSCertificate', 0)
  const wrapper = readElements(tbs.body, 16).find((element) => element.tag === 0xa3)
  if (wrapper === undefined) return undefined
  const list = readElement(wrapper.body, 0)
  if (list.tag !== 0x30) throw new DecodeError('extensions are no SEQUENCE')
  for (const extension of readElements(list.body, 100)) {
    const parts = readElements(extension.body, 3)
    const id = parts[0], value = parts.at(-1)
    if (id?.tag === 0x06 && same(id.body, oid)) {
      if (value?.tag !== 0x04) throw new DecodeError('extension without value')
      return value.body
    }
  }
  return undefined
}
