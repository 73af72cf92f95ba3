/**
 * Attach (RFC 6940 §6.5.1): makes overlay links. The requester waits as (D)TLS server (role "passive"), the
 * answerer connects; who is there is proved by the link's certificate. Owns the glare rule (§6.5.1.2). An
 * Attach changes the Connection Table only: routing over the new link starts with an Update.
 */
import { withAny, withTimeout } from '../../base/abort.ts'
import { compareBytes, equalBytes, toHex } from '../../base/bytes.ts'
import type { Counters } from '../../base/counters.ts'
import { PeerError } from '../../base/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Certificate } from '../../ports/crypto.ts'
import type { Log } from '../../ports/log.ts'
import type { Connection, ConnectionTable } from '../forwarding/connectionTable.ts'
import type { SocketAddress } from '../../ports/secureStream.ts'
import type { CandidateSet, LinkFactory } from '../link/linkFactory.ts'
import { ReloadError, type IncomingRequest, type Outcome, type RequestDestination, type RequestOptions, type RequestSender } from '../transaction/exchange.ts'
import { decodeBody, encodeContents } from '../wire/bodies.ts'
import { ErrorCode, MessageCode } from '../wire/constants.ts'
import { fromWire, toWire } from './candidates.ts'

export interface AttachDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly nodeId: Uint8Array
  readonly sender: RequestSender
  readonly factory: LinkFactory
  readonly table: Pick<ConnectionTable, 'get' | 'whenConnected' | 'expect' | 'attached'>
  readonly counters: Counters
  /** The Node-IDs of a certificate of this overlay. */
  nodeIdsOf(certificate: Certificate): readonly Uint8Array[]
  /** The link to a node that asked for an Update with its Attach is up (RFC 6940 §6.4.2.3). */
  onUpdateWanted(nodeId: Uint8Array): void
  /** A node we are connected to says that it listens there. */
  onAddress(address: SocketAddress): void
}

export interface AttachOptions extends RequestOptions {
  /** Send the request even over a link that is there already, for the Update that follows it. */
  readonly forUpdate?: boolean
}

/** From the answer to the link; the (D)TLS handshake included. */
const CONNECT_MS = 10_000
const MAX_INCOMING = 32
/** Addresses of one node worth knowing. */
const MAX_ADDRESSES = 2

interface Outgoing { state: 'requested' | 'answered'; readonly cancel: AbortController }

export class Attach {
  /** Attaches to a Node-ID that are under way. */
  private readonly outgoing = new Map<string, Outgoing>()
  /** Nodes whose Attach we answered and are connecting to, with the number of their Attaches. */
  private readonly connecting = new Map<string, number>()
  private incoming = 0
  private readonly stopped = new AbortController()

  constructor(private readonly deps: AttachDependencies) {}

  /**
   * Attaches to the node at `destination`: a Node-ID, perhaps behind others, or whoever is responsible for a Resource-ID.
   * @throws PeerError 'peer-unreachable'; what the request throws; the signal's reason
   */
  async attach(destination: RequestDestination, signal: AbortSignal, options: AttachOptions = {}): Promise<Connection> {
    const last = destination.at(-1)
    const target = last !== undefined && 'node' in last ? last.node : undefined
    const key = target === undefined ? undefined : toHex(target)
    if (target !== undefined) {
      const there = this.deps.table.get(target)
      if (there !== undefined) return options.forUpdate === true ? this.overLink(there, signal) : there
      if (this.outgoing.has(toHex(target))) return this.connected(target, signal)
    }
    const outgoing: Outgoing = { state: 'requested', cancel: new AbortController() }
    if (key !== undefined) this.outgoing.set(key, outgoing)
    const negotiation = await this.deps.factory.negotiate('passive')
    let unexpect: (() => void) | undefined
    try {
      const body = encodeContents('attachReq', { ...toWire(negotiation.local), role: 'passive', sendUpdate: true }).messageBody
      let peer: Uint8Array
      let remote: CandidateSet | undefined
      try {
        [peer, remote] = await withAny([signal, outgoing.cancel.signal, this.stopped.signal], async (until) => {
          const answer = await this.deps.sender.request(destination, MessageCode.attachReq, body, until, options)
          const { nodeId } = answer.signer
          if (equalBytes(nodeId, this.deps.nodeId)) throw new PeerError('peer-unreachable', 'the Attach came back to us')
          outgoing.state = 'answered'
          unexpect = this.deps.table.expect(nodeId)
          const candidates = fromWire(decodeBody('attachAns', answer.body))
          await negotiation.connect(candidates, (certificate) => this.judge(certificate, nodeId), until)
          return [nodeId, candidates] as const
        })
      } catch (error) {
        // The other side's Attach to us goes on instead of ours.
        const yielded = outgoing.cancel.signal.aborted || (error instanceof ReloadError && error.code === ErrorCode.inProgress)
        if (!yielded || target === undefined) throw error
        this.deps.counters.add('attach.glare')
        peer = target
      }
      const connection = await this.connected(peer, signal)
      this.tell(remote)
      return connection
    } finally {
      if (key !== undefined) this.outgoing.delete(key)
      unexpect?.()
      negotiation.close()
    }
  }

