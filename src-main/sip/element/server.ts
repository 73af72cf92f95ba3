/**
 * What an element does for others (RFC 3261 §6 "server"): decides for each request whether the user agent, the
 * registrar, the proxy or the redirect server serves it, and who is asking. Requests on overlay pipes come from
 * peers with certificates; those on sockets from phones, which must log in, or from guests with a ticket.
 */
import { DecodeError } from '../../base/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'
import { Authenticator, judgeOrFault, type AccountSecrets } from '../auth/authenticator.ts'
import type { DigestHashes } from '../auth/digest.ts'
import { Nonces } from '../auth/nonces.ts'
import { Seal } from '../auth/seal.ts'
import { readTicket, writeTicket } from '../auth/ticket.ts'
import { MediaGateway } from '../bridge/mediaGateway.ts'
import type { OpenSdpBridge } from '../bridge/sdpBridge.ts'
import type { Caller, LocationService } from '../locationService.ts'
import { makeResponse, type SipRequest } from '../message/message.ts'
import { aorOf } from '../message/uri.ts'
import { type OutsideWays, Proxy } from '../proxy/proxy.ts'
import { RedirectServer } from '../redirect/redirect.ts'
import type { Bindings } from '../registrar/bindings.ts'
import { EventStateCompositor } from '../registrar/compositor.ts'
import type { Publications } from '../registrar/publications.ts'
import { FlowWatch } from '../registrar/flowWatch.ts'
import { Registrar, type RegistrarLimits } from '../registrar/registrar.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { TransactionLayer, TransactionLayerUser } from '../transaction/transactionLayer.ts'
import { bracketHost, type HostPort } from '../transport/address.ts'
import type { Connection } from '../transport/connection.ts'
import type { TransportLayer } from '../transport/transportLayer.ts'
import { InwardConnections } from './inward.ts'

export type ServerRole = 'proxy' | 'redirect' | 'registrar'

export interface SipServerDeps {
  readonly roles: ReadonlySet<ServerRole>
  /** The domain phones log in to: the overlay's name. */
  readonly realm: string
  readonly hashes: DigestHashes
  readonly accounts: AccountSecrets & {
    /** The address of record that an account may register by this one in To; undefined: it may not. */
    authorise(account: string, aor: string): string | undefined
    /** May this account write this address of record into From? */
    speaksFor(account: string, aor: string): boolean
  }
  readonly bindings: Bindings
  readonly location: LocationService
  /** State that phones publish, and what of it can be read; without them PUBLISH is refused. */
  readonly publications?: { readonly table: Publications; readonly packages: ReadonlyMap<string, string>; check(event: string, body: Uint8Array): void }
  readonly limits?: Partial<RegistrarLimits>
  /** Joins the sound of phones without DTLS-SRTP and the overlay; without it such calls find no sound in common. */
  readonly openBridge?: OpenSdpBridge
}

/** What a person's phones may answer as well as the app; presence and the like are the app's alone. */
const FORKED = new Set(['INVITE', 'MESSAGE'])

/** What a ticket is good for. */
const GUESTS = new Set(['INVITE', 'MESSAGE', 'OPTIONS'])

interface Surroundings {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly transport: TransportLayer
  readonly transactions: TransactionLayer
  readonly agent: TransactionLayerUser
  readonly serverName: string
  udpFlow(remote: HostPort): Connection | undefined
  addressOn(connection: Connection): HostPort
  /** Where guests reach this element, over TLS alone or by UDP and TCP; undefined while it does not listen so. */
  publicAddress(secure: boolean): HostPort | undefined
  ownAor(): string
  /** Ways out of the overlay, for our own user agent alone; absent where there is no domain name system. */
  readonly outside?: OutsideWays
}

export class SipServer implements TransactionLayerUser {
  readonly proxy: Proxy
  readonly gateway: MediaGateway | undefined
  private readonly inward: InwardConnections
  private readonly registrar: Registrar
  private readonly flows: FlowWatch
  private readonly compositor: EventStateCompositor | undefined
  private readonly redirect: RedirectServer
  private readonly authenticator: Authenticator
  private readonly seal: Seal

