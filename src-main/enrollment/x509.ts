/**
 * Certificates in the making (RFC 5280), which node:crypto cannot do: encoded by node-forge (`asn1.ts`) and signed by the
 * key itself through `ports/crypto`. node-forge's own certificates know RSA only; these are of RSA and of ECDSA alike.
 */
import { utf8Bytes } from '../base/bytes.ts'
import { certificateParts, keyTypeOf, publicKeyBits } from '../base/der.ts'
import { parseIpAddress } from '../base/ipAddress.ts'
import type { Certificate, Crypto, KeyType, PrivateKey } from '../ports/crypto.ts'
import { bitString, boolean, integer, nothing, objectId, octetString, raw, sequence, set, tagged, time, toDer, utf8String, type Asn1 } from './asn1.ts'

export type AltName = { readonly kind: 'uri' | 'email' | 'dns' | 'ip'; readonly value: string }

export interface CertificateSpec {
  /** DER SubjectPublicKeyInfo. */
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

const commonNameOid = '2.5.4.3'
/** AlgorithmIdentifier of a signature by such a key. */
export const algorithms: Readonly<Record<KeyType, () => Asn1>> = {
  // sha256WithRSAEncryption has NULL for parameters (RFC 4055 §5), ecdsa-with-SHA256 none (RFC 5758 §3.2).
  rsa: () => sequence(objectId('1.2.840.113549.1.1.11'), nothing()),
  ec: () => sequence(objectId('1.2.840.10045.4.3.2')),
}

/** `tbs`, the algorithm and the signature over `tbs`: the form of certificates and requests alike. */
export function signed(tbs: Asn1, key: PrivateKey): Uint8Array {
  return toDer(sequence(tbs, algorithms[key.keyType](), bitString(key.sign(toDer(tbs)))))
}

/** An Extension; critical where a reader who does not know it must refuse the certificate. */
export function extension(oid: string, critical: boolean, value: Asn1): Asn1 {
  return sequence(objectId(oid), ...(critical ? [boolean(true)] : []), octetString(value))
}

/** GeneralName, implicitly tagged (RFC 5280 §4.2.1.6). */
export const altNameTags = { email: 1, dns: 2, uri: 6, ip: 7 } as const

export function altNameExtension(names: readonly AltName[], critical: boolean): Asn1 {
  return extension('2.5.29.17', critical, sequence(...names.map(({ kind, value }) =>
    tagged(altNameTags[kind], kind === 'ip' ? parseIpAddress(value) : utf8Bytes(value)))))
}

/** SHA-1 of the key's bits (RFC 5280 §4.2.1.2, method 1); a name, not a proof. */
const keyIdentifier = (crypto: Pick<Crypto, 'sha1'>, publicKeyInfo: Uint8Array): Uint8Array => crypto.sha1(publicKeyBits(publicKeyInfo))

/** KeyUsage bits of the first byte (RFC 5280 §4.2.1.3): digitalSignature 0, keyEncipherment 2, keyCertSign 5, cRLSign 6. */
function keyUsage(...bits: readonly number[]): Asn1 {
  const byte = bits.reduce((sum, bit) => sum | (0x80 >> bit), 0)
  return extension('2.5.29.15', true, bitString(Uint8Array.of(byte), 7 - Math.max(...bits)))
}

const serverAuth = 1, clientAuth = 2
const extendedKeyUsage = (...purposes: readonly number[]): Asn1 =>
  extension('2.5.29.37', false, sequence(...purposes.map((purpose) => objectId(`1.3.6.1.5.5.7.3.${purpose}`))))
const basicConstraints = (isAuthority: boolean): Asn1 => extension('2.5.29.19', true, sequence(...(isAuthority ? [boolean(true)] : [])))

/** RSA keys may also encrypt a premaster secret (TLS 1.2); keys of ECDSA sign only. */
const leafUsage = (publicKeyInfo: Uint8Array): Asn1 => (keyTypeOf(publicKeyInfo) === 'rsa' ? keyUsage(0, 2) : keyUsage(0))

function extensionsOf(crypto: Pick<Crypto, 'sha1'>, spec: CertificateSpec, issuerKeyInfo: Uint8Array): Asn1 {
  const purposes = {
    authority: () => [basicConstraints(true), keyUsage(5, 6)],
    peer: () => [basicConstraints(false), leafUsage(spec.publicKeyInfo), extendedKeyUsage(serverAuth, clientAuth)],
    server: () => [basicConstraints(false), leafUsage(spec.publicKeyInfo), extendedKeyUsage(serverAuth)],
  }
  return sequence(
    ...purposes[spec.purpose](),
    // With an empty subject the alternative name is the only name there is, so it is critical (RFC 5280 §4.2.1.6).
    ...(spec.altNames.length === 0 ? [] : [altNameExtension(spec.altNames, spec.commonName === undefined)]),
    extension('2.5.29.14', false, octetString(keyIdentifier(crypto, spec.publicKeyInfo))),
    extension('2.5.29.35', false, sequence(tagged(0, keyIdentifier(crypto, issuerKeyInfo)))),
  )
}

/**
 * @param issuer the issuing certificate with its key; `certificate` undefined makes it self-signed
 * @returns DER
 */
export function issueCertificate(
  crypto: Pick<Crypto, 'sha1'>, spec: CertificateSpec, issuer: { readonly certificate: Certificate | undefined; readonly key: PrivateKey },
): Uint8Array {
  const subject = sequence(...(spec.commonName === undefined ? [] : [set(sequence(objectId(commonNameOid), utf8String(spec.commonName)))]))
  // The top bit is cleared for a positive INTEGER, the next set for a length that says nothing.
  const serialNumber = spec.serialNumber.map((byte, i) => (i === 0 ? (byte & 0x7f) | 0x40 : byte))
  return signed(sequence(
    tagged(0, [integer(Uint8Array.of(2))]), integer(serialNumber), algorithms[issuer.key.keyType](),
    // The issuer's name byte for byte: that is how chains are built.
    issuer.certificate === undefined ? subject : raw(certificateParts(issuer.certificate.der).subject.whole),
    sequence(time(spec.notBefore), time(spec.notAfter)), subject, raw(spec.publicKeyInfo),
    tagged(3, [extensionsOf(crypto, spec, issuer.key.publicKeyInfo)]),
  ), issuer.key)
}
