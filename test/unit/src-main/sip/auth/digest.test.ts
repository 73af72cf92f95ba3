import { describe, expect, it } from 'vitest'
import { createNodeCrypto } from '../../../../../src-main/node/crypto.ts'
import { Authenticator } from '../../../../../src-main/sip/auth/authenticator.ts'
import { base64Url, fromBase64Url } from '../../../../../src-main/sip/auth/base64Url.ts'
import { type DigestAlgorithm, digestResponse, digestSecret, parseChallenge, parseCredentials } from '../../../../../src-main/sip/auth/digest.ts'
import { DigestClient } from '../../../../../src-main/sip/auth/digestClient.ts'
import { Nonces } from '../../../../../src-main/sip/auth/nonces.ts'
import { Seal } from '../../../../../src-main/sip/auth/seal.ts'
import { makeResponse, SipRequest, type SipResponse } from '../../../../../src-main/sip/message/message.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'

const hashes = createNodeCrypto()
const realm = 'office.example'

function world() {
  const clock = new VirtualClock(), random = new SeededRandom(1)
  const nonces = new Nonces(clock, random, new Seal(random, hashes.sha256))
  const accounts = { secret: (username: string, algorithm: DigestAlgorithm) => username === 'desk' ? digestSecret(hashes, algorithm, 'desk', realm, 'geheim') : undefined }
  const server = new Authenticator({ realm, hashes, nonces, accounts })
  const client = (password = 'geheim') => new DigestClient({ hashes, random: new SeededRandom(2), account: (r) => r === realm ? { username: 'desk', password } : undefined })
  return { clock, random, nonces, server, client }
}

function register(): SipRequest {
  const request = new SipRequest('REGISTER', 'sip:office.example')
  for (const [name, value] of [['Via', 'SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1'], ['From', '<sip:desk@office.example>;tag=1'], ['To', '<sip:desk@office.example>'], ['Call-ID', 'a'], ['CSeq', '1 REGISTER']] as const) request.headers.append(name, value)
  return request
}

function refusal(request: SipRequest, server: Authenticator, as: 'server' | 'proxy' = 'server'): SipResponse {
  const verdict = server.judge(request, as)
  if (verdict.kind !== 'challenge') throw new Error('accepted')
  const response = makeResponse(request, verdict.status)
  for (const [name, value] of verdict.headers) response.headers.append(name, value)
  return response
}

describe('digest arithmetic', () => {
  it('gives the values of RFC 7616 §3.9.1 for SHA-256 and MD5', () => {
    const parts = { nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v', nc: 1, cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ', qop: 'auth', uri: '/dir/index.html' }
    const respond = (algorithm: DigestAlgorithm) => digestResponse(hashes, digestSecret(hashes, algorithm, 'Mufasa', 'http-auth@example.org', 'Circle of Life'), 'GET', { ...parts, algorithm })
    expect(respond('SHA-256')).toBe('753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1')
    expect(respond('MD5')).toBe('8ca523f5e9506fed4657c9700eebdbec')
  })

  it('reads the credentials of RFC 3261 §22.4: quoted uri, bare qop and nc', () => {
    const credentials = parseCredentials('Digest username="bob", realm="biloxi.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="sip:bob@biloxi.com", qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"')
    expect(credentials).toMatchObject({ username: 'bob', uri: 'sip:bob@biloxi.com', nc: 1, algorithm: 'MD5', opaque: '5ccc069c403ebaf9f0171e9517f40e41' })
  })

  it('ignores Basic and unknown algorithms, refuses what is malformed', () => {
    expect(parseChallenge('Basic realm="x"')).toBeUndefined()
    expect(parseChallenge('Digest realm="x", nonce="y", algorithm=SHA3-999')).toBeUndefined()
    expect(() => parseCredentials('Digest username="a", qop=auth')).toThrow()
    expect(() => parseCredentials('Digest username="a", username="b", qop=auth')).toThrow()
    expect(() => parseCredentials(`Digest username="${'a'.repeat(5000)}", qop=auth`)).toThrow()
  })

  it('base64url returns every byte', () => {
    for (let n = 0; n < 50; n++) {
      const bytes = new SeededRandom(n).bytes(n)
      expect(fromBase64Url(base64Url(bytes))).toEqual(bytes)
    }
    expect(fromBase64Url('a b')).toBeUndefined()
  })
})

