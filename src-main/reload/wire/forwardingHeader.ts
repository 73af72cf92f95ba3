/**
 * The Forwarding Header (RFC 6940 §6.3.2), by hand because it is read and rewritten at each hop. Routers look at
 * fields in place and make the outgoing copy with `rewriteHeader`; nothing behind the header is decoded.
 * Version, overlay, TTL and sequence are the router's to judge (`headerProblem`), the rest is checked here.
 */
import { ByteReader, ByteWriter, readU16, readU32, readU64 } from '../../base/bytes.ts'
import { DecodeError, invariant } from '../../base/errors.ts'
import { opaque, len16, readAll, struct, u8, type Infer } from '../../base/presentation.ts'
import { RELO_TOKEN, RELOAD_VERSION } from './constants.ts'
import { destination, type Destination } from './destination.ts'

/** Bytes in front of the lists. */
export const FIXED_HEADER_LENGTH = 38
/** Lists may grow by as much before a copy needs a larger buffer. */
const ROOM_FOR_LISTS = 256
const LAST_FRAGMENT = 0x40000000
const FRAGMENT_BIT = 0x80000000

/** §6.3.2.3; `value` is the option's, by type. */
export const forwardingOption = struct({ type: u8, flags: u8, value: opaque(len16) })
export type ForwardingOption = Infer<typeof forwardingOption>
/** As in most messages. */
const NO_OPTIONS: readonly ForwardingOption[] = []

export interface ForwardingHeader {
  readonly overlay: number
  readonly configurationSequence: number
  readonly version: number
  readonly ttl: number
  /** Offset counts bytes after the header; a whole message is the last fragment at offset 0. */
  readonly fragment: { readonly offset: number, readonly last: boolean }
  /** Of the whole message or fragment, header included. Written by the encoder. */
  readonly length: number
  readonly transactionId: bigint
  readonly maxResponseLength: number
  readonly viaList: readonly Destination[]
  readonly destinationList: readonly Destination[]
  readonly options: readonly ForwardingOption[]
}

/** A header to be sent; what is not given is zero, empty, or what a whole message needs. */
export type HeaderFields = Pick<ForwardingHeader, 'overlay' | 'configurationSequence' | 'ttl' | 'transactionId' | 'destinationList'>
  & Partial<Omit<ForwardingHeader, 'length'>>

/** Fields read in place, without the lists. @throws DecodeError when the bytes are no RELOAD message */
export class HeaderView {
  /** Bytes of the header with its lists: where the message contents start. */
  readonly headerLength: number

  constructor(readonly bytes: Uint8Array) {
    if (bytes.length < FIXED_HEADER_LENGTH) throw new DecodeError('the forwarding header ends early', bytes.length)
    if (readU32(bytes, 0) !== RELO_TOKEN) throw new DecodeError('relo_token is wrong', 0)
    if ((readU32(bytes, 12) & FRAGMENT_BIT) === 0) throw new DecodeError('the top bit of fragment is clear', 12)
    if (this.length !== bytes.length) throw new DecodeError(`length says ${this.length}, there are ${bytes.length} bytes`, 16)
    this.headerLength = FIXED_HEADER_LENGTH + readU16(bytes, 32) + readU16(bytes, 34) + readU16(bytes, 36)
    if (this.headerLength > bytes.length) throw new DecodeError('the lists of the forwarding header end early', 32)
  }

  get overlay(): number { return readU32(this.bytes, 4) }
  get configurationSequence(): number { return readU16(this.bytes, 8) }
  get version(): number { return this.bytes[10] as number }
  get ttl(): number { return this.bytes[11] as number }
  get fragment(): { readonly offset: number, readonly last: boolean } {
    const field = readU32(this.bytes, 12)
    return { offset: field & 0xffffff, last: (field & LAST_FRAGMENT) !== 0 }
  }
  get isWhole(): boolean { return (readU32(this.bytes, 12) & (LAST_FRAGMENT | 0xffffff)) === LAST_FRAGMENT }
  get length(): number { return readU32(this.bytes, 16) }
  get transactionId(): bigint { return readU64(this.bytes, 20) }
  get maxResponseLength(): number { return readU32(this.bytes, 28) }

  /** @throws DecodeError; a resource in a Via List does not parse (§6.3.2.2) */
  viaList(): readonly Destination[] {
    const list = readAll(this.list(32, FIXED_HEADER_LENGTH), destination)
    if (list.some((d) => d.type === 'resource')) throw new DecodeError('a resource in the Via List', FIXED_HEADER_LENGTH)
    return list
  }

  /** @throws DecodeError; a resource stands in the last place only (§6.3.2.2) */
  destinationList(): readonly Destination[] {
    const start = FIXED_HEADER_LENGTH + readU16(this.bytes, 32)
    const list = readAll(this.list(34, start), destination)
    if (list.slice(0, -1).some((d) => d.type === 'resource')) throw new DecodeError('a resource before the end of the Destination List', start)
    return list
  }

  /** The entry a router decides on. @throws DecodeError when there is none */
  firstDestination(): Destination {
    return destination.read(this.list(34, FIXED_HEADER_LENGTH + readU16(this.bytes, 32)))
  }

