/**
 * The stateful forking proxy (RFC 3261 §16): validates, reads the route, asks the location service, forwards. It is
 * no open relay: a request goes where its caller may be led, or along a route that this proxy has sealed itself.
 */
import { untilAborted } from '../../base/abort.ts'
import { DecodeError, PeerError } from '../../base/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Seal } from '../auth/seal.ts'
import type { MediaGateway } from '../bridge/mediaGateway.ts'
import type { Caller, LocationService, LocationTarget } from '../locationService.ts'
import { makeResponse, type SipRequest } from '../message/message.ts'
import { formatNameAddr } from '../message/nameAddr.ts'
import { aorOf, printUri, type SipUri, uriOfAor } from '../message/uri.ts'
import { MAGIC_COOKIE, printVia } from '../message/via.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { TransactionLayer } from '../transaction/transactionLayer.ts'
import type { HostPort } from '../transport/address.ts'
import type { Connection } from '../transport/connection.ts'
import { hopKey } from '../transport/outbound.ts'
import type { Hop } from '../transport/serverLocation.ts'
import type { TransportLayer } from '../transport/transportLayer.ts'
import { FlowTokens } from './flowTokens.ts'
import { type Forward, ResponseContext } from './responseContext.ts'
import { postprocess, preprocess, recordRoute, type RouteInfo, routesThrough } from './routes.ts'
import { hasLooped, inspectRequest, loopMark, type Refusal } from './validation.ts'

/** Ways to servers that are no peers of the overlay (RFC 3263). */
export interface OutsideWays {
  /**
   * @param avoid hops that were tried in vain
   * @throws PeerError 'domain-unknown', 'domain-unreachable', 'domain-unverified'; the signal's reason when aborted
   */
  reach(uri: SipUri, signal: AbortSignal, avoid: ReadonlySet<string>): Promise<{ readonly connection: Connection; readonly hop: Hop }>
}

export interface ProxyDeps {
  readonly clock: Clock
  readonly log: Log
  readonly transport: TransportLayer
  readonly transactions: TransactionLayer
  readonly seal: Seal
  readonly location: LocationService
  readonly serverName: string
  /** Realm whose credentials are ours and go no further (§22.3). */
  readonly realm: string
  udpFlow(remote: HostPort): Connection | undefined
  /** The address of ours that the other side of a connection can reach. */
  addressOn(connection: Connection): HostPort
  /** The way to our own user agent for requests of this caller. */
  inward(caller: Caller): Connection
  /** Joins the sound of phones and the overlay; without it descriptions pass as they are. */
  readonly gateway?: MediaGateway
  /** For our own user agent alone; without it nobody is led out of the overlay. */
  readonly outside?: OutsideWays
}

/** RFC 5393 §5.3.3.1 */
const DEFAULT_MAX_BREADTH = 60
const MAX_TARGETS = 20
const RECORDED = new Set(['INVITE', 'SUBSCRIBE', 'REFER'])

/** Where a request goes, and another way to the same place for when nobody answers there. */
interface Found {
  readonly forwards: readonly Forward[]
  readonly more?: (signal: AbortSignal) => Promise<readonly Forward[]>
}

export class Proxy {
  private readonly contexts = new Set<ResponseContext>()
  /** Requests whose targets are being looked for. */
  private readonly searches = new Set<AbortController>()
  private readonly lifetime = new AbortController()
  private readonly contextOver = (context: ResponseContext): void => { this.contexts.delete(context) }
  readonly tokens: FlowTokens

  constructor(private readonly deps: ProxyDeps) {
    this.tokens = new FlowTokens(deps.seal, {
      udpFlow: (remote) => deps.udpFlow(remote),
      reconnect: (nodeId, signal) => deps.location.reconnect(nodeId, signal),
    })
  }

  /** Requests that are being forwarded. */
  get size(): number { return this.contexts.size }

  /** Does this request go along a route of ours? @throws DecodeError */
  routes(request: SipRequest): boolean { return routesThrough(request, this.tokens) }

  /** @param caller who has proven to be sending; undefined only for a request that `routes` */
  onRequest(transaction: ServerTransaction, caller: Caller | undefined): void {
    const { request } = transaction
    const refusal = inspectRequest(request)
    if (refusal !== undefined) { this.refuse(transaction, refusal); return }
    try { this.serve(transaction, caller) } catch (cause) { this.refuse(transaction, this.refusalOf(cause, undefined)) }
  }

