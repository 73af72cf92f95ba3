/** name-addr and addr-spec with header parameters: From, To, Contact, Route, Record-Route, Refer-To (RFC 3261 §20.10). */
import { DecodeError } from '../../base/errors.ts'
import { isLws, isTokenCode, Params, parseParams, QUOTE, quote, skipLws, skipQuoted, unquote } from './lexer.ts'
import { parseUri, printUri, type Uri } from './uri.ts'

export interface NameAddr {
  /** Without quotes; '' when there is none. */
  readonly displayName: string
  readonly uri: Uri
  readonly params: Params
}

/** @throws DecodeError */
export function parseNameAddr(text: string): NameAddr {
  let i = skipLws(text, 0)
  let displayName = ''
  const angle = findAngle(text, i)
  if (angle < 0) return parseAddrSpec(text, i)
  if (text.charCodeAt(i) === QUOTE) {
    const end = skipQuoted(text, i)
    displayName = unquote(text.slice(i, end))
    i = skipLws(text, end)
    if (i !== angle) throw new DecodeError('junk between display name and address', i)
  } else {
    displayName = text.slice(i, angle).trim().replace(/[ \t]+/g, ' ')
    for (let k = 0; k < displayName.length; k++) {
      const c = displayName.charCodeAt(k)
      // UTF-8 outside quotes is against the grammar; the reader understands it all the same
      if (!isTokenCode(c) && !isLws(c) && c < 128) throw new DecodeError('character not allowed in an unquoted display name', i + k)
    }
  }
  const close = text.indexOf('>', angle)
  if (close < 0) throw new DecodeError('address without closing bracket', angle)
  return { displayName, uri: parseUri(text.slice(angle + 1, close)), params: parseParams(text, close + 1) }
}

/** Without brackets, everything after the first semicolon belongs to the header field (§20). */
function parseAddrSpec(text: string, i: number): NameAddr {
  const semi = text.indexOf(';', i)
  const spec = text.slice(i, semi < 0 ? text.length : semi).trim()
  if (spec.includes('?') || spec.includes(',')) throw new DecodeError('this address needs brackets', i)
  return { displayName: '', uri: parseUri(spec), params: parseParams(text, semi < 0 ? text.length : semi) }
}

function findAngle(text: string, i: number): number {
  return text.charCodeAt(i) === QUOTE ? text.indexOf('<', skipQuoted(text, i)) : text.indexOf('<', i)
}

export function printNameAddr(value: NameAddr): string {
  const name = value.displayName === '' ? '' : `${quote(value.displayName)} `
  return `${name}<${printUri(value.uri)}>${value.params.toString()}`
}

/** @param uri as text; it is checked when the receiver parses it */
export function formatNameAddr(displayName: string, uri: string, params: Params = new Params()): string {
  return `${displayName === '' ? '' : `${quote(displayName)} `}<${uri}>${params.toString()}`
}
