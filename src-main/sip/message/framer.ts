/**
 * Messages from a byte stream (RFC 3261 §18.3): head up to the empty line, body by Content-Length. CRLF pairs between
 * messages are keep-alives (RFC 5626 §3.5.1). A stream on which framing is lost cannot be used further: `push` throws
 * DecodeError and the owner closes it. Messages are read in the bytes that were pushed; only leftovers are copied.
 */
import { DecodeError } from '../../base/errors.ts'
import { EMPTY_BODY, type SipMessage } from './message.ts'
import { contentLength, DEFAULT_LIMITS, type MessageLimits, parseHead } from './parser.ts'
import { findHeadEnd } from './wire.ts'

export interface FramerUser {
  onMessage(message: SipMessage): void
  /** CRLFCRLF: the other side asks for a CRLF back. */
  onPing(): void
}

const CR = 13, LF = 10

export class StreamFramer {
  /** What has come, from `at` to `end`. Bytes before `at` may belong to bodies: they are never written again. */
  private buffer: Uint8Array = EMPTY_BODY
  private at = 0
  private end = 0
  private scanned = 0
  /** Is the buffer ours to write behind `end`? Else it is the bytes that were pushed. */
  private owned = false
  private pending: { readonly message: SipMessage; readonly length: number } | undefined = undefined

  constructor(private readonly user: FramerUser, private readonly limits: MessageLimits = DEFAULT_LIMITS) {}

  /** True while a message has begun and not ended. */
  get partial(): boolean { return this.pending !== undefined || this.end > this.at }

  /**
   * @param bytes not to be changed afterwards: messages keep views of them
   * @throws DecodeError when the stream cannot be followed any longer
   */
  push(bytes: Uint8Array): void {
    this.append(bytes)
    while (this.step());
    if (this.at === this.end) this.forget()
  }

  private step(): boolean {
    if (this.pending !== undefined) {
      const { message, length } = this.pending
      if (this.end - this.at < length) return false
      message.body = length === 0 ? EMPTY_BODY : this.buffer.subarray(this.at, this.at + length)
      this.pending = undefined
      this.consume(length)
      this.user.onMessage(message)
      return this.end > this.at
    }
    if (this.skipKeepAlive()) return this.end > this.at
    const headEnd = findHeadEnd(this.buffer, Math.max(this.at, this.scanned - 3), this.end)
    if (headEnd < 0) {
      if (this.end - this.at > this.limits.maxHeadBytes) throw new DecodeError('header fields too large', this.limits.maxHeadBytes)
      this.scanned = this.end
      return false
    }
    const message = parseHead(this.buffer.subarray(this.at, headEnd), this.limits)
    this.consume(headEnd - this.at)
    const length = contentLength(message)
    if (length !== undefined && length > this.limits.maxBodyBytes) throw new DecodeError('body too large')
    if (length === undefined) {
      // §18.3: mandatory on a stream. The request can still be answered, but where the next message starts is unknown.
      if (message.kind === 'response') throw new DecodeError('response without Content-Length on a stream')
      message.defect ??= { status: 400, reason: 'Bad Request: Content-Length' }
      this.user.onMessage(message)
      throw new DecodeError('request without usable Content-Length on a stream')
    }
    this.pending = { message, length }
    return true
  }

  private skipKeepAlive(): boolean {
    const { buffer, at } = this, used = this.end - at
    if (used < 2 || buffer[at] !== CR || buffer[at + 1] !== LF) return false
    if (used >= 4 && buffer[at + 2] === CR && buffer[at + 3] === LF) {
      this.consume(4)
      this.user.onPing()
    } else if (used === 3 && buffer[at + 2] === CR) return false
    else this.consume(2)
    return true
  }

  private append(bytes: Uint8Array): void {
    if (this.end === this.at) { // nothing is left over: the message is read where it is
      this.buffer = bytes
      this.owned = false
      this.at = this.scanned = 0
      this.end = bytes.length
      return
    }
    const used = this.end - this.at
    if (!this.owned || this.end + bytes.length > this.buffer.length) {
      // twice what is there, so that a message that comes byte by byte is not copied each time; a body's length is known
      const wanted = Math.max((used + bytes.length) * 2, this.pending?.length ?? 0, 1024)
      const grown = Buffer.allocUnsafeSlow(wanted) // not of the pool: bodies keep it
      grown.set(this.buffer.subarray(this.at, this.end))
      this.scanned = Math.max(0, this.scanned - this.at)
      this.buffer = grown
      this.owned = true
      this.at = 0
      this.end = used
    }
    this.buffer.set(bytes, this.end)
    this.end += bytes.length
  }

  private consume(length: number): void {
    this.at += length
    this.scanned = this.at
  }

  private forget(): void {
    this.buffer = EMPTY_BODY
    this.owned = false
    this.at = this.end = this.scanned = 0
  }
}
