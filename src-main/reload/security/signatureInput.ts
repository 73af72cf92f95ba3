/** What signatures of RELOAD are computed over (RFC 6940 §6.3.4, §7.1, §11.1), and how a signer is named. */
import { ByteWriter, concatBytes } from '../../base/bytes.ts'
import { signerIdentity, type SignerIdentity } from '../wire/signature.ts'
import { storedDataValue, type StoredDataValue } from '../wire/storage.ts'

/**
 * Messages: overlay ‖ transaction_id ‖ MessageContents, then the SignerIdentity as encoded. Configurations and
 * Kinds: the element's bytes, then the SignerIdentity.
 */
export function blockSignatureInput(signedPart: Uint8Array, identity: SignerIdentity): Uint8Array {
  const w = new ByteWriter(signedPart.length + 64)
  w.bytes(signedPart)
  signerIdentity.write(w, identity)
  return w.finish()
}

export interface SignedValue {
  readonly resourceId: Uint8Array
  readonly kind: number
  readonly storageTime: bigint
  readonly value: StoredDataValue
}

/**
 * Stored values (§7.1): the Resource-ID without its length, kind, storage_time, the value with its place, the
 * SignerIdentity. An array's index counts as zero, since the writer of an appended value does not know it.
 */
export function storedDataSignatureInput({ resourceId, kind, storageTime, value }: SignedValue, identity: SignerIdentity): Uint8Array {
  const w = new ByteWriter(resourceId.length + value.data.value.length + 96)
  w.bytes(resourceId).u32(kind).u64(storageTime)
  storedDataValue(value.model).write(w, value.model === 'array' ? { ...value, index: 0 } : value)
  signerIdentity.write(w, identity)
  return w.finish()
}

/** What is hashed for the identity: the certificate, behind the Node-ID if the certificate has several (§6.3.4). */
export function identityHashInput(certificateDer: Uint8Array, nodeId?: Uint8Array): Uint8Array {
  return nodeId === undefined ? certificateDer : concatBytes(nodeId, certificateDer)
}
