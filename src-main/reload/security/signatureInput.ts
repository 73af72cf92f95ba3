/** What signatures of RELOAD are computed over (RFC 6940 §6.3.4, §7.1, §11.1), and how a signer is named. */
import { ByteWriter, concatBytes } from '../../base/bytes.ts'
import { signerIdentity, type SignerIdentity } from '../wire/signature.ts'
import { storedDataValue, type StoredDataValue } from '../wire/storage.ts'

/**
 * Messages: overlay ‖ transaction_id ‖ MessageContents, then the SignerIdentity as encoded. Configurations and
 * Kinds: the element's bytes, then the SignerIdentity.
 */
export function blockSignatureInput(signedPart: SignedPart, identity: SignerIdentity): Uint8Array { return blockInput(signedPart, identity).finish() }

/** As `blockSignatureInput`, before it is copied out of its writer: most inputs are looked at once. */
export function blockInput(signedPart: SignedPart, identity: SignerIdentity): ByteWriter {
  const w = new ByteWriter(512)
  if (signedPart instanceof Uint8Array) w.bytes(signedPart)
  else signedPart(w)
  signerIdentity.write(w, identity)
  return w
}

/** The bytes that are signed, or what writes them. */
export type SignedPart = Uint8Array | ((writer: ByteWriter) => void)

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
export function storedDataSignatureInput(value: SignedValue, identity: SignerIdentity): Uint8Array { return storedDataInput(value, identity).finish() }

/** As `storedDataSignatureInput`, before it is copied out of its writer. */
export function storedDataInput({ resourceId, kind, storageTime, value }: SignedValue, identity: SignerIdentity): ByteWriter {
  const w = new ByteWriter(resourceId.length + value.data.value.length + 96)
  w.bytes(resourceId).u32(kind).u64(storageTime)
  storedDataValue(value.model).write(w, value.model === 'array' ? { ...value, index: 0 } : value)
  signerIdentity.write(w, identity)
  return w
}

/** What is hashed for the identity: the certificate, behind the Node-ID if the certificate has several (§6.3.4). */
export function identityHashInput(certificateDer: Uint8Array, nodeId?: Uint8Array): Uint8Array {
  return nodeId === undefined ? certificateDer : concatBytes(nodeId, certificateDer)
}