  /** @throws DecodeError */
  options(): readonly ForwardingOption[] {
    const length = readU16(this.bytes, 36)
    return length === 0 ? NO_OPTIONS : readAll(this.list(36, this.headerLength - length), forwardingOption)
  }

  /** Everything behind the header: the message, or a part of it. */
  get body(): Uint8Array { return this.bytes.subarray(this.headerLength) }

  private list(lengthField: number, start: number): ByteReader {
    return new ByteReader(this.bytes, start, start + readU16(this.bytes, lengthField))
  }
}

/** @throws DecodeError */
export function decodeHeader(bytes: Uint8Array): ForwardingHeader & { readonly headerLength: number } {
  const view = new HeaderView(bytes)
  return {
    overlay: view.overlay, configurationSequence: view.configurationSequence, version: view.version, ttl: view.ttl,
    fragment: view.fragment, length: view.length, transactionId: view.transactionId, maxResponseLength: view.maxResponseLength,
    viaList: view.viaList(), destinationList: view.destinationList(), options: view.options(), headerLength: view.headerLength,
  }
}

/** The header and `body` behind it, with the right `length`. */
export function encodeWithHeader(header: HeaderFields, body: Uint8Array): Uint8Array {
  return encodeBehindHeader(header, body.length + 192, (w) => { w.bytes(body) })
}

/** As `encodeWithHeader`, with a body that is written in place. @param capacity bytes to begin with */
export function encodeBehindHeader(header: HeaderFields, capacity: number, body: (writer: ByteWriter) => void): Uint8Array {
  const w = new ByteWriter(capacity)
  const fragment = header.fragment ?? { offset: 0, last: true }
  invariant(fragment.offset <= 0xffffff, 'a fragment starts past 2^24 bytes')
  w.u32(RELO_TOKEN).u32(header.overlay).u16(header.configurationSequence).u8(header.version ?? RELOAD_VERSION).u8(header.ttl)
  w.u32(FRAGMENT_BIT + (fragment.last ? LAST_FRAGMENT : 0) + fragment.offset).u32(0)
  w.u64(header.transactionId).u32(header.maxResponseLength ?? 0).u16(0).u16(0).u16(0)
  patchLength(w, 32, () => { for (const entry of header.viaList ?? []) destination.write(w, entry) })
  patchLength(w, 34, () => { for (const entry of header.destinationList) destination.write(w, entry) })
  patchLength(w, 36, () => { for (const option of header.options ?? []) forwardingOption.write(w, option) })
  body(w)
  w.patchU32(16, w.offset)
  return w.finishShared()
}

/** The length of what `list` writes goes to `field`. */
function patchLength(w: ByteWriter, field: number, list: () => void): void {
  const start = w.offset
  list()
  invariant(w.offset - start <= 0xffff, 'a list of the forwarding header is too long')
  w.patchU16(field, w.offset - start)
}

/**
 * The copy of a message or fragment that goes to the next hop: another TTL, other lists, the same body, and the
 * right `length`. Lists and options that are not given stay as they are, byte for byte.
 */
export function rewriteHeader(
  bytes: Uint8Array,
  changes: { readonly ttl?: number, readonly viaList?: readonly Destination[], readonly destinationList?: readonly Destination[], readonly options?: readonly ForwardingOption[] },
): Uint8Array {
  const { headerLength } = new HeaderView(bytes)
  const destinationStart = FIXED_HEADER_LENGTH + readU16(bytes, 32)
  const optionStart = destinationStart + readU16(bytes, 34)
  const { viaList, destinationList, options } = changes
  const w = new ByteWriter(bytes.length + ROOM_FOR_LISTS)
  w.bytes(bytes.subarray(0, FIXED_HEADER_LENGTH))
  patchLength(w, 32, () => { if (viaList === undefined) w.bytes(bytes.subarray(FIXED_HEADER_LENGTH, destinationStart)); else for (const entry of viaList) destination.write(w, entry) })
  patchLength(w, 34, () => { if (destinationList === undefined) w.bytes(bytes.subarray(destinationStart, optionStart)); else for (const entry of destinationList) destination.write(w, entry) })
  patchLength(w, 36, () => { if (options === undefined) w.bytes(bytes.subarray(optionStart, headerLength)); else for (const option of options) forwardingOption.write(w, option) })
  w.bytes(bytes.subarray(headerLength)).patchU32(16, w.offset)
  if (changes.ttl !== undefined) w.patchU8(11, changes.ttl)
  return w.finishShared()
}

export type HeaderProblem = 'wrong-overlay' | 'wrong-version' | 'ttl-too-high'

/** What every node checks on receipt (§6.1, §6.3.2); an exhausted TTL matters only to who would forward. */
export function headerProblem(
  header: Pick<ForwardingHeader, 'overlay' | 'version' | 'ttl'>, expected: { readonly overlay: number, readonly initialTtl: number },
): HeaderProblem | undefined {
  if (header.version !== RELOAD_VERSION) return 'wrong-version'
  if (header.overlay !== expected.overlay) return 'wrong-overlay'
  return header.ttl > expected.initialTtl ? 'ttl-too-high' : undefined
}
