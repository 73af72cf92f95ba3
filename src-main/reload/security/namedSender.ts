/**
 * Which of its certificate's Node-IDs a neighbour signs its own requests under (RFC 6940 §6.3.4). Only read, not
 * verified: the link proves the certificate, and all of these Node-IDs are the neighbour's to use.
 */
import { equalBytes } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import type { Certificate, Crypto } from '../../ports/crypto.ts'
import { HashAlgorithm, isRequest } from '../wire/constants.ts'
import { decodeMessage, type Message } from '../wire/message.ts'
import { identityHashInput } from './signatureInput.ts'

/** Undefined for what is no request of the neighbour itself: one with a Via List comes from somebody else. */
export function namedSender(crypto: Pick<Crypto, 'sha256'>, bytes: Uint8Array, certificate: Pick<Certificate, 'der'>, nodeIds: readonly Uint8Array[]): Uint8Array | undefined {
  let message: Message
  try {
    message = decodeMessage(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
  if (!isRequest(message.contents.messageCode) || message.header.viaList.length > 0) return undefined
  const { identity } = message.security.signature
  if (identity.type !== 'cert_hash_node_id' || identity.hashAlgorithm !== HashAlgorithm.sha256) return undefined
  return nodeIds.find((id) => equalBytes(crypto.sha256(identityHashInput(certificate.der, id)), identity.certificateHash))
}
