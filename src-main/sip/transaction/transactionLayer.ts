/**
 * The transaction layer (RFC 3261 §17): makes transactions, matches messages to them (§17.1.3, §17.2.3) and tells
 * them when their connection is lost. Its user sees new requests, ACKs for 2xx and closed connections.
 */
import { toHex } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'
import { makeResponse, SipRequest, type SipResponse } from '../message/message.ts'
import { MAGIC_COOKIE } from '../message/via.ts'
import type { Connection } from '../transport/connection.ts'
import type { TransportLayer } from '../transport/transportLayer.ts'
import { InviteClient } from './inviteClient.ts'
import { InviteServer } from './inviteServer.ts'
import { NonInviteClient } from './nonInviteClient.ts'
import { NonInviteServer } from './nonInviteServer.ts'
import { DEFAULT_TIMERS, type TimerValues } from './timers.ts'
import type { ClientTransaction, ClientTransactionUser, ServerTransaction, Transaction, TransactionContext } from './transaction.ts'

export interface TransactionLayerUser {
  /** A new request with readable From, To, Call-ID and CSeq; not ACK. */
  onRequest(request: SipRequest, transaction: ServerTransaction): void
  /** ACK for a 2xx. */
  onAck(request: SipRequest, connection: Connection): void
  onConnectionClosed(connection: Connection): void
}

export interface TransactionLayerDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly transport: TransportLayer
  readonly timers?: TimerValues
  readonly maxTransactions?: number
}

export class TransactionLayer {
  user: TransactionLayerUser | undefined
  readonly timers: TimerValues
  private readonly clients = new Map<string, ClientTransaction>()
  private readonly servers = new Map<string, ServerTransaction>()
  /** First transaction of each request that came to the user agent, by what RFC 3261 §8.2.2.2 compares. */
  private readonly bySource = new Map<string, ServerTransaction>()
  private readonly byConnection = new Map<Connection, Transaction[]>()
  private readonly context: TransactionContext
  private readonly maxTransactions: number
  private readonly dropClient = (transaction: ClientTransaction): void => { this.drop(this.clients, transaction) }
  private readonly dropServer = (transaction: ServerTransaction): void => {
    this.drop(this.servers, transaction)
    if (transaction.source !== '' && this.bySource.get(transaction.source) === transaction) this.bySource.delete(transaction.source)
  }

  constructor(private readonly deps: TransactionLayerDeps) {
    const { transport } = deps
    this.timers = deps.timers ?? DEFAULT_TIMERS
    this.maxTransactions = deps.maxTransactions ?? 10_000
    this.context = {
      clock: deps.clock, timers: this.timers,
      sendRequest: (connection, request) => { transport.sendRequest(connection, request) },
      sendResponse: (connection, response) => transport.sendResponse(connection, response),
    }
    transport.user = {
      onRequest: (request, connection) => { this.onRequest(request, connection) },
      onResponse: (response, connection) => { this.onResponse(response, connection) },
      onClosed: (connection, cause) => { this.onClosed(connection, cause) },
    }
  }

  get size(): number { return this.clients.size + this.servers.size }

  /** Unguessable token of 16 hexadecimal digits, for branches and tags. */
  token(): string {
    return toHex(this.deps.random.bytes(8))
  }

  /**
   * Sends a request in a new client transaction. The top Via is added here; the request is not to be changed afterwards.
   * `branchTail` follows the unique part of the branch: a proxy's mark for loop detection (RFC 5393 §4.2.1).
   * A request too large for UDP goes over TCP, and over UDP after all when TCP cannot be opened (RFC 3261 §18.1.1).
   */
  request(connection: Connection, request: SipRequest, user: ClientTransactionUser, branchTail = ''): ClientTransaction {
    const chosen = this.deps.transport.connectionFor(connection, request.method === 'CANCEL' ? 0 : request.size + 120)
    if (chosen === connection) return this.startClient(connection, request, user, branchTail)
    const copy = request.clone()
    let heard = false
    return this.startClient(chosen, request, {
      onResponse: (response) => { heard = true; user.onResponse(response) },
      onTimeout: () => { user.onTimeout() },
      onTransportError: (cause) => {
        if (heard || !this.deps.transport.isOpen(connection)) { user.onTransportError(cause); return }
        const again = this.startClient(connection, copy, user, branchTail)
        user.onRestarted?.(again)
      },
    }, branchTail)
  }

