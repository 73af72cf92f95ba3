/**
 * `ports/crypto` on node:crypto. Owns the parsing of subjectAltName (RFC 5280 §4.2.1.6) from the DER itself, since
 * node's text form of it is made for people; whether names and dates will do is `reload/security`'s business.
 */
import { createPrivateKey, createPublicKey, generateKeyPair, hash, sign, verify, X509Certificate, type KeyObject } from 'node:crypto'
import { DecodeError } from '../base/errors.ts'
import { certificateParts, extensionValue, keyTypeOf, readElement, readElements, readTime } from '../base/der.ts'
import type { Certificate, Crypto, KeyType, LegacyHashes, PrivateKey, PublicKey } from '../ports/crypto.ts'

const subjectAltNameOid = [0x55, 0x1d, 0x11]
const maxCertificateBytes = 32_768

/** A Buffer as what the core expects: `slice` of a Buffer shares memory, that of an Uint8Array does not. */
export function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

class NodePrivateKey implements PrivateKey {
  readonly publicKeyInfo: Uint8Array

  constructor(private readonly key: KeyObject, readonly keyType: KeyType) {
    this.publicKeyInfo = plain(createPublicKey(key).export({ type: 'spki', format: 'der' }))
  }

  sign(data: Uint8Array): Uint8Array { return plain(sign('sha256', data, this.key)) }
  exportPkcs8(): Uint8Array { return plain(this.key.export({ type: 'pkcs8', format: 'der' })) }
}

const ascii = (body: Uint8Array): string => {
  let text = ''
  for (const byte of body) {
    if (byte > 0x7f) throw new DecodeError('subjectAltName is no IA5String')
    text += String.fromCharCode(byte)
  }
  return text
}

function ipText(body: Uint8Array): string {
  if (body.length === 4) return body.join('.')
  if (body.length !== 16) throw new DecodeError('iPAddress length')
  return Array.from({ length: 8 }, (_, i) => ((body[2 * i] ?? 0) * 256 + (body[2 * i + 1] ?? 0)).toString(16)).join(':')
}

function parseAltNames(value: Uint8Array | undefined): Certificate['altNames'] {
  if (value === undefined) return []
  const names = readElement(value, 0)
  if (names.tag !== 0x30 || names.end !== value.length) throw new DecodeError('subjectAltName is no SEQUENCE')
  return readElements(names.body, 100).map(({ tag, body }) => {
    switch (tag) {
      case 0x81: return { kind: 'email', value: ascii(body) }
      case 0x82: return { kind: 'dns', value: ascii(body) }
      case 0x86: return { kind: 'uri', value: ascii(body) }
      case 0x87: return { kind: 'ip', value: ipText(body) }
      default: return { kind: 'other', value: '' }
    }
  })
}

const curveBits: Readonly<Record<string, number>> = { prime256v1: 256, secp384r1: 384, secp521r1: 521 }

const keyTypeOfKey = ({ asymmetricKeyType: type }: KeyObject): KeyType | 'other' => (type === 'rsa' || type === 'ec' ? type : 'other')

/** Slow: not for each certificate that is met. */
function bitsOf({ asymmetricKeyDetails: details }: KeyObject): number { return details?.modulusLength ?? curveBits[details?.namedCurve ?? ''] ?? 0 }

class NodePublicKey implements PublicKey {
  readonly keyType: PublicKey['keyType']

  constructor(private readonly key: KeyObject) { this.keyType = keyTypeOfKey(key) }

  /** The key of a certificate; undefined when it cannot be read. */
  static of(x509: X509Certificate): NodePublicKey | undefined {
    try {
      return new NodePublicKey(x509.publicKey)
    } catch { return undefined }
  }

  get bits(): number { return this.keyType === 'other' ? 0 : bitsOf(this.key) }

  verify(data: Uint8Array, signature: Uint8Array): boolean {
    if (this.keyType === 'other') return false
    try {
      return verify('sha256', data, this.key, signature)
    } catch { return false /* signature of impossible form */ }
  }

  hasSigned(certificate: X509Certificate): boolean {
    try {
      return certificate.verify(this.key)
    } catch { return false /* key of a type that cannot have made it */ }
  }
}

