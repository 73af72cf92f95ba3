/**
 * Joining as a procedure (RFC 6940 §11.2, §11.3): document, key, request, certificate, saved. The code reaches
 * nobody but a server that the code itself vouches for; whatever fails leaves the profile as it was, and the code
 * unspent unless a certificate was issued.
 */
import type { OverlayHint } from '@shared/model/index.ts'
import { equalBytes, toHex, utf8Bytes } from '../base/bytes.ts'
import { PeerError } from '../base/errors.ts'
import type { ErrorCode } from '@shared/errorCodes.ts'
import type { Certificate, KeyType, PrivateKey } from '../ports/crypto.ts'
import type { HttpRequest, HttpResponse } from '../ports/http.ts'
import { nodeIdUri } from '../reload/security/overlayCertificate.ts'
import { CertificateVerifier, type VerifiedCertificate } from '../reload/security/certificateVerifier.ts'
import { configurationServers, type DocumentPlace } from './configurationServer.ts'
import { checkDocument, type CheckedDocument } from './document.ts'
import { documentType, enrolmentPath, errorHeader, type EnrolmentPorts } from './enrolmentPorts.ts'
import { makeRequest } from './pkcs10.ts'
import type { Identity } from './identity.ts'
import { pinBytes } from './invitationCode.ts'
import { readSource, type JoinSource } from './invitation.ts'
import { printForm, type FormPart } from './multipart.ts'
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

const timeoutMs = 20_000
export const maxDocumentBytes = 262_144
const maxCertificateBytes = 32_768

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
      : await requestCertificate(ports, source, document, { key, typed, count, before: formerNodeIds(ports, store, overlayName) }, signal)
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

interface Issued {
  readonly certificate: Certificate
  readonly chain: readonly Certificate[]
  readonly nodeId: Uint8Array
  readonly userName: string
  /** who issued it; '' for ourselves */
  readonly url: string
}

/** What is asked for: a certificate for a key. */
interface Wanted {
  readonly key: PrivateKey
  /** user name as typed; '' leaves it to the invitation */
  readonly typed: string
  /** Node-IDs */
  readonly count: number
  /** the Node-IDs this profile had before its identity lapsed */
  readonly before: readonly Uint8Array[]
}

function ownCertificate(ports: EnrolmentPorts, { configuration }: CheckedDocument, key: PrivateKey, typed: string, count: number): Issued {
  const userName = checkUserName(typed, configuration.instanceName)
  return { ...makeSelfSigned(ports, key, userName, configuration.instanceName, configuration.selfSignedDigest ?? 'sha256', count), chain: [], userName, url: '' }
}

/**
 * Judges the server's chain: issued by the root that `pin` names, for this overlay's name (RFC 6940 §11.3), now. No
 * peer's certificate passes, since those have no DNS name.
 */
export function serverProblem(ports: Pick<EnrolmentPorts, 'clock' | 'crypto'>, chain: readonly Certificate[], pin: Uint8Array, overlayName: string | undefined): string | undefined {
  const leaf = chain[0], now = ports.clock.now()
  if (leaf === undefined) return 'it shows no certificate'
  const root = chain.find((certificate) => equalBytes(ports.crypto.sha256(certificate.publicKeyInfo).slice(0, pinBytes), pin))
  if (root === undefined || !root.isAuthority || !root.isSignedBy(root)) return 'it is not certified by the root of the invitation'
  if (leaf.issuer !== root.subject || !leaf.isSignedBy(root)) return 'its certificate is not signed by the root'
  const names = leaf.altNames.filter(({ kind }) => kind === 'dns').map(({ value }) => value.toLowerCase())
  if (names.length === 0 || (overlayName !== undefined && !names.includes(overlayName.toLowerCase()))) return 'its certificate is not for this overlay'
  if (now < leaf.notBefore) return clockProblem
  return now > leaf.notAfter ? 'its certificate has expired' : undefined
}

/** The right server, but not yet: its root vouches for it, so it is this machine that is wrong. */
const clockProblem = 'its certificate begins in the future of this machine’s clock'

