/**
 * The Finger Table of CHORD-RELOAD (RFC 6940 §10.1, §10.7.4.2, §10.7.4.3). Entry i, 1 to 128, of peer n is valid
 * while some routable peer lies in [n + 2^(128-i), n + 2^(129-i) - 1]. Entries nearer than the last successor need
 * no finger: all peers there are neighbours. Which peers there are, `Chord` tells; it holds no state.
 */
import { ID_BYTES } from './ring.ts'

export const FINGERS = 128

/** The entry that `id` fills; 0 for `origin` itself. */
export function entryOf(origin: Uint8Array, id: Uint8Array): number {
  // The distance in words of 32 bits, the lowest first: its highest bit says which.
  let entry = 0, borrow = 0
  for (let at = ID_BYTES - 4; at >= 0; at -= 4) {
    const steps = wordAt(id, at) - wordAt(origin, at) - borrow
    borrow = steps < 0 ? 1 : 0
    if (steps >>> 0 !== 0) entry = 8 * at + Math.clz32(steps) + 1
  }
  return entry
}

function wordAt(id: Uint8Array, at: number): number {
  return (((id[at] as number) << 24) | ((id[at + 1] as number) << 16) | ((id[at + 2] as number) << 8) | (id[at + 3] as number)) >>> 0
}

/** origin + 2^(128-entry): where the search for a first finger goes (RFC 6940 §10.5). */
export function entryStart(origin: Uint8Array, entry: number): Uint8Array {
  const steps = new Uint8Array(ID_BYTES)
  steps[(entry - 1) >> 3] = 0x80 >> ((entry - 1) & 7)
  return plus(origin, steps)
}

/** A place in the range of `entry` that `chance`, 16 random bytes, picks (RFC 6940 §10.7.4.2). */
export function entryTarget(origin: Uint8Array, entry: number, chance: Uint8Array): Uint8Array {
  const steps = new Uint8Array(ID_BYTES)
  const first = (entry - 1) >> 3
  for (let i = first; i < ID_BYTES; i++) steps[i] = chance[i] ?? 0
  const bit = 0x80 >> ((entry - 1) & 7)
  steps[first] = ((steps[first] as number) & (bit - 1)) | bit
  return plus(origin, steps)
}

/** Entries that no one of `routable` fills, up to that of the last successor, lowest first. */
export function invalidEntries(origin: Uint8Array, routable: readonly Uint8Array[], lastSuccessor: Uint8Array | undefined): readonly number[] {
  if (lastSuccessor === undefined) return []
  const filled = new Set(routable.map((id) => entryOf(origin, id)))
  const end = entryOf(origin, lastSuccessor)
  const invalid: number[] = []
  for (let entry = 1; entry < end; entry++) if (!filled.has(entry)) invalid.push(entry)
  return invalid
}

function plus(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(ID_BYTES)
  let carry = 0
  for (let i = ID_BYTES - 1; i >= 0; i--) {
    const sum = (a[i] ?? 0) + (b[i] ?? 0) + carry
    out[i] = sum & 0xff
    carry = sum >> 8
  }
  return out
}
