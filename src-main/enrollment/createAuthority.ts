/** Makes an overlay with an authority: root, organiser's identity, signed document (RFC 6940 §11.1, §11.3). All of it is saved or nothing. */
import { toHex, utf8Bytes } from '../base/bytes.ts'
import { newConfiguration } from '../reload/config/configuration.ts'
import { signDocument, writeConfiguration } from '../reload/config/writeConfiguration.ts'
import { Signer } from '../reload/security/signer.ts'
import { certifyUser, freshNodeId } from './authority.ts'
import { backdateMs, enrolmentPath, rootLifeMs, type EnrolmentPorts } from './enrolmentPorts.ts'
import type { Identity } from './identity.ts'
import { checkOverlayName, checkUserName } from './names.ts'
import { mustBeNew, orForget, saveIdentity, sealKey } from './ownIdentity.ts'
import { commonConfiguration, type NewOverlay } from './selfSigned.ts'
import type { AuthorityStore, IdentityStore } from './stores.ts'
import { issueCertificate } from './x509.ts'

type Ports = Pick<EnrolmentPorts, 'clock' | 'random' | 'crypto' | 'keychain'>

/**
 * @param wanted.enrolmentUrl https URL for the document's enrollment-server; by default the overlay's own name. Links
 * and the local network tell newcomers where the organiser is today.
 * @throws PeerError 'already-enrolled', 'overlay-name-invalid', 'name-invalid', 'disk-full'
 */
export async function createAuthority(
  ports: Ports, stores: { readonly identity: IdentityStore; readonly authority: AuthorityStore }, wanted: NewOverlay & { readonly enrolmentUrl?: string },
): Promise<Identity> {
  const { clock, random, crypto } = ports
  mustBeNew(stores.identity)
  const overlayName = checkOverlayName(wanted.overlayName)
  const userName = checkUserName(wanted.userName, overlayName)
  const enrolmentUrl = wanted.enrolmentUrl ?? `https://${overlayName}${enrolmentPath}`
  // All verify what the root has signed and nobody waits for its signature: RSA verifies three times as fast as ECDSA.
  const rootKey = await crypto.generateKey('rsa'), privateKey = await crypto.generateKey(wanted.keyType ?? 'ec')
  const rootDer = issueCertificate(crypto, {
    publicKeyInfo: rootKey.publicKeyInfo, commonName: `${overlayName.slice(0, 59)} root`, altNames: [], purpose: 'authority',
    notBefore: clock.now() - backdateMs, notAfter: clock.now() + rootLifeMs, serialNumber: random.bytes(16),
  }, { certificate: undefined, key: rootKey })
  const root = { certificate: crypto.parseCertificate(rootDer), key: rootKey }
  const nodeId = freshNodeId(random)
  const certificate = crypto.parseCertificate(certifyUser(ports, root, {
    userName, nodeIds: [nodeId], overlayName, publicKeyInfo: privateKey.publicKeyInfo, lifeMs: rootLifeMs,
  }))
  const signer = new Signer(crypto, { overlayName, nodeId, certificate, chain: [], privateKey })
  const configuration = newConfiguration({
    instanceName: overlayName, rootCerts: [rootDer], enrollmentServers: [enrolmentUrl], ...commonConfiguration(wanted, nodeId),
  })
  const document = utf8Bytes(signDocument(writeConfiguration(configuration), signer))
  const identity: Identity = { overlayName, userName, displayName: wanted.displayName, nodeId, certificate, chain: [], privateKey, document }
  const rootKeyName = await sealKey(ports, rootKey, 'authority')
  return orForget(ports, [rootKeyName], async () => {
    const keyName = await sealKey(ports, privateKey, 'identity')
    return orForget(ports, [keyName], () => {
      // The identity comes last: without it the profile is still new, and all of this may be done again.
      stores.authority.save({ overlayName, rootCertificate: rootDer, keyName: rootKeyName, document, enrolmentUrl })
      stores.authority.enrol(undefined, { userName, nodeIds: [toHex(nodeId)], certificate: certificate.der, enrolledAt: clock.now() })
      saveIdentity(stores.identity, identity, keyName, '')
      return Promise.resolve(identity)
    })
  })
}
