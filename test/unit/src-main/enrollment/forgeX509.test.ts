import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../src-main/base/errors.ts'
import { issueCertificate, makeRequest, readRequest } from '../../../../src-main/enrollment/forgeX509.ts'
import { crypto, makeAuthority, makePeer, random, type TestAuthority, type TestPeer } from '../../../support/certificates.ts'

let root: TestAuthority, alice: TestPeer
beforeAll(async () => {
  root = await makeAuthority()
  alice = await makePeer(root, 'alice')
})

describe('certificates of RFC 6940 §11.3', () => {
  it('hold one reload URI and one rfc822Name, and an empty subject', () => {
    expect(alice.certificate.altNames).toEqual([
      { kind: 'uri', value: `reload://0110${Buffer.from(alice.nodeId).toString('hex')}@office.example/` },
      { kind: 'email', value: 'alice@office.example' },
    ])
    expect(alice.certificate.subject).toBe('')
    expect(alice.certificate.issuer).toBe(root.certificate.subject)
    expect(alice.certificate.isAuthority).toBe(false)
    expect(alice.certificate.keyType).toBe('rsa')
  })
  it('mark subjectAltName critical, since the subject is empty (RFC 5280 §4.2.1.6)', () => {
    // OID 2.5.29.17 then BOOLEAN TRUE
    expect(Buffer.from(alice.certificate.der).includes(Buffer.from('0603551d110101ff', 'hex'))).toBe(true)
  })
  it('carry the bytes of the requested public key unchanged', () => {
    expect(alice.certificate.publicKeyInfo).toEqual(alice.key.publicKeyInfo)
  })
  it('chain to the root by signature, by name and by key identifier', async () => {
    expect(alice.certificate.isSignedBy(root.certificate)).toBe(true)
    expect(root.certificate.isSignedBy(root.certificate)).toBe(true)
    expect(new X509Certificate(alice.certificate.der).checkIssued(new X509Certificate(root.certificate.der))).toBe(true)
    const other = await makeAuthority()
    expect(alice.certificate.isSignedBy(other.certificate)).toBe(false)
  })
  it('serve their dates in milliseconds', async () => {
    const notAfter = Date.UTC(2051, 5, 1)
    const late = await makePeer(root, 'late', 'office.example', { key: alice.key, notAfter })
    expect(late.certificate.notAfter).toBe(notAfter)
  })
  it('have positive serial numbers of 16 bytes', () => {
    const der = issueCertificate({
      publicKeyInfo: alice.key.publicKeyInfo, altNames: [], commonName: 'x', notBefore: 0, notAfter: 1e12, serialNumber: new Uint8Array(16).fill(0xff), purpose: 'server',
    }, { certificate: root.certificate, key: root.key })
    expect(crypto.parseCertificate(der).serialNumber).toBe('7f' + 'ff'.repeat(15))
  })
})

describe('certification requests (RFC 2986)', () => {
  it('come back with the key and the names that were asked for', () => {
    const request = readRequest(makeRequest(alice.key, [{ kind: 'email', value: 'alice@office.example' }]))
    expect(request).toEqual({ publicKeyInfo: alice.key.publicKeyInfo, keyBits: 2048, emails: ['alice@office.example'], uris: [] })
  })
  it('are refused when the signature is not by their own key', () => {
    const der = makeRequest(alice.key, [])
    der[der.length - 5] = (der[der.length - 5] ?? 0) ^ 1
    expect(() => readRequest(der)).toThrow(DecodeError)
  })
  it('are refused when they are garbage', () => {
    for (const bytes of [new Uint8Array(), random.bytes(300), new Uint8Array(20_000).fill(0x30), root.certificate.der]) {
      expect(() => readRequest(bytes)).toThrow(DecodeError)
    }
  })
})
