/**
 * The cryptography the core needs, synchronous but for making keys. Signatures are RSASSA-PKCS1-v1_5 with
 * SHA-256 (the pair RFC 6940 §6.3.4 makes mandatory); verification also knows ECDSA with SHA-256.
 */
export interface Crypto {
  sha1(data: Uint8Array): Uint8Array
  sha256(data: Uint8Array): Uint8Array
  /** RSA-2048. Slow (100 ms and more). */
  generateKey(): Promise<PrivateKey>
  /** @throws DecodeError when the bytes are not a PKCS#8 private key. */
  importPrivateKey(pkcs8: Uint8Array): PrivateKey
  /** @throws DecodeError when the bytes are not one X.509 certificate. */
  parseCertificate(der: Uint8Array): Certificate
}

/** Broken as a signature, but all that many phones know for digest authentication (RFC 8760 §2.1). */
export interface LegacyHashes {
  md5(data: Uint8Array): Uint8Array
}

export interface PrivateKey {
  /** RSASSA-PKCS1-v1_5 with SHA-256 over `data`. */
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
  readonly keyType: 'rsa' | 'ec' | 'other'
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
