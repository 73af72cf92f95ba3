/**
 * One peer's SIP element: transports, transactions and the user agent tied together (RFC 3261 §5). The place where a
 * request is given to the user agent, or to the proxy, redirect server or registrar of a peer that serves phones.
 */
import { BoundedMap } from '../../base/boundedMap.ts'
import { DecodeError } from '../../base/errors.ts'
import { isIpAddress } from '../../base/ipAddress.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Dns } from '../../ports/dns.ts'
import type { DomainTls, TlsIdentity } from '../../ports/domainTls.ts'
import type { Log } from '../../ports/log.ts'
import type { Network, SocketAddress, StreamListener } from '../../ports/network.ts'
import type { Random } from '../../ports/random.ts'
import type { WebSockets } from '../../ports/webSocket.ts'
import { parseNameAddr } from '../message/nameAddr.ts'
import type { SipUri, Uri } from '../message/uri.ts'
import { type Binding, isByFlow } from '../registrar/bindings.ts'
import { defaultPort, type HostPort, plainHost } from '../transport/address.ts'
import { type Connection, isSecured } from '../transport/connection.ts'
import { Outbound } from '../transport/outbound.ts'
import type { Hop } from '../transport/serverLocation.ts'
import { SourceLimits, type SourceRates } from '../transport/sourceLimits.ts'
import { OpeningConnection, StreamConnection } from '../transport/tcp.ts'
import { type TransportDeps, TransportLayer } from '../transport/transportLayer.ts'
import { UdpFlow, UdpTransport } from '../transport/udp.ts'
import { WebSocketConnection } from '../transport/webSocket.ts'
import type { TimerValues } from '../transaction/timers.ts'
import { TransactionLayer } from '../transaction/transactionLayer.ts'
import { UserAgent, type UaLimits, type UserAgentUser } from '../ua/userAgent.ts'
import { SipServer, type SipServerDeps } from './server.ts'

export interface SipElementDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Needed for sockets only; overlay pipes are attached from outside. */
  readonly network?: Network
  readonly user: UserAgentUser
  /** Value of User-Agent and Server; 'Ringway' when not given. */
  readonly userAgentName?: string
  readonly eventPackages?: readonly string[]
  readonly timers?: TimerValues
  readonly limits?: Partial<UaLimits> & NonNullable<TransportDeps['limits']> & { readonly maxTransactions?: number; readonly sources?: SourceRates }
  local(): { readonly aor: string; readonly displayName: string }
  /** For TLS, WebSockets and names of the domain name system; what is not there is not offered. */
  readonly outside?: { readonly dns?: Dns; readonly tls?: DomainTls; readonly identity?: TlsIdentity; readonly webSockets?: WebSockets }
  /** What this element does for phones; without it, it is a user agent only. */
  readonly server?: SipServerDeps
}

export interface SipElement {
  readonly userAgent: UserAgent
  readonly transport: TransportLayer
  readonly transactions: TransactionLayer
  /** What was not taken from strangers; undefined where everything is. */
  readonly sources: SourceLimits | undefined
  /** undefined for an element that is a user agent only. */
  readonly server: SipServer | undefined
  /** Takes over a connection that was opened outside, such as an overlay pipe, until it closes. */
  attach(connection: Connection): void
  /** Opens UDP and TCP on one port. Port 0 takes a free one. @throws PeerError 'port-in-use' */
  listen(address: SocketAddress): Promise<SocketAddress>
  /** The flow from our UDP socket to an address. `listen` comes first. */
  udpFlow(remote: SocketAddress): UdpFlow
  /** @throws PeerError 'peer-unreachable'; the signal's reason when aborted */
  connectTcp(remote: HostPort, signal: AbortSignal): Promise<Connection>
  /** Takes phones over TLS (RFC 5922), showing `outside.identity`. @throws PeerError 'port-in-use' */
  listenTls(address: SocketAddress): Promise<SocketAddress>
  /** Takes phones over WebSocket (RFC 7118). @throws PeerError 'port-in-use' */
  listenWebSocket(address: SocketAddress): Promise<SocketAddress>
  /**
   * The way to a URI outside the overlay (RFC 3263), opened when it is not open yet. @param avoid keys of hops that failed
   * @throws PeerError 'domain-unknown', 'domain-unreachable', 'domain-unverified'; the signal's reason when aborted
   */
  reach(uri: SipUri, signal: AbortSignal, avoid?: ReadonlySet<string>): Promise<{ readonly connection: Connection; readonly hop: Hop }>
  /** Where `listen` listens. */
  readonly addresses: readonly SocketAddress[]
  /** Is this the host and port of one of our sockets? */
  isOwnAddress(host: string, port: number | undefined): boolean
  /** The way to a registered phone: its flow, or a new one to its contact (RFC 3261 §18, RFC 5626 §5.3); undefined when there is none. */
  wayTo(binding: Binding): Connection | undefined
  /** Ends calls and subscriptions, closes sockets and attached connections; no timer is left. Idempotent. */
  close(): Promise<void>
}

