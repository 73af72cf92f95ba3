import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { issueCertificate } from '../../../../src-main/enrollment/x509.ts'
import { crypto, makeAuthority, makePeer, type TestAuthority, type TestPeer } from '../../../support/certificates.ts'

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
    expect(alice.certificate.keyType).toBe('ec')
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
    const der = issueCertificate(crypto, {
      publicKeyInfo: alice.key.publicKeyInfo, altNames: [], commonName: 'x', notBefore: 0, notAfter: 1e12, serialNumber: new Uint8Array(16).fill(0xff), purpose: 'server',
    }, { certificate: root.certificate, key: root.key })
    expect(crypto.parseCertificate(der).serialNumber).toBe('7f' + 'ff'.repeat(15))
  })
})

describe.each([['rsa', 'rsa'], ['rsa', 'ec'], ['ec', 'rsa'], ['ec', 'ec']] as const)('a root of %s and a peer of %s', (ofRoot, ofPeer) => {
  it('make certificates that OpenSSL reads, chains and verifies', async () => {
    const authority = await makeAuthority('office.example root', Date.now(), ofRoot)
    const peer = await makePeer(authority, 'bob', 'office.example', { keyType: ofPeer })
    const [leaf, issuer] = [new X509Certificate(peer.certificate.der), new X509Certificate(authority.certificate.der)]
    expect(leaf.publicKey.asymmetricKeyType).toBe(ofPeer)
    expect(leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey) && issuer.verify(issuer.publicKey)).toBe(true)
    expect(leaf.ca).toBe(false)
    expect(issuer.ca).toBe(true)
    expect(issuer.subject).toBe('CN=office.example root')
    expect(leaf.subjectAltName).toContain('bob@office.example')
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
    expect([peer.certificate.keyType, authority.certificate.keyType]).toEqual([ofPeer, ofRoot])
    expect(peer.certificate.isSignedBy(authority.certificate)).toBe(true)
    expect(peer.certificate.isSignedBy(peer.certificate)).toBe(false)
  })
})
