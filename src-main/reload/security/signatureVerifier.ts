/**
 * Verifies signatures of messages, stored values and configuration elements (RFC 6940 §6.3.4, §7.1): finds the
 * signer's certificate in the bucket, has it judged, and checks the signature. Holds no state of its own.
 */
import { equalBytes, type ByteWriter } from '../../base/bytes.ts'
import type { Crypto } from '../../ports/crypto.ts'
import { CertificateType, HashAlgorithm, SignatureAlgorithm } from '../wire/constants.ts'
import type { Message } from '../wire/message.ts'
import type { SecurityBlock, Signature, SignerIdentity } from '../wire/signature.ts'
import type { StoredData } from '../wire/storage.ts'
import type { CertificateVerifier, VerifiedCertificate } from './certificateVerifier.ts'
import type { CertificateProblem } from './overlayCertificate.ts'
import { blockInput, identityHashInput, storedDataInput, type SignedPart } from './signatureInput.ts'

export interface VerifiedSigner {
  readonly certificate: VerifiedCertificate
  /** The Node-ID that signed: the certificate's only one, or the one that the identity names. */
  readonly nodeId: Uint8Array
  readonly userName: string
}

export type SignatureProblem =
  | CertificateProblem
  /** identity none or algorithm {0,0} */
  | 'unsigned'
  /** a hash or signature algorithm this program does not have */
  | 'unsupported-algorithm'
  /** the bucket has no certificate of that hash */
  | 'no-certificate'
  | 'bad-signature'

/** More certificates than this in one bucket are not looked at. */
const MAX_BUCKET = 64

export class SignatureVerifier {
  constructor(private readonly crypto: Crypto, readonly certificates: CertificateVerifier) {}

  verifyMessage(message: Pick<Message, 'signedPart' | 'security'>): VerifiedSigner | SignatureProblem {
    return this.verifyBlock(message.signedPart, message.security)
  }

  /** A security block over any bytes, such as a configuration element (§11.1). */
  verifyBlock(signedPart: SignedPart, block: SecurityBlock): VerifiedSigner | SignatureProblem {
    return this.check(block.signature, bucketOf(block), (identity) => blockInput(signedPart, identity))
  }

  /** @param bucket DER certificates: those of the message that carried the value, or those kept with it */
  verifyStoredData(resourceId: Uint8Array, kind: number, data: StoredData, bucket: readonly Uint8Array[]): VerifiedSigner | SignatureProblem {
    const { storageTime, value } = data
    return this.check(data.signature, bucket, (identity) => storedDataInput({ resourceId, kind, storageTime, value }, identity))
  }

  private check(signature: Signature, bucket: readonly Uint8Array[], input: (identity: SignerIdentity) => ByteWriter): VerifiedSigner | SignatureProblem {
    const { identity, algorithm } = signature
    if (identity.type === 'none' || algorithm.signature === SignatureAlgorithm.anonymous) return 'unsigned'
    if (algorithm.hash !== HashAlgorithm.sha256) return 'unsupported-algorithm'
    const signer = this.findSigner(identity, bucket.slice(0, MAX_BUCKET))
    if (typeof signer === 'string') return signer
    const { certificate } = signer.certificate
    const keyType = algorithm.signature === SignatureAlgorithm.rsa ? 'rsa' : algorithm.signature === SignatureAlgorithm.ecdsa ? 'ec' : undefined
    if (keyType === undefined || keyType !== certificate.keyType) return 'unsupported-algorithm'
    return input(identity).lend((bytes) => certificate.verify(bytes, signature.signatureValue)) ? signer : 'bad-signature'
  }

  private findSigner(identity: Exclude<SignerIdentity, { type: 'none' }>, bucket: readonly Uint8Array[]): VerifiedSigner | SignatureProblem {
    const { hashAlgorithm, certificateHash } = identity
    const hash = this.hashFunction(hashAlgorithm)
    if (hash === undefined) return 'unsupported-algorithm'
    if (identity.type === 'cert_hash') return this.findByHash(hash, hashAlgorithm === HashAlgorithm.sha256, certificateHash, bucket)
    for (const der of bucket) {
      const certificate = this.certificates.verify(der, bucket.filter((other) => other !== der))
      if (typeof certificate === 'string') continue
      const nodeId = certificate.nodeIds.find((id) => equalBytes(hash(identityHashInput(der, id)), certificateHash))
      if (nodeId !== undefined) return { certificate, nodeId, userName: certificate.userName }
    }
    return 'no-certificate'
  }

  /** Most signers were met before: theirs is the certificate of the bucket that is not hashed again. */
  private findByHash(hash: (data: Uint8Array) => Uint8Array, isSha256: boolean, wanted: Uint8Array, bucket: readonly Uint8Array[]): VerifiedSigner | SignatureProblem {
    let certificate = isSha256 ? this.certificates.verifyKnown(wanted, bucket) : undefined
    if (certificate === undefined) {
      const der = bucket.find((candidate) => equalBytes(hash(candidate), wanted))
      if (der === undefined) return 'no-certificate'
      certificate = this.certificates.verify(der, bucket.filter((other) => other !== der), isSha256 ? wanted : undefined)
    }
    if (typeof certificate === 'string') return certificate
    const [nodeId, another] = certificate.nodeIds
    // A certificate with several Node-IDs must name the one meant (§6.3.4).
    return nodeId === undefined || another !== undefined ? 'no-certificate' : { certificate, nodeId, userName: certificate.userName }
  }

  private hashFunction(algorithm: number): ((data: Uint8Array) => Uint8Array) | undefined {
    if (algorithm === HashAlgorithm.sha256) return (data) => this.crypto.sha256(data)
    return algorithm === HashAlgorithm.sha1 ? (data) => this.crypto.sha1(data) : undefined
  }
}

/** The X.509 certificates of a security block. */
export function bucketOf(block: SecurityBlock): readonly Uint8Array[] {
  return block.certificates.flatMap((entry) => (entry.type === CertificateType.x509 ? [entry.certificate] : []))
}