  /** The ACK of a 2xx goes on without state (§16.11). */
  onAck(request: SipRequest): void {
    const ack = request.clone()
    const refusal = inspectRequest(ack)
    if (refusal !== undefined) return
    const info = preprocess(ack, this.tokens, (uri) => this.deps.location.serves(uri))
    const name = info.flow
    if (name === undefined) return
    const open = this.tokens.peek(name)
    if (open !== undefined) { this.sendAck(ack, open); return }
    this.tokens.find(name, this.lifetime.signal).then((connection) => {
      if (connection !== undefined) this.sendAck(ack, connection)
    }, (cause: unknown) => { this.deps.log.debug('proxy.ack-lost', { cause: String(cause) }) })
  }

  onConnectionClosed(connection: Connection): void { this.tokens.connectionClosed(connection) }

  close(): void {
    this.lifetime.abort(new PeerError('cancelled'))
    for (const search of this.searches) search.abort(new PeerError('cancelled'))
    for (const context of [...this.contexts]) context.close()
  }

  private serve(transaction: ServerTransaction, caller: Caller | undefined): void {
    const request = transaction.request.clone()
    const info = preprocess(request, this.tokens, (uri) => this.deps.location.serves(uri))
    const mark = loopMark(this.deps.seal, request, info.used, callerName(caller))
    if (hasLooped(request, mark)) throw new Refused({ status: 482 })
    const open = info.flow === undefined ? undefined : this.tokens.peek(info.flow)
    if (open === undefined) { this.search(transaction, (signal) => this.find(transaction, request, caller, info, signal), mark); return }
    // along a flow that is open nothing has to be waited for
    const located = [this.along(transaction, request, open)]
    this.limitBreadth(located)
    if (this.deps.gateway?.concerns(request, transaction.connection, open) !== true) { this.forward(transaction, { forwards: located, mark }); return }
    this.search(transaction, async (signal) => ({ forwards: await this.withMedia(located, transaction.connection, signal) }), mark)
  }

  /** Forwards when it is known where to, unless the caller has given up before. */
  private search(transaction: ServerTransaction, find: (signal: AbortSignal) => Promise<Found>, mark: string): void {
    const abort = new AbortController()
    const cancel = (): void => { abort.abort(new PeerError('cancelled')) }
    transaction.user = { onCancel: cancel, onTransportError: cancel }
    this.searches.add(abort)
    find(abort.signal).then((found) => { this.forward(transaction, { ...found, mark }) }).catch((cause: unknown) => {
      if (!this.lifetime.signal.aborted) this.refuse(transaction, this.refusalOf(cause, abort.signal))
    }).finally(() => { this.searches.delete(abort) })
  }

  private async find(transaction: ServerTransaction, request: SipRequest, caller: Caller | undefined, info: RouteInfo, signal: AbortSignal): Promise<Found> {
    const next = info.flow === undefined ? this.byDomain(transaction, request, caller) : undefined
    const located = info.flow !== undefined ? [await this.byFlow(transaction, request, info, signal)]
      : next !== undefined ? [await next(signal)] : await this.byLocation(transaction, request, caller, signal)
    signal.throwIfAborted()
    this.limitBreadth(located)
    const forwards = await this.withMedia(located, transaction.connection, signal)
    return next === undefined ? { forwards } : { forwards, more: async (again) => this.withMedia([await next(again)], transaction.connection, again) }
  }

  private forward(transaction: ServerTransaction, { forwards, more, mark }: Found & { readonly mark: string }): void {
    const { clock, transactions, serverName } = this.deps
    const context = new ResponseContext(clock, transactions, transaction, forwards, mark, serverName, this.contextOver, more)
    this.contexts.add(context)
    context.start()
  }

  /** Bridges where the sound changes its kind; a branch that cannot be bridged is left out. */
  private async withMedia(forwards: readonly Forward[], from: Connection, signal: AbortSignal): Promise<readonly Forward[]> {
    const { gateway } = this.deps
    if (gateway === undefined || !forwards.some(({ request, connection }) => gateway.concerns(request, from, connection))) return forwards
    const tried = await Promise.allSettled(forwards.map(async (forward): Promise<Forward> => {
      const media = await gateway.forward(forward.request, from, forward.connection)
      return media === undefined ? forward : { ...forward, media }
    }))
    const ready = tried.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    if (signal.aborted) for (const { media } of ready) media?.onFailed()
    signal.throwIfAborted()
    const failure = tried.find((each) => each.status === 'rejected')
    if (ready.length === 0 && failure !== undefined) throw failure.reason
    return ready
  }

