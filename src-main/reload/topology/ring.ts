/**
 * Arithmetic on the Chord ring modulo 2^128 (RFC 6940 §10.1). Node-IDs and Resource-IDs are 16 bytes,
 * big-endian: comparing the bytes is comparing the numbers. What is asked for each message makes no numbers in between.
 */
import { compareBytes } from '../../base/bytes.ts'

export const ID_BYTES = 16

/** Clockwise distance from `from` to `to`: (to − from) mod 2^128. */
export function distance(from: Uint8Array, to: Uint8Array): Uint8Array {
  const out = new Uint8Array(ID_BYTES)
  let borrow = 0
  for (let i = ID_BYTES - 1; i >= 0; i--) {
    const d = (to[i] ?? 0) - (from[i] ?? 0) - borrow
    borrow = d < 0 ? 1 : 0
    out[i] = d & 0xff
  }
  return out
}

/** Whether `id` lies in the clockwise interval (after, upTo]; the whole ring when both ends are the same. */
export function inRange(after: Uint8Array, id: Uint8Array, upTo: Uint8Array): boolean {
  const span = compareBytes(after, upTo)
  if (span === 0) return true
  const isBehind = compareBytes(after, id) < 0, isWithin = compareBytes(id, upTo) <= 0
  return span < 0 ? isBehind && isWithin : isBehind || isWithin
}

/** Which of `a` and `b` is met first going clockwise from `origin`, itself met at once: negative, zero or positive. */
export function compareClockwise(origin: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  const aIsBehindZero = compareBytes(a, origin) < 0, bIsBehindZero = compareBytes(b, origin) < 0
  if (aIsBehindZero === bIsBehindZero) return compareBytes(a, b)
  return aIsBehindZero ? 1 : -1
}

/** id + 1 mod 2^128: where a joining node looks for its admitting peer (RFC 6940 §10.5). */
export function nextId(id: Uint8Array): Uint8Array {
  const out = id.slice()
  for (let i = ID_BYTES - 1; i >= 0; i--) {
    out[i] = ((out[i] ?? 0) + 1) & 0xff
    if (out[i] !== 0) break
  }
  return out
}

/** Sorted by clockwise distance from `origin`, nearest first. */
export function clockwise(origin: Uint8Array, ids: readonly Uint8Array[]): Uint8Array[] {
  return [...ids].sort((a, b) => compareClockwise(origin, a, b))
}

/** A distance as a part of the whole ring, 0 to 1. */
export function fraction(span: Uint8Array): number {
  let out = 0
  for (let i = 0; i < 8; i++) out += (span[i] ?? 0) / 256 ** (i + 1)
  return out
}