/** What every reader needs is read from the DER, since node makes texts of it; the rest, and the key, when it is asked for. */
class NodeCertificate implements Certificate {
  readonly der: Uint8Array
  readonly publicKeyInfo: Uint8Array
  readonly keyType: Certificate['keyType']
  readonly notBefore: number
  readonly notAfter: number
  readonly altNames: Certificate['altNames']
  private readonly emptySubject: boolean
  private key: NodePublicKey | undefined

  constructor(private readonly x509: X509Certificate) {
    this.der = plain(x509.raw)
    const parts = certificateParts(this.der)
    this.publicKeyInfo = parts.publicKeyInfo.whole
    this.keyType = keyTypeOf(this.publicKeyInfo)
    const [notBefore, notAfter] = readElements(parts.validity.body, 2)
    if (notBefore === undefined || notAfter === undefined) throw new DecodeError('certificate validity')
    this.notBefore = readTime(notBefore)
    this.notAfter = readTime(notAfter)
    this.emptySubject = parts.subject.body.length === 0
    this.altNames = parseAltNames(extensionValue(parts, subjectAltNameOid))
  }

  get subject(): string { return this.emptySubject ? '' : this.x509.subject }
  // An empty name is undefined in some versions of node and '' in others.
  get issuer(): string { return (this.x509.issuer as string | undefined) ?? '' }
  get serialNumber(): string { return this.x509.serialNumber.toLowerCase() }
  get isAuthority(): boolean { return this.x509.ca }

  isSignedBy(issuer: Certificate): boolean {
    const key = issuer instanceof NodeCertificate ? issuer.publicKey : NodePublicKey.of(new X509Certificate(issuer.der))
    return key?.hasSigned(this.x509) ?? false
  }

  verify(data: Uint8Array, signature: Uint8Array): boolean { return this.publicKey?.verify(data, signature) ?? false }

  private get publicKey(): NodePublicKey | undefined { return this.key ??= NodePublicKey.of(this.x509) }
}

/** Wraps a certificate that node has parsed already. @throws DecodeError for unreadable names or dates. */
export function nodeCertificate(x509: X509Certificate): Certificate {
  try {
    return new NodeCertificate(x509)
  } catch (cause) {
    if (cause instanceof DecodeError) throw cause
    throw new DecodeError('certificate')
  }
}

/** Of these bytes. Node gives it as a text of as many characters, for which it takes less than half the time of a Buffer. */
export function digest(algorithm: 'sha1' | 'sha256' | 'md5', data: Uint8Array): Uint8Array {
  const text = hash(algorithm, data, 'binary')
  const out = new Uint8Array(text.length)
  for (let i = 0; i < out.length; i++) out[i] = text.charCodeAt(i)
  return out
}

export function createNodeCrypto(): Crypto & LegacyHashes {
  return {
    sha1: (data) => digest('sha1', data),
    sha256: (data) => digest('sha256', data),
    md5: (data) => digest('md5', data),
    generateKey: (type) => new Promise((resolve, reject) => {
      const made = (error: Error | null, _publicKey: KeyObject, privateKey: KeyObject): void => {
        if (error === null) resolve(new NodePrivateKey(privateKey, type))
        else reject(error)
      }
      if (type === 'ec') generateKeyPair('ec', { namedCurve: 'prime256v1' }, made)
      else generateKeyPair('rsa', { modulusLength: 2048, publicExponent: 0x10001 }, made)
    }),
    importPrivateKey(pkcs8) {
      let key: KeyObject
      try {
        key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
      } catch { throw new DecodeError('not a PKCS#8 private key') }
      const type = keyTypeOfKey(key)
      if (type === 'other' || bitsOf(key) === 0) throw new DecodeError('private key is neither RSA nor of a NIST curve')
      return new NodePrivateKey(key, type)
    },
    importPublicKey(publicKeyInfo) {
      try {
        return new NodePublicKey(createPublicKey({ key: Buffer.from(publicKeyInfo), format: 'der', type: 'spki' }))
      } catch { throw new DecodeError('not a SubjectPublicKeyInfo') }
    },
    parseCertificate(der) {
      if (der.length > maxCertificateBytes) throw new DecodeError('certificate too long')
      // node would also take PEM text, and ignore bytes that follow the certificate.
      const outer = readElement(der, 0)
      if (outer.tag !== 0x30 || outer.end !== der.length) throw new DecodeError('not one certificate', outer.end)
      let x509: X509Certificate
      try {
        x509 = new X509Certificate(der)
      } catch { throw new DecodeError('certificate') }
      return nodeCertificate(x509)
    },
  }
}
