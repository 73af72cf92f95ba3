/**
 * The server's side of digest authentication (RFC 3261 §22.2, §22.3, RFC 8760 §2.3): judges the credentials of a
 * request and writes the challenges. Owns the nonces; knows accounts only through the secrets it asks for.
 */
import { DecodeError } from '../../base/errors.ts'
import type { SipRequest } from '../message/message.ts'
import { unescapeUri } from '../message/uri.ts'
import { DIGEST_ALGORITHMS, type DigestAlgorithm, type DigestHashes, digestResponse, parseCredentials, printChallenge, type Credentials } from './digest.ts'
import type { Nonces } from './nonces.ts'

/** Secrets of the accounts that may log in. */
export interface AccountSecrets {
  /** H(username:realm:password) by the algorithm; undefined when there is no such account. */
  secret(username: string, algorithm: DigestAlgorithm): string | undefined
  /** True for a phone that knows nothing but MD5 and fails where another digest is offered too, as libre does. */
  wantsMd5First?(username: string): boolean
}

export type Verdict =
  | { readonly kind: 'accepted'; readonly username: string }
  /** Answer with this status and these header fields. */
  | { readonly kind: 'challenge'; readonly status: 401 | 407; readonly headers: readonly (readonly [string, string])[] }

export class Authenticator {
  constructor(private readonly deps: {
    readonly realm: string
    readonly hashes: DigestHashes
    readonly nonces: Nonces
    readonly accounts: AccountSecrets
  }) {}

  /**
   * @param as 'server' for a registrar or user agent (401), 'proxy' for a proxy (407)
   * @throws DecodeError when the credentials cannot be read
   */
  judge(request: SipRequest, as: 'server' | 'proxy'): Verdict {
    let stale = false
    for (const line of request.headers.getLines(as === 'server' ? 'Authorization' : 'Proxy-Authorization')) {
      const credentials = parseCredentials(line)
      if (credentials?.realm !== this.deps.realm) continue // another realm's: not for us (§22.3)
      const verdict = this.verify(request.method, credentials)
      if (verdict === 'right') return { kind: 'accepted', username: credentials.username }
      stale ||= verdict === 'stale'
    }
    return this.challenge(as, stale, request)
  }

  private challenge(as: 'server' | 'proxy', stale: boolean, request: SipRequest): Verdict {
    const nonce = this.deps.nonces.make()
    const name = as === 'server' ? 'WWW-Authenticate' : 'Proxy-Authenticate'
    const from = request.from.uri
    const md5First = from.kind === 'sip' && from.user !== undefined && this.deps.accounts.wantsMd5First?.(unescapeUri(from.user)) === true
    const headers = (md5First ? (['MD5'] as const) : DIGEST_ALGORITHMS).map((algorithm) =>
      [name, printChallenge({ realm: this.deps.realm, nonce, algorithm, stale, qop: ['auth'] })] as const)
    return { kind: 'challenge', status: as === 'server' ? 401 : 407, headers }
  }

  /** 'stale' only for a right password, so that the client repeats without asking its user (RFC 7616 §3.3). */
  private verify(method: string, credentials: Credentials): 'right' | 'wrong' | 'stale' {
    const { nonces, hashes, accounts } = this.deps
    const nonce = nonces.check(credentials.nonce, credentials.nc)
    const secret = accounts.secret(credentials.username, credentials.algorithm)
    if (secret === undefined || nonce === 'unknown') return nonce === 'unknown' && secret !== undefined ? 'stale' : 'wrong'
    if (!equalText(digestResponse(hashes, secret, method, credentials), credentials.response)) return 'wrong'
    if (nonce === 'stale') return 'stale'
    nonces.use(credentials.nonce, credentials.nc)
    return 'right'
  }
}

/** The name an unreadable header field gets in a 400, or the verdict. */
export function judgeOrFault(authenticator: Authenticator, request: SipRequest, as: 'server' | 'proxy'): Verdict | { readonly kind: 'fault'; readonly reason: string } {
  try { return authenticator.judge(request, as) } catch (error) {
    if (error instanceof DecodeError) return { kind: 'fault', reason: error.message }
    throw error
  }
}

/** In a time that tells nothing of where the difference is. */
function equalText(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0
}
