/**
 * Bounds-checked reading and writing of big-endian bytes, and the few helpers everybody needs for byte strings.
 * Readers hand out views (subarrays), not copies: whoever keeps bytes longer than the message copies them.
 */
import { DecodeError, invariant, InvariantError } from './errors.ts'

/** The number that stands in two bytes, or in four, from `at` on: without a DataView, whose making costs more than reading. */
export function readU16(bytes: Uint8Array, at: number): number { return ((bytes[at] as number) << 8) | (bytes[at + 1] as number) }
export function readU32(bytes: Uint8Array, at: number): number { return (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0 }
export function readU64(bytes: Uint8Array, at: number): bigint { return viewOf(bytes).getBigUint64(at) }

/** These bytes, for numbers in them. */
export function viewOf(bytes: Uint8Array): DataView { return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) }

/** Reads a slice of a buffer; every read past its end throws DecodeError. */
export class ByteReader {
  private at: number

  constructor(private readonly source: Uint8Array, start = 0, private readonly end = source.length) {
    invariant(start >= 0 && start <= end && end <= source.length, 'reader bounds lie outside of the buffer')
    this.at = start
  }

  /** Absolute position in the buffer. */
  get offset(): number { return this.at }
  get remaining(): number { return this.end - this.at }

  u8(): number { return this.source[this.take(1)] as number }
  u16(): number { return readU16(this.source, this.take(2)) }
  u24(): number { const i = this.take(3); return readU16(this.source, i) * 0x100 + (this.source[i + 2] as number) }
  u32(): number { return readU32(this.source, this.take(4)) }
  u64(): bigint { return readU64(this.source, this.take(8)) }
  bytes(length: number): Uint8Array { const i = this.take(length); return this.source.subarray(i, i + length) }
  rest(): Uint8Array { return this.bytes(this.remaining) }
  /** The next byte without taking it. */
  peek(): number { if (this.at >= this.end) this.fail('ends early'); return this.source[this.at] as number }
  /** A reader bounded to the next `length` bytes, which this reader skips. */
  sub(length: number): ByteReader { const i = this.take(length); return new ByteReader(this.source, i, i + length) }
  /** The bytes between an earlier `offset` of this reader and now. */
  since(offset: number): Uint8Array { return this.source.subarray(offset, this.at) }

  /** Leftover bytes in a structure whose length is known are an error (RFC 6940 §6.3.1). */
  expectEnd(what: string): void { if (this.at !== this.end) this.fail(`${this.end - this.at} bytes left over after ${what}`) }
  fail(what: string): never { throw new DecodeError(what, this.at) }

  private take(length: number): number {
    if (length > this.end - this.at) this.fail('ends early')
    const i = this.at
    this.at += length
    return i
  }
}

/** Buffers of finished writers, for the next ones: large enough for a message, and copied out of at its exact size. */
const POOLED_BYTES = 8192
const MAX_POOLED = 16
interface Space { readonly buffer: Uint8Array; readonly view: DataView }
const pool: Space[] = []
const nothing = spaceOf(0)

function spaceOf(capacity: number): Space {
  const buffer = new Uint8Array(capacity)
  return { buffer, view: new DataView(buffer.buffer) }
}

/** What `finishShared` gives parts of: memory outside of the heap costs several times as much to allocate and to free as to write. */
const SHARED_BYTES = 16_384
/** So little is kept on the heap anyway. */
const ON_HEAP_BYTES = 64
let shared = new Uint8Array(SHARED_BYTES)
let sharedAt = 0

/** Appends to a growing buffer. A value that does not fit its field is a bug of the caller. */
export class ByteWriter {
  private space: Space
  private length = 0

  constructor(capacity = 256) {
    this.space = (capacity <= POOLED_BYTES ? pool.pop() : undefined) ?? spaceOf(Math.max(capacity, POOLED_BYTES))
  }

  get offset(): number { return this.length }

