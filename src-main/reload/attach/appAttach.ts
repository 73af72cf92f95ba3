/**
 * AppAttach (RFC 6940 §6.5.2): direct, mutually authenticated pipes for applications, on a listener of their own.
 * The requester waits as TLS server, the answerer connects; a stream belongs to the AppAttach whose other side
 * its certificate names, and is closed when there is none.
 */
import { sleep, withTimeout } from '../../base/abort.ts'
import { equalBytes, toHex } from '../../base/bytes.ts'
import type { Counters } from '../../base/counters.ts'
import { PeerError } from '../../base/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Certificate } from '../../ports/crypto.ts'
import type { Log } from '../../ports/log.ts'
import type { SecureStream, SocketAddress } from '../../ports/secureStream.ts'
import type { LinkFactory } from '../link/linkFactory.ts'
import type { IncomingRequest, Outcome, RequestDestination, RequestSender } from '../transaction/exchange.ts'
import { decodeBody, encodeContents } from '../wire/bodies.ts'
import { ErrorCode, MessageCode } from '../wire/constants.ts'
import { StreamPipe } from './appPipe.ts'
import { fromWire, toWire } from './candidates.ts'

export interface AppAttachDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly sender: RequestSender
  readonly factory: LinkFactory
  readonly counters: Counters
  identify(certificate: Certificate): { readonly nodeIds: readonly Uint8Array[]; readonly userName: string } | undefined
  /** A pipe that another node asked for. */
  onPipe(pipe: StreamPipe): void
}

const CONNECT_MS = 10_000
const MAX_PIPES = 512
const MAX_INCOMING = 64
/** Streams of one certificate that overtook the answer. */
const MAX_EARLY = 4

interface Expected { readonly application: number; readonly take: (pipe: StreamPipe) => void }

export class AppAttach {
  private readonly applications = new Set<number>()
  /** AppAttaches whose stream is to come, by the other side's Node-ID and our end: TLS server or client. */
  private readonly expected = { server: new Map<string, Expected[]>(), client: new Map<string, Expected[]>() }
  /** Streams that overtook the answer to our AppAttach, the oldest first. */
  private early: { readonly stream: SecureStream; readonly nodeIds: readonly Uint8Array[] }[] = []
  private readonly pipes = new Set<StreamPipe>()
  private unanswered = 0
  private incoming = 0
  private readonly stopped = new AbortController()

  constructor(private readonly deps: AppAttachDependencies) {}

  /** @throws PeerError 'port-in-use' */
  listen(): Promise<SocketAddress> {
    return this.deps.factory.listen({
      onStream: (stream, initiatedByUs) => { this.onStream(stream, initiatedByUs) },
      onRefused: (reason) => { this.deps.counters.add('pipe.refused'); this.deps.log.debug('pipe refused', { reason }) },
    })
  }

  accept(application: number): void { this.applications.add(application) }

  /** @throws PeerError 'peer-unreachable'; what the request throws; the signal's reason */
  async connect(destination: RequestDestination, application: number, signal: AbortSignal): Promise<StreamPipe> {
    const scope = new AbortController()
    const until = AbortSignal.any([signal, this.stopped.signal, scope.signal])
    const negotiation = await this.deps.factory.negotiate('passive')
    try {
      const body = encodeContents('appAttachReq', { ...toWire(negotiation.local), application, role: 'passive' }).messageBody
      this.unanswered++
      const answer = await this.deps.sender.request(destination, MessageCode.appAttachReq, body, until).finally(() => { this.unanswered-- })
      const peer = answer.signer.nodeId
      const remote = decodeBody('appAttachAns', answer.body)
      return await withTimeout(this.deps.clock, CONNECT_MS, 'peer-unreachable', until, async (inner) => {
        const arrived = this.arrival('server', peer, application, inner)
        this.matchEarly(peer)
        const [pipe] = await Promise.all([arrived, negotiation.connect(fromWire(remote), (certificate) => this.judge(certificate, peer), inner)])
        return pipe
      })
    } finally {
      // Whoever still waits for a stream of this AppAttach stops.
      scope.abort(new PeerError('cancelled'))
      negotiation.close()
      if (this.unanswered === 0) this.dropEarly()
    }
  }

