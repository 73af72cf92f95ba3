/**
 * The overlay document once more from its configuration server: before it expires (RFC 6940 §11.1), and when this node
 * has missed a change of the keys that sign it (§6.5.4), for then no ConfigUpdate can be believed any more.
 */
import { equalBytes } from '../base/bytes.ts'
import { PeerError } from '../base/errors.ts'
import { isNewerSequence } from '../reload/config/configuration.ts'
import { configurationServers, type DocumentPlace } from './configurationServer.ts'
import { checkDocument, type CheckedDocument } from './document.ts'
import { documentPath, documentType, type EnrolmentPorts } from './enrolmentPorts.ts'
import { pinBytes } from './invitationCode.ts'
import { requestJudged, serverProblem } from './certificateRequest.ts'
import { maxDocumentBytes } from './enroll.ts'

export interface RefetchedDocument {
  readonly bytes: Uint8Array
  /** It came from a server that the overlay's root vouches for: it counts whoever signed it. Never so in an open overlay. */
  readonly vouched: boolean
}

/**
 * A newer document of the overlay; undefined when nobody who answers has one.
 * @param known addresses of the overlay's servers, with any path
 * @throws the signal's reason
 */
export async function refetchDocument(ports: EnrolmentPorts, current: CheckedDocument, known: readonly string[], signal: AbortSignal): Promise<RefetchedDocument | undefined> {
  const { instanceName, sequence } = current.configuration
  const origins = new Set([...known, ...current.configuration.enrollmentServers].flatMap((url) => /^https:\/\/[^/]+/i.exec(url)?.[0] ?? []))
  const { dns, random } = ports
  const byName: readonly DocumentPlace[] = dns === undefined ? [] : await configurationServers({ dns, random }, instanceName, signal)
  const places = [...[...origins].map((origin): DocumentPlace => ({ url: origin + documentPath })), ...byName]
  for (const place of places) {
    try {
      let problem: string | undefined
      const response = await requestJudged(ports, { method: 'GET', ...place, headers: { accept: documentType }, maxBodyBytes: maxDocumentBytes }, (chain) => {
        problem = serverProblem(ports, chain, current.anchor.slice(0, pinBytes), instanceName)
        // One that nobody vouches for may still have a document that stands by its signature.
        return undefined
      }, signal)
      if (response.status !== 200) continue
      const found = checkDocument(ports, response.body, instanceName)
      if (!equalBytes(found.anchor, current.anchor) || !isNewerSequence(found.configuration.sequence, sequence)) continue
      return { bytes: found.bytes, vouched: !current.open && problem === undefined }
    } catch (cause) {
      signal.throwIfAborted()
      if (!(cause instanceof PeerError)) throw cause
    }
  }
  return undefined
}
