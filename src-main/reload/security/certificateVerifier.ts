/**
 * Decides whether a certificate is one of this overlay's, now (RFC 6940 §7.1, §11.1, §11.3): profile, chain to a
 * root-cert or the rule for self-signed ones, validity, bad-node list. Owns a bounded cache of chains that were
 * verified; dates and the bad-node list are looked at each time.
 */
import { BoundedMap } from '../../base/boundedMap.ts'
import { equalBytes, mapKey, toHex } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Certificate, Crypto } from '../../ports/crypto.ts'
import { readOverlayCertificate, selfSignedNodeIds, type CertificateProblem, type OverlayNames, type SelfSignedDigest } from './overlayCertificate.ts'

/** What an overlay's configuration says about trust; `reload/config`'s OverlayConfiguration has these fields. */
export interface TrustSettings {
  readonly instanceName: string
  /** DER */
  readonly rootCerts: readonly Uint8Array[]
  /** undefined: self-signed certificates are not permitted */
  readonly selfSignedDigest: SelfSignedDigest | undefined
  readonly badNodes: readonly Uint8Array[]
}

export interface VerifiedCertificate extends OverlayNames {
  readonly certificate: Certificate
  /** SHA-256 of the DER bytes. */
  readonly hash: Uint8Array
  /** Issuers between the certificate and the root, nearest first; the root is not among them. */
  readonly chain: readonly Certificate[]
}

interface CacheEntry { readonly verified: VerifiedCertificate, readonly notBefore: number, readonly notAfter: number }

/** The certificate itself, three issuers and the root. */
const MAX_ISSUERS = 3
const MAX_CERTIFICATE_BYTES = 16_384

export class CertificateVerifier {
  private readonly cache: BoundedMap<string, CacheEntry>
  /** A link's certificate is asked about several times. */
  private readonly hashes = new WeakMap<Certificate, Uint8Array>()
  private roots: readonly Certificate[] = []
  private badNodes: ReadonlySet<string> = new Set()
  private trust: TrustSettings

  /** Roots that do not parse are passed over: the example document of §11.1 has one. */
  constructor(private readonly crypto: Crypto, private readonly clock: Pick<Clock, 'now'>, settings: TrustSettings, cacheSize = 512) {
    this.cache = new BoundedMap(cacheSize)
    this.trust = settings
    this.reconfigure(settings)
  }

  get settings(): TrustSettings { return this.trust }

  /** A new configuration: what was verified under the old one is forgotten. */
  reconfigure(settings: TrustSettings): void {
    this.trust = settings
    this.cache.clear()
    this.badNodes = new Set(settings.badNodes.map(toHex))
    this.roots = settings.rootCerts.flatMap((der) => this.parse(der) ?? [])
  }

  /**
   * The certificate of this SHA-256 if it was verified before and is one of `ders`: judged as of now, but neither hashed
   * nor parsed again. Undefined says nothing about it.
   */
  verifyKnown(hash: Uint8Array, ders: readonly Uint8Array[]): VerifiedCertificate | CertificateProblem | undefined {
    const cached = this.cache.get(mapKey(hash))
    if (cached === undefined) return undefined
    const { der } = cached.verified.certificate
    return ders.some((other) => equalBytes(other, der)) ? this.judgeNow(cached) : undefined
  }

  /**
   * @param others certificates from which issuers may be taken, such as those of a message's security block
   * @param hash SHA-256 of `der`, from who has made it already
   */
  verify(der: Uint8Array, others: readonly Uint8Array[] = [], hash = this.crypto.sha256(der)): VerifiedCertificate | CertificateProblem {
    const cached = this.cache.get(mapKey(hash))
    if (cached !== undefined) return this.judgeNow(cached)
    const certificate = this.parse(der)
    return certificate === undefined ? 'malformed' : this.verifyNew(certificate, hash, () => others.flatMap((other) => this.parse(other) ?? []))
  }

  /** As `verify`, for a certificate parsed already, such as a TLS peer's. */
  verifyParsed(certificate: Certificate, others: readonly Certificate[] = []): VerifiedCertificate | CertificateProblem {
    const hash = this.hashes.get(certificate) ?? this.crypto.sha256(certificate.der)
    this.hashes.set(certificate, hash)
    const cached = this.cache.get(mapKey(hash))
    return cached !== undefined ? this.judgeNow(cached) : this.verifyNew(certificate, hash, () => others)
  }

  private parse(der: Uint8Array): Certificate | undefined {
    if (der.length > MAX_CERTIFICATE_BYTES) return undefined
    try {
      return this.crypto.parseCertificate(der)
    } catch (error) {
      if (error instanceof DecodeError) return undefined
      throw error
    }
  }

  private verifyNew(certificate: Certificate, hash: Uint8Array, others: () => readonly Certificate[]): VerifiedCertificate | CertificateProblem {
    const names = readOverlayCertificate(certificate, this.trust.instanceName)
    if (typeof names === 'string') return names
    const path = this.chainToRoot(certificate, others) ?? this.selfSigned(certificate, names)
    if (typeof path === 'string') return path
    const verified: VerifiedCertificate = { ...names, certificate, hash, chain: path.filter((issuer) => !this.roots.includes(issuer)) }
    const entry: CacheEntry = {
      verified,
      notBefore: Math.max(certificate.notBefore, ...path.map((c) => c.notBefore)),
      notAfter: Math.min(certificate.notAfter, ...path.map((c) => c.notAfter)),
    }
    this.cache.set(mapKey(hash), entry)
    return this.judgeNow(entry)
  }

  private judgeNow(entry: CacheEntry): VerifiedCertificate | CertificateProblem {
    const now = this.clock.now()
    if (now < entry.notBefore) return 'not-yet-valid'
    if (now > entry.notAfter) return 'expired'
    return this.badNodes.size > 0 && entry.verified.nodeIds.some((id) => this.badNodes.has(toHex(id))) ? 'bad-node' : entry.verified
  }

  /** Issuers from the nearest to the root; undefined when there is no such path. */
  private chainToRoot(certificate: Certificate, others: () => readonly Certificate[]): readonly Certificate[] | undefined {
    const issued = (issuer: Certificate, subject: Certificate): boolean =>
      issuer.isAuthority && issuer.subject === subject.issuer && subject.isSignedBy(issuer)
    const climb = (subject: Certificate, path: readonly Certificate[]): readonly Certificate[] | undefined => {
      const root = this.roots.find((candidate) => issued(candidate, subject))
      if (root !== undefined) return [...path, root]
      if (path.length === MAX_ISSUERS) return undefined
      for (const issuer of others().slice(0, 16)) {
        if (path.includes(issuer) || issuer === subject || !issued(issuer, subject)) continue
        const found = climb(issuer, [...path, issuer])
        if (found !== undefined) return found
      }
      return undefined
    }
    return climb(certificate, [])
  }

  private selfSigned(certificate: Certificate, names: OverlayNames): readonly Certificate[] | CertificateProblem {
    const digest = this.trust.selfSignedDigest
    if (digest === undefined || !certificate.isSignedBy(certificate)) return 'untrusted'
    const expected = selfSignedNodeIds(this.crypto, digest, certificate.publicKeyInfo, names.nodeIds.length)
    return expected.every((id, i) => equalBytes(id, names.nodeIds[i] as Uint8Array)) ? [] : 'node-id-mismatch'
  }
}