  /** §16.5 with a Route of ours: the flow it names is the only target. */
  private async byFlow(transaction: ServerTransaction, request: SipRequest, info: RouteInfo, signal: AbortSignal): Promise<Forward> {
    const connection = await this.tokens.find(info.flow ?? '', signal)
    if (connection === undefined) throw new Refused({ status: 430 })
    return this.along(transaction, request, connection)
  }

  private along(transaction: ServerTransaction, request: SipRequest, connection: Connection): Forward {
    this.rewrite(request, transaction, undefined, undefined, connection)
    return { request, connection, q: 1 }
  }

  private async byLocation(transaction: ServerTransaction, request: SipRequest, caller: Caller | undefined, signal: AbortSignal): Promise<Forward[]> {
    const { uri } = request
    if (caller === undefined || uri.kind !== 'sip' || request.headers.has('Route')) throw new Refused({ status: 403, reason: 'No relaying' })
    const targets = await untilAborted(this.deps.location.locate(uri, caller, signal, request.method), signal)
    if (targets.length === 0) throw new Refused({ status: 480 })
    return targets.slice(0, MAX_TARGETS).map((target, i, { length }) => {
      const connection = target.connection === 'own' ? this.deps.inward(caller) : target.connection
      const instead = target.instead?.flatMap(({ connection: other, ...more }): Forward[] => {
        if (other === 'own') return []
        const copy = request.clone()
        this.rewrite(copy, transaction, { ...more, connection: other }, caller, other)
        return [{ request: copy, connection: other, q: target.q }]
      })
      const copy = i === length - 1 ? request : request.clone() // §16.6 step 1: a copy for each; the last may have this one
      this.rewrite(copy, transaction, target, caller, connection)
      return { request: copy, connection, q: target.q, ...(instead === undefined ? {} : { instead }) }
    })
  }

  /**
   * A request of our own user agent for an address outside the overlay: the way to the next server of its domain
   * with each call (RFC 3263 §4.3). undefined for all other requests.
   */
  private byDomain(transaction: ServerTransaction, request: SipRequest, caller: Caller | undefined): ((signal: AbortSignal) => Promise<Forward>) | undefined {
    const { uri } = request
    const { outside } = this.deps
    if (caller?.kind !== 'own' || outside === undefined || uri.kind !== 'sip' || request.headers.has('Route') || this.deps.location.serves(uri)) return undefined
    const tried = new Set<string>()
    return async (signal) => {
      const { connection, hop } = await untilAborted(outside.reach(uri, signal, tried), signal)
      tried.add(hopKey(hop))
      const copy = request.clone()
      this.rewrite(copy, transaction, undefined, caller, connection)
      return { request: copy, connection, q: 1 }
    }
  }

  /** §16.6 steps 2 to 6. */
  private rewrite(copy: SipRequest, transaction: ServerTransaction, target: LocationTarget | undefined, caller: Caller | undefined, connection: Connection): void {
    if (target !== undefined) copy.requestUri = target.requestUri
    copy.headers.set('Max-Forwards', String((copy.maxForwards ?? 71) - 1))
    this.dropOwnCredentials(copy)
    if (RECORDED.has(copy.method) && copy.toTag === undefined) {
      const secure = copy.uri.scheme === 'sips'
      copy.headers.prepend('Record-Route', this.routeOn(transaction.connection, secure))
      copy.headers.prepend('Record-Route', this.routeOn(connection, secure))
    }
    for (const route of target?.routes ?? []) copy.headers.append('Route', route)
    if (caller?.kind === 'phone' && connection.peerIdentity !== undefined) this.present(copy, caller.account)
    postprocess(copy)
  }

  private routeOn(connection: Connection, secure: boolean): string { return recordRoute(connection, this.tokens, this.deps.addressOn(connection), secure) }

