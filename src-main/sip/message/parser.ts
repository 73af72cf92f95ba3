/**
 * Bytes to messages (RFC 3261 §7, §25). Strict about line structure and start lines, lazy about header values. A
 * request whose Via can be read but that must not be served carries a `defect`, so that it can be answered 400 or
 * 505; whatever cannot be answered throws DecodeError. Stream framing is in framer.ts.
 */
import { DecodeError } from '../../base/errors.ts'
import { Headers } from './headers.ts'
import { isDigits, isLws, isToken, isTokenCode, trimLws } from './lexer.ts'
import { EMPTY_BODY, type SipMessage, SipRequest, SipResponse } from './message.ts'
import { parseUri } from './uri.ts'

export interface MessageLimits {
  /** Start line and header fields together. */
  readonly maxHeadBytes: number
  readonly maxBodyBytes: number
  readonly maxHeaders: number
}

export const DEFAULT_LIMITS: MessageLimits = { maxHeadBytes: 32 * 1024, maxBodyBytes: 256 * 1024, maxHeaders: 256 }

const CR = 13, LF = 10
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Offset of the empty line's end after `from`, or -1 while it has not come. */
export function findHeadEnd(bytes: Uint8Array, from: number): number {
  for (let i = bytes.indexOf(LF, from); i >= 0; i = bytes.indexOf(LF, i + 1)) {
    if (i >= 3 && bytes[i - 1] === CR && bytes[i - 2] === LF && bytes[i - 3] === CR) return i + 1
  }
  return -1
}

/** One datagram is one message (§18.3): the body ends with Content-Length or with the datagram. @throws DecodeError */
export function parseDatagram(bytes: Uint8Array, limits: MessageLimits = DEFAULT_LIMITS): SipMessage {
  let start = 0
  while (start + 1 < bytes.length && bytes[start] === CR && bytes[start + 1] === LF) start += 2 // §7.5
  let headEnd = findHeadEnd(bytes, start)
  // where the empty line is missing the datagram's end does as well: nothing can follow it
  if (headEnd < 0 && bytes.length > start + 2 && bytes[bytes.length - 1] === LF && bytes[bytes.length - 2] === CR) headEnd = bytes.length
  if (headEnd < 0) throw new DecodeError('no empty line after the header fields', bytes.length)
  const message = parseHead(bytes.subarray(start, headEnd), limits)
  const available = bytes.length - headEnd
  const length = contentLength(message) ?? available
  if (length > available) fail(message, 'Content-Length is larger than the body')
  message.body = available === 0 ? EMPTY_BODY : bytes.slice(headEnd, headEnd + Math.min(length, available))
  if (message.body.length > limits.maxBodyBytes) fail(message, 'Message Too Large', 513)
  return message
}

/** Start line and header fields up to and with the empty line; the body is the caller's. @throws DecodeError */
export function parseHead(bytes: Uint8Array, limits: MessageLimits = DEFAULT_LIMITS): SipMessage {
  if (bytes.length > limits.maxHeadBytes) throw new DecodeError('header fields too large', limits.maxHeadBytes)
  let text: string
  try { text = utf8.decode(bytes) } catch { throw new DecodeError('header fields are not UTF-8') }
  const lineEnd = text.indexOf('\r\n')
  const message = parseStartLine(text.slice(0, lineEnd))
  parseHeaders(text, lineEnd + 2, message, limits)
  return message
}

function parseStartLine(line: string): SipMessage {
  if (/^sip\/\d+\.\d+ /i.test(line)) return parseStatusLine(line)
  const first = line.indexOf(' ')
  const last = line.trimEnd().lastIndexOf(' ')
  const method = line.slice(0, Math.max(0, first))
  const version = line.slice(last + 1).trim()
  if (!isToken(method) || last <= first || !/^sip\/\d+\.\d+$/i.test(version)) throw new DecodeError('neither a request line nor a status line')
  const requestUri = line.slice(first + 1, last)
  const request = new SipRequest(method, requestUri)
  if (version.toUpperCase() !== 'SIP/2.0') fail(request, 'Version Not Supported', 505)
  else if (/\s/.test(requestUri) || line !== line.trimEnd()) fail(request, 'Bad Request: white space in the request line')
  else checkRequestUri(request)
  return request
}

function checkRequestUri(request: SipRequest): void {
  try {
    const uri = parseUri(request.requestUri)
    if (uri.kind === 'sip' && uri.headers !== undefined) fail(request, 'Bad Request: header fields in the Request-URI')
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    fail(request, `Bad Request: Request-URI, ${error.message}`)
  }
}

function parseStatusLine(line: string): SipResponse {
  if (!/^sip\/2\.0 /i.test(line)) throw new DecodeError('response of another version')
  const space = line.indexOf(' ', 8)
  const status = line.slice(8, space < 0 ? line.length : space)
  if (!isDigits(status) || status.length !== 3 || status < '100' || status > '699') throw new DecodeError('status code', 8)
  return new SipResponse(Number(status), space < 0 ? '' : line.slice(space + 1))
}

function parseHeaders(text: string, i: number, message: SipMessage, limits: MessageLimits): void {
  const headers: Headers = message.headers
  for (;;) {
    let end = text.indexOf('\r\n', i)
    if (end === i || end < 0) return
    let value: string | undefined
    const colon = text.indexOf(':', i)
    let nameEnd = colon
    while (nameEnd > i && isLws(text.charCodeAt(nameEnd - 1))) nameEnd--
    if (colon < 0 || colon > end || nameEnd === i || !allTokens(text, i, nameEnd)) {
      fail(message, 'Bad Request: malformed header line')
      i = end + 2
      continue
    }
    while (isLws(text.charCodeAt(end + 2))) { // folded: the line break and the white space count as one space
      value = `${value ?? trimLws(text.slice(colon + 1, end))} `
      const next = text.indexOf('\r\n', end + 2)
      value += trimLws(text.slice(end + 2, next))
      end = next
    }
    if (headers.size >= limits.maxHeaders) throw new DecodeError('too many header fields', i)
    value = trimLws(value ?? text.slice(colon + 1, end))
    if (value.includes('\n') || value.includes('\r')) fail(message, 'Bad Request: bare line break in a header field')
    headers.append(text.slice(i, nameEnd), value)
    i = end + 2
  }
}

function allTokens(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (!isTokenCode(text.charCodeAt(i))) return false
  return true
}

/** The declared length, undefined when not declared; wrong or contradictory ones are a defect. */
export function contentLength(message: SipMessage): number | undefined {
  const lines = message.headers.getLines('Content-Length')
  const first = lines[0]
  if (first === undefined) return undefined
  if (!isDigits(first) || first.length > 9 || lines.some((line) => line !== first)) {
    fail(message, 'Bad Request: Content-Length')
    return undefined
  }
  return Number(first)
}

/** Requests are marked so that they can be answered; a response that is wrong is dropped (§18.1.2, §8.1.3). */
function fail(message: SipMessage, reason: string, status = 400): void {
  if (message.kind === 'response') throw new DecodeError(reason)
  message.defect ??= { status, reason }
}
