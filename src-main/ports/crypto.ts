/**
 * The cryptography the core needs, synchronous but for making keys. Signatures are with SHA-256: ECDSA on P-256, or
 * RSASSA-PKCS1-v1_5 (which RFC 6940 §6.3.4 makes mandatory to support), as the key is.
 */
export interface Crypto {
  sha1(data: Uint8Array): Uint8Array
  sha256(data: Uint8Array): Uint8Array
  /** 'ec' is P-256 and made at once; 'rsa' has 2048 bits and takes 100 ms and more. */
  generateKey(type: KeyType): Promise<PrivateKey>
  /** @throws DecodeError when the bytes are not a PKCS#8 private key of RSA or of a NIST curve. */
  importPrivateKey(pkcs8: Uint8Array): PrivateKey
  /** @throws DecodeError when the bytes are not a DER SubjectPublicKeyInfo. */
  importPublicKey(publicKeyInfo: Uint8Array): PublicKey
  /** @throws DecodeError when the bytes are not one X.509 certificate. */
  parseCertificate(der: Uint8Array): Certificate
}

/** Broken as a signature, but all that many phones know for digest authentication (RFC 8760 §2.1). */
export interface LegacyHashes {
  md5(data: Uint8Array): Uint8Array
}

export type KeyType = 'rsa' | 'ec'

export interface PublicKey {
  readonly keyType: KeyType | 'other'
  /** Of the modulus or of the curve's order; 0 for other keys and curves. */
  readonly bits: number
  /** Verifies a signature over `data` with SHA-256. */
  verify(data: Uint8Array, signature: Uint8Array): boolean
}

export interface PrivateKey {
  readonly keyType: KeyType
  /** With SHA-256 over `data`: RSASSA-PKCS1-v1_5, or ECDSA as DER Ecdsa-Sig-Value (RFC 3279 §2.2.3), which TLS and RELOAD use alike. */
  sign(data: Uint8Array): Uint8Array
  /** DER SubjectPublicKeyInfo of the public half. */
  readonly publicKeyInfo: Uint8Array
  /** DER PKCS#8. A secret: never logged, only handed to the key chain. */
  exportPkcs8(): Uint8Array
}

/** A parsed X.509 certificate. Parsing checks nothing but the encoding: trust is `reload/security`'s business. */
export interface Certificate {
  readonly der: Uint8Array
  /** DER SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Uint8Array
  readonly keyType: KeyType | 'other'
  /** Milliseconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  /** Text of the subject's and issuer's distinguished names; empty string for an empty name. */
  readonly subject: string
  readonly issuer: string
  /** Lower-case hexadecimal. */
  readonly serialNumber: string
  /** BasicConstraints CA flag. */
  readonly isAuthority: boolean
  /** subjectAltName entries, in order. `kind` is 'uri', 'email' (rfc822Name), 'dns', 'ip' or 'other'. */
  readonly altNames: readonly { readonly kind: 'uri' | 'email' | 'dns' | 'ip' | 'other'; readonly value: string }[]
  /** True when `issuer`'s key made the signature of this certificate (names and dates are not looked at). */
  isSignedBy(issuer: Certificate): boolean
  /** Verifies a signature made with this certificate's key over `data` with SHA-256. */
  verify(data: Uint8Array, signature: Uint8Array): boolean
}
