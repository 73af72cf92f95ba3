/**
 * One peer's SIP element: transports, transactions and the user agent tied together (RFC 3261 §5). The place where a
 * request is given to the user agent, or to the proxy, redirect server or registrar of a peer that serves phones.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Network, SocketAddress, StreamListener } from '../../ports/network.ts'
import type { Random } from '../../ports/random.ts'
import type { HostPort } from '../transport/address.ts'
import type { Connection } from '../transport/connection.ts'
import { StreamConnection } from '../transport/tcp.ts'
import { type TransportDeps, TransportLayer } from '../transport/transportLayer.ts'
import { type UdpFlow, UdpTransport } from '../transport/udp.ts'
import type { TimerValues } from '../transaction/timers.ts'
import { TransactionLayer } from '../transaction/transactionLayer.ts'
import { UserAgent, type UaLimits, type UserAgentUser } from '../ua/userAgent.ts'

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
  readonly limits?: Partial<UaLimits> & NonNullable<TransportDeps['limits']> & { readonly maxTransactions?: number }
  local(): { readonly aor: string; readonly displayName: string }
}

export interface SipElement {
  readonly userAgent: UserAgent
  readonly transport: TransportLayer
  readonly transactions: TransactionLayer
  /** Takes over a connection that was opened outside, such as an overlay pipe, until it closes. */
  attach(connection: Connection): void
  /** Opens UDP and TCP on one port. Port 0 takes a free one. @throws PeerError 'port-in-use' */
  listen(address: SocketAddress): Promise<SocketAddress>
  /** The flow from our UDP socket to an address. `listen` comes first. */
  udpFlow(remote: SocketAddress): UdpFlow
  /** @throws PeerError 'peer-unreachable'; the signal's reason when aborted */
  connectTcp(remote: HostPort, signal: AbortSignal): Promise<Connection>
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
  const transport = new TransportLayer({ clock, log, ...(network === undefined ? {} : { connectTcp: openTcp }), ...(limits === undefined ? {} : { limits }) })
  const transactions = new TransactionLayer({
    clock, random, log, transport,
    ...(deps.timers === undefined ? {} : { timers: deps.timers }),
    ...(limits?.maxTransactions === undefined ? {} : { maxTransactions: limits.maxTransactions }),
  })
  const ua = new UserAgent({
    clock, random, log, transport, transactions, user: deps.user, userAgentName: deps.userAgentName ?? 'Ringway', local: () => deps.local(),
    ...(deps.eventPackages === undefined ? {} : { eventPackages: deps.eventPackages }), ...(limits === undefined ? {} : { limits }),
  })
  transactions.user = ua

  const sockets: { udp: UdpTransport; tcp: StreamListener }[] = []
  let closed = false

  async function bind(address: SocketAddress): Promise<SocketAddress> {
    if (network === undefined) throw new Error('this element has no network')
    const tcp = await network.listenStream(address, (stream) => { transport.attach(new StreamConnection(stream, 'TCP', ++serial)) })
    try {
      const socket = await network.bindDatagram({ host: address.host, port: tcp.address.port })
      const udp = new UdpTransport(socket, (flow) => { transport.attach(flow) }, (cause) => { log.debug('sip-udp-error', { cause: cause.message }) })
      sockets.push({ udp, tcp })
      return tcp.address
    } catch (error) {
      await tcp.close()
      throw error
    }
  }

  return {
    userAgent: ua, transport, transactions,
    attach(connection) { transport.attach(connection) },
    async listen(address) {
      for (let attempt = 1; ; attempt++) {
        try { return await bind(address) } catch (error) {
          if (address.port !== 0 || attempt >= BIND_TRIES) throw error // a free TCP port may be taken on UDP: another then
        }
      }
    },
    udpFlow(remote) {
      const [first] = sockets
      if (first === undefined) throw new Error('listen first')
      return first.udp.flow(remote)
    },
    async connectTcp(remote, signal) {
      const connection = await openTcp(remote, signal)
      transport.attach(connection)
      return connection
    },
    async close() {
      if (closed) return
      closed = true
      ua.close()
      transactions.close()
      transport.close()
      for (const { udp } of sockets) udp.close()
      await Promise.all(sockets.map(({ tcp }) => tcp.close()))
    },
  }
}
