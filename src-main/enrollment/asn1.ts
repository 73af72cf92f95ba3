/**
 * DER (X.690) of what certificates and requests are made of, encoded by node-forge. Values are made inside out; what
 * exists as DER already (keys, names) is put in as it stands.
 */
import forge from 'node-forge'
import { formatRfc3339 } from '../base/rfc3339.ts'

const { asn1 } = forge
const { Type } = asn1
export type Asn1 = forge.asn1.Asn1

const binary = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
const universal = (type: forge.asn1.Type, value: string | Asn1[]): Asn1 => asn1.create(asn1.Class.UNIVERSAL, type, Array.isArray(value), value)

export const toDer = (value: Asn1): Uint8Array => Uint8Array.from(asn1.toDer(value).getBytes(), (character) => character.charCodeAt(0))
/** What is DER already. */
export const raw = (der: Uint8Array): Asn1 => asn1.fromDer(binary(der))

export const sequence = (...parts: readonly Asn1[]): Asn1 => universal(Type.SEQUENCE, [...parts])
export const set = (...parts: readonly Asn1[]): Asn1 => universal(Type.SET, [...parts])
/** @param dotted such as 2.5.29.17 */
export const objectId = (dotted: string): Asn1 => universal(Type.OID, asn1.oidToDer(dotted).getBytes())
/** Of bytes, or of a value's DER. */
export const octetString = (contents: Uint8Array | Asn1): Asn1 => universal(Type.OCTETSTRING, binary(contents instanceof Uint8Array ? contents : toDer(contents)))
/** @param unused bits of the last byte */
export const bitString = (bytes: Uint8Array, unused = 0): Asn1 => universal(Type.BITSTRING, String.fromCharCode(unused) + binary(bytes))
export const boolean = (value: boolean): Asn1 => universal(Type.BOOLEAN, value ? '\xff' : '\0')
export const nothing = (): Asn1 => universal(Type.NULL, '')
export const utf8String = (text: string): Asn1 => universal(Type.UTF8, forge.util.encodeUtf8(text))
/** @param contents two's complement, in the fewest bytes */
export const integer = (contents: Uint8Array): Asn1 => universal(Type.INTEGER, binary(contents))
/** Context-specific: of bytes, or around other values. */
export const tagged = (tag: number, contents: Uint8Array | readonly Asn1[]): Asn1 => contents instanceof Uint8Array
  ? asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, false, binary(contents)) : asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, true, [...contents])

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). @param ms since 1970 */
export function time(ms: number): Asn1 {
  const text = formatRfc3339(ms).replace(/[-:T]/g, '')
  return text < '1950' || text >= '2050' ? universal(Type.GENERALIZEDTIME, text) : universal(Type.UTCTIME, text.slice(2))
}
