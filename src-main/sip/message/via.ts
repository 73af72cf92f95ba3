/** The Via header field (RFC 3261 §20.42, RFC 3581). */
import { DecodeError } from '../../base/errors.ts'
import { isToken, Params, parseParams, skipLws } from './lexer.ts'
import { checkHost, parsePort } from './uri.ts'

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

export const MAGIC_COOKIE = 'z9hG4bK'

/** One element of a Via header field. @throws DecodeError */
export function parseVia(text: string): Via {
  const first = text.indexOf('/'), second = text.indexOf('/', first + 1)
  if (first < 0 || second < 0) throw new DecodeError('Via without protocol')
  const name = text.slice(0, first).trim(), version = text.slice(first + 1, second).trim()
  if (name.toUpperCase() !== 'SIP' || !/^\d+\.\d+$/.test(version)) throw new DecodeError('Via of another protocol')
  let i = skipLws(text, second + 1)
  let end = i
  while (end < text.length && text[end] !== ' ' && text[end] !== '\t') end++
  const transport = text.slice(i, end).toUpperCase()
  if (!isToken(transport)) throw new DecodeError('Via transport')
  i = skipLws(text, end)
  const semi = text.indexOf(';', i)
  const sentBy = text.slice(i, semi < 0 ? text.length : semi).trim()
  let host = sentBy, port: number | undefined
  const colon = sentBy.startsWith('[') ? sentBy.indexOf(':', sentBy.indexOf(']')) : sentBy.indexOf(':')
  if (colon >= 0) { host = sentBy.slice(0, colon).trim(); port = parsePort(sentBy.slice(colon + 1).trim()) }
  checkHost(host)
  return { version, transport, host, port, params: parseParams(text, semi < 0 ? text.length : semi) }
}

export function printVia(via: Via): string {
  return `SIP/${via.version}/${via.transport} ${via.host}${via.port === undefined ? '' : `:${via.port}`}${via.params.toString()}`
}
