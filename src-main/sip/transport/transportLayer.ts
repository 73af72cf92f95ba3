/**
 * The transport layer (RFC 3261 §18): turns bytes of connections into messages and back, completes the top Via of
 * requests (§18.2.1, RFC 3581) and finds the way back for responses (§18.2.2). Garbage is counted and dropped, or
 * answered 400 when its Via can be read. Owns the partial-message timer of streams; connections belong to their openers.
 */
import { DecodeError } from '../../base/errors.ts'
import { sourceOf } from '../../base/ipAddress.ts'
import { WaitingRoom } from '../../base/waitingRoom.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import { StreamFramer } from '../message/framer.ts'
import { makeResponse, type SipMessage, SipRequest, SipResponse } from '../message/message.ts'
import { DEFAULT_LIMITS, type MessageLimits, parseDatagram } from '../message/parser.ts'
import type { Via } from '../message/via.ts'
import { bracketHost, defaultPort, type HostPort, plainHost } from './address.ts'
import type { MessageTap } from './callTrace.ts'
import type { Connection } from './connection.ts'
import type { SourceLimits } from './sourceLimits.ts'
import { answerBinding, isStun } from '../../stun/bindingServer.ts'
import { OpeningConnection } from './tcp.ts'
import { UdpFlow } from './udp.ts'

export interface TransportUser {
  onRequest(request: SipRequest, connection: Connection): void
  onResponse(response: SipResponse, connection: Connection): void
  onClosed(connection: Connection, cause?: Error): void
}

export interface TransportCounters {
  received: number; sent: number
  /** Bytes that were no SIP message, or none that could be answered. */
  malformed: number
  /** Requests answered 400 or 505 for their form. */
  rejected: number
  /** Responses without a transaction, or with a Via that is not ours. */
  stray: number
  pings: number
  refusedConnections: number
}

export interface TransportDeps {
  readonly clock: Clock
  readonly log: Log
  /** Opens a TCP connection; without it, large requests stay on UDP and lost connections are not reopened. */
  readonly connectTcp?: (remote: HostPort, signal: AbortSignal) => Promise<Connection>
  /** What strangers may send; without it, everything. */
  readonly sources?: SourceLimits
  readonly limits?: Partial<MessageLimits> & { readonly maxConnections?: number; readonly partialMessageMs?: number }
}

interface Attached { readonly framer: StreamFramer | undefined; readonly accepted: boolean; timer: Timer | undefined; heardAtMs: number | undefined }

/** §18.1.1: a request within 200 bytes of the path MTU, or larger than 1300 bytes, goes over a stream. */
export const MAX_UDP_REQUEST_BYTES = 1300
/** How long a message may take to come, and the first one to begin on a connection that others opened. */
const PARTIAL_MESSAGE_MS = 30_000
/** Streams of others on which nobody has logged in: with more, the oldest is closed, of the address that has most. */
const MAX_STRANGERS = 256
/** §21.5.4: a stranger who has sent too much, on a stream. */
const RETRY_AFTER_S = 10
const PONG = new Uint8Array([13, 10])

export class TransportLayer {
  user: TransportUser | undefined
  /** Sees every message; undefined: nobody does, at no cost. */
  tap: MessageTap | undefined
  readonly counters: TransportCounters = { received: 0, sent: 0, malformed: 0, rejected: 0, stray: 0, pings: 0, refusedConnections: 0 }
  private readonly attached = new Map<Connection, Attached>()
  /** Connections that have closed; their late users must not bring them back. */
  private readonly closed = new WeakSet<Connection>()
  private readonly opening = new Map<string, OpeningConnection>()
  private readonly strangers: WaitingRoom<Connection> | undefined
  private readonly limits: MessageLimits
  private serial = 0
  private streams = 0

  constructor(private readonly deps: TransportDeps) {
    this.limits = { ...DEFAULT_LIMITS, ...deps.limits }
    this.strangers = deps.sources === undefined ? undefined : new WaitingRoom(MAX_STRANGERS, (connection) => {
      this.counters.refusedConnections++
      connection.close()
    })
  }

  get connections(): number { return this.attached.size }
  isOpen(connection: Connection): boolean { return this.attached.has(connection) }

  /** When something came over this connection last, noted from the first time this is asked on; undefined when it is closed. */
  heardAt(connection: Connection): number | undefined {
    const state = this.attached.get(connection)
    return state === undefined ? undefined : state.heardAtMs ??= this.deps.clock.monotonic()
  }

