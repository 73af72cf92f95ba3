/**
 * Bytes to messages (RFC 3261 §7, §25). Strict about line structure and start lines, lazy about header values. A
 * request whose Via can be read but that must not be served carries a `defect`, so that it can be answered 400 or
 * 505; whatever cannot be answered throws DecodeError. Stream framing is in framer.ts.
 */
import { DecodeError } from '../../base/errors.ts'
import { type HeadScan, MAX_HEAD_BYTES, scanHead, toTextOffsets } from './headScan.ts'
import { HeaderId } from './headerNames.ts'
import { Headers } from './headers.ts'
import { asciiBytes, codesOf, isToken, methodIn, parseNumber, skipToken, SP, standsAt } from './lexer.ts'
import { EMPTY_BODY, type SipMessage, SipRequest, SipResponse } from './message.ts'
import { headText } from './wire.ts'

export interface MessageLimits {
  /** Start line and header fields together; MAX_HEAD_BYTES at most. */
  readonly maxHeadBytes: number
  readonly maxBodyBytes: number
  readonly maxHeaders: number
}

export const DEFAULT_LIMITS: MessageLimits = { maxHeadBytes: 32 * 1024, maxBodyBytes: 256 * 1024, maxHeaders: 256 }

const CR = 13, LF = 10
const STATUS_VERSION = asciiBytes('SIP/2.0 '), REQUEST_VERSION = asciiBytes(' SIP/2.0')

/**
 * One datagram is one message (§18.3): the body ends with Content-Length or with the datagram, of whose bytes it is a
 * view. @throws DecodeError
 */
export function parseDatagram(bytes: Uint8Array, limits: MessageLimits = DEFAULT_LIMITS): SipMessage {
  let start = 0
  while (start + 1 < bytes.length && bytes[start] === CR && bytes[start + 1] === LF) start += 2 // §7.5
  const scan = scanHead(bytes, start, limits.maxHeaders)
  let { headEnd } = scan
  // where the empty line is missing the datagram's end does as well: nothing can follow it
  if (headEnd < 0 && bytes.length > start + 2 && bytes[bytes.length - 1] === LF && bytes[bytes.length - 2] === CR) headEnd = bytes.length
  if (headEnd < 0) throw new DecodeError('no empty line after the header fields', bytes.length)
  const message = readHead(start === 0 ? bytes : bytes.subarray(start), headEnd - start, scan, limits)
  const available = bytes.length - headEnd
  const length = contentLength(message) ?? available
  if (length > available) fail(message, 'Content-Length is larger than the body')
  message.body = available === 0 ? EMPTY_BODY : bytes.subarray(headEnd, headEnd + Math.min(length, available))
  if (message.body.length > limits.maxBodyBytes) fail(message, 'Message Too Large', 513)
  return message
}

/** Start line and header fields up to and with the empty line; the body is the caller's. @throws DecodeError */
export function parseHead(bytes: Uint8Array, limits: MessageLimits = DEFAULT_LIMITS): SipMessage {
  return readHead(bytes, bytes.length, scanHead(bytes, 0, limits.maxHeaders), limits)
}

/** @param bytes which begin with the head, and @param headEnd where it ends in them */
function readHead(bytes: Uint8Array, headEnd: number, scan: HeadScan, limits: MessageLimits): SipMessage {
  if (headEnd > limits.maxHeadBytes || headEnd > MAX_HEAD_BYTES) throw new DecodeError('header fields too large', limits.maxHeadBytes)
  const text = headText(bytes, headEnd, scan.ascii)
  let codes = bytes, { startLineEnd } = scan
  if (text.length !== headEnd) {
    toTextOffsets(bytes, scan.lines)
    codes = codesOf(text)
    startLineEnd = text.indexOf('\r\n')
  }
  const headers = new Headers(text, scan.lines, scan.seen, scan.twice, codes)
  if (scan.odd !== undefined) for (let i = 0; i < scan.odd.length; i += 2) headers.append(scan.odd[i] as string, scan.odd[i + 1] as string)
  const message = parseStartLine(text, startLineEnd, headers, codes)
  if (scan.fault !== undefined) fail(message, scan.fault)
  return message
}

