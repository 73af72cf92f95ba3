/**
 * Signs what this node sends and stores (RFC 6940 §6.3.4, §7.1): messages, values, and configuration elements.
 * SHA-256 with what the key is of, RSA (RSASSA-PKCS1-v1_5) or ECDSA; the certificate is named by its hash, or by
 * H(Node-ID ‖ certificate) when it holds several Node-IDs.
 */
import { equalBytes, type ByteWriter } from '../../base/bytes.ts'
import { invariant } from '../../base/errors.ts'
import type { Certificate, Crypto, PrivateKey } from '../../ports/crypto.ts'
import { CertificateType, HashAlgorithm, SignatureAlgorithm } from '../wire/constants.ts'
import type { HeaderFields } from '../wire/forwardingHeader.ts'
import { encodeMessage, writeSignedPart, type MessageContents } from '../wire/message.ts'
import type { SecurityBlock, Signature, SignerIdentity } from '../wire/signature.ts'
import { readOverlayCertificate } from './overlayCertificate.ts'
import { blockInput, identityHashInput, storedDataInput, type SignedPart, type SignedValue } from './signatureInput.ts'

export interface SigningIdentity {
  readonly overlayName: string
  readonly nodeId: Uint8Array
  readonly certificate: Certificate
  /** Issuers between the certificate and the root; sent along, since others know only the root. */
  readonly chain: readonly Certificate[]
  readonly privateKey: PrivateKey
}

const algorithms = {
  rsa: { hash: HashAlgorithm.sha256, signature: SignatureAlgorithm.rsa }, ec: { hash: HashAlgorithm.sha256, signature: SignatureAlgorithm.ecdsa },
} as const

export class Signer {
  readonly identity: SignerIdentity
  /** Our certificate and its issuers: what a receiver needs to check our signatures. */
  readonly certificates: readonly Uint8Array[]
  private readonly own: SecurityBlock['certificates']

  constructor(crypto: Pick<Crypto, 'sha256'>, private readonly signing: SigningIdentity) {
    const names = readOverlayCertificate(signing.certificate, signing.overlayName)
    invariant(typeof names !== 'string' && names.nodeIds.some((id) => equalBytes(id, signing.nodeId)), 'our certificate does not hold our Node-ID')
    const several = names.nodeIds.length > 1
    this.identity = {
      type: several ? 'cert_hash_node_id' : 'cert_hash',
      hashAlgorithm: HashAlgorithm.sha256,
      certificateHash: crypto.sha256(identityHashInput(signing.certificate.der, several ? signing.nodeId : undefined)),
    }
    this.certificates = [signing.certificate.der, ...signing.chain.map((issuer) => issuer.der)]
    this.own = bucket(this.certificates)
  }

  get nodeId(): Uint8Array { return this.signing.nodeId }

  /**
   * The encoded message, signed.
   * @param others certificates of the stored values in it; ours are added, each certificate once (§6.3.4)
   */
  signMessage(header: HeaderFields, contents: MessageContents, others: readonly Uint8Array[] = []): Uint8Array {
    return encodeMessage({ header, contents, security: this.signBlock((w) => { writeSignedPart(w, header, contents) }, others) })
  }

  /** A security block over any bytes: a message's signed part, or a configuration or kind element (§11.1). */
  signBlock(part: SignedPart, others: readonly Uint8Array[] = []): SecurityBlock {
    return { certificates: others.length === 0 ? this.own : bucket([...this.certificates, ...others]), signature: this.sign(blockInput(part, this.identity)) }
  }

  /** The signature of a value about to be stored. */
  signStoredData(value: SignedValue): Signature {
    return this.sign(storedDataInput(value, this.identity))
  }

  private sign(input: ByteWriter): Signature {
    const { privateKey } = this.signing
    return { algorithm: algorithms[privateKey.keyType], identity: this.identity, signatureValue: input.lend((bytes) => privateKey.sign(bytes)) }
  }
}

/** Each certificate once. */
function bucket(ders: readonly Uint8Array[]): SecurityBlock['certificates'] {
  const distinct: Uint8Array[] = []
  for (const der of ders) if (!distinct.some((known) => equalBytes(known, der))) distinct.push(der)
  return distinct.map((certificate) => ({ type: CertificateType.x509, certificate }))
}
