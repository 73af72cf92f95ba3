/**
 * The next overlay document from the present one (RFC 6940 §11.1): one more in sequence, changed, and signed anew by
 * a configuration-signer of the present one. Documents grow, so room for the next ConfigUpdate is made in good time.
 */
import { equalBytes, utf8Bytes } from '../base/bytes.ts'
import { nextSequence, type OverlayConfiguration } from '../reload/config/configuration.ts'
import { configurationOf, parseOverlayDocument } from '../reload/config/overlayDocument.ts'
import { signDocument, writeConfiguration, type DocumentSigner } from '../reload/config/writeConfiguration.ts'

const roomFor = 4

/** @throws DecodeError when the present document cannot be read */
export function nextDocument(
  present: Uint8Array, overlayName: string, change: (configuration: OverlayConfiguration) => Partial<OverlayConfiguration>, signer: DocumentSigner,
): Uint8Array {
  const { configuration } = configurationOf(parseOverlayDocument(present), overlayName)
  const next = { ...configuration, ...change(configuration), sequence: nextSequence(configuration.sequence) }
  // Receivers still go by the present limit: it is raised before it is reached.
  const maxMessageSize = Math.min(0xffffff, Math.max(next.maxMessageSize, roomFor * present.length))
  return utf8Bytes(signDocument(writeConfiguration({ ...next, maxMessageSize }), signer))
}

/** The bad-node list with these nodes on it, each once. */
export function withBadNodes({ badNodes }: Pick<OverlayConfiguration, 'badNodes'>, nodeIds: readonly Uint8Array[]): Pick<OverlayConfiguration, 'badNodes'> {
  return { badNodes: [...badNodes, ...nodeIds.filter((id) => !badNodes.some((bad) => equalBytes(bad, id)))] }
}

/** Node-IDs that a document excludes from its overlay. @throws DecodeError */
export function badNodesOf(document: Uint8Array, overlayName: string): readonly Uint8Array[] {
  return configurationOf(parseOverlayDocument(document), overlayName).configuration.badNodes
}
