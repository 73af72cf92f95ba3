/** Smaller header fields as values: CSeq, Event, Subscription-State, media types, delta-seconds, RAck (RFC 3261 §20, 6665, 3262). */
import { DecodeError } from '../../base/errors.ts'
import { codesOf, isDigits, isLws, isToken, methodIn, parseNumber, skipDigits, skipLws } from './lexer.ts'
import { type Params, parseParams } from './params.ts'

export interface CSeq { readonly number: number; readonly method: string }
export interface TokenWithParams { readonly value: string; readonly params: Params }
export interface RAck { readonly rseq: number; readonly cseq: number; readonly method: string }

const MAX_CSEQ = 0x7fff_ffff
const MAX_DELTA_S = 0xffff_ffff

/** @throws DecodeError; §8.1.1.5 bounds it below 2^31 */
export function parseCSeq(text: string, start = 0, end: number = text.length, codes: Uint8Array = codesOf(text)): CSeq {
  start = skipLws(codes, start, end)
  while (end > start && isLws(codes[end - 1] as number)) end--
  const i = skipDigits(codes, start, end)
  if (i < end && !isLws(codes[i] as number)) throw new DecodeError('CSeq number is not a number', i)
  const number = parseNumber(codes, MAX_CSEQ, 'CSeq number', start, i)
  const method = methodIn(text, skipLws(codes, i, end), end, codes)
  if (method === undefined) throw new DecodeError('CSeq')
  return { number, method }
}

/** Event, Subscription-State, Reason, Session-Expires: a word, then parameters. @throws DecodeError */
export function parseTokenWithParams(text: string): TokenWithParams {
  const semi = text.indexOf(';')
  const value = (semi < 0 ? text : text.slice(0, semi)).trim()
  if (!isToken(value)) throw new DecodeError('a token was expected')
  return { value, params: parseParams(text, semi < 0 ? text.length : semi) }
}

/** Content-Type or one element of Accept: type/subtype in lower case, parameters apart. @throws DecodeError */
export function parseMediaType(text: string): TokenWithParams {
  const semi = text.indexOf(';')
  const parts = (semi < 0 ? text : text.slice(0, semi)).split('/').map((part) => part.trim())
  if (parts.length !== 2 || !parts.every(isToken)) throw new DecodeError('media type')
  return { value: parts.join('/').toLowerCase(), params: parseParams(text, semi < 0 ? text.length : semi) }
}

/** Expires, Min-Expires: seconds; a number that is too large counts as 2^32-1 (§20.19). @throws DecodeError */
export function parseDeltaSeconds(text: string): number {
  const trimmed = text.trim()
  if (!isDigits(trimmed)) throw new DecodeError('seconds expected')
  return trimmed.length > 10 ? MAX_DELTA_S : Math.min(MAX_DELTA_S, Number(trimmed))
}

/** Retry-After: seconds, maybe with a comment and parameters, which are left out. @throws DecodeError */
export function parseRetryAfter(text: string): number {
  const match = /^\s*(\d+)/.exec(text)
  if (match === null) throw new DecodeError('Retry-After')
  return parseNumber(codesOf(match[1] ?? ''), MAX_DELTA_S, 'Retry-After')
}

/** RFC 3262 §7.2. @throws DecodeError */
export function parseRAck(text: string): RAck {
  const parts = text.trim().split(/[ \t]+/)
  const [rseq = '', cseq = '', method = ''] = parts
  if (parts.length !== 3 || !isToken(method)) throw new DecodeError('RAck')
  return { rseq: parseNumber(codesOf(rseq), MAX_DELTA_S, 'RSeq'), cseq: parseNumber(codesOf(cseq), MAX_CSEQ, 'CSeq number'), method }
}
