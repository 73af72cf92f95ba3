import { createPublicKey, generateKeyPairSync, verify, X509Certificate, type KeyObject } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../src-main/base/errors.ts'
import { crypto, makeAuthority, makePeer, random, type TestAuthority, type TestPeer } from '../../../support/certificates.ts'

let root: TestAuthority, alice: TestPeer
beforeAll(async () => {
  root = await makeAuthority()
  alice = await makePeer(root, 'alice')
})
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe('cryptography of node', () => {
  it('digests', () => {
    expect(hex(crypto.sha1(text('abc')))).toBe('a9993e364706816aba3e25717850c26c9cd0d89d')
    expect(hex(crypto.sha256(text('abc')))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })
  it('verifies what the key of a certificate signed, and nothing else', () => {
    const signature = alice.key.sign(text('message'))
    expect(alice.certificate.verify(text('message'), signature)).toBe(true)
    expect(alice.certificate.verify(text('massage'), signature)).toBe(false)
    expect(root.certificate.verify(text('message'), signature)).toBe(false)
    expect(alice.certificate.verify(text('message'), new Uint8Array(3))).toBe(false)
  })
  it.each(['rsa', 'ec'] as const)('exports a private key of %s and takes it back', async (type) => {
    const key = await crypto.generateKey(type)
    const again = crypto.importPrivateKey(key.exportPkcs8())
    expect(again.keyType).toBe(type)
    expect(again.publicKeyInfo).toEqual(key.publicKeyInfo)
    expect(crypto.importPublicKey(key.publicKeyInfo).verify(text('x'), again.sign(text('x')))).toBe(true)
  })
  it('signs as OpenSSL does with keys of both kinds', async () => {
    for (const type of ['rsa', 'ec'] as const) {
      const key = await crypto.generateKey(type)
      const publicKey = createPublicKey({ key: Buffer.from(key.publicKeyInfo), format: 'der', type: 'spki' })
      expect(verify('sha256', text('message'), publicKey, key.sign(text('message')))).toBe(true)
    }
  })
  it('says how strong a public key is', async () => {
    const spki = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ type: 'spki', format: 'der' }))
    expect(crypto.importPublicKey((await crypto.generateKey('ec')).publicKeyInfo)).toMatchObject({ keyType: 'ec', bits: 256 })
    expect(crypto.importPublicKey(spki(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey))).toMatchObject({ keyType: 'ec', bits: 384 })
    expect(crypto.importPublicKey(spki(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey))).toMatchObject({ keyType: 'rsa', bits: 1024 })
    expect(crypto.importPublicKey(spki(generateKeyPairSync('ed25519').publicKey))).toMatchObject({ keyType: 'other', bits: 0 })
    expect(() => crypto.importPublicKey(random.bytes(100))).toThrow(DecodeError)
  })
  it('refuses private keys that are garbage or of another kind', () => {
    expect(() => crypto.importPrivateKey(new Uint8Array(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'der' })))).toThrow(DecodeError)
    expect(() => crypto.importPrivateKey(random.bytes(100))).toThrow(DecodeError)
  })
  it('reads of a certificate what OpenSSL reads', async () => {
    for (const type of ['rsa', 'ec'] as const) {
      const { certificate } = await makePeer(root, 'y', 'office.example', { keyType: type, notAfter: Date.UTC(2050, 0, 1) })
      const theirs = new X509Certificate(certificate.der)
      expect(Buffer.from(certificate.publicKeyInfo)).toEqual(theirs.publicKey.export({ type: 'spki', format: 'der' }))
      expect([certificate.notBefore, certificate.notAfter]).toEqual([Date.parse(theirs.validFrom), Date.parse(theirs.validTo)])
      expect(certificate.serialNumber).toBe(theirs.serialNumber.toLowerCase())
    }
  })
  it('hands out bytes whose slice is a copy', () => {
    const piece = alice.certificate.der.slice(0, 1)
    piece[0] = 0
    expect(alice.certificate.der[0]).toBe(0x30)
  })
  it('reads alternative names that node would quote', async () => {
    const odd = await makePeer(root, 'x', 'office.example', { key: alice.key, altNames: [
      { kind: 'uri', value: 'reload://0110aa@o/, DNS:evil.example' }, { kind: 'email', value: '"a,b"@office.example' }, { kind: 'dns', value: 'a.example' }, { kind: 'ip', value: '192.0.2.7' },
    ] })
    expect(odd.certificate.altNames).toEqual([
      { kind: 'uri', value: 'reload://0110aa@o/, DNS:evil.example' }, { kind: 'email', value: '"a,b"@office.example' }, { kind: 'dns', value: 'a.example' }, { kind: 'ip', value: '192.0.2.7' },
    ])
  })
  it('raises DecodeError, and nothing else, for every damaged certificate', () => {
    const der = alice.certificate.der
    for (let at = 0; at < der.length; at++) {
      for (const bytes of [der.slice(0, at), der.map((byte, i) => (i === at ? byte ^ 0xff : byte))]) {
        try {
          crypto.parseCertificate(bytes)
        } catch (error) { expect(error).toBeInstanceOf(DecodeError) }
      }
    }
    expect(() => crypto.parseCertificate(Uint8Array.from([...der, 0]))).toThrow(DecodeError)
    expect(() => crypto.parseCertificate(new Uint8Array(40_000))).toThrow(DecodeError)
  })
})