  u8(value: number): this { const i = this.room(1, value, 0xff); this.space.buffer[i] = value; return this }
  u16(value: number): this { const i = this.room(2, value, 0xffff); this.space.view.setUint16(i, value); return this }
  u24(value: number): this { const i = this.room(3, value, 0xffffff); this.space.view.setUint16(i, value >>> 8); this.space.buffer[i + 2] = value; return this }
  u32(value: number): this { const i = this.room(4, value, 0xffffffff); this.space.view.setUint32(i, value); return this }
  u64(value: bigint): this {
    invariant(value >= 0n && value <= 0xffff_ffff_ffff_ffffn, 'value does not fit 64 bits')
    const i = this.grow(8)
    this.space.view.setBigUint64(i, value)
    return this
  }

  bytes(value: Uint8Array): this { const i = this.grow(value.length); this.space.buffer.set(value, i); return this }

  /** Writes a length of `lengthBytes` bytes followed by what `body` writes. */
  prefixed(lengthBytes: 1 | 2 | 3 | 4, body: (writer: ByteWriter) => void): this {
    const at = this.grow(lengthBytes)
    body(this)
    const length = this.length - at - lengthBytes
    if (length >= 2 ** (8 * lengthBytes)) throw new InvariantError(`${length} bytes do not fit a vector with a ${lengthBytes}-byte length`)
    const { buffer, view } = this.space
    switch (lengthBytes) {
      case 1: buffer[at] = length; break
      case 2: view.setUint16(at, length); break
      case 3: view.setUint16(at, length >>> 8); buffer[at + 2] = length & 0xff; break
      case 4: view.setUint32(at, length)
    }
    return this
  }

  patchU8(offset: number, value: number): this { this.space.view.setUint8(offset, value); return this }
  patchU16(offset: number, value: number): this { this.space.view.setUint16(offset, value); return this }
  patchU32(offset: number, value: number): this { this.space.view.setUint32(offset, value); return this }

  /** What was written so far; the writer is not to be used afterwards. */
  finish(): Uint8Array {
    const out = this.space.buffer.slice(0, this.length)
    this.release()
    return out
  }

  /** As `finish`, in a block that others have parts of too, and that is kept for as long as any of them: for messages, which do not live long. */
  finishShared(): Uint8Array {
    if (this.length <= ON_HEAP_BYTES || this.length > SHARED_BYTES / 4) return this.finish()
    if (sharedAt + this.length > SHARED_BYTES) { shared = new Uint8Array(SHARED_BYTES); sharedAt = 0 }
    const out = shared.subarray(sharedAt, sharedAt + this.length)
    sharedAt += this.length
    out.set(this.space.buffer.subarray(0, this.length))
    this.release()
    return out
  }

  /** As `finish`, without a copy: `use` gets the bytes for the time of its call only, and may not keep them. */
  lend<T>(use: (bytes: Uint8Array) => T): T {
    try {
      return use(this.space.buffer.subarray(0, this.length))
    } finally {
      this.release()
    }
  }

  private release(): void {
    if (this.space.buffer.length === POOLED_BYTES && pool.length < MAX_POOLED) pool.push(this.space)
    this.space = nothing
  }

  private room(size: number, value: number, max: number): number {
    // Not `invariant`: its text would be made each time.
    if (!(Number.isInteger(value) && value >= 0 && value <= max)) throw new InvariantError(`${value} does not fit ${size} bytes`)
    return this.grow(size)
  }

  private grow(size: number): number {
    const at = this.length
    this.length += size
    if (this.length > this.space.buffer.length) {
      const bigger = spaceOf(Math.max(this.length, this.space.buffer.length * 2))
      bigger.buffer.set(this.space.buffer)
      this.space = bigger
    }
    return at
  }
}

const hexDigits = Uint8Array.from('0123456789abcdef', (c) => c.charCodeAt(0))
/** Arguments of one call are bounded. */
const HEX_PIECE = 2048

/** Lower-case hexadecimal; also the key of byte strings in maps, and so made often: one string, not many joined. */
export function toHex(bytes: Uint8Array): string {
  if (bytes.length === 16) return toHex16(bytes)
  if (bytes.length > HEX_PIECE) return toHex(bytes.subarray(0, HEX_PIECE)) + toHex(bytes.subarray(HEX_PIECE))
  const codes = new Array<number>(2 * bytes.length)
  for (let i = 0; i < bytes.length; i++) {
    const b = bytes[i] as number
    codes[2 * i] = hexDigits[b >>> 4] as number
    codes[2 * i + 1] = hexDigits[b & 15] as number
  }
  return String.fromCharCode.apply(null, codes)
}

