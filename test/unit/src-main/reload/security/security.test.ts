import { beforeAll, describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../../../src-main/base/bytes.ts'
import { issueCertificate } from '../../../../../src-main/enrollment/x509.ts'
import type { Certificate, PrivateKey } from '../../../../../src-main/ports/crypto.ts'
import { CertificateVerifier, type TrustSettings } from '../../../../../src-main/reload/security/certificateVerifier.ts'
import { nodeIdUri, readOverlayCertificate, selfSignedNodeIds } from '../../../../../src-main/reload/security/overlayCertificate.ts'
import { bucketOf, SignatureVerifier } from '../../../../../src-main/reload/security/signatureVerifier.ts'
import { Signer } from '../../../../../src-main/reload/security/signer.ts'
import { encodeContents } from '../../../../../src-main/reload/wire/bodies.ts'
import { toNode } from '../../../../../src-main/reload/wire/destination.ts'
import { rewriteHeader } from '../../../../../src-main/reload/wire/forwardingHeader.ts'
import { decodeMessage } from '../../../../../src-main/reload/wire/message.ts'
import { noSignature } from '../../../../../src-main/reload/wire/signature.ts'
import type { StoredData, StoredDataValue } from '../../../../../src-main/reload/wire/storage.ts'
import { crypto, makeAuthority, makePeer, random, type TestAuthority, type TestPeer } from '../../../../support/certificates.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'
import { caDer, certificateOf, index, vectorTime } from '../wire/vectors.ts'

const DAY = 86_400_000
const clock = new VirtualClock()
const nowMs = clock.now()
let authority: TestAuthority
let stranger: TestAuthority
let alice: TestPeer
let trust: TrustSettings

beforeAll(async () => {
  ;[authority, stranger] = await Promise.all([makeAuthority('root', nowMs), makeAuthority('root', nowMs)])
  alice = await makePeer(authority, 'alice', 'office.example', { nowMs })
  trust = { instanceName: 'office.example', rootCerts: [authority.certificate.der], selfSignedDigest: undefined, badNodes: [] }
})

function issue(spec: { readonly altNames?: TestPeerNames, readonly commonName?: string, readonly key: PrivateKey, readonly purpose?: 'authority' | 'peer' }, issuer: { readonly certificate: Certificate | undefined, readonly key: PrivateKey }): Certificate {
  return crypto.parseCertificate(issueCertificate(crypto, {
    publicKeyInfo: spec.key.publicKeyInfo, altNames: spec.altNames ?? [], notBefore: nowMs - DAY, notAfter: nowMs + 30 * DAY,
    serialNumber: random.bytes(16), purpose: spec.purpose ?? 'peer', ...(spec.commonName === undefined ? {} : { commonName: spec.commonName }),
  }, issuer))
}
type TestPeerNames = readonly { readonly kind: 'uri' | 'email' | 'dns' | 'ip', readonly value: string }[]

describe('certificate profile (RFC 6940 §11.3)', () => {
  it('reads the Node-IDs and the user name', () => {
    expect(readOverlayCertificate(alice.certificate, 'office.example')).toEqual({ nodeIds: [alice.nodeId], userName: 'alice@office.example' })
    const carol = readOverlayCertificate(crypto.parseCertificate(certificateOf('carol')), 'overlay.example.org')
    expect(typeof carol === 'string' ? carol : carol.nodeIds.map(toHex)).toEqual([index.node_ids['carol'], index.node_ids['carol2']])
  })

  it('the reload URI names a Destination of type node and the overlay', () => {
    expect(nodeIdUri(fromHex('10000000000000000000000000000001'), 'overlay.example.org')).toBe('reload://011010000000000000000000000000000001@overlay.example.org/')
  })

  const email = { kind: 'email', value: 'a@office.example' } as const
  const uri = { kind: 'uri', value: nodeIdUri(new Uint8Array(16).fill(5), 'office.example') } as const
  it.each<[string, TestPeerNames, string]>([
    ['no rfc822Name', [uri], 'malformed'],
    ['two rfc822Names', [uri, email, { kind: 'email', value: 'b@office.example' }], 'malformed'],
    ['no reload URI', [email], 'malformed'],
    ['a DNS name besides', [uri, email, { kind: 'dns', value: 'office.example' }], 'malformed'],
    ['another URI', [uri, email, { kind: 'uri', value: 'sip:a@office.example' }], 'malformed'],
    ['zeroes as Node-ID', [{ kind: 'uri', value: nodeIdUri(new Uint8Array(16), 'office.example') }, email], 'malformed'],
    ['the wildcard as Node-ID', [{ kind: 'uri', value: nodeIdUri(new Uint8Array(16).fill(255), 'office.example') }, email], 'malformed'],
    ['a Node-ID of 8 bytes', [{ kind: 'uri', value: 'reload://01080505050505050505@office.example/' }, email], 'malformed'],
    ['another overlay', [{ kind: 'uri', value: nodeIdUri(new Uint8Array(16).fill(5), 'other.example') }, email], 'wrong-overlay'],
  ])('is not met with %s', (_what, altNames, problem) => {
    const certificate = issue({ altNames, key: alice.key }, authority)
    expect(readOverlayCertificate(certificate, 'office.example')).toBe(problem)
    expect(new CertificateVerifier(crypto, clock, trust).verify(certificate.der)).toBe(problem)
  })

  it('is not met with a subject', () => {
    expect(readOverlayCertificate(issue({ altNames: [uri, email], commonName: 'Alice', key: alice.key }, authority), 'office.example')).toBe('malformed')
  })

  it('accepts a reload URI without the last slash and in upper case', () => {
    const certificate = issue({ altNames: [{ kind: 'uri', value: `reload://0110${'AB'.repeat(16)}@office.example` }, email], key: alice.key }, authority)
    expect(readOverlayCertificate(certificate, 'office.example')).toMatchObject({ nodeIds: [new Uint8Array(16).fill(0xab)] })
  })
})

describe('CertificateVerifier', () => {
  it('accepts what chains to a root-cert, and only that', async () => {
    const verifier = new CertificateVerifier(crypto, clock, trust)
    expect(verifier.verify(alice.certificate.der)).toMatchObject({ userName: 'alice@office.example', chain: [] })
    expect(verifier.verifyParsed(alice.certificate)).toBe(verifier.verify(alice.certificate.der))
    const mallory = await makePeer(stranger, 'mallory', 'office.example', { nowMs, key: alice.key })
    expect(verifier.verify(mallory.certificate.der, [stranger.certificate.der])).toBe('untrusted')
    expect(verifier.verify(Uint8Array.of(1, 2, 3))).toBe('malformed')
  })

  it('honours BasicConstraints: a peer is no issuer, an authority between is', () => {
    const altNames: TestPeerNames = [{ kind: 'uri', value: nodeIdUri(new Uint8Array(16).fill(9), 'office.example') }, { kind: 'email', value: 'eve@office.example' }]
    const between = issue({ commonName: 'between', key: alice.key, purpose: 'authority' }, authority)
    const pretender = issue({ commonName: 'pretender', key: alice.key }, authority)
    const good = issue({ altNames, key: alice.key }, { certificate: between, key: alice.key })
    const bad = issue({ altNames, key: alice.key }, { certificate: pretender, key: alice.key })
    const verifier = new CertificateVerifier(crypto, clock, trust)
    expect(verifier.verify(good.der)).toBe('untrusted')
    const verified = verifier.verify(good.der, [between.der])
    expect(typeof verified === 'string' ? verified : verified.chain.map((c) => c.subject)).toEqual([between.subject])
    expect(verifier.verify(bad.der, [pretender.der])).toBe('untrusted')
  })

  it('looks at the dates at every use, cached or not', () => {
    const later = new VirtualClock()
    const verifier = new CertificateVerifier(crypto, later, trust)
    expect(typeof verifier.verify(alice.certificate.der)).toBe('object')
    later.advance(31 * DAY)
    expect(verifier.verify(alice.certificate.der)).toBe('expired')
    expect(new CertificateVerifier(crypto, { now: () => nowMs - 2 * DAY }, trust).verify(alice.certificate.der)).toBe('not-yet-valid')
  })

  it('refuses the nodes of bad-node, from the moment the configuration says so', () => {
    const verifier = new CertificateVerifier(crypto, clock, trust)
    expect(typeof verifier.verify(alice.certificate.der)).toBe('object')
    verifier.reconfigure({ ...trust, badNodes: [alice.nodeId] })
    expect(verifier.verify(alice.certificate.der)).toBe('bad-node')
    verifier.reconfigure({ ...trust, rootCerts: [stranger.certificate.der] })
    expect(verifier.verify(alice.certificate.der)).toBe('untrusted')
  })

  it.each(['sha1', 'sha256'] as const)('self-signed: the Node-ID is the leading bits of the %s of SubjectPublicKeyInfo (§11.3.1)', (digest) => {
    const email = { kind: 'email', value: 'me@office.example' } as const
    const make = (nodeIds: readonly Uint8Array[]): Certificate => issue(
      { altNames: [...nodeIds.map((id) => ({ kind: 'uri', value: nodeIdUri(id, 'office.example') }) as const), email], key: alice.key }, { certificate: undefined, key: alice.key })
    const info = alice.key.publicKeyInfo
    const one = make(selfSignedNodeIds(crypto, digest, info))
    const verifier = new CertificateVerifier(crypto, clock, { ...trust, rootCerts: [], selfSignedDigest: digest })
    expect(verifier.verify(one.der)).toMatchObject({ userName: 'me@office.example' })
    expect(verifier.verify(make(selfSignedNodeIds(crypto, digest, info, 2)).der)).toMatchObject({ nodeIds: selfSignedNodeIds(crypto, digest, info, 2) })
    expect(verifier.verify(make([new Uint8Array(16).fill(3)]).der)).toBe('node-id-mismatch')
    expect(new CertificateVerifier(crypto, clock, trust).verify(one.der)).toBe('untrusted')
  })

  it('holds no more certificates than its limit', () => {
    const verifier = new CertificateVerifier(crypto, { now: () => vectorTime }, { instanceName: 'overlay.example.org', rootCerts: [caDer], selfSignedDigest: undefined, badNodes: [] }, 2)
    const first = verifier.verify(certificateOf('alice'))
    expect(verifier.verify(certificateOf('alice'))).toBe(first)
    verifier.verify(certificateOf('bob')); verifier.verify(certificateOf('carol'))
    expect(verifier.verify(certificateOf('alice'))).not.toBe(first)
  })
})

describe('messages (RFC 6940 §6.3.4)', () => {
  const header = { overlay: 0x01020304, configurationSequence: 1, ttl: 100, transactionId: 77n, destinationList: [toNode(new Uint8Array(16).fill(1))] }
  const contents = encodeContents('pingReq', { padding: new Uint8Array(3) })
  const signerOf = (peer: TestPeer): Signer => new Signer(crypto, { overlayName: 'office.example', nodeId: peer.nodeId, certificate: peer.certificate, chain: [], privateKey: peer.key })
  const verifier = (): SignatureVerifier => new SignatureVerifier(crypto, new CertificateVerifier(crypto, clock, trust))

  it.each([['rsa', 1], ['ec', 3]] as const)('signs and verifies with a key of %s; lists and TTL may change on the way', async (keyType, algorithm) => {
    const carol = await makePeer(authority, 'carol', 'office.example', { nowMs, keyType })
    const bytes = signerOf(carol).signMessage(header, contents)
    const onTheWay = decodeMessage(rewriteHeader(bytes, { ttl: 3, viaList: [toNode(carol.nodeId)] }))
    expect(onTheWay.security.signature.algorithm).toEqual({ hash: 4, signature: algorithm })
    expect(verifier().verifyMessage(onTheWay)).toMatchObject({ nodeId: carol.nodeId, userName: 'carol@office.example' })
  })

  it('an algorithm that the key is not of verifies nothing', () => {
    const message = decodeMessage(signerOf(alice).signMessage(header, contents))
    const { signature } = message.security
    const security = { ...message.security, signature: { ...signature, algorithm: { ...signature.algorithm, signature: 1 } } }
    expect(verifier().verifyMessage({ ...message, security })).toBe('unsupported-algorithm')
  })

  it.each([['overlay', 4], ['transaction_id', 27], ['body', 38 + 18 + 8]])('does not verify when %s was changed', (_what, at) => {
    const bytes = signerOf(alice).signMessage(header, contents).slice()
    bytes[at] = (bytes[at] as number) ^ 1
    expect(verifier().verifyMessage(decodeMessage(bytes))).toBe('bad-signature')
  })

  it('names what is wrong with the certificate, or that there is none', () => {
    const message = decodeMessage(signerOf(alice).signMessage(header, contents))
    const later = new SignatureVerifier(crypto, new CertificateVerifier(crypto, { now: () => nowMs + 40 * DAY }, trust))
    expect(later.verifyMessage(message)).toBe('expired')
    expect(verifier().verifyMessage({ ...message, security: { ...message.security, certificates: [] } })).toBe('no-certificate')
    expect(verifier().verifyMessage({ ...message, security: { ...message.security, signature: noSignature } })).toBe('unsigned')
    const md5 = { ...message.security.signature, algorithm: { hash: 1, signature: 1 } }
    expect(verifier().verifyMessage({ ...message, security: { ...message.security, signature: md5 } })).toBe('unsupported-algorithm')
  })

  it('hashes no certificate of a signer it has met, and checks as before', async () => {
    const later = new VirtualClock()
    let hashed = 0
    const counting = { ...crypto, sha256: (data: Uint8Array) => { hashed++; return crypto.sha256(data) } }
    const certificates = new CertificateVerifier(counting, later, trust)
    const known = new SignatureVerifier(counting, certificates)
    const bob = await makePeer(authority, 'bob', 'office.example', { nowMs, key: alice.key })
    const message = decodeMessage(signerOf(alice).signMessage(header, contents, [bob.certificate.der, certificateOf('carol')]))
    const { security } = message
    const withBucket = (...ders: Uint8Array[]): typeof message => ({ ...message, security: { ...security, certificates: ders.map((certificate) => ({ type: 0, certificate })) } })
    expect(known.verifyMessage(message)).toMatchObject({ nodeId: alice.nodeId })
    expect(hashed).toBe(1)
    hashed = 0
    expect(known.verifyMessage(withBucket(certificateOf('carol'), bob.certificate.der, alice.certificate.der))).toMatchObject({ nodeId: alice.nodeId })
    expect(hashed).toBe(0)
    expect(known.verifyMessage(withBucket())).toBe('no-certificate')
    expect(known.verifyMessage(withBucket(bob.certificate.der))).toBe('no-certificate')
    const forged = { ...security.signature, signatureValue: new Uint8Array(256) }
    expect(known.verifyMessage({ ...message, security: { ...security, signature: forged } })).toBe('bad-signature')
    certificates.reconfigure({ ...trust, badNodes: [alice.nodeId] })
    expect(known.verifyMessage(message)).toBe('bad-node')
    expect(known.verifyMessage(message)).toBe('bad-node')
    certificates.reconfigure(trust)
    expect(known.verifyMessage(message)).toMatchObject({ nodeId: alice.nodeId })
    later.advance(40 * DAY)
    expect(known.verifyMessage(message)).toBe('expired')
  })

  it('a known certificate of several Node-IDs is not named by cert_hash either', () => {
    const nodeIds = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)]
    const certificate = issue({ altNames: [...nodeIds.map((id) => ({ kind: 'uri', value: nodeIdUri(id, 'office.example') }) as const), { kind: 'email', value: 'two@office.example' }], key: alice.key }, authority)
    const message = decodeMessage(new Signer(crypto, { overlayName: 'office.example', nodeId: nodeIds[0] as Uint8Array, certificate, chain: [], privateKey: alice.key }).signMessage(header, contents))
    const met = verifier()
    expect(met.verifyMessage(message)).toMatchObject({ nodeId: nodeIds[0] })
    const identity = { type: 'cert_hash', hashAlgorithm: 4, certificateHash: crypto.sha256(certificate.der) } as const
    expect(met.verifyMessage({ ...message, security: { ...message.security, signature: { ...message.security.signature, identity } } })).toBe('no-certificate')
  })

  it('puts each certificate into the bucket once, ours first', () => {
    const message = decodeMessage(signerOf(alice).signMessage(header, contents, [certificateOf('bob'), alice.certificate.der, certificateOf('bob')]))
    expect(bucketOf(message.security).map(toHex)).toEqual([toHex(alice.certificate.der), toHex(certificateOf('bob'))])
  })

  it('names one of several Node-IDs by cert_hash_node_id, and a cert_hash of such a certificate is not enough', () => {
    const nodeIds = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)]
    const certificate = issue({ altNames: [...nodeIds.map((id) => ({ kind: 'uri', value: nodeIdUri(id, 'office.example') }) as const), { kind: 'email', value: 'two@office.example' }], key: alice.key }, authority)
    const signer = new Signer(crypto, { overlayName: 'office.example', nodeId: nodeIds[1] as Uint8Array, certificate, chain: [], privateKey: alice.key })
    const message = decodeMessage(signer.signMessage(header, contents))
    expect(message.security.signature.identity.type).toBe('cert_hash_node_id')
    expect(verifier().verifyMessage(message)).toMatchObject({ nodeId: nodeIds[1] })
    const identity = { type: 'cert_hash', hashAlgorithm: 4, certificateHash: crypto.sha256(certificate.der) } as const
    expect(verifier().verifyMessage({ ...message, security: { ...message.security, signature: { ...message.security.signature, identity } } })).toBe('no-certificate')
  })

  it('stored values: place and time are signed, the lifetime and an array index are not (§7.1)', () => {
    const resourceId = new Uint8Array(16).fill(4)
    const data = { exists: true, value: Uint8Array.of(1, 2) }
    const sign = (value: StoredDataValue): StoredData => {
      const signature = signerOf(alice).signStoredData({ resourceId, kind: 16, storageTime: 5n, value })
      return { storageTime: 5n, lifetime: 60, value, signature }
    }
    const bucket = [alice.certificate.der]
    const check = (stored: StoredData, kind = 16, id = resourceId): unknown => { const s = verifier().verifyStoredData(id, kind, stored, bucket); return typeof s === 'string' ? s : toHex(s.nodeId) }
    const appended = sign({ model: 'array', index: 0xffffffff, data })
    expect(check({ ...appended, lifetime: 1, value: { model: 'array', index: 7, data } })).toBe(toHex(alice.nodeId))
    expect(check(appended, 3)).toBe('bad-signature')
    expect(check(appended, 16, new Uint8Array(16))).toBe('bad-signature')
    expect(check({ ...appended, storageTime: 6n })).toBe('bad-signature')
    expect(check({ ...appended, value: { model: 'array', index: 0, data: { exists: false, value: data.value } } })).toBe('bad-signature')
    const entry = sign({ model: 'dictionary', key: Uint8Array.of(1), data })
    expect(check(entry)).toBe(toHex(alice.nodeId))
    expect(check({ ...entry, value: { model: 'dictionary', key: Uint8Array.of(2), data } })).toBe('bad-signature')
  })
})
