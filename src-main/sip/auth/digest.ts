/**
 * The digest scheme as SIP uses it (RFC 3261 §22.4, RFC 7616, RFC 8760): challenges and credentials as values, and
 * the arithmetic. qop is always 'auth'; Basic does not exist here.
 */
import { toHex, utf8Bytes } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import { codesOf, COMMA, EQUAL, isLws, QUOTE, quote, skipLws, skipQuoted, skipToken, skipValue, unquote } from '../message/lexer.ts'

export type DigestAlgorithm = 'SHA-256' | 'MD5'
/** Best first: the order in which they stand in a challenge (RFC 8760 §2.3). */
export const DIGEST_ALGORITHMS: readonly DigestAlgorithm[] = ['SHA-256', 'MD5']

/** The slice of ports/crypto that digests need. */
export interface DigestHashes {
  sha256(data: Uint8Array): Uint8Array
  md5(data: Uint8Array): Uint8Array
}

export interface Challenge {
  readonly realm: string
  readonly nonce: string
  readonly algorithm: DigestAlgorithm
  readonly opaque?: string
  readonly stale: boolean
  /** undefined: a server of before RFC 2617, which is answered without qop */
  readonly qop: readonly string[] | undefined
}

export interface Credentials {
  readonly username: string
  readonly realm: string
  readonly nonce: string
  readonly uri: string
  readonly response: string
  readonly algorithm: DigestAlgorithm
  readonly cnonce: string
  readonly qop: string
  /** Nonce-count as a number. */
  readonly nc: number
  readonly opaque?: string
}

const MAX_LENGTH = 4096

/** @returns undefined for another scheme or an algorithm we do not know, which are to be ignored (RFC 8760 §2.4). @throws DecodeError */
export function parseChallenge(value: string): Challenge | undefined {
  const params = digestParams(value)
  const algorithm = params === undefined ? undefined : algorithmOf(params.get('algorithm'))
  if (params === undefined || algorithm === undefined) return undefined
  const opaque = params.get('opaque')
  return {
    realm: need(params, 'realm'), nonce: need(params, 'nonce'), algorithm, stale: params.get('stale')?.toLowerCase() === 'true',
    qop: params.get('qop')?.split(',').map((word) => word.trim().toLowerCase()), ...(opaque === undefined ? {} : { opaque }),
  }
}

export function printChallenge(challenge: Challenge): string {
  return `Digest realm=${quote(challenge.realm)}, nonce=${quote(challenge.nonce)}, algorithm=${challenge.algorithm}, qop="auth"`
    + (challenge.opaque === undefined ? '' : `, opaque=${quote(challenge.opaque)}`) + (challenge.stale ? ', stale=true' : '')
}

/** @returns undefined for another scheme, algorithm or qop. @throws DecodeError */
export function parseCredentials(value: string): Credentials | undefined {
  const params = digestParams(value)
  const algorithm = params === undefined ? undefined : algorithmOf(params.get('algorithm'))
  if (params === undefined || algorithm === undefined || params.get('qop')?.toLowerCase() !== 'auth') return undefined
  const nc = need(params, 'nc')
  if (!/^[0-9a-f]{8}$/i.test(nc)) throw new DecodeError('nonce-count')
  const opaque = params.get('opaque')
  return {
    username: need(params, 'username'), realm: need(params, 'realm'), nonce: need(params, 'nonce'), uri: need(params, 'uri'),
    response: need(params, 'response').toLowerCase(), algorithm, cnonce: need(params, 'cnonce'), qop: 'auth', nc: Number.parseInt(nc, 16),
    ...(opaque === undefined ? {} : { opaque }),
  }
}

/** The uri stands in quotes, nc and qop do not (RFC 3261 §22.4, §25.1). */
export function printCredentials(credentials: Credentials, legacy = false): string {
  const { username, realm, nonce, uri, response, algorithm, cnonce, nc, opaque } = credentials
  return `Digest username=${quote(username)}, realm=${quote(realm)}, nonce=${quote(nonce)}, uri=${quote(uri)}, response="${response}", algorithm=${algorithm}`
    + (legacy ? '' : `, cnonce=${quote(cnonce)}, qop=auth, nc=${nc.toString(16).padStart(8, '0')}`) + (opaque === undefined ? '' : `, opaque=${quote(opaque)}`)
}

/** H(username:realm:password): what a server keeps instead of the password. */
export function digestSecret(hashes: DigestHashes, algorithm: DigestAlgorithm, username: string, realm: string, password: string): string {
  return hash(hashes, algorithm, `${username}:${realm}:${password}`)
}

/** RFC 7616 §3.4.1 with qop=auth. @param secret of `digestSecret`, by the same algorithm */
export function digestResponse(hashes: DigestHashes, secret: string, method: string, credentials: Omit<Credentials, 'response' | 'username' | 'realm'>): string {
  const { algorithm, nonce, nc, cnonce, qop, uri } = credentials
  return hash(hashes, algorithm, `${secret}:${nonce}:${nc.toString(16).padStart(8, '0')}:${cnonce}:${qop}:${hash(hashes, algorithm, `${method}:${uri}`)}`)
}

/** RFC 2069, for servers that offer no qop. */
export function legacyResponse(hashes: DigestHashes, secret: string, method: string, challenge: Challenge, uri: string): string {
  return hash(hashes, challenge.algorithm, `${secret}:${challenge.nonce}:${hash(hashes, challenge.algorithm, `${method}:${uri}`)}`)
}

function hash(hashes: DigestHashes, algorithm: DigestAlgorithm, text: string): string {
  const data = utf8Bytes(text)
  return toHex(algorithm === 'MD5' ? hashes.md5(data) : hashes.sha256(data))
}

function algorithmOf(name: string | undefined): DigestAlgorithm | undefined {
  if (name === undefined) return 'MD5'
  return DIGEST_ALGORITHMS.find((known) => known.toLowerCase() === name.toLowerCase())
}

function digestParams(value: string): Map<string, string> | undefined {
  const text = value.trim()
  const space = text.search(/[ \t]/)
  if (space < 0 || text.slice(0, space).toLowerCase() !== 'digest') return undefined
  if (text.length > MAX_LENGTH) throw new DecodeError('credentials too long')
  const params = new Map<string, string>()
  const { length } = text, codes = codesOf(text)
  for (let i = space; ;) {
    for (let c = 0; i < length && (isLws(c = text.charCodeAt(i)) || c === COMMA);) i++
    if (i >= length) return params
    const nameStart = i
    i = skipToken(codes, i, length)
    const name = text.slice(nameStart, i).toLowerCase()
    if (name === '' || params.has(name)) throw new DecodeError(`digest parameter ${name}`)
    i = skipLws(codes, i)
    if (text.charCodeAt(i) === EQUAL) {
      const start = i = skipLws(codes, i + 1)
      i = text.charCodeAt(i) === QUOTE ? skipQuoted(codes, i) : skipValue(codes, i, length)
      params.set(name, unquote(text.slice(start, i)))
      i = skipLws(codes, i)
    } else params.set(name, '')
    if (i < length && text.charCodeAt(i) !== COMMA) throw new DecodeError('junk behind a digest parameter', i)
  }
}

function need(params: ReadonlyMap<string, string>, name: string): string {
  const value = params.get(name)
  if (value === undefined) throw new DecodeError(`digest without ${name}`)
  return value
}
