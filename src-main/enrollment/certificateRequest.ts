/**
 * A certificate from the overlay's enrolment server (RFC 6940 §11.3): the request as a form over HTTPS, the judgement of
 * the server and of what it issues. Used to join with an invitation's code, and to renew with the key itself.
 */
import { equalBytes, toHex, utf8Bytes } from '../base/bytes.ts'
import { PeerError } from '../base/errors.ts'
import type { ErrorCode } from '@shared/errorCodes.ts'
import type { Certificate, PrivateKey } from '../ports/crypto.ts'
import type { HttpRequest, HttpResponse } from '../ports/http.ts'
import { nodeIdUri } from '../reload/security/overlayCertificate.ts'
import { CertificateVerifier, type VerifiedCertificate } from '../reload/security/certificateVerifier.ts'
import type { CheckedDocument } from './document.ts'
import { errorHeader, type EnrolmentPorts } from './enrolmentPorts.ts'
import { makeRequest } from './pkcs10.ts'
import { pinBytes } from './invitationCode.ts'
import { printForm, type FormPart } from './multipart.ts'
import { checkUserName } from './names.ts'

const timeoutMs = 20_000, maxCertificateBytes = 32_768

export interface Issued {
  readonly certificate: Certificate
  readonly chain: readonly Certificate[]
  readonly nodeId: Uint8Array
  readonly userName: string
  /** who issued it; '' for ourselves */
  readonly url: string
}

/** What is asked for: a certificate for a key. */
export interface CertificateWanted {
  readonly key: PrivateKey
  /** user name as typed; '' leaves it to the invitation */
  readonly typed: string
  /** the invitation's; '' to renew: then the key says who asks */
  readonly code: string
  /** Node-IDs */
  readonly count: number
  /** the Node-IDs that this profile has, or had before its identity lapsed */
  readonly before: readonly Uint8Array[]
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
 * @param urls where to ask, one after the other
 * @throws PeerError as the server refuses, or when none is reached or none is the right one; the signal's reason
 */
export async function requestCertificate(
  ports: EnrolmentPorts, urls: readonly string[], document: CheckedDocument, { key, typed, code, count, before }: CertificateWanted, signal: AbortSignal,
): Promise<Issued> {
  const overlayName = document.configuration.instanceName
  const wanted = typed.trim() === '' ? undefined : checkUserName(typed, overlayName)
  const field = (name: string, value: string): FormPart => ({ name, type: 'text/plain; charset=utf-8', body: utf8Bytes(value) })
  const csr = makeRequest(key, [
    ...before.map((nodeId) => ({ kind: 'uri' as const, value: nodeIdUri(nodeId, overlayName) })), ...(wanted === undefined ? [] : [{ kind: 'email' as const, value: wanted }]),
  ])
  const form = printForm([
    field('username', wanted ?? ''), field('password', code), ...(count > 1 ? [field('nodeids', String(count))] : []), { name: 'csr', type: 'application/pkcs10', body: csr },
  ], `ringway-${toHex(ports.random.bytes(16))}`)
  const ask = (url: string): Promise<HttpResponse> => requestJudged(ports, {
    method: 'POST', url, headers: { accept: 'application/pkix-cert', 'content-type': form.contentType }, body: form.body, maxBodyBytes: maxCertificateBytes,
  }, (chain) => serverProblem(ports, chain, document.anchor.slice(0, pinBytes), overlayName), signal)
  const { response, url } = await firstAnswer(urls, ask)
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
  ports: EnrolmentPorts, { configuration }: CheckedDocument, der: Uint8Array, { key, count }: Pick<CertificateWanted, 'key' | 'count'>, wanted: string | undefined,
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