  /** Serves AppAttachReq. */
  readonly serve = async (request: IncomingRequest): Promise<Outcome> => {
    const wanted = decodeBody('appAttachReq', request.body)
    const peer = request.signer.nodeId
    if (wanted.role !== 'passive') return { error: ErrorCode.invalidMessage, info: 'the role of a request is passive' }
    if (!this.applications.has(wanted.application)) return { error: ErrorCode.notFound, info: `application ${wanted.application} is not served here` }
    if (this.incoming >= MAX_INCOMING || this.pipes.size >= MAX_PIPES) return { error: ErrorCode.requestTimeout, info: 'too many pipes' }
    const negotiation = await this.deps.factory.negotiate('active')
    this.incoming++
    const scope = new AbortController()
    const until = AbortSignal.any([this.stopped.signal, scope.signal])
    withTimeout(this.deps.clock, CONNECT_MS, 'peer-unreachable', until, async (inner) => {
      const arrived = this.arrival('client', peer, wanted.application, inner)
      const [pipe] = await Promise.all([arrived, negotiation.connect(fromWire(wanted), (certificate) => this.judge(certificate, peer), inner)])
      return pipe
    }).then(
      (pipe) => { this.deps.onPipe(pipe) },
      (error: unknown) => {
        this.deps.counters.add('pipe.failed')
        this.deps.log.debug('pipe failed', { peer: toHex(peer), error: String(error) })
      },
    ).finally(() => { this.incoming--; scope.abort(new PeerError('cancelled')); negotiation.close() }).catch((error: unknown) => { this.deps.log.error('pipe', { error: String(error) }) })
    return { body: encodeContents('appAttachAns', { ...toWire(negotiation.local), application: wanted.application, role: 'active' }).messageBody }
  }

  /** A new configuration: pipes to nodes that do not belong to the overlay any more are closed. */
  dropUnidentified(): void {
    for (const pipe of [...this.pipes]) if (this.deps.identify(pipe.peerCertificate) === undefined) pipe.close()
  }

  async close(): Promise<void> {
    this.stopped.abort(new PeerError('cancelled', 'stopped'))
    this.dropEarly()
    for (const pipe of [...this.pipes]) pipe.close()
    await this.deps.factory.close()
  }

  private onStream(stream: SecureStream, initiatedByUs: boolean): void {
    const who = this.deps.identify(stream.peerCertificate)
    if (who === undefined) { this.refuse(stream); return }
    const map = this.expected[initiatedByUs ? 'client' : 'server']
    // A certificate with several Node-IDs is taken for the one that is waited for.
    const nodeId = who.nodeIds.find((id) => map.has(toHex(id)))
    const expected = nodeId === undefined ? undefined : map.get(toHex(nodeId))?.shift()
    if (nodeId !== undefined && expected !== undefined) {
      const pipe: StreamPipe = new StreamPipe(stream, expected.application, nodeId, who.userName, () => { this.pipes.delete(pipe) })
      this.pipes.add(pipe)
      this.deps.counters.add('pipe.opened')
      expected.take(pipe)
      return
    }
    const others = this.early.filter(({ nodeIds }) => nodeIds.some((id) => equalBytes(id, who.nodeIds[0] as Uint8Array)))
    if (initiatedByUs || this.unanswered === 0 || this.early.length >= MAX_INCOMING || others.length >= MAX_EARLY) { this.refuse(stream); return }
    this.early.push({ stream, nodeIds: who.nodeIds })
    sleep(this.deps.clock, CONNECT_MS, this.stopped.signal).then(() => { this.dropEarly(stream) }, () => { this.dropEarly(stream) })
  }

  private matchEarly(peer: Uint8Array): void {
    const found = this.early.find(({ nodeIds }) => nodeIds.some((id) => equalBytes(id, peer)))
    if (found === undefined) return
    this.early = this.early.filter((one) => one !== found)
    this.onStream(found.stream, false)
  }

  /** @param only this stream; else all */
  private dropEarly(only?: SecureStream): void {
    const gone = this.early.filter(({ stream }) => only === undefined || stream === only)
    this.early = this.early.filter((one) => !gone.includes(one))
    for (const { stream } of gone) this.refuse(stream)
  }

  private refuse(stream: SecureStream): void {
    this.deps.counters.add('pipe.unmatched')
    stream.destroy()
  }

  private arrival(end: 'server' | 'client', peer: Uint8Array, application: number, signal: AbortSignal): Promise<StreamPipe> {
    const key = toHex(peer)
    const map = this.expected[end]
    return new Promise((resolve, reject) => {
      const remove = (): void => {
        const left = (map.get(key) ?? []).filter((one) => one !== entry)
        if (left.length > 0) map.set(key, left)
        else map.delete(key)
        signal.removeEventListener('abort', onAbort)
      }
      const onAbort = (): void => { remove(); reject(signal.reason as Error) }
      const entry: Expected = { application, take: (pipe) => { remove(); resolve(pipe) } }
      map.set(key, [...map.get(key) ?? [], entry])
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  private judge(certificate: Certificate, peer: Uint8Array): string | undefined {
    const found = this.deps.identify(certificate)
    return found?.nodeIds.some((id) => equalBytes(id, peer)) === true ? undefined : 'another node than attached to'
  }
}
