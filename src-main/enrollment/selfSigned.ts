/**
 * Certificates of one's own making (RFC 6940 §11.3.1) and the overlays that permit them. Node-IDs are digests of
 * the key, so nobody can choose them; the name is not vouched for, and is looked up in the overlay before use.
 */
import { utf8Bytes } from '../base/bytes.ts'
import type { Certificate, KeyType, PrivateKey } from '../ports/crypto.ts'
import { newConfiguration, topologyChoice, withDiagnosticsFor, type OverlayConfiguration, type TopologyPluginName } from '../reload/config/configuration.ts'
import { signDocument, writeConfiguration } from '../reload/config/writeConfiguration.ts'
import { nodeIdUri, selfSignedNodeIds, type SelfSignedDigest } from '../reload/security/overlayCertificate.ts'
import { Signer } from '../reload/security/signer.ts'
import { backdateMs, rootLifeMs, type EnrolmentPorts } from './enrolmentPorts.ts'
import { issueCertificate } from './x509.ts'
import type { Identity } from './identity.ts'
import { checkOverlayName, checkUserName } from './names.ts'
import { mustBeNew, orForget, saveIdentity, sealKey } from './ownIdentity.ts'
import type { IdentityStore } from './stores.ts'

type Ports = Pick<EnrolmentPorts, 'clock' | 'random' | 'crypto' | 'keychain'>

export interface NewOverlay {
  readonly overlayName: string
  /** the organiser's user name */
  readonly userName: string
  readonly displayName: string
  /** POSIX extended regular expressions of the domains users may have; the overlay's own name when empty */
  readonly domainPatterns?: readonly string[]
  /** The organiser's node may read the figures of every peer (RFC 7851 §7). */
  readonly diagnostics?: boolean
  /** of the identity; default 'ec'. 'rsa' where others verify nothing but what RFC 6940 §6.3.4 makes mandatory */
  readonly keyType?: KeyType
  /** the overlay algorithm; CHORD-RELOAD when absent */
  readonly topologyPlugin?: TopologyPluginName | undefined
}

/** What our overlays have in common, whoever may join them. Links are TLS over TCP without ICE so far (RFC 6940 §6.5.1.5). */
export function commonConfiguration({ domainPatterns = [], diagnostics = false, topologyPlugin = 'CHORD-RELOAD' }: Pick<NewOverlay, 'domainPatterns' | 'diagnostics' | 'topologyPlugin'>, signer: Uint8Array): Partial<OverlayConfiguration> & { domainRestriction: { enable: boolean; patterns: readonly string[] } } {
  const topology = topologyChoice(topologyPlugin)
  return {
    noIce: true, configurationSigners: [signer], kindSigners: [signer], ...topology,
    domainRestriction: { enable: domainPatterns.length > 0, patterns: domainPatterns },
    ...withDiagnosticsFor({ mandatoryExtensions: topology.mandatoryExtensions ?? [] }, diagnostics ? [signer] : []),
  }
}

/** @param userName user@overlay @param count Node-IDs wanted; the first is the one returned */
export function makeSelfSigned(
  { clock, random, crypto }: Ports, key: PrivateKey, userName: string, overlayName: string, digest: SelfSignedDigest, count = 1,
): { readonly certificate: Certificate; readonly nodeId: Uint8Array } {
  const nodeIds = selfSignedNodeIds(crypto, digest, key.publicKeyInfo, count)
  const der = issueCertificate(crypto, {
    publicKeyInfo: key.publicKeyInfo, purpose: 'peer', serialNumber: random.bytes(16),
    altNames: [...nodeIds.map((nodeId) => ({ kind: 'uri' as const, value: nodeIdUri(nodeId, overlayName) })), { kind: 'email', value: userName }],
    notBefore: clock.now() - backdateMs, notAfter: clock.now() + rootLifeMs,
  }, { certificate: undefined, key })
  return { certificate: crypto.parseCertificate(der), nodeId: nodeIds[0] as Uint8Array }
}

/**
 * Makes an overlay that anyone may join, and its organiser's identity.
 * @throws PeerError 'already-enrolled', 'overlay-name-invalid', 'name-invalid', 'disk-full'
 */
export async function createOpenOverlay(ports: Ports, store: IdentityStore, wanted: NewOverlay): Promise<Identity> {
  mustBeNew(store)
  const overlayName = checkOverlayName(wanted.overlayName)
  const userName = checkUserName(wanted.userName, overlayName)
  const privateKey = await ports.crypto.generateKey(wanted.keyType ?? 'ec')
  const { certificate, nodeId } = makeSelfSigned(ports, privateKey, userName, overlayName, 'sha256')
  const signer = new Signer(ports.crypto, { overlayName, nodeId, certificate, chain: [], privateKey })
  const configuration = newConfiguration({ instanceName: overlayName, selfSignedDigest: 'sha256', ...commonConfiguration(wanted, nodeId) })
  const document = utf8Bytes(signDocument(writeConfiguration(configuration), signer))
  const identity: Identity = { overlayName, userName, displayName: wanted.displayName, nodeId, certificate, chain: [], privateKey, document }
  const keyName = await sealKey(ports, privateKey, 'identity')
  return orForget(ports, [keyName], () => {
    saveIdentity(store, identity, keyName, '')
    return Promise.resolve(identity)
  })
}
