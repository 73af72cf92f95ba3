/**
 * The configuration and enrolment server (RFC 6940 §11.2, §11.3) over HTTPS: the document by GET, certificates by
 * POST. Owns the limits on guessing; who gets what is the authority's decision. In an open overlay every peer may
 * serve the document, and there is no enrolment.
 */
import { BoundedMap } from '../base/boundedMap.ts'
import { utf8Bytes } from '../base/bytes.ts'
import { DecodeError } from '../base/errors.ts'
import { TokenBucket } from '../base/tokenBucket.ts'
import type { Clock } from '../ports/clock.ts'
import type { HttpResponse, HttpServer, HttpServerFactory, HttpServerRequest } from '../ports/http.ts'
import type { SocketAddress } from '../ports/secureStream.ts'
import type { Authority, EnrolmentResult, RefusalCode } from './authority.ts'
import { documentPath, documentType, enrolmentPath, errorHeader } from './enrolmentPorts.ts'
import type { Identity } from './identity.ts'
import { parseForm } from './multipart.ts'

const limits = { maxBodyBytes: 65_536, maxConnections: 64, timeoutMs: 15_000 }
/** Wrong codes one address may send: the secret has 80 bits, so this only keeps the noise down. And requests in all, since each costs a signature. */
const wrongPerAddress = { ratePerS: 1 / 30, burst: 10 }, inAll = { ratePerS: 20, burst: 200 }

export interface EnrolServerUser {
  onEnrolled(userName: string): void
  onRefused(reason: RefusalCode | 'too-many-requests' | 'malformed', remote: SocketAddress): void
}

const respond = (status: number, type: string, body: Uint8Array, headers: Readonly<Record<string, string>> = {}): HttpResponse =>
  ({ status, headers: { 'content-type': type, ...headers }, body })
const text = (status: number, body: string, headers?: Readonly<Record<string, string>>): HttpResponse => respond(status, 'text/plain', utf8Bytes(body), headers)

const decoder = new TextDecoder()

/** Answers the requests of one server. */
export class EnrolResponder {
  private readonly wrong: BoundedMap<string, TokenBucket>
  private readonly all: TokenBucket

  constructor(
    private readonly clock: Clock, private readonly document: () => Uint8Array, private readonly authority: Pick<Authority, 'enrol'> | undefined,
    private readonly user: EnrolServerUser,
  ) {
    this.wrong = new BoundedMap(1_000)
    this.all = new TokenBucket(clock, inAll.ratePerS, inAll.burst)
  }

  handle(request: HttpServerRequest): HttpResponse {
    const { method, path } = request
    if (path === documentPath) return method === 'GET' ? respond(200, documentType, this.document()) : text(405, 'GET only')
    if (path !== enrolmentPath || this.authority === undefined) return text(404, 'not found')
    return method === 'POST' ? this.enrol(this.authority, request) : text(405, 'POST only')
  }

  private enrol(authority: Pick<Authority, 'enrol'>, { headers, body, remote }: HttpServerRequest): HttpResponse {
    const bucket = this.wrong.get(remote.host) ?? new TokenBucket(this.clock, wrongPerAddress.ratePerS, wrongPerAddress.burst)
    this.wrong.set(remote.host, bucket)
    if (!bucket.take() || !this.all.take()) {
      this.user.onRefused('too-many-requests', remote)
      return text(429, 'too many attempts', { 'retry-after': '60', [errorHeader]: 'too-many-requests' })
    }
    let result: EnrolmentResult
    try {
      const form = parseForm(headers['content-type'] ?? '', body)
      const field = (name: string): string => decoder.decode(form.get(name)?.body ?? new Uint8Array())
      const nodeIds = field('nodeids').trim()
      result = authority.enrol({
        userName: field('username'), code: field('password'), csr: form.get('csr')?.body ?? new Uint8Array(),
        ...(nodeIds !== '' && { nodeIds: /^\d{1,4}$/.test(nodeIds) ? Number(nodeIds) : 0 }),
      })
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause
      this.user.onRefused('malformed', remote)
      return text(400, 'the form is damaged')
    }
    if ('refused' in result) {
      this.user.onRefused(result.refused, remote)
      return text(403, result.token, { [errorHeader]: result.refused })
    }
    this.wrong.delete(remote.host)
    this.user.onEnrolled(result.userName)
    return respond(200, 'application/pkix-cert', result.certificate)
  }
}

/** The server of an overlay's authority. @throws PeerError 'port-in-use' */
export async function startEnrolServer(
  ports: { readonly clock: Clock; readonly httpServers: HttpServerFactory }, address: SocketAddress, authority: Authority, user: EnrolServerUser,
): Promise<HttpServer> {
  const responder = new EnrolResponder(ports.clock, () => authority.document, authority, user)
  return ports.httpServers.listen(address, await authority.serverCredentials(), limits, (request) => Promise.resolve(responder.handle(request)))
}

/** A server of the document alone, for peers of open overlays. @throws PeerError 'port-in-use' */
export function startDocumentServer(
  ports: { readonly clock: Clock; readonly httpServers: HttpServerFactory }, address: SocketAddress, identity: Identity, user: EnrolServerUser,
): Promise<HttpServer> {
  const responder = new EnrolResponder(ports.clock, () => identity.document, undefined, user)
  const credentials = { chain: [identity.certificate, ...identity.chain], privateKey: identity.privateKey }
  return ports.httpServers.listen(address, credentials, limits, (request) => Promise.resolve(responder.handle(request)))
}