/** As the client's `request`, with the server judged by `judge`. @throws PeerError also 'clock-wrong' */
export async function requestJudged(
  ports: EnrolmentPorts, request: Omit<HttpRequest, 'acceptServer' | 'timeoutMs'>, judge: (chain: readonly Certificate[]) => string | undefined, signal: AbortSignal,
): Promise<HttpResponse> {
  let problem: string | undefined
  try {
    return await ports.http.request({ ...request, timeoutMs, acceptServer: (chain) => (problem = judge(chain)) }, signal)
  } catch (cause) {
    if (problem === clockProblem) throw new PeerError('clock-wrong', problem, { cause })
    throw cause
  }
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

async function requestCertificate(
  ports: EnrolmentPorts, source: JoinSource, document: CheckedDocument, { key, typed, count, before }: Wanted, signal: AbortSignal,
): Promise<Issued> {
  const overlayName = document.configuration.instanceName
  const wanted = typed.trim() === '' ? undefined : checkUserName(typed, overlayName)
  const field = (name: string, value: string): FormPart => ({ name, type: 'text/plain; charset=utf-8', body: utf8Bytes(value) })
  const csr = makeRequest(key, [
    ...before.map((nodeId) => ({ kind: 'uri' as const, value: nodeIdUri(nodeId, overlayName) })), ...(wanted === undefined ? [] : [{ kind: 'email' as const, value: wanted }]),
  ])
  const form = printForm([
    field('username', wanted ?? ''), field('password', source.code ?? ''), ...(count > 1 ? [field('nodeids', String(count))] : []), { name: 'csr', type: 'application/pkcs10', body: csr },
  ], `ringway-${toHex(ports.random.bytes(16))}`)
  const ask = (url: string): Promise<HttpResponse> => requestJudged(ports, {
    method: 'POST', url, headers: { accept: 'application/pkix-cert', 'content-type': form.contentType }, body: form.body, maxBodyBytes: maxCertificateBytes,
  }, (chain) => serverProblem(ports, chain, document.anchor.slice(0, pinBytes), overlayName), signal)
  const { response, url } = await firstAnswer(enrolmentUrls(source, document), ask)
  if (response.status !== 200) throw refusal(response)
  return { ...readIssued(ports, document, response.body, { key, count }, wanted), url }
}

/** Asks one after the other until somebody answers, each twice: a repeated request gets the same answer (authority.ts). */
async function firstAnswer(urls: readonly string[], ask: (url: string) => Promise<HttpResponse>): Promise<{ response: HttpResponse; url: string }> {
  let first: unknown
  for (const url of urls.flatMap((each) => [each, each])) {
    try {
      return { response: await ask(url), url }
    } catch (cause) {
      if (!(cause instanceof PeerError) || (cause.code !== 'enrolment-unreachable' && cause.code !== 'server-unverified')) throw cause
      first ??= cause
    }
  }
  throw first ?? new PeerError('enrolment-unreachable', 'the overlay document names no enrolment server')
}

const told: readonly ErrorCode[] = ['invitation-invalid', 'invitation-used', 'invitation-expired', 'name-taken', 'name-invalid', 'enrolment-refused', 'too-many-requests']
const tokens: Readonly<Record<string, ErrorCode>> = { failed_authentication: 'invitation-invalid', username_not_available: 'name-taken' }

/** Our own server says in a header what the RFC's four tokens cannot tell apart; any other token is a failure of unknown reason. */
function refusal({ status, headers, body }: HttpResponse): PeerError {
  const token = new TextDecoder().decode(body.subarray(0, 200)).trim().split(/\s/)[0] ?? ''
  const code = told.find((known) => known === headers[errorHeader]) ?? (status === 403 && Object.hasOwn(tokens, token) ? tokens[token] : undefined)
  return new PeerError(code ?? 'enrolment-refused', `the organiser's app refused: ${status} ${/^[\w-]{1,40}$/.test(token) ? token : ''}`.trim())
}

function readIssued(
  ports: EnrolmentPorts, { configuration }: CheckedDocument, der: Uint8Array, { key, count }: Pick<Wanted, 'key' | 'count'>, wanted: string | undefined,
): Omit<Issued, 'url'> {
  const verified: VerifiedCertificate | string = new CertificateVerifier(ports.crypto, ports.clock, { ...configuration, selfSignedDigest: undefined }).verify(der)
  if (verified === 'not-yet-valid') throw new PeerError('clock-wrong', 'the certificate begins in the future of this machine’s clock')
  if (verified === 'expired') throw new PeerError('clock-wrong', 'the new certificate has expired already by this machine’s clock')
  if (typeof verified === 'string') throw new PeerError('certificate-invalid', `the certificate that was issued is not right: ${verified}`)
  const nodeId = verified.nodeIds[0]
  if (!equalBytes(verified.certificate.publicKeyInfo, key.publicKeyInfo) || nodeId === undefined || verified.nodeIds.length !== count) {
    throw new PeerError('certificate-invalid', 'the certificate that was issued is for another key')
  }
  if (wanted !== undefined && verified.userName !== wanted) throw new PeerError('certificate-invalid', `the certificate that was issued is for ${verified.userName}`)
  return { certificate: verified.certificate, chain: verified.chain, nodeId, userName: verified.userName }
}