  /**
   * Becomes the connection's user until it closes. One too many is closed; again for the same one is nothing.
   * @param accepted it was opened by the other side, which must say something soon
   */
  attach(connection: Connection, accepted = false): void {
    if (this.attached.has(connection) || this.closed.has(connection)) return
    const strange = accepted && connection.reliable && this.deps.sources?.admits(connection.remote.host) === false
    // flows on UDP are bounded by their socket; they must not take the streams' places
    if (strange || (connection.reliable && this.streams >= (this.deps.limits?.maxConnections ?? 4096))) {
      this.counters.refusedConnections++
      connection.close()
      return
    }
    const framer = connection.reliable && connection.transport !== 'WS' && connection.transport !== 'WSS'
      ? new StreamFramer({
        onMessage: (message) => { this.receive(message, connection) },
        onPing: () => { this.counters.pings++; connection.send(PONG) },
      }, this.limits)
      : undefined
    const state: Attached = { framer, accepted: accepted && connection.reliable, timer: undefined, heardAtMs: undefined }
    this.attached.set(connection, state)
    if (connection.reliable) this.streams++
    if (state.accepted) this.watchSilence(connection, state)
    connection.user = {
      onData: (bytes) => { this.onData(connection, bytes) },
      onClose: (cause) => { this.detach(connection, cause) },
    }
    if (state.accepted) this.strangers?.enter(connection, sourceOf(connection.remote.host))
  }

  /** Via value for a request that will go over `connection`. */
  viaFor(connection: Connection, branch: string): string {
    const rport = connection.transport === 'UDP' ? ';rport' : ''
    return `SIP/2.0/${connection.transport} ${bracketHost(connection.local.host)}:${connection.local.port};branch=${branch}${rport}`
  }

  /** The connection a request of this size takes: a stream to the same address when it is too large for UDP (§18.1.1). */
  connectionFor(connection: Connection, bytes: number): Connection {
    if (connection.transport !== 'UDP' || bytes <= MAX_UDP_REQUEST_BYTES || this.deps.connectTcp === undefined) return connection
    return this.openTcp(connection.local, connection.remote) ?? connection
  }

  sendRequest(connection: Connection, request: SipRequest): void {
    this.trust(connection)
    this.send(connection, request)
  }

  /** The other end has proven who it is: what it sends is not counted. */
  trust(connection: Connection): void {
    this.deps.sources?.trust(connection)
    this.strangers?.leave(connection)
  }

  /**
   * Sends a response back where its request came from (§18.2.2).
   * @param connection the one the request arrived on
   * @returns false when there is no way back
   */
  sendResponse(connection: Connection, response: SipResponse): boolean {
    const via = response.via
    if (!connection.reliable) {
      // no rport was asked for: the port is the one of sent-by, the address the one that the packet came from
      const port = via.params.has('rport') ? connection.remote.port : via.port ?? defaultPort(via.transport)
      const target = connection instanceof UdpFlow && port !== connection.remote.port ? connection.sibling({ host: connection.remote.host, port }) : connection
      this.send(target, response)
      return true
    }
    if (this.attached.has(connection)) { this.send(connection, response); return true }
    if (connection.transport !== 'TCP' || connection.peerIdentity !== undefined) return false
    const again = this.openTcp(connection.local, { host: plainHost(via.params.get('received') ?? via.host), port: via.port ?? defaultPort('TCP') })
    if (again === undefined) return false
    this.send(again, response)
    return true
  }

  /** Stops all timers and closes what is attached. */
  close(): void {
    this.user = undefined
    for (const connection of [...this.attached.keys()]) {
      this.detach(connection)
      connection.close()
    }
  }

  private openTcp(local: HostPort, remote: HostPort): Connection | undefined {
    const connect = this.deps.connectTcp
    if (connect === undefined) return undefined
    const key = `${remote.host} ${remote.port}`
    let connection = this.opening.get(key)
    if (connection === undefined || !this.attached.has(connection)) {
      connection = new OpeningConnection('TCP', local, remote, ++this.serial, (signal) => connect(remote, signal))
      this.attach(connection)
      if (!this.attached.has(connection)) return undefined
      this.opening.set(key, connection)
    }
    return connection
  }

  private send(connection: Connection, message: SipMessage): void {
    this.counters.sent++
    this.tap?.onMessage(message, connection, 'out')
    connection.send(message.encode())
  }

