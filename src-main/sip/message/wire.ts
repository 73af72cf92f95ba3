/**
 * Bytes of messages: finds where a head ends, turns heads into text and back. Small messages are written one behind
 * the other into one block, because making a buffer costs more than printing; nothing in a block is written twice.
 */
import { DecodeError } from '../../base/errors.ts'

const CR = 13, LF = 10
const BLOCK_BYTES = 64 * 1024
const encoder = new TextEncoder()
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

let block = new Uint8Array(BLOCK_BYTES)
let used = 0

/** Offset of the end of the empty line that ends a head, at or after `from`, or -1 while it has not come. */
export function findHeadEnd(bytes: Uint8Array, from: number, to: number = bytes.length): number {
  // looks at each fourth byte only: none of CR LF CR LF can lie between two others
  for (let i = from + 3; i < to;) {
    const c = bytes[i]
    if (c === LF) {
      if (bytes[i - 1] === CR && bytes[i - 2] === LF && bytes[i - 3] === CR) return i + 1
      i += 2
    } else i += c === CR ? 1 : 4
  }
  return -1
}

/** Native to Node, and works on any bytes. */
const { latin1Slice } = Buffer.prototype as unknown as { latin1Slice(this: Uint8Array, start: number, end: number): string }

/** The text of the first `length` bytes. @param ascii it is known to be nothing else. @throws DecodeError when it is not UTF-8 */
export function headText(bytes: Uint8Array, length: number, ascii: boolean): string {
  if (ascii) return latin1Slice.call(bytes, 0, length)
  try { return utf8.decode(bytes.subarray(0, length)) } catch { throw new DecodeError('header fields are not UTF-8') }
}

/** Head and body as bytes, which must not be changed. */
export function joinMessage(head: string, body: Uint8Array): Uint8Array {
  if (head.length * 3 + body.length > BLOCK_BYTES) return concat(encoder.encode(head), body)
  if (used + head.length + body.length > BLOCK_BYTES) newBlock()
  let place = block.subarray(used)
  let { read, written } = encoder.encodeInto(head, place)
  if (read < head.length || written + body.length > place.length) {
    newBlock()
    place = block;
    ({ read, written } = encoder.encodeInto(head, place))
  }
  if (body.length > 0) place.set(body, written)
  const length = written + body.length
  used += length
  return place.subarray(0, length)
}

function newBlock(): void {
  block = new Uint8Array(BLOCK_BYTES)
  used = 0
}

function concat(head: Uint8Array, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(head.length + body.length)
  out.set(head)
  out.set(body, head.length)
  return out
}
