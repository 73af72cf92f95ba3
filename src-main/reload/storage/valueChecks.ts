/**
 * The checks that a single value must pass wherever it comes from (RFC 6940 §7.4.1.1): a right signature of a
 * certificate of this overlay, the Kind's access policy, and the rule of its usage. Storing peers and readers ask
 * the same question, since neither trusts the other.
 */
import type { Certificate } from '../../ports/crypto.ts'
import type { StoredData } from '../wire/storage.ts'
import { mayWrite } from './accessControl.ts'
import type { DataVerifier, HashName, KindRules, UsageRule, Writer } from './dependencies.ts'

export interface CheckedSigner extends Writer {
  readonly certificate: Certificate
  /** DER of the signer's certificate, then of its issuers without the root: what travels with the value. */
  readonly certificates: readonly Uint8Array[]
}

export class ValueChecks {
  /** @param usages by Kind-ID */
  constructor(private readonly verifier: DataVerifier, private readonly hash: HashName, private readonly usages: ReadonlyMap<number, UsageRule>) {}

  /** @param bucket DER certificates to find the signer's among; returns the signer, or what is wrong */
  check(rules: KindRules, resourceId: Uint8Array, data: StoredData, bucket: readonly Uint8Array[]): CheckedSigner | string {
    const signer = this.verifier.verifyStoredData(resourceId, rules.id, data, bucket)
    if (typeof signer === 'string') return signer
    const { certificate, chain } = signer.certificate
    if (!this.allows(rules, resourceId, data, signer)) return 'not-authorised'
    return { userName: signer.userName, nodeId: signer.nodeId, certificate, certificates: [certificate, ...chain].map(({ der }) => der) }
  }

  /** Whether `writer` may put `data` there, by access policy and usage. */
  allows(rules: KindRules, resourceId: Uint8Array, data: StoredData, writer: Writer): boolean {
    return mayWrite(rules, resourceId, data.value, writer, this.hash) && (this.usages.get(rules.id)?.(data, writer) ?? true)
  }
}