  /**
   * In the overlay a phone speaks for its owner: the pipe's certificate proves that name and no other, so From must
   * carry it. The response context restores what the phone wrote; dialogs are matched by tags alone.
   */
  private present(copy: SipRequest, account: string): void {
    const { aor, displayName } = this.deps.location.presentedAs(account)
    if (aorOf(copy.from.uri) === aor) return
    copy.headers.set('From', formatNameAddr(copy.from.displayName === '' ? displayName : copy.from.displayName, printUri(uriOfAor(aor)), copy.from.params))
  }

  private dropOwnCredentials(copy: SipRequest): void {
    if (!copy.headers.has('Proxy-Authorization')) return
    const others = copy.headers.getLines('Proxy-Authorization').filter((line) => !line.includes(`realm="${this.deps.realm}"`))
    copy.headers.remove('Proxy-Authorization')
    for (const line of others) copy.headers.append('Proxy-Authorization', line)
  }

  /** RFC 5393 §5.3.3: the breadth of the incoming request is shared out among the branches. */
  private limitBreadth(forwards: readonly Forward[]): void {
    const given = forwards[0]?.request.headers.get('Max-Breadth')
    if (given !== undefined && !/^\d{1,6}$/.test(given)) throw new DecodeError('Max-Breadth')
    const breadth = Math.min(DEFAULT_MAX_BREADTH, given === undefined ? DEFAULT_MAX_BREADTH : Number(given))
    if (breadth < forwards.length) throw new Refused({ status: 440 })
    for (const forward of forwards) forward.request.headers.set('Max-Breadth', String(Math.floor(breadth / forwards.length)))
  }

  private sendAck(request: SipRequest, connection: Connection): void {
    const { transport, seal } = this.deps
    // the same for each retransmission (§16.11), and no key of anybody's transaction
    const branch = `${MAGIC_COOKIE}${seal.mark('ack', `${printVia(request.via)} ${request.callId}`)}`
        request.headers.set('Max-Forwards', String((request.maxForwards ?? 71) - 1))
    this.dropOwnCredentials(request)
    postprocess(request)
    this.deps.gateway?.ack(request)
    const chosen = transport.connectionFor(connection, request.size + 120)
    request.headers.prepend('Via', transport.viaFor(chosen, branch))
    if (transport.isOpen(chosen)) transport.sendRequest(chosen, request)
  }

  private refuse(transaction: ServerTransaction, { status, reason, headers }: Refusal): void {
    if (transaction.answered) return
    const response = makeResponse(transaction.request, status, reason, this.deps.transactions.token())
    response.headers.append('Server', this.deps.serverName)
    for (const [name, value] of headers ?? []) response.headers.append(name, value)
    transaction.respond(response)
    transaction.request.discard()
  }

  private refusalOf(cause: unknown, cancelled: AbortSignal | undefined): Refusal {
    if (cancelled?.aborted === true) return { status: 487 }
    if (cause instanceof Refused) return cause.refusal
    if (cause instanceof DecodeError) return { status: 400, reason: `Bad Request: ${cause.message}` }
    if (cause instanceof PeerError) return { status: statusOf(cause), reason: cause.code }
    this.deps.log.error('proxy.failed', { cause: cause instanceof Error ? cause.stack : String(cause) })
    return { status: 500 }
  }
}

class Refused extends Error {
  override readonly name = 'Refused'
  constructor(readonly refusal: Refusal) { super(`refused with ${refusal.status}`) }
}

/** What a failed look-up is to a SIP caller (§21.4). */
export function statusOf(error: PeerError): number {
  switch (error.code) {
    case 'user-unknown': return 404
    case 'user-offline': case 'peer-unreachable': case 'not-secure': return 480
    case 'unauthorised': return 403
    case 'address-invalid': return 484
    case 'not-joined': case 'network-timeout': return 504
    case 'peer-unverified': return 502
    case 'call-no-common-codec': case 'call-media-failed': return 488
    case 'too-many-requests': return 503
    case 'domain-unknown': return 404
    case 'domain-unreachable': case 'domain-unverified': return 502
    default: return 500
  }
}

function callerName(caller: Caller | undefined): string {
  switch (caller?.kind) {
    case undefined: return ''
    case 'phone': return `phone ${caller.account}`
    case 'peer': return `peer ${caller.identity.nodeId}`
    case 'guest': return `guest ${caller.aor}`
    case 'own': return 'own'
  }
}