  /** The CANCEL of an INVITE: has the INVITE's own Via already (§9.1). */
  cancel(invite: ClientTransaction, cancel: SipRequest, user: ClientTransactionUser): void {
    this.start(invite.connection, cancel, cancel.via.params.get('branch') ?? '', user)
  }

  /** ACK for a 2xx: no transaction, a branch of its own (§13.2.2.4). The same request may be sent again. */
  sendAck(connection: Connection, ack: SipRequest): void {
    if (!ack.headers.has('Via')) ack.headers.prepend('Via', this.deps.transport.viaFor(connection, `${MAGIC_COOKIE}${this.token()}`))
    if (this.deps.transport.isOpen(connection)) this.deps.transport.sendRequest(connection, ack)
  }

  /** The INVITE server transaction that a CANCEL means (§9.2). */
  findInvite(cancel: SipRequest, connection: Connection): ServerTransaction | undefined {
    return this.servers.get(serverKey(cancel, connection, 'INVITE'))
  }

  /**
   * §8.2.2.2: for the user agent, whether the same request has come to it another way and is still here. What was only
   * proxied does not count: it may come back in a spiral.
   */
  isMerged(transaction: ServerTransaction): boolean {
    const source = transaction.source === '' ? sourceKey(transaction.request, transaction.connection) : transaction.source
    const first = this.bySource.get(source)
    if (first === undefined && transaction.request.toTag === undefined) {
      this.bySource.set(source, transaction)
      transaction.source = source
    }
    return first !== undefined && first !== transaction
  }

  /** Stops every transaction without telling anybody. */
  close(): void {
    for (const transaction of [...this.clients.values(), ...this.servers.values()]) transaction.dispose()
    this.clients.clear()
    this.servers.clear()
    this.bySource.clear()
    this.byConnection.clear()
  }

  private startClient(connection: Connection, request: SipRequest, user: ClientTransactionUser, branchTail: string): ClientTransaction {
    const branch = `${MAGIC_COOKIE}${this.token()}${branchTail}`
    request.headers.prepend('Via', this.deps.transport.viaFor(connection, branch))
    return this.start(connection, request, branch, user)
  }

  private start(connection: Connection, request: SipRequest, branch: string, user: ClientTransactionUser): ClientTransaction {
    const Machine = request.method === 'INVITE' ? InviteClient : NonInviteClient
    const key = flat(`${branch} ${request.method}`)
    const transaction: ClientTransaction = new Machine(this.context, key, connection, request, user, this.dropClient)
    // both are told in a later turn: the caller has not yet got hold of the transaction
    if (!this.deps.transport.isOpen(connection) || this.clients.size >= this.maxTransactions) {
      this.deps.clock.setTimer(0, () => { transaction.connectionLost(new Error('no connection')) })
      return transaction
    }
    this.add(this.clients, transaction)
    transaction.start()
    return transaction
  }

  private onResponse(response: SipResponse, connection: Connection): void {
    const branch = response.via.params.get('branch') ?? ''
    const transaction = this.clients.get(`${branch} ${response.cseq.method}`)
    // a pipe with a proven identity is answered on that pipe only; nobody else may speak for it
    if (transaction === undefined || (transaction.connection !== connection && transaction.connection.peerIdentity !== undefined)) {
      this.deps.transport.counters.stray++
      return
    }
    transaction.onResponse(response)
  }

