/**
 * Certificates in the making (RFC 5280), which node:crypto cannot do: written as DER and signed by the key itself
 * through `ports/crypto`. Keys of RSA and of ECDSA, of the subject and of the issuer alike.
 */
import { utf8Bytes } from '../base/bytes.ts'
import { certificateParts, keyTypeOf, publicKeyBits } from '../base/der.ts'
import { bitString, boolean, element, integer, nothing, objectId, octetString, sequence, set, time, utf8String } from '../base/derWriter.ts'
import { parseIpAddress } from '../base/ipAddress.ts'
import type { Certificate, Crypto, KeyType, PrivateKey } from '../ports/crypto.ts'

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

const commonNameOid = [0x55, 0x04, 0x03]
/** AlgorithmIdentifier of a signature by such a key. */
export const algorithms: Readonly<Record<KeyType, () => Uint8Array>> = {
  // sha256WithRSAEncryption has NULL for parameters (RFC 4055 §5), ecdsa-with-SHA256 none (RFC 5758 §3.2).
  rsa: () => sequence(objectId([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]), nothing()),
  ec: () => sequence(objectId([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])),
}

/** `tbs`, the algorithm and the signature over `tbs`: the form of certificates and requests alike. */
export function signed(tbs: Uint8Array, key: PrivateKey): Uint8Array {
  return sequence(tbs, algorithms[key.keyType](), bitString(key.sign(tbs)))
}

/** An Extension; critical where a reader who does not know it must refuse the certificate. */
export function extension(oid: readonly number[], critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(objectId(oid), ...(critical ? [boolean(true)] : []), octetString(value))
}

/** GeneralName, implicitly tagged (RFC 5280 §4.2.1.6). */
export const altNameTags = { email: 0x81, dns: 0x82, uri: 0x86, ip: 0x87 } as const

export function altNameExtension(names: readonly AltName[], critical: boolean): Uint8Array {
  return extension([0x55, 0x1d, 0x11], critical, sequence(...names.map(({ kind, value }) =>
    element(altNameTags[kind], kind === 'ip' ? parseIpAddress(value) : utf8Bytes(value)))))
}

/** SHA-1 of the key's bits (RFC 5280 §4.2.1.2, method 1); a name, not a proof. */
const keyIdentifier = (crypto: Pick<Crypto, 'sha1'>, publicKeyInfo: Uint8Array): Uint8Array => crypto.sha1(publicKeyBits(publicKeyInfo))

/** KeyUsage bits of the first byte (RFC 5280 §4.2.1.3): digitalSignature 0, keyEncipherment 2, keyCertSign 5, cRLSign 6. */
function keyUsage(...bits: readonly number[]): Uint8Array {
  const byte = bits.reduce((sum, bit) => sum | (0x80 >> bit), 0)
  return extension([0x55, 0x1d, 0x0f], true, element(0x03, Uint8Array.of(7 - Math.max(...bits), byte)))
}

const serverAuth = 1, clientAuth = 2
const extendedKeyUsage = (...purposes: readonly number[]): Uint8Array =>
  extension([0x55, 0x1d, 0x25], false, sequence(...purposes.map((purpose) => objectId([0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, purpose]))))
const basicConstraints = (isAuthority: boolean): Uint8Array => extension([0x55, 0x1d, 0x13], true, sequence(...(isAuthority ? [boolean(true)] : [])))

/** RSA keys may also encrypt a premaster secret (TLS 1.2); keys of ECDSA sign only. */
const leafUsage = (publicKeyInfo: Uint8Array): Uint8Array => (keyTypeOf(publicKeyInfo) === 'rsa' ? keyUsage(0, 2) : keyUsage(0))

function extensionsOf(crypto: Pick<Crypto, 'sha1'>, spec: CertificateSpec, issuerKeyInfo: Uint8Array): Uint8Array {
  const purposes = {
    authority: () => [basicConstraints(true), keyUsage(5, 6)],
    peer: () => [basicConstraints(false), leafUsage(spec.publicKeyInfo), extendedKeyUsage(serverAuth, clientAuth)],
    server: () => [basicConstraints(false), leafUsage(spec.publicKeyInfo), extendedKeyUsage(serverAuth)],
  }
  return sequence(
    ...purposes[spec.purpose](),
    // With an empty subject the alternative name is the only name there is, so it is critical (RFC 5280 §4.2.1.6).
    ...(spec.altNames.length === 0 ? [] : [altNameExtension(spec.altNames, spec.commonName === undefined)]),
    extension([0x55, 0x1d, 0x0e], false, octetString(keyIdentifier(crypto, spec.publicKeyInfo))),
    extension([0x55, 0x1d, 0x23], false, sequence(element(0x80, keyIdentifier(crypto, issuerKeyInfo)))),
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
    element(0xa0, integer(Uint8Array.of(2))), integer(serialNumber), algorithms[issuer.key.keyType](),
    // The issuer's name byte for byte: that is how chains are built.
    issuer.certificate === undefined ? subject : certificateParts(issuer.certificate.der).subject.whole,
    sequence(time(spec.notBefore), time(spec.notAfter)), subject, spec.publicKeyInfo,
    element(0xa3, extensionsOf(crypto, spec, issuer.key.publicKeyInfo)),
  ), issuer.key)
}