function parseStartLine(text: string, end: number, headers: Headers, codes: Uint8Array): SipMessage {
  if (standsAt(codes, 0, STATUS_VERSION)) return parseStatusLine(text, end, headers, codes)
  const methodEnd = skipToken(codes, 0, end)
  const method = codes[methodEnd] === SP ? methodIn(text, 0, methodEnd, codes) : undefined
  const uriEnd = end - REQUEST_VERSION.length
  if (method !== undefined && methodEnd < uriEnd && standsAt(codes, uriEnd, REQUEST_VERSION)) {
    const request = new SipRequest(method, text.slice(method.length + 1, uriEnd), headers)
    checkRequestUri(request, text, method.length + 1, uriEnd, codes)
    return request
  }
  return parseOddStartLine(text.slice(0, Math.max(0, end)), headers)
}

/** Another case, another version, white space in wrong places. */
function parseOddStartLine(line: string, headers: Headers): SipMessage {
  if (/^sip\/2\.0 /i.test(line)) return parseStatusLine(line, line.length, headers, codesOf(line))
  if (/^sip\/\d+\.\d+ /i.test(line)) throw new DecodeError('response of another version')
  const first = line.indexOf(' ')
  const last = line.trimEnd().lastIndexOf(' ')
  const method = line.slice(0, Math.max(0, first))
  const version = line.slice(last + 1).trim()
  if (!isToken(method) || last <= first || !/^sip\/\d+\.\d+$/i.test(version)) throw new DecodeError('neither a request line nor a status line')
  const request = new SipRequest(method, line.slice(first + 1, last), headers)
  if (version.toUpperCase() !== 'SIP/2.0') fail(request, 'Version Not Supported', 505)
  else if (line !== line.trimEnd()) fail(request, 'Bad Request: white space in the request line')
  else checkRequestUri(request, request.requestUri, 0, request.requestUri.length)
  return request
}

function checkRequestUri(request: SipRequest, text: string, start: number, end: number, codes?: Uint8Array): void {
  try {
    const uri = request.readUri(text, start, end, codes)
    if (uri.kind === 'sip' && uri.headers !== undefined) fail(request, 'Bad Request: header fields in the Request-URI')
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    fail(request, /\s/.test(request.requestUri) ? 'Bad Request: white space in the request line' : `Bad Request: Request-URI, ${error.message}`)
  }
}

function parseStatusLine(line: string, end: number, headers: Headers, codes: Uint8Array): SipResponse {
  const status = end < 11 ? 0 : parseNumber(codes, 999, 'status code', 8, 11)
  if (status < 100 || status > 699 || (end > 11 && codes[11] !== 32)) throw new DecodeError('status code', 8)
  return new SipResponse(status, end > 12 ? line.slice(12, end) : '', headers)
}

/** The declared length, undefined when not declared; wrong or contradictory ones are a defect. */
export function contentLength(message: SipMessage): number | undefined {
  const { headers } = message
  const known = headers.recall(HeaderId.contentLength) as number | undefined
  if (known !== undefined) return known
  const length = headers.parse(HeaderId.contentLength, parseLength)
  if (length === undefined) return undefined
  const lines = headers.repeated(HeaderId.contentLength) ? headers.getLines('Content-Length') : []
  if (length < 0 || lines.some((line) => line !== lines[0])) {
    fail(message, 'Bad Request: Content-Length')
    return undefined
  }
  return headers.remember(HeaderId.contentLength, length)
}

/** -1 for what is no length. */
function parseLength(_text: string, start: number, end: number, codes: Uint8Array): number {
  if (start === end || end - start > 9) return -1
  let length = 0
  for (let i = start; i < end; i++) {
    const digit = (codes[i] as number) - 48
    if (digit < 0 || digit > 9) return -1
    length = length * 10 + digit
  }
  return length
}

/** Requests are marked so that they can be answered; a response that is wrong is dropped (§18.1.2, §8.1.3). */
function fail(message: SipMessage, reason: string, status = 400): void {
  if (message.kind === 'response') throw new DecodeError(reason)
  message.defect ??= { status, reason }
}
