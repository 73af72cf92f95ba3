/** name-addr and addr-spec with header parameters: From, To, Contact, Route, Record-Route, Refer-To (RFC 3261 §20.10). */
import { DecodeError } from '../../base/errors.ts'
import { asciiBytes, codesOf, COMMA, isLws, isTokenCode, LAQUOT, QUOTE, quote, skipLws, skipQuoted, skipToken, standsAt, unquote } from './lexer.ts'
import { Params, parseParams } from './params.ts'
import { parseUri, printUri, type Uri } from './uri.ts'

const TAG = asciiBytes('>;tag=')

export interface NameAddr {
  /** Without quotes; '' when there is none. */
  readonly displayName: string
  readonly uri: Uri
  readonly params: Params
}

/** The address that stands in `text` from `start` to `end`. @throws DecodeError */
export function parseNameAddr(text: string, start = 0, end: number = text.length, codes: Uint8Array = codesOf(text)): NameAddr {
  const i = skipLws(codes, start, end)
  let displayName = '', angle = i
  if (codes[i] === QUOTE && i < end) {
    const close = skipQuoted(codes, i, end)
    displayName = unquote(text.slice(i, close))
    angle = skipLws(codes, close, end)
    if (angle >= end || codes[angle] !== LAQUOT) throw new DecodeError('junk between display name and address', angle)
  } else if (codes[i] !== LAQUOT) {
    angle = text.indexOf('<', i)
    if (angle < 0 || angle >= end) return parseAddrSpec(text, i, end, codes)
    displayName = unquotedName(text, i, angle)
  }
  const close = text.indexOf('>', angle)
  if (close < 0 || close >= end) throw new DecodeError('address without closing bracket', angle)
  return { displayName, uri: parseUri(text, angle + 1, close, codes), params: parseParams(text, close + 1, end, codes) }
}

/** The tag of such an address, null when it has none; what is before the parameters is not checked. @throws DecodeError */
export function parseTag(text: string, start = 0, end: number = text.length, codes: Uint8Array = codesOf(text)): string | null {
  // nearly always the tag is all that follows the bracket
  const name = start < end && codes[start] === QUOTE ? skipQuoted(codes, start, end) : start
  const close = text.indexOf('>', name), tag = close + TAG.length
  if (close === end - 1) { // nothing is behind it
    const open = text.indexOf('<', name)
    if (open >= 0 && open < close) return null
  }
  if (tag >= TAG.length && tag < end && standsAt(codes, tag - TAG.length, TAG) && skipToken(codes, tag, end) === end) return text.slice(tag, end)
  return parseAddressParams(text, start, end, codes).get('tag') ?? null
}

/** The parameters of such an address alone; what is before them is not checked. @throws DecodeError */
export function parseAddressParams(text: string, start = 0, end: number = text.length, codes: Uint8Array = codesOf(text)): Params {
  let i = skipLws(codes, start, end)
  if (i < end && codes[i] === QUOTE) i = skipQuoted(codes, i, end)
  const angle = text.indexOf('<', i)
  if (angle >= 0 && angle < end) {
    i = text.indexOf('>', angle)
    if (i < 0 || i >= end) throw new DecodeError('address without closing bracket', angle)
    return parseParams(text, i + 1, end, codes)
  }
  i = text.indexOf(';', i)
  return parseParams(text, i < 0 || i > end ? end : i, end, codes)
}

function unquotedName(text: string, start: number, end: number): string {
  while (end > start && isLws(text.charCodeAt(end - 1))) end--
  let spaces = false
  for (let i = start; i < end; i++) {
    const c = text.charCodeAt(i)
    if (isLws(c)) spaces = true
    // UTF-8 outside quotes is against the grammar; the reader understands it all the same
    else if (!isTokenCode(c) && c < 128) throw new DecodeError('character not allowed in an unquoted display name', i)
  }
  const name = text.slice(start, end).trim()
  return spaces ? name.replace(/[ \t]+/g, ' ') : name
}

/** Without brackets, everything after the first semicolon belongs to the header field (§20). */
function parseAddrSpec(text: string, start: number, end: number, codes: Uint8Array): NameAddr {
  let semi = text.indexOf(';', start)
  if (semi < 0 || semi > end) semi = end
  let to = semi
  while (to > start && isLws(codes[to - 1] as number)) to--
  for (let i = start; i < to; i++) if (codes[i] === 63 || codes[i] === COMMA) throw new DecodeError('this address needs brackets', i)
  return { displayName: '', uri: parseUri(text, start, to, codes), params: parseParams(text, semi, end, codes) }
}

export function printNameAddr(value: NameAddr): string {
  const name = value.displayName === '' ? '' : `${quote(value.displayName)} `
  return `${name}<${printUri(value.uri)}>${value.params.toString()}`
}

/** @param uri as text; it is checked when the receiver parses it */
export function formatNameAddr(displayName: string, uri: string, params: Params = new Params()): string {
  return `${displayName === '' ? '' : `${quote(displayName)} `}<${uri}>${params.toString()}`
}
