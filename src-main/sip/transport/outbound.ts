/**
 * Ways to elements outside the overlay: finds them (RFC 3263), opens what is not open yet and uses again what is
 * (RFC 5923, RFC 3261 §18), and holds servers to their names (RFC 5922). One stream for each domain and address.
 */
import { PeerError } from '../../base/errors.ts'
import type { DomainTls, TlsIdentity } from '../../ports/domainTls.ts'
import type { SipUri } from '../message/uri.ts'
import type { HostPort } from './address.ts'
import type { Connection } from './connection.ts'
import { provesDomain } from './domainCertificate.ts'
import { firstReached, type Hop, type LocationDeps, locateServer } from './serverLocation.ts'
import { StreamConnection } from './tcp.ts'
import type { TransportLayer } from './transportLayer.ts'

export interface OutboundDeps extends LocationDeps {
  readonly transport: TransportLayer
  udpFlow(remote: HostPort): Connection
  connectTcp(remote: HostPort, signal: AbortSignal): Promise<Connection>
  readonly tls?: { readonly port: DomainTls; readonly identity?: TlsIdentity }
}

export class Outbound {
  private readonly streams = new Map<string, Connection>()
  private readonly opening = new Map<string, Promise<Connection>>()
  private serial = 0

  constructor(private readonly deps: OutboundDeps) {}

  /**
   * A connection to the next hop of a URI, attached to the transport layer.
   * @param avoid hops that were tried already: after a timeout or 503 the caller asks again (§4.3)
   * @throws PeerError 'peer-unreachable' or 'peer-unverified'; the signal's reason when aborted
   */
  async reach(uri: SipUri, signal: AbortSignal, avoid: ReadonlySet<string> = new Set()): Promise<{ readonly connection: Connection; readonly hop: Hop }> {
    const hops = (await locateServer(uri, this.deps, signal)).filter((hop) => !avoid.has(hopKey(hop)))
    let refused: PeerError | undefined
    try {
      return await firstReached(hops, async (hop) => {
        try { return { connection: await this.open(hop, signal), hop } } catch (error) {
          signal.throwIfAborted()
          if (!(error instanceof PeerError)) throw error
          if (error.code === 'peer-unverified') refused = error
          return undefined
        }
      })
    } catch (error) {
      // that somebody else answered in a server's place is worse, and to be told, than that nobody did
      throw refused ?? error
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
    const { tls } = this.deps
    if (tls === undefined) throw new PeerError('peer-unreachable', 'no TLS here')
    const stream = await tls.port.connect(hop, hop.domain, tls.identity, signal)
    if (!stream.trusted || stream.peerCertificate === undefined || !provesDomain(stream.peerCertificate, hop.domain)) {
      stream.destroy()
      throw new PeerError('peer-unverified', `the certificate of ${hop.host}:${hop.port} is not one of ${hop.domain}`)
    }
    const connection = new StreamConnection(stream, 'TLS', ++this.serial)
    this.deps.transport.attach(connection)
    return connection
  }
}

/** A hop by name; RFC 5923 §9.1: a stream is used again only for the domain that its certificate was checked for. */
export function hopKey(hop: Hop): string { return `${hop.transport} ${hop.host} ${hop.port} ${hop.transport === 'TLS' ? hop.domain.toLowerCase() : ''}` }
