/**
 * URIs as SIP uses them: sip and sips (RFC 3261 §19.1), tel (RFC 3966), and any other as an opaque text. Comparison
 * is §19.1.4 with the errata that name `transport`, and RFC 5954 for IPv6 literals.
 */
import { DecodeError } from '../../base/errors.ts'
import { isDigits, Params } from './lexer.ts'

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
const USER = charset("-_.!~*'()&=+$,;?/%")
const PASSWORD = charset("-_.!~*'()&=+$,%")
const PARAM = charset("-_.!~*'()[]/:&+$%")
const HEADER = charset("-_.!~*'()[]/?:+$=&%")
const HOST = charset('-._')
const IPV6 = charset(':.')

function charset(extra: string): Uint8Array {
  const out = new Uint8Array(128)
  for (const c of `abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789${extra}`) out[c.charCodeAt(0)] = 1
  return out
}

/** @throws DecodeError */
export function parseUri(text: string): Uri {
  if (text.length > MAX_URI_LENGTH) throw new DecodeError('URI too long')
  const colon = text.indexOf(':')
  if (colon < 1) throw new DecodeError('URI without scheme')
  const scheme = text.slice(0, colon).toLowerCase()
  if (!/^[a-z][a-z0-9+.-]*$/.test(scheme)) throw new DecodeError('URI scheme')
  if (scheme === 'sip' || scheme === 'sips') return parseSipUri(scheme, text, colon + 1)
  if (scheme === 'tel') return parseTelUri(text.slice(colon + 1))
  const rest = text.slice(colon + 1)
  for (let i = 0; i < rest.length; i++) {
    const c = rest.charCodeAt(i)
    if (c <= 32 || c === 60 || c === 62 || c === 34 || c === 127) throw new DecodeError('character not allowed in a URI', colon + 1 + i)
  }
  if (rest === '') throw new DecodeError('empty URI')
  return { kind: 'other', scheme, rest }
}

function parseSipUri(scheme: 'sip' | 'sips', text: string, i: number): SipUri {
  let user: string | undefined, password: string | undefined
  const at = text.indexOf('@', i)
  if (at >= 0) {
    const userinfo = text.slice(i, at)
    const colon = userinfo.indexOf(':')
    user = colon < 0 ? userinfo : userinfo.slice(0, colon)
    if (user === '') throw new DecodeError('empty user in URI', i)
    check(user, USER, 'user', i)
    if (colon >= 0) { password = userinfo.slice(colon + 1); check(password, PASSWORD, 'password', i) }
    i = at + 1
  }
  let end = i
  if (text[i] === '[') {
    end = text.indexOf(']', i) + 1
    if (end === 0) throw new DecodeError('IPv6 reference without end', i)
  } else while (end < text.length && !':;?'.includes(text[end] as string)) end++
  const host = text.slice(i, end)
  checkHost(host)
  i = end
  let port: number | undefined
  if (text[i] === ':') {
    end = i + 1
    while (end < text.length && !';?'.includes(text[end] as string)) end++
    port = parsePort(text.slice(i + 1, end))
    i = end
  }
  const question = text.indexOf('?', i)
  const params = parseUriParams(text.slice(i, question < 0 ? text.length : question))
  const headers = question < 0 ? undefined : text.slice(question + 1)
  if (headers !== undefined) check(headers, HEADER, 'URI header', question)
  return { kind: 'sip', scheme, user, password, host, port, params, headers }
}

function parseTelUri(text: string): TelUri {
  const semi = text.indexOf(';')
  const number = semi < 0 ? text : text.slice(0, semi)
  if (!/^(\+[0-9().-]*[0-9][0-9().-]*|[0-9A-Fa-f*#().-]*[0-9A-Fa-f*#][0-9A-Fa-f*#().-]*)$/.test(number)) throw new DecodeError('telephone number')
  return { kind: 'tel', scheme: 'tel', number, params: parseUriParams(semi < 0 ? '' : text.slice(semi)) }
}

function parseUriParams(text: string): Params {
  const params = new Params()
  if (text === '') return params
  const parts = text.slice(1).split(';')
  if (parts.length > 64) throw new DecodeError('too many URI parameters')
  for (const part of parts) {
    const equal = part.indexOf('=')
    const name = equal < 0 ? part : part.slice(0, equal)
    const value = equal < 0 ? undefined : part.slice(equal + 1)
    if (name === '') throw new DecodeError('URI parameter without name')
    check(name, PARAM, 'URI parameter', -1)
    if (value !== undefined) check(value, PARAM, 'URI parameter', -1)
    if (params.has(name)) throw new DecodeError('URI parameter twice') // §19.1.1: not more than once
    params.push(name, value)
  }
  return params
}

function check(text: string, allowed: Uint8Array, what: string, offset: number): void {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c > 127 || allowed[c] === 0) throw new DecodeError(`character not allowed in ${what}`, offset < 0 ? -1 : offset + i)
    if (c === 37 && !/^[0-9A-Fa-f]{2}$/.test(text.slice(i + 1, i + 3))) throw new DecodeError(`bad escape in ${what}`)
  }
}

/** @throws DecodeError when it is no host name, IPv4 address or bracketed IPv6 address */
export function checkHost(host: string): void {
  const six = host.charCodeAt(0) === 91
  const inner = six ? host.slice(1, -1) : host
  if (inner === '' || inner.length > 255 || (six && !host.endsWith(']'))) throw new DecodeError('host')
  const allowed = six ? IPV6 : HOST
  for (let i = 0; i < inner.length; i++) {
    const c = inner.charCodeAt(i)
    if (c > 127 || allowed[c] === 0) throw new DecodeError('character not allowed in host')
  }
  if (six && !inner.includes(':')) throw new DecodeError('host')
}

/** @throws DecodeError */
export function parsePort(text: string): number {
  if (!isDigits(text) || text.length > 5 || Number(text) > 65535) throw new DecodeError('port')
  return Number(text)
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
  const host = uri.host.toLowerCase().replace(/\.$/, '')
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
  if (!host.includes(':')) return host.toLowerCase().replace(/\.$/, '')
  return expandIpv6(host.replace(/^\[|\]$/g, '').toLowerCase().replace(':::', '::')) // RFC 5118 §4.10
}

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
