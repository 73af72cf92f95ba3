/** The Via header field (RFC 3261 §20.42, RFC 3581). */
import { DecodeError } from '../../base/errors.ts'
import { asciiBytes, codesOf, isLws, skipDigits, skipLws, skipToken, standsAt, trimLws } from './lexer.ts'
import { type Params, parseParams } from './params.ts'
import { parsePort, skipHost } from './uri.ts'

export interface Via {
  /** '2.0'; another one is readable, so that the request can be answered. */
  readonly version: string
  /** Upper case: UDP, TCP, TLS, WS, WSS, DTLS-UDP or one we do not know. */
  readonly transport: string
  /** sent-by; IPv6 in brackets. */
  readonly host: string
  readonly port: number | undefined
  readonly params: Params
}

const COLON = 58
const PROTOCOL = asciiBytes('SIP/2.0/')

export const MAGIC_COOKIE = 'z9hG4bK'

/** One element of a Via header field, which stands in `text` from `start` to `end`. @throws DecodeError */
export function parseVia(text: string, start = 0, end: number = text.length, codes: Uint8Array = codesOf(text)): Via {
  let i = skipLws(codes, start, end), version = '2.0'
  if (i + 8 < end && standsAt(codes, i, PROTOCOL)) i += 8
  else { [version, i] = slowProtocol(text, i, end) }
  i = skipLws(codes, i, end)
  let from = i
  i = skipToken(codes, from, end)
  if (i === from || i >= end || !isLws(codes[i] as number)) throw new DecodeError('Via transport', i)
  const transport = transportName(text, from, i, codes)
  from = skipLws(codes, i, end)
  i = skipHost(codes, from, end)
  const host = text.slice(from, i)
  i = skipLws(codes, i, end)
  let port: number | undefined
  if (i < end && codes[i] === COLON) {
    from = skipLws(codes, i + 1, end)
    i = skipDigits(codes, from, end)
    port = parsePort(codes, from, i)
  }
  return { version, transport, host, port, params: parseParams(text, i, end, codes) }
}

/** Upper case, without making a string for what nearly all have. */
function transportName(text: string, start: number, end: number, codes: Uint8Array): string {
  if (end === start + 3) {
    const a = codes[start], b = codes[start + 1], c = codes[start + 2]
    if (a === 85 && b === 68 && c === 80) return 'UDP'
    if (a === 84 && b === 67 && c === 80) return 'TCP'
    if (a === 84 && b === 76 && c === 83) return 'TLS'
  }
  return text.slice(start, end).toUpperCase()
}

/** White space around the slashes, another version, another case: allowed but rare. */
function slowProtocol(text: string, start: number, end: number): [version: string, next: number] {
  const first = text.indexOf('/', start), second = text.indexOf('/', first + 1)
  if (first < 0 || second < 0 || second >= end) throw new DecodeError('Via without protocol')
  const name = trimLws(text.slice(start, first)), version = trimLws(text.slice(first + 1, second))
  if (name.toUpperCase() !== 'SIP' || !/^\d+\.\d+$/.test(version)) throw new DecodeError('Via of another protocol')
  return [version, second + 1]
}

export function printVia(via: Via): string {
  return `SIP/${via.version}/${via.transport} ${via.host}${via.port === undefined ? '' : `:${via.port}`}${via.params.toString()}`
}