  constructor(private readonly deps: SipServerDeps, private readonly around: Surroundings) {
    const { clock, random, log, transport, transactions, serverName } = around
    const { realm, hashes, accounts, bindings, location } = deps
    this.seal = new Seal(random, (data) => hashes.sha256(data))
    this.authenticator = new Authenticator({ realm, hashes, accounts, nonces: new Nonces(clock, random, this.seal) })
    this.inward = new InwardConnections(clock, (connection) => { transport.attach(connection) })
    this.gateway = deps.openBridge === undefined ? undefined : new MediaGateway({
      log, open: deps.openBridge, addressOn: (connection) => around.addressOn(connection), isInward: (connection) => this.inward.owns(connection),
    })
    this.flows = new FlowWatch({ clock, bindings, heardAt: (flow) => transport.heardAt(flow) }, deps.limits?.flowTimerS)
    this.registrar = new Registrar({
      clock, bindings, flows: this.flows, authenticator: this.authenticator, serverName, serves: (uri) => location.serves(uri),
      authorise: (account, aor) => accounts.authorise(account, aor), onLogin: (flow) => { transport.trust(flow) }, token: () => transactions.token(), ...(deps.limits === undefined ? {} : { limits: deps.limits }),
    })
    const { publications } = deps
    this.compositor = publications === undefined ? undefined : new EventStateCompositor({
      clock, serverName, publications: publications.table, packages: publications.packages, token: () => transactions.token(), check: (event, body) => { publications.check(event, body) },
    })
    this.proxy = new Proxy({
      clock, log, transport, transactions, seal: this.seal, location, serverName, realm,
      udpFlow: (remote) => around.udpFlow(remote), addressOn: (connection) => around.addressOn(connection),
      inward: (caller) => this.inward.to(caller.kind === 'peer' ? caller.identity : undefined),
      ...(this.gateway === undefined ? {} : { gateway: this.gateway }), ...(around.outside === undefined ? {} : { outside: around.outside }),
    })
    this.redirect = new RedirectServer({ clock, log, transactions, location, serverName })
  }

  onRequest(request: SipRequest, transaction: ServerTransaction): void {
    const { connection } = transaction
    if (request.method === 'CANCEL' || this.inward.isAgentEnd(connection)) { this.around.agent.onRequest(request, transaction); return }
    try {
      if (this.proxy.routes(request)) {
        this.around.transport.trust(connection) // nobody else knows a route that we have sealed
        this.proxy.onRequest(transaction, undefined)
        return
      }
      if (this.inward.isOutward(connection)) this.proxy.onRequest(transaction, { kind: 'own' })
      else if (connection.peerIdentity === undefined) this.fromSocket(request, transaction)
      else this.fromPeer(request, transaction, { kind: 'peer', identity: connection.peerIdentity })
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.answer(transaction, 400, `Bad Request: ${error.message}`)
    }
  }

  /** The way of our own user agent to phones and out of the overlay: by the proxy, which bridges their sound. */
  outward(): Connection { return this.inward.outward() }

  onAck(request: SipRequest, connection: Connection): void {
    try {
      if (!this.inward.isAgentEnd(connection) && this.proxy.routes(request)) this.proxy.onAck(request)
      else this.around.agent.onAck(request, connection)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.around.log.debug('sip-ack-unreadable', { what: error.message })
    }
  }

  onConnectionClosed(connection: Connection): void {
    this.proxy.onConnectionClosed(connection)
    this.flows.connectionClosed(connection)
    this.deps.bindings.connectionClosed(connection)
    this.around.agent.onConnectionClosed(connection)
  }

  close(): void {
    this.proxy.close()
    this.flows.close()
    this.gateway?.close()
  }

  private fromPeer(request: SipRequest, transaction: ServerTransaction, caller: Caller & { kind: 'peer' }): void {
    const { uri } = request
    const outside = request.toTag === undefined && uri.kind === 'sip'
    if (outside && request.method === 'OPTIONS' && wantsRedirect(request)) { this.invite(request, transaction); return }
    // the certificate has proven the caller; the user agent checks From of what goes straight to it
    if (!outside || !FORKED.has(request.method) || !this.deps.location.concerns(uri, caller)) { this.around.agent.onRequest(request, transaction); return }
    if (aorOf(request.from.uri)?.toLowerCase() !== caller.identity.aor.toLowerCase()) { this.answer(transaction, 403, 'From is not who sends'); return }
    this.proxy.onRequest(transaction, caller)
  }

