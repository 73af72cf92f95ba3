/**
 * Node-IDs and Resource-IDs (RFC 6940 §3, §6.3.1.1, §10.2) and the overlay's hash (§6.3.2). Both identifiers are
 * 16 bytes with CHORD-RELOAD.
 */
import { equalBytes, readU32, utf8Bytes } from '../../base/bytes.ts'
import { fixed, opaque, len8, type Codec } from '../../base/presentation.ts'
import type { Crypto } from '../../ports/crypto.ts'
import { NODE_ID_LENGTH } from './constants.ts'

export const nodeId: Codec<Uint8Array> = fixed(NODE_ID_LENGTH)
export const resourceId: Codec<Uint8Array> = opaque(len8)

/** The Node-ID that every node answers to (§3). */
export const wildcardNodeId: Uint8Array = new Uint8Array(NODE_ID_LENGTH).fill(0xff)

export function isWildcard(id: Uint8Array): boolean { return equalBytes(id, wildcardNodeId) }

/** The Node-ID of zeroes is nobody's: "an invalid Node-ID" (§3) that never goes out. */
export function isNoNode(id: Uint8Array): boolean { return id.every((byte) => byte === 0) }

/** The low 32 bits of SHA-1 of the overlay's name (§6.3.2). */
export function overlayHash(crypto: Pick<Crypto, 'sha1'>, overlayName: string): number {
  const hash = crypto.sha1(utf8Bytes(overlayName))
  return readU32(hash, hash.length - 4)
}

/** H(x) of CHORD-RELOAD: the first 128 bits of SHA-1 (§10.2). */
export function hashToResourceId(crypto: Pick<Crypto, 'sha1'>, name: Uint8Array | string): Uint8Array {
  return crypto.sha1(typeof name === 'string' ? utf8Bytes(name) : name).slice(0, NODE_ID_LENGTH)
}