describe('the challenge', () => {
  it('adds the header fields in the order of preference, most preferred algorithm at the top (RFC 8760 §2.3)', () => {
    const { server } = world()
    const challenges = refusal(register(), server).headers.getLines('WWW-Authenticate').map((line) => parseChallenge(line)?.algorithm)
    expect(challenges).toEqual(['SHA-256', 'MD5'])
    expect(refusal(register(), server, 'proxy').headers.getLines('Proxy-Authenticate')).toHaveLength(2)
  })

  it('is answered with the topmost algorithm that the client supports (RFC 8760 §2.4)', () => {
    const { server, client } = world()
    const next = register()
    expect(client().answer(refusal(register(), server), register(), next)).toBe(true)
    expect(next.headers.get('Authorization')).toContain('algorithm=SHA-256')
    expect(server.judge(next, 'server')).toEqual({ kind: 'accepted', username: 'desk' })
  })

  it('a client that knows MD5 only is accepted', () => {
    const { server, client } = world()
    const response = refusal(register(), server)
    const md5 = response.headers.getLines('WWW-Authenticate').filter((line) => line.includes('MD5'))
    response.headers.set('WWW-Authenticate', md5[0] ?? '')
    const next = register()
    client().answer(response, register(), next)
    expect(next.headers.get('Authorization')).toContain('algorithm=MD5')
    expect(server.judge(next, 'server').kind).toBe('accepted')
  })

  it('Proxy-Authenticate is answered by Proxy-Authorization (RFC 3261 §22.3)', () => {
    const { server, client } = world()
    const next = register()
    client().answer(refusal(register(), server, 'proxy'), register(), next)
    expect(next.headers.has('Authorization')).toBe(false)
    expect(server.judge(next, 'proxy').kind).toBe('accepted')
    expect(server.judge(next, 'server').kind).toBe('challenge')
  })
})

describe('what is not accepted', () => {
  it('a wrong password, another method, an unknown user', () => {
    const { server, client } = world()
    const wrong = register()
    client('falsch').answer(refusal(register(), server), register(), wrong)
    expect(server.judge(wrong, 'server').kind).toBe('challenge')
    const right = register()
    client().answer(refusal(register(), server), register(), right)
    const stolen = new SipRequest('INVITE', right.requestUri, right.headers.clone())
    expect(server.judge(stolen, 'server').kind).toBe('challenge')
    const other = register()
    other.headers.append('Authorization', (right.headers.get('Authorization') ?? '').replace('"desk"', '"door"'))
    expect(server.judge(other, 'server').kind).toBe('challenge')
  })

  it('the same nonce-count twice is a replay (RFC 7616 §3.4): stale', () => {
    const { server, client } = world()
    const next = register()
    client().answer(refusal(register(), server), register(), next)
    expect(server.judge(next, 'server').kind).toBe('accepted')
    const again = server.judge(next, 'server')
    expect(again).toMatchObject({ kind: 'challenge' })
    expect(again.kind === 'challenge' && again.headers[0]?.[1]).toContain('stale=true')
  })

  it('counts that arrive out of order are accepted once each', () => {
    const { nonces } = world()
    const nonce = nonces.make()
    for (const [count, verdict] of [[3, 'fresh'], [1, 'fresh'], [1, 'stale'], [2, 'fresh'], [3, 'stale'], [40, 'fresh'], [4, 'stale'], [39, 'fresh'], [0, 'stale']] as const) {
      expect(nonces.check(nonce, count), String(count)).toBe(verdict)
      if (verdict === 'fresh') nonces.use(nonce, count)
    }
  })

  it('a nonce that is too old: stale=true, and the client tries again by itself', () => {
    const { clock, server, client } = world()
    const phone = client()
    const first = register()
    phone.answer(refusal(register(), server), register(), first)
    clock.advance(301_000)
    const response = refusal(first, server)
    expect(response.headers.get('WWW-Authenticate')).toContain('stale=true')
    const second = first.clone()
    expect(phone.answer(response, first, second)).toBe(true)
    expect(second.headers.getLines('Authorization')).toHaveLength(1)
    expect(server.judge(second, 'server').kind).toBe('accepted')
  })

  it('a client whose password was refused gives up', () => {
    const { server, client } = world()
    const phone = client('falsch')
    const first = register()
    phone.answer(refusal(register(), server), register(), first)
    expect(phone.answer(refusal(first, server), first, first.clone())).toBe(false)
  })

  it('a nonce of somebody else', () => {
    const a = world(), random = new SeededRandom(9)
    const foreign = new Nonces(a.clock, random, new Seal(random, hashes.sha256)).make()
    expect(a.nonces.check(foreign, 1)).toBe('unknown')
    expect(a.nonces.check('', 1)).toBe('unknown')
  })
})
