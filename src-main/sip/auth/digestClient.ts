/**
 * The client's side of digest authentication (RFC 3261 §22.1, RFC 8760 §2.4): answers the challenges of a response
 * and counts the uses of each nonce. One for each account; it never sees more than one try with the same nonce fail.
 */
import { BoundedMap } from '../../base/boundedMap.ts'
import { DecodeError } from '../../base/errors.ts'
import type { Random } from '../../ports/random.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import { base64Url } from './base64Url.ts'
import { type Challenge, digestResponse, digestSecret, type DigestHashes, legacyResponse, parseChallenge, printCredentials } from './digest.ts'

export interface DigestAccount { readonly username: string; readonly password: string }

const MAX_NONCES = 64

export class DigestClient {
  private readonly counts = new BoundedMap<string, number>(MAX_NONCES)

  constructor(private readonly deps: { readonly hashes: DigestHashes; readonly random: Random; readonly account: (realm: string) => DigestAccount | undefined }) {}

  /**
   * Puts credentials for the challenges of a 401 or 407 into the request that will be sent again; raising CSeq is the
   * caller's part (§22.2).
   * @returns false when there is nothing to try: no challenge that can be answered, or the same credentials were refused
   */
  answer(response: SipResponse, refused: SipRequest, next: SipRequest): boolean {
    let answered = false
    for (const [challengeName, name] of [['WWW-Authenticate', 'Authorization'], ['Proxy-Authenticate', 'Proxy-Authorization']] as const) {
      const realms = new Set<string>()
      for (const line of response.headers.getLines(challengeName)) {
        const challenge = readable(line)
        // of one realm only the topmost that we understand is answered
        if (challenge === undefined || realms.has(challenge.realm)) continue
        if (challenge.qop !== undefined && !challenge.qop.includes('auth')) continue
        const account = this.deps.account(challenge.realm)
        if (account === undefined) continue
        realms.add(challenge.realm)
        const before = credentialsFor(refused, name, challenge.realm)
        if (before !== undefined && !challenge.stale) continue // the password is wrong: asking again would not mend it
        removeCredentials(next, name, challenge.realm)
        next.headers.append(name, this.credentials(challenge, account, next))
        answered = true
      }
    }
    return answered
  }

  private credentials(challenge: Challenge, account: DigestAccount, request: SipRequest): string {
    const { hashes, random } = this.deps
    const secret = digestSecret(hashes, challenge.algorithm, account.username, challenge.realm, account.password)
    const legacy = challenge.qop === undefined
    const nc = (this.counts.get(challenge.nonce) ?? 0) + 1
    this.counts.set(challenge.nonce, nc)
    const parts = {
      username: account.username, realm: challenge.realm, nonce: challenge.nonce, uri: request.requestUri, algorithm: challenge.algorithm,
      cnonce: base64Url(random.bytes(9)), qop: 'auth', nc, ...(challenge.opaque === undefined ? {} : { opaque: challenge.opaque }),
    }
    const response = legacy ? legacyResponse(hashes, secret, request.method, challenge, request.requestUri) : digestResponse(hashes, secret, request.method, parts)
    return printCredentials({ ...parts, response }, legacy)
  }
}

function readable(line: string): Challenge | undefined {
  try { return parseChallenge(line) } catch (error) {
    if (error instanceof DecodeError) return undefined // "the client MUST ignore any challenge it does not understand"
    throw error
  }
}

function credentialsFor(request: SipRequest, name: string, realm: string): string | undefined {
  return request.headers.getLines(name).find((line) => line.includes(`realm="${realm}"`))
}

function removeCredentials(request: SipRequest, name: string, realm: string): void {
  const others = request.headers.getLines(name).filter((line) => !line.includes(`realm="${realm}"`))
  request.headers.remove(name)
  for (const line of others) request.headers.append(name, line)
}