  private fromSocket(request: SipRequest, transaction: ServerTransaction): void {
    const { roles, location, accounts } = this.deps
    const { uri } = request
    if (request.method === 'REGISTER') {
      if (roles.has('registrar')) this.registrar.onRegister(request, transaction)
      else this.answer(transaction, 405, undefined, [['Allow', 'INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY']])
      return
    }
    // within a dialog without a route of ours: one of the user agent's own, or of nobody
    const toElement = uri.kind === 'sip' && uri.user === undefined && location.serves(uri)
    if (request.toTag !== undefined || (toElement && request.method === 'OPTIONS' && roles.size > 0)) { this.around.agent.onRequest(request, transaction); return }
    const guest = this.guest(request)
    if (guest !== undefined) {
      this.around.transport.trust(transaction.connection)
      // leave to call and to write, not to watch or to publish
      if (GUESTS.has(request.method)) this.proxy.onRequest(transaction, guest)
      else this.answer(transaction, 403, 'Not with a ticket')
      return
    }
    if (!roles.has('proxy') && !roles.has('redirect')) { this.answer(transaction, 403, 'This peer does not forward'); return }
    const verdict = judgeOrFault(this.authenticator, request, 'proxy')
    if (verdict.kind === 'fault') { this.answer(transaction, 400, `Bad Request: ${verdict.reason}`); return }
    if (verdict.kind === 'challenge') { this.answer(transaction, verdict.status, undefined, verdict.headers); return }
    this.around.transport.trust(transaction.connection)
    const from = request.from.uri
    if (from.kind !== 'sip' || !location.serves(from) || !accounts.speaksFor(verdict.username, aorOf(from) ?? '')) {
      this.answer(transaction, 403, 'From is not the address of this account')
      return
    }
    const caller: Caller = { kind: 'phone', account: verdict.username }
    if ((request.method === 'PUBLISH' || request.method === 'SUBSCRIBE') && uri.kind === 'sip' && location.keepsState?.(uri, verdict.username) === true) {
      if (request.method === 'SUBSCRIBE') this.proxy.onRequest(transaction, caller)
      else if (this.compositor === undefined || !roles.has('registrar')) this.answer(transaction, 405)
      else this.compositor.onPublish(transaction, verdict.username)
      return
    }
    if (this.redirects(request)) this.redirect.onRequest(transaction, caller)
    else this.proxy.onRequest(transaction, caller)
  }

  /** A peer with both roles proxies, unless the caller asks for the other (RFC 3841 §9.1). */
  private redirects(request: SipRequest): boolean {
    const { roles } = this.deps
    if (!roles.has('redirect') || !roles.has('proxy')) return roles.has('redirect')
    return wantsRedirect(request)
  }

  private guest(request: SipRequest): Caller | undefined {
    const { uri } = request
    const aor = uri.kind === 'sip' && uri.user !== undefined && this.deps.location.serves(uri) ? readTicket(this.seal, this.around.clock, uri.user) : undefined
    return aor === undefined ? undefined : { kind: 'guest', aor }
  }

  /** A redirect peer asks where a phone can reach our person directly: a ticket that holds for a moment. */
  private invite(request: SipRequest, transaction: ServerTransaction): void {
    const secure = request.uri.scheme === 'sips'
    const address = this.around.publicAddress(secure)
    const headers: [string, string][] = address === undefined || !this.deps.roles.has('proxy') ? []
      : [['Contact', `<${secure ? 'sips' : 'sip'}:${writeTicket(this.seal, this.around.clock, this.around.ownAor())}@${bracketHost(address.host)}:${address.port}>`]]
    this.answer(transaction, 200, undefined, headers)
  }

  private answer(transaction: ServerTransaction, status: number, reason?: string, headers: readonly (readonly [string, string])[] = []): void {
    const response = makeResponse(transaction.request, status, reason, this.around.transactions.token())
    response.headers.append('Server', this.around.serverName)
    for (const [name, value] of headers) response.headers.append(name, value)
    transaction.respond(response)
    transaction.request.discard()
  }
}

function wantsRedirect(request: SipRequest): boolean { return request.tokens('Request-Disposition').includes('redirect') }
