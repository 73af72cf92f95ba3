/**
 * Globally routable user agent URIs (RFC 7904 §6): `user@domain;gr=` with the Destination List of one device in
 * base64, "~" for "=". They lead to that device and no other, and nothing is stored for them.
 */
import { ByteReader, equalBytes, fromBase64, toBase64 } from '../base/bytes.ts'
import { DecodeError, PeerError } from '../base/errors.ts'
import { encode, len16, vector } from '../base/presentation.ts'
import { normaliseAor, sipUri } from '../phone/address.ts'
import { destination, toNode } from '../reload/wire/destination.ts'

export interface Gruu {
  readonly aor: string
  /** Node-IDs in order, the device last. */
  readonly destination: readonly { readonly node: Uint8Array }[]
}

const list = vector(len16, destination)
const MAX_ENTRIES = 16
/** Of a URI's parameters: base64 with its padding written as "~". */
const parameter = /;gr=([A-Za-z0-9+/]+~{0,2})(?=;|\?|>|$)/i

/** The URI that leads to one device of an address of record. @param secure sips: */
export function gruuOf(aor: string, destinations: Gruu['destination'], secure = false): string {
  // The list itself, without the length that stands before it in messages.
  const bytes = encode(list, destinations.map(({ node }) => toNode(node))).subarray(2)
  return `${sipUri(aor, secure)};gr=${toBase64(bytes).replaceAll('=', '~')}`
}

/**
 * What a GRUU of this overlay says; undefined for a URI without `gr`, or with one that is not of the overlay's making.
 * @throws PeerError 'address-invalid' for a Destination List that leads nowhere
 */
export function readGruu(uri: string, overlayName: string): Gruu | undefined {
  const value = parameter.exec(uri)?.[1]
  if (value === undefined) return undefined
  const aor = normaliseAor(uri, overlayName)
  if (!aor.endsWith(`@${overlayName}`)) return undefined
  const invalid = (why: string, cause?: unknown): PeerError => new PeerError('address-invalid', `the device in this address cannot be read: ${why}`, { cause })
  try {
    const reader = new ByteReader(fromBase64(value.replaceAll('~', '=')))
    const nodes: { node: Uint8Array }[] = []
    while (reader.remaining > 0) {
      const entry = destination.read(reader)
      if (entry.type !== 'node' || nodes.length === MAX_ENTRIES) throw invalid('not a list of nodes')
      if (nodes.some(({ node }) => equalBytes(node, entry.nodeId))) throw invalid('a node stands twice')
      nodes.push({ node: entry.nodeId.slice() })
    }
    if (nodes.length === 0) throw invalid('empty')
    return { aor, destination: nodes }
  } catch (cause) {
    if (cause instanceof DecodeError) throw invalid(cause.message, cause)
    throw cause
  }
}
