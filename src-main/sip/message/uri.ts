/**
 * URIs as SIP uses them: sip and sips (RFC 3261 §19.1), tel (RFC 3966), and any other as an opaque text. Comparison
 * is §19.1.4 with the errata that name `transport`, and RFC 5954 for IPv6 literals.
 */
import { DecodeError } from '../../base/errors.ts'
import { asciiBytes, codesOf, EQUAL, parseNumber, SEMI, skipDigits, standsAt } from './lexer.ts'
import { hasParamNamed, NO_PARAMS, Params } from './params.ts'

export interface SipUri {
  readonly kind: 'sip'
  readonly scheme: 'sip' | 'sips'
  /** As written, escapes kept. */
  readonly user: string | undefined
  readonly password: string | undefined
  /** As written; IPv6 in brackets. */
  readonly host: string
  readonly port: number | undefined
  readonly params: Params
  /** What follows "?", as written. */
  readonly headers: string | undefined
}
export interface TelUri { readonly kind: 'tel'; readonly scheme: 'tel'; readonly number: string; readonly params: Params }
export interface OtherUri { readonly kind: 'other'; readonly scheme: string; readonly rest: string }
export type Uri = SipUri | TelUri | OtherUri

const MAX_URI_LENGTH = 4096
const MAX_PARAMS = 64
const MAX_HOST_LENGTH = 255
const COLON = 58, QUESTION = 63, AT = 64, PERCENT = 37
const SIP = asciiBytes('sip:')
const USER = charset("-_.!~*'()&=+$,;?/")
const PASSWORD = charset("-_.!~*'()&=+$,")
const PARAM = charset("-_.!~*'()[]/:&+$")
const HEADER = charset("-_.!~*'()[]/?:+$=&")
const HOST = charset('-._')
const IPV6 = charset(':.')

function charset(extra: string): Uint8Array {
  const out = new Uint8Array(256)
  for (const c of `abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789${extra}`) out[c.charCodeAt(0)] = 1
  return out
}

/** The URI that stands in `text` from `start` to `end`. @throws DecodeError */
export function parseUri(text: string, start = 0, end: number = text.length, codes: Uint8Array = codesOf(text)): Uri {
  if (end - start > MAX_URI_LENGTH) throw new DecodeError('URI too long')
  if (end >= start + 4 && standsAt(codes, start, SIP)) return parseSipUri('sip', text, start + 4, end, codes)
  const colon = text.indexOf(':', start)
  if (colon <= start || colon >= end) throw new DecodeError('URI without scheme')
  const scheme = text.slice(start, colon).toLowerCase()
  if (!/^[a-z][a-z0-9+.-]*$/.test(scheme)) throw new DecodeError('URI scheme')
  if (scheme === 'sip' || scheme === 'sips') return parseSipUri(scheme, text, colon + 1, end, codes)
  if (scheme === 'tel') return parseTelUri(text, colon + 1, end, codes)
  for (let i = colon + 1; i < end; i++) {
    const c = codes[i] as number
    if (c <= 32 || c === 60 || c === 62 || c === 34 || c === 127) throw new DecodeError('character not allowed in a URI', i)
  }
  if (colon + 1 === end) throw new DecodeError('empty URI')
  return { kind: 'other', scheme, rest: text.slice(colon + 1, end) }
}

function parseSipUri(scheme: 'sip' | 'sips', text: string, i: number, end: number, codes: Uint8Array): SipUri {
  let user: string | undefined, password: string | undefined
  const userEnd = skip(codes, USER, i, end)
  const at = userEnd < end && codes[userEnd] === COLON ? skip(codes, PASSWORD, userEnd + 1, end) : userEnd // or a port
  if (at < end && codes[at] === AT) {
    if (userEnd === i) throw new DecodeError('empty user in URI', i)
    user = text.slice(i, userEnd)
    if (userEnd < at) password = text.slice(userEnd + 1, at)
    i = at + 1
  }
  const hostEnd = skipHost(codes, i, end)
  const host = text.slice(i, hostEnd)
  i = hostEnd
  let port: number | undefined
  if (i < end && codes[i] === COLON) {
    const portStart = ++i
    i = skipDigits(codes, i, end)
    port = parsePort(codes, portStart, i)
  }
  let params = NO_PARAMS, headers: string | undefined
  if (i < end && codes[i] !== QUESTION) {
    const from = i
    i = uriParamsEnd(codes, i, end)
    params = new Params(text, from, i, paramCount, codes)
  }
  if (i < end) {
    if (skip(codes, HEADER, i + 1, end) < end) throw new DecodeError('character not allowed in URI header', i)
    headers = text.slice(i + 1, end)
  }
  return { kind: 'sip', scheme, user, password, host, port, params, headers }
}

