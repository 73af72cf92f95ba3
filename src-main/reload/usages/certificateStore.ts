/**
 * The certificate store usage (RFC 6940 §8): each node's certificate is kept at H(Node-ID) and at H(user name), as
 * bare DER in an array, so that old and new ones, and those of a user's several devices, stand side by side.
 */
import type { Certificate } from '../../ports/crypto.ts'
import type { UsageRule } from '../storage/dependencies.ts'
import { Kind } from '../wire/kinds.ts'
import type { ValueToStore } from './storeClient.ts'

export const certificateByNodeKind = Kind.certificateByNode
export const certificateByUserKind = Kind.certificateByUser

export interface ValueAtResource {
  readonly resourceId: Uint8Array
  readonly value: ValueToStore
}

/** What to store, and to store again before `lifetimeS` is over. @param overlay knows H(name) */
export function certificateValues(
  overlay: { resourceId(name: Uint8Array | string): Uint8Array },
  identity: { readonly userName: string, readonly nodeId: Uint8Array, readonly certificate: Pick<Certificate, 'der'> },
  lifetimeS: number,
): readonly ValueAtResource[] {
  const { der } = identity.certificate
  const value = { index: indexOf(der), value: der, lifetimeS }
  return [
    { resourceId: overlay.resourceId(identity.nodeId), value: { kind: certificateByNodeKind, ...value } },
    { resourceId: overlay.resourceId(identity.userName), value: { kind: certificateByUserKind, ...value } },
  ]
}

/**
 * The array index of a certificate: FNV-1a of its bytes, 31 bits. Arrays are sparse, so a place that follows from
 * the content lets a refresh hit its old entry without a Fetch, and leaves other certificates alone; appending
 * would add one more copy at each refresh.
 */
export function indexOf(der: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of der) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 1
}

/** A value must at least look like one DER SEQUENCE; whether to trust it is asked when it is used. */
export const certificateRule: UsageRule = ({ value: { data } }) => !data.exists || (data.value.length > 4 && data.value[0] === 0x30)
