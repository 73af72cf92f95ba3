/**
 * The certificate profile of RELOAD (RFC 6940 §11.3, §11.3.1, §14.15): which Node-IDs and which user name a
 * certificate gives its holder. Whether it is to be believed is `certificateVerifier`'s business.
 */
import { concatBytes, fromHex, toHex } from '../../base/bytes.ts'
import type { Certificate, Crypto } from '../../ports/crypto.ts'
import { NODE_ID_LENGTH } from '../wire/constants.ts'
import { isNoNode, isWildcard } from '../wire/identifiers.ts'

export interface OverlayNames {
  /** At least one, in the certificate's order. */
  readonly nodeIds: readonly Uint8Array[]
  /** The rfc822Name, as its bytes stand in the certificate. */
  readonly userName: string
}

export type CertificateProblem =
  /** not the profile of §11.3, or not an X.509 certificate */
  | 'malformed'
  /** made out for another overlay */
  | 'wrong-overlay'
  /** does not chain to a root of the configuration, and self-signed ones are not permitted */
  | 'untrusted'
  /** self-signed, and its Node-ID is not the digest of its key */
  | 'node-id-mismatch'
  | 'not-yet-valid'
  | 'expired'
  /** listed in bad-node */
  | 'bad-node'

/** Node-IDs of one certificate. */
export const MAX_NODE_IDS = 16
/** One Destination of type node, in hexadecimal: 01, length 10, the Node-ID; the slash at the end may be missing. */
const reloadUri = /^reload:\/\/0110([0-9a-fA-F]{32})@([^/@]+)\/?$/i

/** The URI that stands in certificates for a Node-ID. */
export function nodeIdUri(nodeId: Uint8Array, overlayName: string): string { return `reload://0110${toHex(nodeId)}@${overlayName}/` }

/** The Node-ID that such a URI stands for, if it is one of this overlay. */
export function nodeIdOfUri(uri: string, overlayName: string): Uint8Array | 'malformed' | 'wrong-overlay' {
  const match = reloadUri.exec(uri)
  if (match === null) return 'malformed'
  if ((match[2] as string).toLowerCase() !== overlayName.toLowerCase()) return 'wrong-overlay'
  const nodeId = fromHex(match[1] as string)
  return isWildcard(nodeId) || isNoNode(nodeId) ? 'malformed' : nodeId
}

/**
 * subjectAltName holds reload URIs and exactly one rfc822Name and nothing else, and the subject is empty (§11.3).
 * A problem is returned as its name.
 */
export function readOverlayCertificate(certificate: Certificate, overlayName: string): OverlayNames | 'malformed' | 'wrong-overlay' {
  const nodeIds: Uint8Array[] = []
  let userName: string | undefined
  for (const name of certificate.altNames) {
    if (name.kind === 'email') {
      if (userName !== undefined || name.value === '' || name.value.length > 255) return 'malformed'
      userName = name.value
    } else if (name.kind === 'uri') {
      const nodeId = nodeIds.length === MAX_NODE_IDS ? 'malformed' : nodeIdOfUri(name.value, overlayName)
      if (typeof nodeId === 'string') return nodeId
      nodeIds.push(nodeId)
    } else {
      return 'malformed'
    }
  }
  if (userName === undefined || nodeIds.length === 0 || certificate.subject !== '') return 'malformed'
  return { nodeIds, userName }
}

export type SelfSignedDigest = 'sha1' | 'sha256'

/**
 * The Node-IDs that a self-signed certificate with this key must have (§11.3.1): the leading bits of the digest of
 * SubjectPublicKeyInfo, with the 32-bit index from 1 in front when there are several.
 */
export function selfSignedNodeIds(crypto: Pick<Crypto, 'sha1' | 'sha256'>, digest: SelfSignedDigest, publicKeyInfo: Uint8Array, count = 1): readonly Uint8Array[] {
  const hash = (data: Uint8Array): Uint8Array => (digest === 'sha1' ? crypto.sha1(data) : crypto.sha256(data)).slice(0, NODE_ID_LENGTH)
  if (count === 1) return [hash(publicKeyInfo)]
  return Array.from({ length: count }, (_, i) => hash(concatBytes(Uint8Array.of(0, 0, 0, i + 1), publicKeyInfo)))
}
