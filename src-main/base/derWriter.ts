/** Writes DER (X.690): values are made inside out, each a whole element of bytes. What is written, `der` reads. */
import { concatBytes, utf8Bytes } from './bytes.ts'
import { invariant } from './errors.ts'
import { formatRfc3339 } from './rfc3339.ts'

/** One element: identifier byte, length, contents. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, part) => sum + part.length, 0)
  invariant(length < 0x1000000, 'a DER element is shorter than 16 MiB')
  const head = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length]
    : length < 0x10000 ? [tag, 0x82, length >> 8, length & 0xff] : [tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff]
  return concatBytes(Uint8Array.from(head), ...contents)
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => element(0x30, ...parts)
export const set = (...parts: readonly Uint8Array[]): Uint8Array => element(0x31, ...parts)
/** @param contents the OID's DER contents */
export const objectId = (contents: readonly number[]): Uint8Array => element(0x06, Uint8Array.from(contents))
export const octetString = (...parts: readonly Uint8Array[]): Uint8Array => element(0x04, ...parts)
/** Whole bytes: no bit of the last one is unused. */
export const bitString = (bytes: Uint8Array): Uint8Array => element(0x03, Uint8Array.of(0), bytes)
export const boolean = (value: boolean): Uint8Array => element(0x01, Uint8Array.of(value ? 0xff : 0))
export const nothing = (): Uint8Array => element(0x05)
export const utf8String = (text: string): Uint8Array => element(0x0c, utf8Bytes(text))

/** A positive INTEGER of these bytes, the most significant first. */
export function integer(bytes: Uint8Array): Uint8Array {
  const from = bytes.findIndex((byte) => byte !== 0)
  const short = from < 0 ? Uint8Array.of(0) : bytes.subarray(from)
  return element(0x02, ...((short[0] ?? 0) >= 0x80 ? [Uint8Array.of(0)] : []), short)
}

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). @param ms since 1970 */
export function time(ms: number): Uint8Array {
  const text = formatRfc3339(ms).replace(/[-:T]/g, '')
  return text < '1950' || text >= '2050' ? element(0x18, utf8Bytes(text)) : element(0x17, utf8Bytes(text.slice(2)))
}
