/**
 * SIP over UDP (RFC 3261 §18, RFC 3581): one socket, and for each remote address a flow that looks like any other
 * connection. Flows cost nothing but a map entry; the longest unused one is forgotten when there are too many.
 */
import type { DatagramSocket, SocketAddress } from '../../ports/network.ts'
import type { Connection, ConnectionUser } from './connection.ts'
import type { SourceLimits } from './sourceLimits.ts'

const MAX_FLOWS = 4096
/** A flow that was put last so many uses ago at most is not put last again: the order is as good, and costs nothing. */
const FRESH_USES = 256

export class UdpTransport {
  private readonly flows = new Map<string, UdpFlow>()
  private closed = false
  /** Counts uses of flows. */
  private uses = 0

  constructor(
    private readonly socket: DatagramSocket,
    /** Given every new flow that a datagram opens, before its first byte. */
    private readonly onFlow: (flow: Connection) => void,
    private readonly onError: (cause: Error) => void,
    /** What too many datagrams of strangers come to; without it all are taken. */
    private readonly sources?: SourceLimits,
  ) {
    socket.user = {
      onDatagram: (bytes, from) => { this.receive(bytes, from) },
      onError: (cause) => { this.onError(cause) },
    }
  }

  get local(): SocketAddress { return this.socket.address }

  /** The flow to an address, made when there is none; the caller attaches it. */
  flow(remote: SocketAddress): UdpFlow {
    const key = `${remote.host} ${remote.port}`
    let flow = this.flows.get(key)
    this.uses++
    if (flow === undefined) {
      flow = new UdpFlow(this, { host: remote.host, port: remote.port })
      this.evict()
      this.onFlow(flow)
    } else if (this.uses - flow.placedAt > FRESH_USES) this.flows.delete(key) // insertion order is order of use
    else return flow
    flow.placedAt = this.uses
    this.flows.set(key, flow)
    return flow
  }

  send(bytes: Uint8Array, to: SocketAddress): void { if (!this.closed) this.socket.send(bytes, to) }

  forget(flow: UdpFlow): void { this.flows.delete(`${flow.remote.host} ${flow.remote.port}`) }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.socket.user = undefined
    for (const flow of [...this.flows.values()]) flow.close()
    this.socket.close()
  }

  private receive(bytes: Uint8Array, from: SocketAddress): void {
    // a source address of a datagram can be invented: it is not answered
    if (this.sources?.admits(from.host, this.flows.get(`${from.host} ${from.port}`)) === false) return
    this.flow(from).user?.onData(bytes)
  }

  /** The longest unused one goes, strangers before phones. */
  private evict(): void {
    if (this.flows.size < MAX_FLOWS) return
    let oldest = this.flows.values().next().value
    if (this.sources !== undefined) for (const flow of this.flows.values()) if (!this.sources.trusts(flow)) { oldest = flow; break }
    oldest?.close()
  }
}

export class UdpFlow implements Connection {
  readonly transport = 'UDP'
  readonly reliable = false
  readonly id: string
  user: ConnectionUser | undefined = undefined
  /** Use at which it was put behind all other flows. */
  placedAt = 0
  private open = true

  constructor(private readonly owner: UdpTransport, readonly remote: SocketAddress) {
    this.id = `udp ${owner.local.host} ${owner.local.port} ${remote.host} ${remote.port}`
  }

  get local(): SocketAddress { return this.owner.local }

  /** The flow from the same socket to another address. */
  sibling(remote: SocketAddress): UdpFlow { return this.owner.flow(remote) }

  send(bytes: Uint8Array): void { if (this.open) this.owner.send(bytes, this.remote) }

  close(): void {
    if (!this.open) return
    this.open = false
    this.owner.forget(this)
    this.user?.onClose()
  }
}
