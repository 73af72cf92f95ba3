/**
 * Certificates and certification requests in the making (RFC 5280, RFC 2986), which node:crypto cannot do. node-forge
 * builds the structures; the signature is made by the key itself through `ports/crypto`, which is 50 times faster
 * and keeps private keys out of this library.
 */
import forge from 'node-forge'
import { DecodeError } from '../base/errors.ts'
import type { Certificate, PrivateKey } from '../ports/crypto.ts'

const { asn1, pki } = forge
/** What node-forge has and its types leave out. */
const untyped = pki as unknown as {
  getTBSCertificate(certificate: forge.pki.Certificate): forge.asn1.Asn1
  getCertificationRequestInfo(request: unknown): forge.asn1.Asn1
}
const maxRequestBytes = 16_384

export type AltName = { readonly kind: 'uri' | 'email' | 'dns' | 'ip'; readonly value: string }

export interface CertificateSpec {
  /** DER SubjectPublicKeyInfo of an RSA key. */
  readonly publicKeyInfo: Uint8Array
  /** Common name; undefined for the empty subject that RFC 6940 §11.3 wants. */
  readonly commonName?: string
  readonly altNames: readonly AltName[]
  /** milliseconds since 1970 */
  readonly notBefore: number
  readonly notAfter: number
  /** 16 random bytes. */
  readonly serialNumber: Uint8Array
  readonly purpose: 'authority' | 'peer' | 'server'
}

const binary = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))
const rsaWithSha256 = (): forge.asn1.Asn1 => asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, [
  asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(pki.oids.sha256WithRSAEncryption ?? '').getBytes()),
  asn1.create(asn1.Class.UNIVERSAL, asn1.Type.NULL, false, ''),
])
const rsaKey = (publicKeyInfo: Uint8Array): forge.pki.rsa.PublicKey =>
  pki.publicKeyFromAsn1(asn1.fromDer(binary(publicKeyInfo))) as forge.pki.rsa.PublicKey
const keyIdentifier = (publicKeyInfo: Uint8Array): string =>
  pki.getPublicKeyFingerprint(rsaKey(publicKeyInfo), { type: 'RSAPublicKey' }).getBytes()

const altNameTypes = { email: 1, dns: 2, uri: 6, ip: 7 } as const
const altNameExtension = (names: readonly AltName[], critical: boolean): object => ({
  name: 'subjectAltName', critical,
  altNames: names.map(({ kind, value }) => (kind === 'ip' ? { type: altNameTypes.ip, ip: value } : { type: altNameTypes[kind], value })),
})

/** `tbs`, the algorithm and the signature over the DER of `tbs`: the form of certificates and requests alike. */
function signed(tbs: forge.asn1.Asn1, key: PrivateKey): Uint8Array {
  const signature = key.sign(bytesOf(asn1.toDer(tbs).getBytes()))
  return bytesOf(asn1.toDer(asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, [
    tbs, rsaWithSha256(),
    asn1.create(asn1.Class.UNIVERSAL, asn1.Type.BITSTRING, false, String.fromCharCode(0) + binary(signature)),
  ])).getBytes())
}

function extensionsOf(spec: CertificateSpec, issuerKeyInfo: Uint8Array): object[] {
  const purposes = {
    authority: [{ name: 'basicConstraints', critical: true, cA: true }, { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true }],
    peer: [
      { name: 'basicConstraints', critical: true, cA: false },
      { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
    ],
    server: [
      { name: 'basicConstraints', critical: true, cA: false },
      { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
      { name: 'extKeyUsage', serverAuth: true },
    ],
  }
  return [
    ...purposes[spec.purpose],
    // With an empty subject the alternative name is the only name there is, so it is critical (RFC 5280 §4.2.1.6).
    ...(spec.altNames.length === 0 ? [] : [altNameExtension(spec.altNames, spec.commonName === undefined)]),
    { name: 'subjectKeyIdentifier', subjectKeyIdentifier: forge.util.bytesToHex(keyIdentifier(spec.publicKeyInfo)) },
    { name: 'authorityKeyIdentifier', keyIdentifier: keyIdentifier(issuerKeyInfo) },
  ]
}

/**
 * @param issuer the issuing certificate with its key; `certificate` undefined makes it self-signed
 * @returns DER
 */
export function issueCertificate(spec: CertificateSpec, issuer: { readonly certificate: Certificate | undefined; readonly key: PrivateKey }): Uint8Array {
  const certificate = pki.createCertificate()
  const subject = spec.commonName === undefined ? [] : [{ name: 'commonName', value: spec.commonName }]
  certificate.publicKey = rsaKey(spec.publicKeyInfo)
  // The top bit is cleared for a positive INTEGER, the next set for a length that says nothing.
  certificate.serialNumber = forge.util.bytesToHex(binary(spec.serialNumber.map((byte, i) => (i === 0 ? (byte & 0x7f) | 0x40 : byte))))
  certificate.validity.notBefore = new Date(spec.notBefore)
  certificate.validity.notAfter = new Date(spec.notAfter)
  certificate.setSubject(subject)
  certificate.setIssuer(issuer.certificate === undefined ? subject
    : pki.certificateFromAsn1(asn1.fromDer(binary(issuer.certificate.der))).subject.attributes)
  certificate.setExtensions(extensionsOf(spec, issuer.key.publicKeyInfo))
  const algorithm = pki.oids.sha256WithRSAEncryption ?? ''
  certificate.signatureOid = algorithm
  certificate.siginfo.algorithmOid = algorithm
  return signed(untyped.getTBSCertificate(certificate), issuer.key)
}

/** A PKCS#10 request with an empty subject; the names wanted stand in extensionRequest (CHECKLIST A-51). */
export function makeRequest(key: PrivateKey, altNames: readonly AltName[]): Uint8Array {
  const request = pki.createCertificationRequest()
  request.publicKey = rsaKey(key.publicKeyInfo)
  request.setSubject([])
  if (altNames.length > 0) request.setAttributes([{ name: 'extensionRequest', extensions: [altNameExtension(altNames, false)] }])
  return signed(untyped.getCertificationRequestInfo(request), key)
}

export interface CertificationRequest {
  readonly publicKeyInfo: Uint8Array
  readonly keyBits: number
  /** rfc822Names asked for in extensionRequest */
  readonly emails: readonly string[]
  /** URIs asked for: the Node-IDs of one who returns */
  readonly uris: readonly string[]
}

/** Reads a request and checks that its sender has the key. @throws DecodeError */
export function readRequest(der: Uint8Array): CertificationRequest {
  if (der.length > maxRequestBytes) throw new DecodeError('certification request too long')
  try {
    const request = pki.certificationRequestFromAsn1(asn1.fromDer(binary(der)), true)
    if (!request.verify()) throw new DecodeError('signature of the certification request')
    const key = request.publicKey as forge.pki.rsa.PublicKey
    const attribute = request.getAttribute({ name: 'extensionRequest' }) as { extensions?: { name?: string; altNames?: { type: number; value: string }[] }[] } | null
    const names = attribute?.extensions?.find(({ name }) => name === 'subjectAltName')?.altNames ?? []
    return {
      publicKeyInfo: bytesOf(asn1.toDer(pki.publicKeyToAsn1(key)).getBytes()),
      keyBits: key.n.bitLength(),
      emails: names.filter(({ type }) => type === altNameTypes.email).map(({ value }) => value),
      uris: names.filter(({ type }) => type === altNameTypes.uri).map(({ value }) => value),
    }
  } catch (cause) {
    if (cause instanceof DecodeError) throw cause
    throw new DecodeError('not a certification request with an RSA key')
  }
}