  private async overLink(connection: Connection, signal: AbortSignal): Promise<Connection> {
    const negotiation = await this.deps.factory.negotiate('passive')
    negotiation.close()
    const body = encodeContents('attachReq', { ...toWire(negotiation.local), role: 'passive', sendUpdate: true }).messageBody
    await withAny([signal, this.stopped.signal], (until) => this.deps.sender.request([{ node: connection.nodeId }], MessageCode.attachReq, body, until))
    return connection
  }

  /** Serves AttachReq. */
  readonly serve = async (request: IncomingRequest): Promise<Outcome> => {
    const peer = request.signer.nodeId
    const wanted = decodeBody('attachReq', request.body)
    if (wanted.role !== 'passive') return { error: ErrorCode.invalidMessage, info: 'the role of a request is passive' }
    if (equalBytes(peer, this.deps.nodeId)) return { error: ErrorCode.invalidMessage, info: 'Attach to oneself' }
    const own = this.outgoing.get(toHex(peer))
    if (own !== undefined) {
      if (own.state === 'answered' || compareBytes(this.deps.nodeId, peer) > 0) return { error: ErrorCode.inProgress }
      own.cancel.abort(new PeerError('cancelled', 'the other side attaches'))
    }
    if (this.incoming >= MAX_INCOMING) return { error: ErrorCode.requestTimeout, info: 'too many Attaches at once' }
    const remote = fromWire(wanted)
    const negotiation = await this.deps.factory.negotiate('active')
    const local = encodeContents('attachAns', { ...toWire(negotiation.local), role: 'active', sendUpdate: false }).messageBody
    // What came over the very link proves that there is one, and tells which Node-ID its other end acts under.
    this.deps.table.attached(request.previousHop, peer)
    const linked = equalBytes(request.previousHop, peer) && this.deps.table.get(peer) !== undefined
    // Two Attaches of one node, such as to its Node-ID and to a Resource-ID, make one link.
    const under = this.connecting.get(toHex(peer)) ?? 0
    this.connecting.set(toHex(peer), under + 1)
    this.incoming++
    const unexpect = this.deps.table.expect(peer)
    const work = async (signal: AbortSignal): Promise<void> => {
      if (!linked && under === 0) await negotiation.connect(remote, (certificate) => this.judge(certificate, peer), signal)
      await this.deps.table.whenConnected(peer, signal)
    }
    withTimeout(this.deps.clock, CONNECT_MS, 'peer-unreachable', this.stopped.signal, work).then(
      () => {
        this.tell(remote)
        if (wanted.sendUpdate) this.deps.onUpdateWanted(peer)
      },
      (error: unknown) => {
        this.deps.counters.add('attach.failed')
        this.deps.log.debug('attach failed', { peer: toHex(peer), error: String(error) })
      },
    ).finally(() => {
      this.incoming--
      unexpect()
      const left = (this.connecting.get(toHex(peer)) ?? 1) - 1
      if (left === 0) this.connecting.delete(toHex(peer))
      else this.connecting.set(toHex(peer), left)
      negotiation.close()
    }).catch((error: unknown) => { this.deps.log.error('attach', { error: String(error) }) })
    return { body: local }
  }

  close(): void { this.stopped.abort(new PeerError('cancelled', 'stopped')) }

  private connected(peer: Uint8Array, signal: AbortSignal): Promise<Connection> {
    return withAny([signal, this.stopped.signal], (until) => withTimeout(this.deps.clock, CONNECT_MS, 'peer-unreachable', until, (inner) => this.deps.table.whenConnected(peer, inner)))
  }

  private tell(remote: CandidateSet | undefined): void {
    for (const { address, type } of remote?.candidates.slice(0, MAX_ADDRESSES) ?? []) if (type === 'host') this.deps.onAddress(address)
  }

  /** The certificate must be that of the Attach's other side (RFC 6940 §6.5.1.11). */
  private judge(certificate: Certificate, peer: Uint8Array): string | undefined {
    return this.deps.nodeIdsOf(certificate).some((id) => equalBytes(id, peer)) ? undefined : 'another node than attached to'
  }
}
