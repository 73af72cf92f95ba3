/**
 * Ways to elements outside the overlay: finds them (RFC 3263), opens what is not open yet and uses again what is
 * (RFC 5923, RFC 3261 §18), and holds servers to their names (RFC 5922). One stream for each domain and address.
 */
import { PeerError } from '../../base/errors.ts'
import type { DomainTls } from '../../ports/domainTls.ts'
import type { WebSockets } from '../../ports/webSocket.ts'
import type { SipUri } from '../message/uri.ts'
import { bracketHost, type HostPort } from './address.ts'
import type { Connection } from './connection.ts'
import { provesDomain } from './domainCertificate.ts'
import { firstReached, type Hop, type LocationDeps, locateServer } from './serverLocation.ts'
import { StreamConnection } from './tcp.ts'
import type { TransportLayer } from './transportLayer.ts'
import { WebSocketConnection } from './webSocket.ts'

export interface OutboundDeps extends LocationDeps {
  readonly transport: TransportLayer
  /** From the address of ours that the way to `remote` begins at. @throws PeerError 'peer-unreachable' */
  udpFlow(remote: HostPort): Promise<Connection>
  connectTcp(remote: HostPort, signal: AbortSignal): Promise<Connection>
  /** No certificate of ours is shown: it is one of the overlay, and nobody outside knows its authority. */
  readonly tls?: DomainTls
  readonly webSockets?: WebSockets
}

export class Outbound {
  private readonly streams = new Map<string, Connection>()
  private readonly opening = new Map<string, Promise<Connection>>()
  private serial = 0

  constructor(private readonly deps: OutboundDeps) {}

  /**
   * A connection to the next hop of a URI, attached to the transport layer.
   * @param avoid hops that were tried already: after a timeout or 503 the caller asks again (§4.3)
   * @throws PeerError 'domain-unknown', 'domain-unreachable', 'domain-unverified'; the signal's reason when aborted
   */
  async reach(uri: SipUri, signal: AbortSignal, avoid: ReadonlySet<string> = new Set()): Promise<{ readonly connection: Connection; readonly hop: Hop }> {
    const hops = (await this.locate(uri, signal)).filter((hop) => !avoid.has(hopKey(hop)))
    let refused: PeerError | undefined
    try {
      return await firstReached(hops, async (hop) => {
        try { return { connection: await this.open(hop, signal), hop } } catch (error) {
          signal.throwIfAborted()
          if (!(error instanceof PeerError)) throw error
          if (error.code === 'domain-unverified') refused = error
          return undefined
        }
      })
    } catch (error) {
      // that somebody else answered in a server's place is worse, and to be told, than that nobody did
      throw refused ?? error
    }
  }

  private async locate(uri: SipUri, signal: AbortSignal): Promise<readonly Hop[]> {
    try { return await locateServer(uri, this.deps, signal) } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof PeerError) || error.code !== 'peer-unreachable') throw error
      throw new PeerError('domain-unreachable', error.message, { cause: error }) // no name server answers
    }
  }

  private async open(hop: Hop, signal: AbortSignal): Promise<Connection> {
    if (hop.transport === 'UDP') return this.deps.udpFlow(hop)
    const key = hopKey(hop)
    const known = this.streams.get(key)
    if (known !== undefined && this.deps.transport.isOpen(known)) return known
    let opening = this.opening.get(key)
    if (opening === undefined) {
      opening = this.connect(hop, signal).finally(() => { this.opening.delete(key) })
      this.opening.set(key, opening)
    }
    const connection = await opening
    for (const [other, each] of this.streams) if (!this.deps.transport.isOpen(each)) this.streams.delete(other)
    this.streams.set(key, connection)
    return connection
  }

  private async connect(hop: Hop, signal: AbortSignal): Promise<Connection> {
    if (hop.transport === 'TCP') return this.deps.connectTcp(hop, signal)
    const { tls, webSockets } = this.deps
    if (hop.transport === 'WS' || hop.transport === 'WSS') {
      if (webSockets === undefined) throw new PeerError('domain-unreachable', 'no WebSockets here')
      // over TLS the name is what the certificate is checked for (RFC 7118 §9, RFC 2818)
      const url = hop.transport === 'WS' ? `ws://${bracketHost(hop.host)}:${hop.port}/` : `wss://${bracketHost(hop.domain)}:${hop.port}/`
      const connection = new WebSocketConnection(await webSockets.connect(url, signal), ++this.serial)
      this.deps.transport.attach(connection)
      return connection
    }
    if (tls === undefined) throw new PeerError('domain-unreachable', 'no TLS here')
    const stream = await tls.connect(hop, hop.domain, undefined, signal)
    if (!stream.trusted || stream.peerCertificate === undefined || !provesDomain(stream.peerCertificate, hop.domain)) {
      stream.destroy()
      throw new PeerError('domain-unverified', `the certificate of ${hop.host}:${hop.port} is not one of ${hop.domain}`)
    }
    const connection = new StreamConnection(stream, 'TLS', ++this.serial)
    this.deps.transport.attach(connection)
    return connection
  }
}

/** A hop by name; RFC 5923 §9.1: a stream is used again only for the domain that its certificate was checked for. */
export function hopKey(hop: Hop): string { return `${hop.transport} ${hop.host} ${hop.port} ${hop.transport === 'TLS' || hop.transport === 'WSS' ? hop.domain.toLowerCase() : ''}` }
