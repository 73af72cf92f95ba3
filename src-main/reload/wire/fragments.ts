/**
 * Fragmentation (RFC 6940 §6.7): cutting a message for a link, and joining its parts at the final destination.
 * A set of fragments belongs to one transaction ID; whoever holds sets limits their number and drops them after 15 s.
 */
import { DecodeError } from '../../base/errors.ts'
import { FIXED_HEADER_LENGTH, HeaderView } from './forwardingHeader.ts'

/** Fewer body bytes than this are not worth a fragment. */
export const MIN_FRAGMENT_BODY = 256
export const REASSEMBLY_TIMEOUT_MS = 15_000
const FRAGMENT_BIT = 0x80000000
const LAST_FRAGMENT = 0x40000000

/**
 * Cuts a message, or a fragment of one, into parts of equal size that are no longer than `maxLength` with their
 * headers. Returns it whole when it fits, and when not every part would have 256 bytes of the body: then the network
 * below has to cut it.
 * @throws DecodeError when it is no RELOAD message
 */
export function fragmentMessage(bytes: Uint8Array, maxLength: number): readonly Uint8Array[] {
  const view = new HeaderView(bytes)
  const room = maxLength - view.headerLength
  if (bytes.length <= maxLength || room < MIN_FRAGMENT_BODY) return [bytes]
  const body = view.body
  const count = Math.ceil(body.length / room)
  if (body.length < count * MIN_FRAGMENT_BODY) return [bytes]
  const whole = view.fragment
  const parts: Uint8Array[] = []
  for (let i = 0, at = 0; i < count; i++) {
    const piece = body.subarray(at, Math.floor(((i + 1) * body.length) / count))
    const out = new Uint8Array(view.headerLength + piece.length)
    out.set(bytes.subarray(0, view.headerLength))
    out.set(piece, view.headerLength)
    const last = whole.last && at + piece.length === body.length
    const fields = new DataView(out.buffer)
    fields.setUint32(12, FRAGMENT_BIT + (last ? LAST_FRAGMENT : 0) + whole.offset + at)
    fields.setUint32(16, out.length)
    parts.push(out)
    at += piece.length
  }
  return parts
}

interface Piece { readonly offset: number, readonly bytes: Uint8Array }

/** The parts are more than a message may have. */
export class FragmentsTooLong extends DecodeError {}

/** The parts of one message that have come so far, in whatever cut and order. */
export class FragmentSet {
  private pieces: Piece[] = []
  private total: number | undefined
  private header: Uint8Array | undefined
  private held = 0

  /** @param maxBytes of body; more than that drops the set */
  constructor(private readonly maxBytes: number) {}

  /** The part with the message's beginning, if it has come. */
  get first(): Uint8Array | undefined {
    const beginning = this.pieces.find(({ offset }) => offset === 0)
    if (beginning === undefined || this.header === undefined) return undefined
    const out = new Uint8Array(this.header.length + beginning.bytes.length)
    out.set(this.header)
    out.set(beginning.bytes, this.header.length)
    new DataView(out.buffer).setUint32(16, out.length)
    return out
  }

  /** Bytes of body held. */
  get size(): number { return this.held }

  /**
   * Takes one fragment in; returns the whole message when nothing is missing any more, with the header of the last
   * one to come: that one's lists lead back over the link that it came by.
   * @throws DecodeError when it contradicts what came before or grows too large: the set is then to be dropped
   */
  add(fragment: Uint8Array): Uint8Array | undefined {
    const view = new HeaderView(fragment)
    const { offset, last } = view.fragment
    const end = offset + view.body.length
    if (end > this.maxBytes) throw new FragmentsTooLong('the fragments make too long a message', 12)
    if (last && this.total !== undefined && this.total !== end) throw new DecodeError('two last fragments of different ends', 12)
    if (this.pieces.some((p) => p.offset + p.bytes.length > (last ? end : this.total ?? Infinity)) || (this.total !== undefined && end > this.total)) {
      throw new DecodeError('a fragment past the last one', 12)
    }
    this.insert({ offset, bytes: view.body.slice() })
    if (last) this.total = end
    this.header = fragment.slice(0, view.headerLength)
    return this.join()
  }

  private insert(piece: Piece): void {
    let rest: Piece = piece
    for (const old of this.pieces) {
      const from = Math.max(old.offset, piece.offset)
      const to = Math.min(old.offset + old.bytes.length, piece.offset + piece.bytes.length)
      for (let i = from; i < to; i++) {
        if (old.bytes[i - old.offset] !== piece.bytes[i - piece.offset]) throw new DecodeError('fragments overlap and differ', 12)
      }
      if (to > from && from <= rest.offset && to > rest.offset) {
        const skip = Math.min(to - rest.offset, rest.bytes.length)
        rest = { offset: rest.offset + skip, bytes: rest.bytes.subarray(skip) }
      }
    }
    if (rest.bytes.length === 0) return
    this.pieces.push(rest)
    this.pieces.sort((a, b) => a.offset - b.offset)
    this.held += rest.bytes.length
    if (this.held > 2 * this.maxBytes || this.pieces.length > 1024) throw new DecodeError('too many fragments', 12)
  }

  private join(): Uint8Array | undefined {
    if (this.total === undefined || this.header === undefined) return undefined
    let reached = 0
    for (const piece of this.pieces) {
      if (piece.offset > reached) return undefined
      reached = Math.max(reached, piece.offset + piece.bytes.length)
    }
    if (reached !== this.total) return undefined
    const headerLength = this.header.length
    const out = new Uint8Array(headerLength + this.total)
    out.set(this.header)
    for (const piece of this.pieces) out.set(piece.bytes, headerLength + piece.offset)
    const fields = new DataView(out.buffer)
    fields.setUint32(12, FRAGMENT_BIT + LAST_FRAGMENT)
    fields.setUint32(16, out.length)
    return out
  }
}

/** The shortest link message that can hold a fragment of this message. */
export function minimumFragmentLength(bytes: Uint8Array): number {
  return Math.max(FIXED_HEADER_LENGTH, new HeaderView(bytes).headerLength) + MIN_FRAGMENT_BODY
}
