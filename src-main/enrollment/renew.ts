/**
 * Renewing the certificate before it ends (RFC 6940 §13.3): the same key, name and Node-IDs, asked of the enrolment
 * server that issued it. A procedure; when it is done, and what goes on with the new certificate, is `peer`'s business.
 */
import { equalBytes } from '../base/bytes.ts'
import { PeerError } from '../base/errors.ts'
import { readOverlayCertificate } from '../reload/security/overlayCertificate.ts'
import { requestCertificate } from './certificateRequest.ts'
import { checkDocument } from './document.ts'
import type { EnrolmentPorts } from './enrolmentPorts.ts'
import type { Identity } from './identity.ts'
import { saveIdentity } from './ownIdentity.ts'
import type { IdentityStore } from './stores.ts'

/**
 * @param others addresses of the organiser's app that are known besides: where it is seen today
 * @returns the identity with a certificate that ends later, saved; undefined when the server had none
 * @throws PeerError as `requestCertificate`; the signal's reason
 */
export async function renewCertificate(ports: EnrolmentPorts, store: IdentityStore, identity: Identity, others: readonly string[], signal: AbortSignal): Promise<Identity | undefined> {
  const { overlayName, userName, certificate, privateKey } = identity
  const record = store.load()
  const names = readOverlayCertificate(certificate, overlayName)
  const document = checkDocument(ports, identity.document, overlayName)
  if (record === undefined || typeof names === 'string' || document.open) return undefined
  const urls = [...new Set([...others, record.enrolmentUrl, ...document.configuration.enrollmentServers])].filter((url) => url !== '')
  const { nodeIds } = names
  const issued = await requestCertificate(ports, urls, document, { key: privateKey, typed: userName, code: '', count: nodeIds.length, before: nodeIds }, signal)
  signal.throwIfAborted()
  if (!equalBytes(issued.nodeId, identity.nodeId)) throw new PeerError('certificate-invalid', 'the renewed certificate is for another Node-ID')
  if (issued.certificate.notAfter <= certificate.notAfter) return undefined
  const renewed: Identity = { ...identity, certificate: issued.certificate, chain: issued.chain }
  saveIdentity(store, renewed, record.keyName, issued.url)
  return renewed
}
