/**
 * Joining as a procedure (RFC 6940 §11.2, §11.3): document, key, request, certificate, saved. The code reaches
 * nobody but a server that the code itself vouches for; whatever fails leaves the profile as it was, and the code
 * unspent unless a certificate was issued.
 */
import type { OverlayHint } from '@shared/model/index.ts'
import { equalBytes } from '../base/bytes.ts'
import { PeerError } from '../base/errors.ts'
import type { KeyType, PrivateKey } from '../ports/crypto.ts'
import { requestCertificate, requestJudged, serverProblem, type Issued } from './certificateRequest.ts'
import { configurationServers, type DocumentPlace } from './configurationServer.ts'
import { checkDocument, type CheckedDocument } from './document.ts'
import { documentType, enrolmentPath, type EnrolmentPorts } from './enrolmentPorts.ts'
import type { Identity } from './identity.ts'
import { pinBytes } from './invitationCode.ts'
import { readSource, type JoinSource } from './invitation.ts'
import { checkUserName } from './names.ts'
import { formerNodeIds, mayEnrol, orForget, saveIdentity, sealKey } from './ownIdentity.ts'
import { makeSelfSigned } from './selfSigned.ts'
import type { IdentityStore } from './stores.ts'

export interface JoinRequest {
  /** an invitation link, the text of an overlay document, an https address, or an overlay seen on the network */
  readonly source: string | OverlayHint
  readonly userName?: string
  readonly displayName?: string
  readonly code?: string
  /** Node-IDs wanted in the certificate, 1 to 16; default 1. The first is the one to act under. */
  readonly nodeIds?: number
  /** of the identity; default 'ec'. 'rsa' where others verify nothing but what RFC 6940 §6.3.4 makes mandatory */
  readonly keyType?: KeyType
}

export type JoinStep = 'document' | 'key' | 'certificate' | 'save'

export const maxDocumentBytes = 262_144

/** Makes this profile a member of an overlay. @throws PeerError as each step says; the signal's reason when aborted */
export async function joinOverlay(
  ports: EnrolmentPorts, store: IdentityStore, request: JoinRequest, signal: AbortSignal, onStep: (step: JoinStep) => void = () => { /* nobody watches */ },
): Promise<Identity> {
  await mayEnrol(ports, store)
  const source = readSource(ports, request.source, request.code)
  onStep('document')
  const document = source.document ?? await fetchDocument(ports, source, signal)
  const overlayName = document.configuration.instanceName
  const typed = request.userName ?? source.user ?? ''
  if (document.open || typed.trim() !== '') checkUserName(typed, overlayName)
  if (!document.open && source.code === undefined) throw new PeerError('invitation-required', 'the organiser of this overlay gives out invitations: ask for a code')
  onStep('key')
  const key = await ports.crypto.generateKey(request.keyType ?? 'ec')
  signal.throwIfAborted()
  const keyName = await sealKey(ports, key, 'identity')
  return orForget(ports, [keyName], async () => {
    onStep('certificate')
    const count = request.nodeIds ?? 1
    const issued = document.open ? ownCertificate(ports, document, key, typed, count)
      : await requestCertificate(ports, enrolmentUrls(source, document), document, { key, typed, count, code: source.code ?? '', before: formerNodeIds(ports, store, overlayName) }, signal)
    signal.throwIfAborted()
    onStep('save')
    const identity: Identity = {
      overlayName, userName: issued.userName, displayName: request.displayName?.trim() || (issued.userName.split('@')[0] ?? ''), nodeId: issued.nodeId,
      certificate: issued.certificate, chain: issued.chain, privateKey: key, document: document.bytes,
    }
    saveIdentity(store, identity, keyName, issued.url)
    return identity
  })
}

function ownCertificate(ports: EnrolmentPorts, { configuration }: CheckedDocument, key: PrivateKey, typed: string, count: number): Issued {
  const userName = checkUserName(typed, configuration.instanceName)
  return { ...makeSelfSigned(ports, key, userName, configuration.instanceName, configuration.selfSignedDigest ?? 'sha256', count), chain: [], userName, url: '' }
}

/**
 * The overlay document from its configuration server (§11.2): at the address that is known, else where the overlay's name
 * leads. Nothing secret is sent. A document of an overlay with an authority counts only from a server that its root
 * vouches for; one of an open overlay stands by its signature.
 */
export async function fetchDocument(ports: EnrolmentPorts, source: JoinSource, signal: AbortSignal): Promise<CheckedDocument> {
  if (source.url !== undefined) return fetchFrom(ports, source, { url: source.url }, signal)
  const nobody = new PeerError('enrolment-unreachable', 'nobody on this network offers the overlay’s document: is the organiser’s app running?')
  const { dns, random } = ports
  if (source.overlayName === undefined || dns === undefined) throw nobody
  for (const place of await configurationServers({ dns, random }, source.overlayName, signal)) {
    try {
      return await fetchFrom(ports, source, place, signal)
    } catch (cause) {
      signal.throwIfAborted()
      if (!(cause instanceof PeerError) || cause.code !== 'enrolment-unreachable') throw cause
    }
  }
  throw nobody
}

async function fetchFrom(ports: EnrolmentPorts, source: JoinSource, place: DocumentPlace, signal: AbortSignal): Promise<CheckedDocument> {
  const { pin, overlayName } = source
  let problem: string | undefined
  const response = await requestJudged(ports, { method: 'GET', ...place, headers: { accept: documentType }, maxBodyBytes: maxDocumentBytes }, (chain) => {
    problem = pin === undefined ? 'there is no invitation to know it by' : serverProblem(ports, chain, pin, overlayName)
    // With a code only the root's own server will do; without one the document decides below.
    return source.code === undefined ? undefined : problem
  }, signal)
  if (response.status !== 200) throw new PeerError('enrolment-unreachable', `${place.url} answers ${response.status}`)
  const document = checkDocument(ports, response.body, overlayName)
  if (pin !== undefined && !equalBytes(document.anchor.slice(0, pinBytes), pin)) throw new PeerError('server-unverified', 'the document is of another overlay with the same name')
  if (!document.open && source.code !== undefined && problem !== undefined) throw new PeerError('server-unverified', problem)
  return document
}

/** Where to ask for a certificate: where the document came from, then where it says. */
function enrolmentUrls(source: JoinSource, { configuration }: CheckedDocument): readonly string[] {
  const origin = /^https:\/\/[^/]+/i.exec(source.url ?? '')?.[0]
  return [...new Set([...(origin === undefined ? [] : [origin + enrolmentPath]), ...configuration.enrollmentServers])]
}