  private onRequest(request: SipRequest, connection: Connection): void {
    const key = serverKey(request, connection, request.method === 'ACK' ? 'INVITE' : request.method)
    const existing = this.servers.get(key)
    if (existing !== undefined) { existing.onRequest(request); return }
    const fault = essentialFault(request)
    if (request.method === 'ACK') {
      if (fault === undefined) this.user?.onAck(request, connection)
      return
    }
    if (fault !== undefined) {
      this.deps.transport.counters.rejected++
      this.context.sendResponse(connection, makeResponse(request, 400, `Bad Request: ${fault}`, this.token()))
      return
    }
    if (this.user === undefined) return
    if (this.servers.size >= this.maxTransactions) {
      this.context.sendResponse(connection, withRetryAfter(makeResponse(request, 503, undefined, this.token())))
      return
    }
    const Machine = request.method === 'INVITE' ? InviteServer : NonInviteServer
    const transaction: ServerTransaction = new Machine(this.context, key, connection, request, this.dropServer)
    this.add(this.servers, transaction)
    try { this.user.onRequest(request, transaction) } finally { transaction.start() }
  }

  private onClosed(connection: Connection, cause?: Error): void {
    for (const transaction of [...this.byConnection.get(connection) ?? []]) transaction.connectionLost(cause)
    this.byConnection.delete(connection)
    this.user?.onConnectionClosed(connection)
  }

  private add<T extends Transaction>(map: Map<string, T>, transaction: T): void {
    map.set(transaction.key, transaction)
    const list = this.byConnection.get(transaction.connection)
    transaction.place = list?.length ?? 0
    if (list === undefined) this.byConnection.set(transaction.connection, [transaction])
    else list.push(transaction)
  }

  private drop<T extends Transaction>(map: Map<string, T>, transaction: T): void {
    if (map.get(transaction.key) === transaction) map.delete(transaction.key)
    const list = this.byConnection.get(transaction.connection)
    if (list?.[transaction.place] !== transaction) return
    const last = list.pop() as Transaction
    if (last !== transaction) {
      list[transaction.place] = last
      last.place = transaction.place
    }
    if (list.length === 0) this.byConnection.delete(transaction.connection)
  }
}

function withRetryAfter(response: SipResponse): SipResponse {
  response.headers.append('Retry-After', '5')
  return response
}

/** §17.2.3. Without the cookie, or with nothing behind it, the rules of RFC 2543 identify the transaction. */
function serverKey(request: SipRequest, connection: Connection, method: string): string {
  const via = request.via
  const branch = via.params.get('branch') ?? ''
  const scope = connection.peerIdentity === undefined ? '' : connection.id
  if (branch.length > MAGIC_COOKIE.length && branch.startsWith(MAGIC_COOKIE)) {
    return flat(`${scope} ${branch} ${via.host.toLowerCase()} ${via.port ?? ''} ${method}`)
  }
  let cseq = request.headers.get('CSeq') ?? ''
  cseq = cseq.slice(0, Math.max(0, cseq.search(/[ \t]/)))
  return flat(`${scope} 2543 ${request.requestUri} ${request.headers.get('From') ?? ''} ${request.headers.get('Call-ID') ?? ''} ${cseq} ${via.host} ${via.port ?? ''} ${branch} ${method}`)
}

/** What our own proxy hands inward is the request that it took in, not a second copy of it. */
function sourceKey(request: SipRequest, connection: Connection): string {
  return flat(`${connection.inward === true ? 'inward ' : ''}${request.fromTag ?? ''} ${request.callId} ${request.cseq.number} ${request.method}`)
}

/**
 * A text that was put together of pieces, in one piece: engines put the pieces off until characters are asked for, and
 * a piece of a message keeps the whole message. Keys outlive their messages by half a minute.
 */
function flat(text: string): string { return text.charCodeAt(0) === 0 ? '' : text }

/** What no request can be served without (§8.1.1, §8.2.6): its fault in words, or undefined. */
function essentialFault(request: SipRequest): string | undefined {
  try {
    if (request.cseq.method !== request.method) return 'CSeq method differs from the request'
    if (request.via.version !== '2.0') return 'Via of another version'
    void request.from
    void request.to
    void request.callId
    void request.maxForwards
    return undefined
  } catch (error) {
    if (error instanceof DecodeError) return error.message
    throw error
  }
}