const BIND_TRIES = 8

export function createSipElement(deps: SipElementDeps): SipElement {
  const { clock, random, log, network, limits } = deps
  let serial = 0
  const openTcp = async (remote: HostPort, signal: AbortSignal): Promise<Connection> => {
    if (network === undefined) throw new Error('this element has no network')
    return new StreamConnection(await network.connectStream(remote, signal), 'TCP', ++serial)
  }
  const sources = limits?.sources === undefined ? undefined : new SourceLimits(clock, limits.sources)
  const transport = new TransportLayer({ clock, log, ...(sources === undefined ? {} : { sources }), ...(network === undefined ? {} : { connectTcp: openTcp }), ...(limits === undefined ? {} : { limits }) })
  const transactions = new TransactionLayer({
    clock, random, log, transport,
    ...(deps.timers === undefined ? {} : { timers: deps.timers }),
    ...(limits?.maxTransactions === undefined ? {} : { maxTransactions: limits.maxTransactions }),
  })
  const ua = new UserAgent({
    clock, random, log, transport, transactions, user: deps.user, userAgentName: deps.userAgentName ?? 'Ringway', local: () => deps.local(),
    ...(deps.eventPackages === undefined ? {} : { eventPackages: deps.eventPackages }), ...(limits === undefined ? {} : { limits }),
  })
  const sockets: { udp: UdpTransport; tcp: StreamListener }[] = []
  let closed = false

  async function bind(address: SocketAddress): Promise<{ udp: UdpTransport; tcp: StreamListener }> {
    if (network === undefined) throw new Error('this element has no network')
    const tcp = await network.listenStream(address, (stream) => { transport.attach(new StreamConnection(stream, 'TCP', ++serial), true) })
    try {
      const socket = await network.bindDatagram({ host: address.host, port: tcp.address.port })
      const udp = new UdpTransport(socket, (flow) => { transport.attach(flow) }, (cause) => { log.debug('sip-udp-error', { cause: cause.message }) }, sources)
      return { udp, tcp }
    } catch (error) {
      await tcp.close()
      throw error
    }
  }

  async function bindAny(address: SocketAddress): Promise<{ udp: UdpTransport; tcp: StreamListener }> {
    for (let attempt = 1; ; attempt++) {
      try { return await bind(address) } catch (error) {
        if (address.port !== 0 || attempt >= BIND_TRIES) throw error // a free TCP port may be taken on UDP: another then
      }
    }
  }

  /** Sockets for elements outside the overlay, by our own address: Via and Contact then name the one that packets leave from. */
  const outward = new Map<string, Promise<{ udp: UdpTransport; tcp: StreamListener }>>()

  async function outwardFlow(remote: SocketAddress): Promise<UdpFlow> {
    const host = await needed(network, 'network').sourceFor(remote)
    let socket = outward.get(host)
    if (socket === undefined) {
      socket = bindAny({ host, port: 0 })
      outward.set(host, socket)
      socket.catch(() => { outward.delete(host) })
    }
    return (await socket).udp.flow(remote)
  }

  const udpFlow = (remote: SocketAddress): UdpFlow | undefined => sockets[0]?.udp.flow(remote)

  /** The address of ours that the other side of a connection can reach: an unspecified one is none. */
  function reachable(local: HostPort, remote: HostPort | undefined): HostPort {
    if (local.host !== '0.0.0.0' && local.host !== '::') return local
    const loopback = remote !== undefined && (remote.host.startsWith('127.') || remote.host === '::1')
    const family = local.host === '::' ? 6 : 4
    const found = network?.localAddresses().find((each) => each.family === family && each.internal === loopback)
    return { host: found?.host ?? (family === 4 ? '127.0.0.1' : '::1'), port: local.port }
  }

  /** Streams that we opened to contacts of phones, by address; closed ones are made anew. */
  const toPhones = new BoundedMap<string, Connection>(256)

  function wayTo(binding: Binding): Connection | undefined {
    const { uri, path, flow } = binding
    if (uri.scheme === 'sips' && !isSecured(flow)) return undefined // §26.2.2: never in the clear
    const open = transport.isOpen(flow)
    if (isByFlow(binding)) return open ? flow : undefined
    const next = nextHop(uri, path)
    if (next === undefined) return undefined
    const host = plainHost(next.host)
    const wanted = (next.params.get('transport') ?? 'udp').toUpperCase()
    const port = next.port ?? defaultPort(wanted)
    // a stream is used again; a contact that is not where its packets come from is behind a NAT, or is a name
    if (open && (flow.reliable || !isIpAddress(host) || host !== flow.remote.host || (port === flow.remote.port && wanted === 'UDP'))) return flow
    if (!isIpAddress(host)) return undefined
    if (wanted === 'UDP') return flow instanceof UdpFlow ? flow.sibling({ host, port }) : udpFlow({ host, port })
    if (wanted !== 'TCP' || network === undefined) return open ? flow : undefined
    const key = `${host} ${port}`
    const known = toPhones.get(key)
    if (known !== undefined && transport.isOpen(known)) return known
    const connection = new OpeningConnection('TCP', flow.local, { host, port }, ++serial, (signal) => openTcp({ host, port }, signal))
    transport.attach(connection)
    toPhones.set(key, connection)
    return connection
  }

  const { outside = {} } = deps
  const listeners: StreamListener[] = []
  /** Those of them that speak TLS. */
  const tlsListeners: StreamListener[] = []
  const needed = <T>(port: T | undefined, what: string): T => {
    if (port === undefined) throw new Error(`this element has no ${what}`)
    return port
  }
  const keep = (listener: StreamListener): SocketAddress => { listeners.push(listener); return listener.address }
  const flowOrThrow = (remote: SocketAddress): UdpFlow => needed(udpFlow(remote), 'socket: listen first')
  const outbound = outside.dns === undefined ? undefined : new Outbound({
    dns: outside.dns, random, transport,
    // where the domain leaves it to us, what others cannot read comes first
    transports: [...(outside.tls === undefined ? [] : ['TLS' as const]), 'TCP', 'UDP', ...(outside.webSockets === undefined ? [] : ['WS' as const, 'WSS' as const])],
    udpFlow: outwardFlow,
    connectTcp: async (remote, signal) => {
      const connection = await openTcp(remote, signal)
      transport.attach(connection)
      return connection
    },
    ...(outside.tls === undefined ? {} : { tls: outside.tls }), ...(outside.webSockets === undefined ? {} : { webSockets: outside.webSockets }),
  })

  const server = deps.server === undefined ? undefined : new SipServer(deps.server, {
    clock, random, log, transport, transactions, agent: ua, serverName: deps.userAgentName ?? 'Ringway', udpFlow,
    addressOn: (connection) => connection.peerIdentity !== undefined || connection.local.host.endsWith('.invalid')
      ? { host: deps.server?.realm ?? connection.local.host, port: 5060 } : reachable(connection.local, connection.remote),
    publicAddress: (secure) => { const first = (secure ? tlsListeners[0] : sockets[0]?.tcp)?.address; return first === undefined ? undefined : reachable(first, undefined) },
    ownAor: () => deps.local().aor,
    ...(outbound === undefined ? {} : { outside: outbound }),
  })
  transactions.user = server ?? ua

  return {
    userAgent: ua, transport, transactions, sources, server, wayTo,
    get addresses() { return sockets.map(({ tcp }) => tcp.address) },
    isOwnAddress(host, port) {
      const plain = plainHost(host)
      const own = [...sockets.map(({ tcp }) => tcp), ...listeners]
      return own.some(({ address }) => (port === undefined ? address.port === 5060 || address.port === 5061 : port === address.port) && (plain === address.host
        || ((address.host === '0.0.0.0' || address.host === '::') && network?.localAddresses().some((each) => each.host === plain) === true)))
    },
    attach(connection) { transport.attach(connection) },
    async listen(address) {
      const bound = await bindAny(address)
      sockets.push(bound)
      return bound.tcp.address
    },
    udpFlow: flowOrThrow,
    async listenTls(address) {
      const listener = await needed(outside.tls, 'TLS').listen(address, needed(outside.identity, 'certificate'), (stream) => {
        transport.attach(new StreamConnection(stream, 'TLS', ++serial), true)
      })
      tlsListeners.push(listener)
      return keep(listener)
    },
    async listenWebSocket(address) {
      return keep(await needed(outside.webSockets, 'WebSockets').listen(address, (socket) => { transport.attach(new WebSocketConnection(socket, ++serial), true) }))
    },
    reach: (uri, signal, avoid) => needed(outbound, 'domain name system').reach(uri, signal, avoid),
    async connectTcp(remote, signal) {
      const connection = await openTcp(remote, signal)
      transport.attach(connection)
      return connection
    },
    async close() {
      if (closed) return
      closed = true
      ua.close()
      server?.close()
      transactions.close()
      transport.close()
      const opened = (await Promise.allSettled(outward.values())).flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
      for (const { udp } of [...sockets, ...opened]) udp.close()
      await Promise.all([...[...sockets, ...opened].map(({ tcp }) => tcp), ...listeners].map((listener) => listener.close()))
    },
  }
}

/** The first hop of a Path, else the contact itself. */
function nextHop(contact: Uri, path: readonly string[]): SipUri | undefined {
  const [first] = path
  if (first === undefined) return contact.kind === 'sip' ? contact : undefined
  try {
    const { uri } = parseNameAddr(first)
    return uri.kind === 'sip' ? uri : undefined
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
