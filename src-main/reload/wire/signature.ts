/** The Security Block and the Signature element of messages and stored values (RFC 6940 §6.3.4). */
import { enumeration, len8, len16, lengthed, opaque, select, struct, u8, vector, type Infer, empty } from '../../base/presentation.ts'
import { HashAlgorithm, SignatureAlgorithm } from './constants.ts'

const certificateHash = lengthed(len16, struct({ hashAlgorithm: u8, certificateHash: opaque(len8) }))

/**
 * Who signed: the hash of a certificate with one Node-ID, H(Node-ID ‖ certificate) of one with several, or nobody
 * (values that a storing peer makes up for what does not exist, §7.4.2.2).
 */
export const signerIdentity = select('type', enumeration(u8, { cert_hash: 1, cert_hash_node_id: 2, none: 3 }), {
  cert_hash: certificateHash,
  cert_hash_node_id: certificateHash,
  none: lengthed(len16, empty),
})
export type SignerIdentity = Infer<typeof signerIdentity>

export const signature = struct({
  algorithm: struct({ hash: u8, signature: u8 }), identity: signerIdentity, signatureValue: opaque(len16),
})
export type Signature = Infer<typeof signature>

export const genericCertificate = struct({ type: u8, certificate: opaque(len16) })
export type GenericCertificate = Infer<typeof genericCertificate>

export const securityBlock = struct({ certificates: vector(len16, genericCertificate), signature })
export type SecurityBlock = Infer<typeof securityBlock>

/** The signature of a synthetic value: identity none, algorithm {0,0}, no value (§7.4.2.2). */
export const noSignature: Signature = {
  algorithm: { hash: HashAlgorithm.none, signature: SignatureAlgorithm.anonymous }, identity: { type: 'none' }, signatureValue: new Uint8Array(0),
}