function parseTelUri(text: string, start: number, end: number, codes: Uint8Array): TelUri {
  let semi = text.indexOf(';', start)
  if (semi < 0 || semi > end) semi = end
  const number = text.slice(start, semi)
  if (!/^(\+[0-9().-]*[0-9][0-9().-]*|[0-9A-Fa-f*#().-]*[0-9A-Fa-f*#][0-9A-Fa-f*#().-]*)$/.test(number)) throw new DecodeError('telephone number')
  if (semi === end) return { kind: 'tel', scheme: 'tel', number, params: NO_PARAMS }
  if (uriParamsEnd(codes, semi, end) < end) throw new DecodeError('character not allowed in URI parameter')
  return { kind: 'tel', scheme: 'tel', number, params: new Params(text, semi, end, paramCount, codes) }
}

/** Where the parameters that begin with the semicolon at `i` end: at a question mark or the end. @throws DecodeError */
function uriParamsEnd(codes: Uint8Array, i: number, end: number): number {
  const start = i
  paramCount = 0
  while (i < end && codes[i] !== QUESTION) {
    if (codes[i] !== SEMI) throw new DecodeError(i === start ? 'junk behind the host of a URI' : 'character not allowed in URI parameter', i)
    const nameStart = i + 1
    i = skip(codes, PARAM, nameStart, end)
    if (i === nameStart) throw new DecodeError('URI parameter without name', i)
    // §19.1.1: not more than once
    if (paramCount > 0 && hasParamNamed(codes, start, nameStart - 1, nameStart, i)) throw new DecodeError('URI parameter twice')
    if (i < end && codes[i] === EQUAL) i = skip(codes, PARAM, i + 1, end)
    if (++paramCount > MAX_PARAMS) throw new DecodeError('too many URI parameters')
  }
  return i
}

/** How many `uriParamsEnd` has counted. */
let paramCount = 0

/** Index of the first character from `i` to `end` that is not of this set, nor of an escape (§19.1.2). */
function skip(codes: Uint8Array, allowed: Uint8Array, i: number, end: number): number {
  for (;; i += 3) {
    while (i < end && allowed[codes[i] as number] === 1) i++
    if (i + 2 >= end || codes[i] !== PERCENT || !isHex(codes[i + 1] as number) || !isHex(codes[i + 2] as number)) return i
  }
}

function isHex(c: number): boolean { return (c >= 48 && c <= 57) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102) }

/** Where the host name, IPv4 address or bracketed IPv6 address at `i` ends. @throws DecodeError when none is there */
export function skipHost(codes: Uint8Array, i: number, end: number): number {
  const start = i
  if (i < end && codes[i] === 91) {
    let colon = false
    for (let c = 0; ++i < end && IPV6[c = codes[i] as number] === 1;) colon ||= c === COLON
    if (!colon || i >= end || codes[i] !== 93) throw new DecodeError('host')
    i++
  } else while (i < end && HOST[codes[i] as number] === 1) i++
  if (i === start || i - start > MAX_HOST_LENGTH) throw new DecodeError('host', i)
  return i
}

/** @throws DecodeError */
export function parsePort(codes: Uint8Array, start: number, end: number): number {
  if (end - start > 5) throw new DecodeError('port')
  return parseNumber(codes, 65535, 'port', start, end)
}

export function printUri(uri: Uri): string {
  switch (uri.kind) {
    case 'sip': {
      let out = `${uri.scheme}:`
      if (uri.user !== undefined) out += uri.password === undefined ? `${uri.user}@` : `${uri.user}:${uri.password}@`
      out += uri.port === undefined ? uri.host : `${uri.host}:${uri.port}`
      out += uri.params.toString()
      return uri.headers === undefined ? out : `${out}?${uri.headers}`
    }
    case 'tel': return `tel:${uri.number}${uri.params.toString()}`
    case 'other': return `${uri.scheme}:${uri.rest}`
  }
}

/** Undoes escapes; a text whose escapes are no UTF-8 stays as it is. */
export function unescapeUri(text: string): string {
  if (!text.includes('%')) return text
  try { return decodeURIComponent(text) } catch { return text }
}

/** Escapes what may not stand in the user part. */
export function escapeUser(text: string): string {
  let out = ''
  for (const c of text) {
    const code = c.charCodeAt(0)
    out += code < 128 && code !== 37 && USER[code] === 1 ? c : code < 128 ? `%${code.toString(16).toUpperCase().padStart(2, '0')}` : encodeURIComponent(c)
  }
  return out
}

/**
 * Address of record without scheme: user@domain, escapes undone, domain in lower case; the host alone without user.
 * @returns undefined for a URI that is neither sip, sips nor tel
 */
export function aorOf(uri: Uri): string | undefined {
  if (uri.kind === 'tel') return uri.number.replace(/[().-]/g, '')
  if (uri.kind !== 'sip') return undefined
  const host = withoutFinalDot(uri.host.toLowerCase())
  return uri.user === undefined ? host : `${unescapeUri(uri.user)}@${host}`
}

/** sip: URI for an address of record given with or without scheme. @throws DecodeError */
export function uriOfAor(aor: string): Uri {
  if (/^(sips?|tel):/i.test(aor)) return parseUri(aor)
  const at = aor.lastIndexOf('@')
  return parseUri(at < 0 ? `sip:${aor}` : `sip:${escapeUser(aor.slice(0, at))}@${aor.slice(at + 1)}`)
}

const NEVER_ALONE = ['user', 'ttl', 'method', 'maddr', 'transport']

/** RFC 3261 §19.1.4, RFC 3966 §4. */
export function uriEquals(a: Uri, b: Uri): boolean {
  if (a.scheme !== b.scheme) return false
  if (a.kind === 'other' || b.kind === 'other') return a.kind === b.kind && printUri(a) === printUri(b)
  if (a.kind === 'tel' || b.kind === 'tel') {
    return a.kind === 'tel' && b.kind === 'tel' && aorOf(a)?.toLowerCase() === aorOf(b)?.toLowerCase() && sameTelParams(a.params, b.params)
  }
  return sameEscaped(a.user, b.user) && sameEscaped(a.password, b.password) && hostEquals(a.host, b.host) && a.port === b.port
    && sameParams(a.params, b.params) && sameParams(b.params, a.params) && sameHeaders(a.headers, b.headers)
}

export function hostEquals(a: string, b: string): boolean {
  return a === b || canonicalHost(a) === canonicalHost(b)
}

function canonicalHost(host: string): string {
  if (!host.includes(':')) return withoutFinalDot(host.toLowerCase())
  return expandIpv6(host.replace(/^\[|\]$/g, '').toLowerCase().replace(':::', '::')) // RFC 5118 §4.10
}

function withoutFinalDot(host: string): string { return host.endsWith('.') ? host.slice(0, -1) : host }

function expandIpv6(text: string): string {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text)
  if (dotted !== null) {
    const [a, b, c, d] = dotted.slice(2).map(Number) as [number, number, number, number]
    text = `${dotted[1] ?? ''}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  }
  const [head = '', tail] = text.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':')
    while (groups.length + after.length < 8) groups.push('0')
    groups.push(...after)
  }
  return groups.map((g) => g.replace(/^0+(?=.)/, '')).join(':')
}

function sameEscaped(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true
  return a !== undefined && b !== undefined && normaliseEscapes(a) === normaliseEscapes(b)
}

/** An escaped character equals itself unescaped unless it is reserved; hex digits compare without case. */
function normaliseEscapes(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (whole, hex: string) => {
    const c = String.fromCharCode(parseInt(hex, 16))
    return /[A-Za-z0-9\-_.!~*'()]/.test(c) ? c : whole.toUpperCase()
  })
}

function sameParams(a: Params, b: Params): boolean {
  for (const { name, value } of a) {
    const other = b.get(name)
    if (other === undefined) { if (NEVER_ALONE.includes(name.toLowerCase())) return false } else if (normaliseEscapes(value ?? '').toLowerCase() !== normaliseEscapes(other).toLowerCase()) return false
  }
  return true
}

function sameTelParams(a: Params, b: Params): boolean {
  const flat = (p: Params): string => [...p].map((e) => `${e.name}=${e.value ?? ''}`.toLowerCase()).sort().join(';')
  return flat(a) === flat(b)
}

function sameHeaders(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined) return false
  const flat = (h: string): string => h.split('&').map((part) => {
    const equal = part.indexOf('=')
    return equal < 0 ? part.toLowerCase() : `${part.slice(0, equal).toLowerCase()}=${normaliseEscapes(part.slice(equal + 1))}`
  }).sort().join('&')
  return flat(a) === flat(b)
}
