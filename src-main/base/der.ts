/**
 * A bounds-checked reader of DER (X.690) and of the parts of a certificate that node:crypto does not hand out or makes
 * slowly. Every length is checked against its parent, so hostile bytes can only raise DecodeError.
 */
import { DecodeError } from './errors.ts'
import { parseRfc3339 } from './rfc3339.ts'

export interface DerElement {
  /** Identifier byte: class, constructed bit and tag number (low-tag form only). */
  readonly tag: number
  /** Contents without identifier and length. */
  readonly body: Uint8Array
  /** The element as it stands, identifier and length included. */
  readonly whole: Uint8Array
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
  return { tag, body: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length), end: start + length }
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

/** Whether the bytes are these, such as the contents of an OID. */
export const same = (a: Uint8Array, b: readonly number[]): boolean => a.length === b.length && b.every((byte, i) => a[i] === byte)

/** The parts of a certificate, each as its element stands there (RFC 5280 §4.1). */
export interface CertificateParts {
  readonly serialNumber: DerElement
  readonly issuer: DerElement
  readonly validity: DerElement
  readonly subject: DerElement
  /** SubjectPublicKeyInfo */
  readonly publicKeyInfo: DerElement
  readonly extensions: DerElement | undefined
}

/** @throws DecodeError when this is not the form of one certificate */
export function certificateParts(certificate: Uint8Array): CertificateParts {
  const outer = readElement(certificate, 0)
  if (outer.tag !== 0x30 || outer.end !== certificate.length) throw new DecodeError('not one certificate', outer.end)
  const tbs = readElement(outer.body, 0)
  if (tbs.tag !== 0x30) throw new DecodeError('no TBSCertificate', 0)
  const all = readElements(tbs.body, 16)
  const versioned = all[0]?.tag === 0xa0
  const [serialNumber, , issuer, validity, subject, publicKeyInfo, ...more] = versioned ? all.slice(1) : all
  if (serialNumber?.tag !== 0x02 || issuer?.tag !== 0x30 || validity?.tag !== 0x30 || subject?.tag !== 0x30 || publicKeyInfo?.tag !== 0x30) {
    throw new DecodeError('TBSCertificate')
  }
  return { serialNumber, issuer, validity, subject, publicKeyInfo, extensions: more.find((element) => element.tag === 0xa3) }
}

/** The value of one extension (RFC 5280 §4.1.2.9), by the DER contents of its OID. */
export function extensionValue({ extensions }: Pick<CertificateParts, 'extensions'>, oid: readonly number[]): Uint8Array | undefined {
  if (extensions === undefined) return undefined
  const list = readElement(extensions.body, 0)
  if (list.tag !== 0x30) throw new DecodeError('extensions are no SEQUENCE')
  return valueIn(list.body, oid)
}

/** The value of the extension of this OID in the contents of an Extensions SEQUENCE. */
export function valueIn(extensions: Uint8Array, oid: readonly number[]): Uint8Array | undefined {
  for (const extension of readElements(extensions, 100)) {
    const parts = readElements(extension.body, 3)
    const id = parts[0], value = parts.at(-1)
    if (id?.tag === 0x06 && same(id.body, oid)) {
      if (value?.tag !== 0x04) throw new DecodeError('extension without value')
      return value.body
    }
  }
  return undefined
}

/** UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 has them: to the second, in UTC. Milliseconds since 1970. */
export function readTime({ tag, body }: DerElement): number {
  const pattern = tag === 0x17 ? /^()(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
  const parts = tag === 0x17 || tag === 0x18 ? pattern.exec(String.fromCharCode(...body)) : null
  if (parts === null) throw new DecodeError('time')
  const [, century, year = '', month, day, hour, minute, second] = parts
  return parseRfc3339(`${century === '' ? (year < '50' ? '20' : '19') : century ?? ''}${year}-${month ?? ''}-${day ?? ''}T${hour ?? ''}:${minute ?? ''}:${second ?? ''}Z`)
}

const rsaEncryption = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]
const ecPublicKey = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]

function keyParts(publicKeyInfo: Uint8Array): { readonly algorithm: Uint8Array; readonly bits: Uint8Array } {
  const [algorithm, bits] = readElements(readElement(publicKeyInfo, 0).body, 2)
  const id = algorithm === undefined ? undefined : readElement(algorithm.body, 0)
  if (id?.tag !== 0x06 || bits?.tag !== 0x03 || bits.body[0] !== 0) throw new DecodeError('SubjectPublicKeyInfo')
  return { algorithm: id.body, bits: bits.body.subarray(1) }
}

/** What kind of key a SubjectPublicKeyInfo has (RFC 3279 §2.3, RFC 5480 §2.1). @throws DecodeError */
export function keyTypeOf(publicKeyInfo: Uint8Array): 'rsa' | 'ec' | 'other' {
  const { algorithm } = keyParts(publicKeyInfo)
  return same(algorithm, rsaEncryption) ? 'rsa' : same(algorithm, ecPublicKey) ? 'ec' : 'other'
}

/** The key alone, without what says how to read it. @throws DecodeError */
export function publicKeyBits(publicKeyInfo: Uint8Array): Uint8Array { return keyParts(publicKeyInfo).bits }
