/**
 * Messages from a byte stream (RFC 3261 §18.3): head up to the empty line, body by Content-Length. CRLF pairs between
 * messages are keep-alives (RFC 5626 §3.5.1). A stream on which framing is lost cannot be used further: `push` throws
 * DecodeError and the owner closes it.
 */
import { DecodeError } from '../../base/errors.ts'
import { EMPTY_BODY, type SipMessage } from './message.ts'
import { contentLength, DEFAULT_LIMITS, findHeadEnd, type MessageLimits, parseHead } from './parser.ts'

export interface FramerUser {
  onMessage(message: SipMessage): void
  /** CRLFCRLF: the other side asks for a CRLF back. */
  onPing(): void
}

const CR = 13, LF = 10

export class StreamFramer {
  private buffer: Uint8Array = EMPTY_BODY
  private used = 0
  private scanned = 0
  private pending: { readonly message: SipMessage; readonly length: number } | undefined

  constructor(private readonly user: FramerUser, private readonly limits: MessageLimits = DEFAULT_LIMITS) {}

  /** True while a message has begun and not ended. */
  get partial(): boolean { return this.pending !== undefined || this.used > 0 }

  /** @throws DecodeError when the stream cannot be followed any longer */
  push(bytes: Uint8Array): void {
    this.append(bytes)
    while (this.step());
  }

  private step(): boolean {
    if (this.pending !== undefined) {
      const { message, length } = this.pending
      if (this.used < length) return false
      message.body = length === 0 ? EMPTY_BODY : this.buffer.slice(0, length)
      this.pending = undefined
      this.consume(length)
      this.user.onMessage(message)
      return this.used > 0
    }
    if (this.skipKeepAlive()) return this.used > 0
    const view = this.buffer.subarray(0, this.used)
    const end = findHeadEnd(view, Math.max(0, this.scanned - 3))
    if (end < 0) {
      if (this.used > this.limits.maxHeadBytes) throw new DecodeError('header fields too large', this.limits.maxHeadBytes)
      this.scanned = this.used
      return false
    }
    const message = parseHead(view.subarray(0, end), this.limits)
    this.consume(end)
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
    if (this.used < 2 || this.buffer[0] !== CR || this.buffer[1] !== LF) return false
    if (this.used >= 4 && this.buffer[2] === CR && this.buffer[3] === LF) { this.consume(4); this.user.onPing() } else if (this.used === 3 && this.buffer[2] === CR) return false
    else this.consume(2)
    return true
  }

  private append(bytes: Uint8Array): void {
    const need = this.used + bytes.length
    if (need > this.buffer.length) {
      const grown = new Uint8Array(Math.max(need, Math.min(this.buffer.length * 2, 1 << 20), 1024))
      grown.set(this.buffer.subarray(0, this.used))
      this.buffer = grown
    }
    this.buffer.set(bytes, this.used)
    this.used = need
  }

  private consume(length: number): void {
    this.buffer.copyWithin(0, length, this.used)
    this.used -= length
    this.scanned = 0
    if (this.used === 0 && this.buffer.length > 64 * 1024) this.buffer = EMPTY_BODY
  }
}