  private onData(connection: Connection, bytes: Uint8Array): void {
    const state = this.attached.get(connection)
    if (state === undefined) return
    if (state.heardAtMs !== undefined) state.heardAtMs = this.deps.clock.monotonic()
    try {
      if (state.framer === undefined) {
        if (state.timer !== undefined) { state.timer.cancel(); state.timer = undefined }
        if (isKeepAlive(bytes)) {
          this.counters.pings++
          if (connection.reliable && bytes.length === 4) connection.send(PONG) // RFC 5626 §4.4.1, in a frame of a WebSocket
        } else if (!connection.reliable && isStun(bytes)) {
          const answer = answerBinding(bytes, connection.remote)
          if (answer === undefined) { this.counters.malformed++; return }
          this.counters.pings++
          connection.send(answer)
        } else this.receive(parseDatagram(bytes, this.limits), connection)
      } else {
        if (!state.framer.partial) { state.timer?.cancel(); state.timer = undefined } // silence is over
        state.framer.push(bytes)
        this.watchPartial(connection, state, state.framer.partial)
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.counters.malformed++
      this.deps.log.debug('sip-malformed', { connection: connection.id, what: error.message })
      if (connection.reliable) connection.close() // framing is lost
    }
  }

  /** A message must be complete soon after it began, or a slow sender could hold connections for nothing. */
  private watchPartial(connection: Connection, state: Attached, partial: boolean): void {
    if (!partial) { state.timer?.cancel(); state.timer = undefined; return }
    if (!this.attached.has(connection)) return
    state.timer ??= this.deps.clock.setTimer(this.deps.limits?.partialMessageMs ?? PARTIAL_MESSAGE_MS, () => {
      this.counters.malformed++
      connection.close()
    })
  }

  /** Half-open sockets of others cost a place each: one that says nothing at all is closed. */
  private watchSilence(connection: Connection, state: Attached): void {
    state.timer = this.deps.clock.setTimer(this.deps.limits?.partialMessageMs ?? PARTIAL_MESSAGE_MS, () => {
      this.counters.refusedConnections++
      connection.close()
    })
  }

  /** A message that is framed well but reads badly is dropped alone; the stream goes on. */
  private receive(message: SipMessage, connection: Connection): void {
    if (!this.attached.has(connection)) return
    this.counters.received++
    this.tap?.onMessage(message, connection, 'in')
    try {
      if (message.kind === 'request') this.receiveRequest(message, connection)
      else this.receiveResponse(message, connection)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.counters.malformed++
      this.deps.log.debug('sip-unreadable', { connection: connection.id, what: error.message })
    }
  }

  private receiveRequest(request: SipRequest, connection: Connection): void {
    this.completeVia(request, request.via, connection)
    if (this.isTooMuch(connection)) {
      if (request.method !== 'ACK') {
        const response = makeResponse(request, 503, undefined, 'limit')
        response.headers.append('Retry-After', String(RETRY_AFTER_S))
        this.sendResponse(connection, response)
      }
      connection.close()
      return
    }
    if (request.defect === undefined) { this.user?.onRequest(request, connection); return }
    this.counters.rejected++
    if (request.method === 'ACK') return // an ACK is never answered
    const { status, reason } = request.defect
    this.sendResponse(connection, makeResponse(request, status, reason, 'defect'))
  }

  /** On UDP the socket has looked already. */
  private isTooMuch(connection: Connection): boolean {
    const { sources } = this.deps
    return sources !== undefined && this.attached.get(connection)?.accepted === true && !sources.admits(connection.remote.host, connection)
  }

  /** RFC 3261 §18.2.1 and RFC 3581 §4: note the real source in the top Via. */
  private completeVia(request: SipRequest, via: Via, connection: Connection): void {
    const source = connection.remote
    const wantsRport = via.params.has('rport')
    if (!wantsRport && plainHost(via.host).toLowerCase() === source.host.toLowerCase() && !via.params.has('received')) return
    const params = via.params.clone()
    if (wantsRport) params.set('rport', String(source.port))
    params.set('received', source.host)
    request.replaceTopVia({ version: via.version, transport: via.transport, host: via.host, port: via.port, params })
  }

  private receiveResponse(response: SipResponse, connection: Connection): void {
    if (response.via.transport !== connection.transport) { this.counters.stray++; return }
    this.user?.onResponse(response, connection)
  }

  private detach(connection: Connection, cause?: Error): void {
    const state = this.attached.get(connection)
    if (state === undefined) return
    state.timer?.cancel()
    this.strangers?.leave(connection)
    this.attached.delete(connection)
    if (connection.reliable) this.streams--
    this.closed.add(connection)
    for (const [key, opening] of this.opening) if (opening === connection) this.opening.delete(key)
    connection.user = undefined
    this.user?.onClosed(connection, cause)
  }
}

/** On UDP it is STUN (RFC 5626 §4.4.2), but some phones send CRLFs or a NUL to hold a NAT binding open. */
function isKeepAlive(bytes: Uint8Array): boolean {
  return bytes.length <= 4 && bytes.every((b) => b === 13 || b === 10 || b === 0)
}