/** Of a Node-ID, which most keys are: without a list in between. */
function toHex16(b: Uint8Array): string {
  const high = (i: number): number => hexDigits[(b[i] as number) >>> 4] as number
  const low = (i: number): number => hexDigits[(b[i] as number) & 15] as number
  return String.fromCharCode(
    high(0), low(0), high(1), low(1), high(2), low(2), high(3), low(3), high(4), low(4), high(5), low(5), high(6), low(6), high(7), low(7),
    high(8), low(8), high(9), low(9), high(10), low(10), high(11), low(11), high(12), low(12), high(13), low(13), high(14), low(14), high(15), low(15),
  )
}

/** A key of byte strings in maps that are asked for each message: not to be read, and made in a quarter of the time of `toHex`. */
export function mapKey(b: Uint8Array): string {
  switch (b.length) {
    case 16: return String.fromCharCode(readU16(b, 0), readU16(b, 2), readU16(b, 4), readU16(b, 6), readU16(b, 8), readU16(b, 10), readU16(b, 12), readU16(b, 14))
    case 32: return String.fromCharCode(
      readU16(b, 0), readU16(b, 2), readU16(b, 4), readU16(b, 6), readU16(b, 8), readU16(b, 10), readU16(b, 12), readU16(b, 14),
      readU16(b, 16), readU16(b, 18), readU16(b, 20), readU16(b, 22), readU16(b, 24), readU16(b, 26), readU16(b, 28), readU16(b, 30),
    )
    // Longer than those, whatever the bytes.
    default: return `of another length: ${toHex(b)}`
  }
}

/** @throws DecodeError when the text is not an even number of hexadecimal digits of either case. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw new DecodeError('not hexadecimal')
  const out = new Uint8Array(text.length / 2)
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return out
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let i = 0
  // A certificate is compared with each message: four bytes at a time.
  for (const end = a.length - 3; i < end; i += 4) if (readU32(a, i) !== readU32(b, i)) return false
  for (; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Unsigned lexicographic order: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) {
    const d = (a[i] as number) - (b[i] as number)
    if (d !== 0) return d
  }
  return a.length - b.length
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let at = 0
  for (const part of parts) { out.set(part, at); at += part.length }
  return out
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function utf8Bytes(text: string): Uint8Array { return encoder.encode(text) }

/** @throws DecodeError when the bytes are not UTF-8. */
export function utf8Text(bytes: Uint8Array, offset = -1): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new DecodeError('not UTF-8', offset)
  }
}

const base64Digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** RFC 4648 §4, padded. */
export function toBase64(bytes: Uint8Array): string {
  let out = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const word = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    const digits = [word >>> 18, (word >>> 12) & 63, (word >>> 6) & 63, word & 63].map((d) => base64Digits[d]).join('')
    out += i + 1 >= bytes.length ? `${digits.slice(0, 2)}==` : i + 2 >= bytes.length ? `${digits.slice(0, 3)}=` : digits
  }
  return out
}

/** Ignores white space. @throws DecodeError on anything else that is not RFC 4648 §4. */
export function fromBase64(text: string): Uint8Array {
  const compact = text.replace(/[ \t\r\n]+/g, '')
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) throw new DecodeError('not base64')
  const pad = compact.endsWith('==') ? 2 : compact.endsWith('=') ? 1 : 0
  const out = new Uint8Array((compact.length / 4) * 3 - pad)
  for (let i = 0, o = 0; i < compact.length; i += 4) {
    let word = 0
    for (let j = 0; j < 4; j++) {
      const c = compact[i + j] as string
      word = (word << 6) | (c === '=' ? 0 : base64Digits.indexOf(c))
    }
    for (let j = 16; j >= 0 && o < out.length; j -= 8) out[o++] = (word >>> j) & 0xff
  }
  return out
}
