import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createNodeCrypto } from '../../../../../src-main/node/crypto.ts'
import { base64Url, fromBase64Url } from '../../../../../src-main/sip/auth/base64Url.ts'
import { Seal } from '../../../../../src-main/sip/auth/seal.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'

const { sha256 } = createNodeCrypto()

describe('seals', () => {
  it('are HMAC-SHA-256 over purpose and text, cut to 12 bytes (RFC 2104)', () => {
    const key = new SeededRandom(1).bytes(32)
    const text = 'udp 10.0.0.1 5060'
    const mac = createHmac('sha256', key).update(`flow ${text}`).digest().subarray(0, 12)
    const seal = new Seal(new SeededRandom(1), sha256)
    expect(seal.close('flow', text)).toBe(Buffer.concat([mac, Buffer.from(text)]).toString('base64url'))
    expect([seal.open('flow', seal.close('flow', text)), seal.open('nonce', seal.close('flow', text))]).toEqual([text, undefined])
  })

  it('marks name a text, differ by purpose and key, and open nothing', () => {
    const a = new Seal(new SeededRandom(1), sha256), b = new Seal(new SeededRandom(2), sha256)
    expect(a.mark('loop', 'x')).toMatch(/^[\w-]{16}$/)
    expect(a.mark('loop', 'x')).toBe(a.mark('loop', 'x'))
    expect(new Set([a.mark('loop', 'x'), a.mark('loop', 'y'), a.mark('ack', 'x'), b.mark('loop', 'x')]).size).toBe(4)
    expect(a.open('loop', a.mark('loop', 'x'))).toBeUndefined()
  })
})

describe('base64url (RFC 4648 §5)', () => {
  it('is what Node writes and reads, at every length', () => {
    for (let length = 0; length < 40; length++) {
      const bytes = new SeededRandom(length).bytes(length)
      expect(base64Url(bytes)).toBe(Buffer.from(bytes).toString('base64url'))
      expect(fromBase64Url(base64Url(bytes))).toEqual(new Uint8Array(bytes))
    }
  })
})
