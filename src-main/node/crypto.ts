/**
 * `ports/crypto` on node:crypto. Owns the parsing of subjectAltName (RFC 5280 §4.2.1.6) from the DER itself, since
 * node's text form of it is made for people; trust, names and dates are `reload/security`'s business.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPair, sign, verify, X509Certificate, type KeyObject } from 'node:crypto'
import { DecodeError } from '../base/errors.ts'
import type { Certificate, Crypto, LegacyHashes, PrivateKey } from '../ports/crypto.ts'
import { certificateExtension, readElement, readElements } from './der.ts'

const subjectAltNameOid = [0x55, 0x1d, 0x11]
const maxCertificateBytes = 32_768

/** A Buffer as what the core expects: `slice` of a Buffer shares memory, that of an Uint8Array does not. */
export function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

class NodePrivateKey implements PrivateKey {
  readonly publicKeyInfo: Uint8Array

  constructor(private readonly key: KeyObject) {
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

function parseAltNames(der: Uint8Array): Certificate['altNames'] {
  const value = certificateExtension(der, subjectAltNameOid)
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

const keyTypes: Readonly<Record<string, Certificate['keyType']>> = { rsa: 'rsa', ec: 'ec' }

class NodeCertificate implements Certificate {
  readonly der: Uint8Array
  readonly publicKeyInfo: Uint8Array
  readonly keyType: Certificate['keyType']
  readonly notBefore: number
  readonly notAfter: number
  readonly subject: string
  readonly issuer: string
  readonly serialNumber: string
  readonly isAuthority: boolean
  readonly altNames: Certificate['altNames']
  private readonly key: KeyObject

  constructor(private readonly x509: X509Certificate) {
    this.der = plain(x509.raw)
    this.key = x509.publicKey
    this.publicKeyInfo = plain(this.key.export({ type: 'spki', format: 'der' }))
    this.keyType = keyTypes[this.key.asymmetricKeyType ?? ''] ?? 'other'
    this.notBefore = Date.parse(x509.validFrom)
    this.notAfter = Date.parse(x509.validTo)
    if (Number.isNaN(this.notBefore) || Number.isNaN(this.notAfter)) throw new DecodeError('certificate validity')
    // An empty name is undefined in some versions of node and '' in others.
    this.subject = (x509.subject as string | undefined) ?? ''
    this.issuer = (x509.issuer as string | undefined) ?? ''
    this.serialNumber = x509.serialNumber.toLowerCase()
    this.isAuthority = x509.ca
    this.altNames = parseAltNames(this.der)
  }

  isSignedBy(issuer: Certificate): boolean {
    try {
      return this.x509.verify(issuer instanceof NodeCertificate ? issuer.key : new X509Certificate(issuer.der).publicKey)
    } catch { return false /* key of a type that cannot have made it */ }
  }

  verify(data: Uint8Array, signature: Uint8Array): boolean {
    if (this.keyType === 'other') return false
    try {
      return verify('sha256', data, this.key, signature)
    } catch { return false /* signature of impossible form */ }
  }
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

const digest = (algorithm: string, data: Uint8Array): Uint8Array => plain(createHash(algorithm).update(data).digest())

export function createNodeCrypto(): Crypto & LegacyHashes {
  return {
    sha1: (data) => digest('sha1', data),
    sha256: (data) => digest('sha256', data),
    md5: (data) => digest('md5', data),
    generateKey: () => new Promise((resolve, reject) => {
      generateKeyPair('rsa', { modulusLength: 2048, publicExponent: 0x10001 }, (error, _publicKey, privateKey) => {
        if (error === null) resolve(new NodePrivateKey(privateKey))
        else reject(error)
      })
    }),
    importPrivateKey(pkcs8) {
      let key: KeyObject
      try {
        key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
      } catch { throw new DecodeError('not a PKCS#8 private key') }
      if (key.asymmetricKeyType !== 'rsa') throw new DecodeError('private key is not RSA')
      return new NodePrivateKey(key)
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
