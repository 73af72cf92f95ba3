/**
 * Flow tokens (RFC 5626 §5.2): the connection to one side of a dialog, sealed into the user part of the Record-Route
 * URI. Whoever sends along the route leads the request to that flow and nowhere else, so that a proxy that follows
 * routes is still no open relay.
 */
import type { Seal } from '../auth/seal.ts'
import type { HostPort } from '../transport/address.ts'
import type { Connection } from '../transport/connection.ts'

const PURPOSE = 'flow'
const MAX_FLOWS = 10_000

export interface FlowWays {
  /** A flow on UDP costs nothing to make again. */
  udpFlow(remote: HostPort): Connection | undefined
  /** A pipe through the overlay. @throws PeerError */
  reconnect(nodeId: string, signal: AbortSignal): Promise<Connection>
}

export class FlowTokens {
  private readonly open = new Map<string, Connection>()
  /** Tokens of open flows by name and the other way round: the same flow is named in every message of its calls. */
  private readonly tokens = new Map<string, string>()
  private readonly names = new Map<string, string>()

  constructor(private readonly seal: Seal, private readonly ways: FlowWays) {}

  get size(): number { return this.open.size }

  make(connection: Connection): string {
    const name = nameOf(connection)
    const known = this.tokens.get(name)
    if (known !== undefined && this.open.get(name) === connection) return known
    const token = known ?? this.seal.close(PURPOSE, name)
    if (this.open.size < MAX_FLOWS || this.open.has(name)) {
      this.open.set(name, connection)
      this.tokens.set(name, token)
      this.names.set(token, name)
    }
    return token
  }

  /** The name of a flow that we have sealed; undefined for anything else. */
  read(token: string): string | undefined { return this.names.get(token) ?? this.seal.open(PURPOSE, token) }

  /** @returns undefined when the flow is gone. @throws PeerError when a pipe cannot be opened again */
  async find(name: string, signal: AbortSignal): Promise<Connection | undefined> {
    const connection = this.open.get(name)
    if (connection !== undefined) return connection
    const [kind, first = '', second] = name.split(' ')
    if (kind === 'node') return this.ways.reconnect(first, signal)
    return kind === 'udp' ? this.ways.udpFlow({ host: first, port: Number(second) }) : undefined
  }

  /** The flow of a name when it is open now. */
  peek(name: string): Connection | undefined { return this.open.get(name) }

  connectionClosed(connection: Connection): void {
    const name = nameOf(connection)
    if (this.open.get(name) !== connection) return
    this.open.delete(name)
    this.names.delete(this.tokens.get(name) ?? '')
    this.tokens.delete(name)
  }
}

function nameOf(connection: Connection): string {
  if (connection.peerIdentity !== undefined) return `node ${connection.peerIdentity.nodeId}`
  // by our own port too: one host may be a phone of ours and a server outside
  if (connection.transport === 'UDP') return `udp ${connection.remote.host} ${connection.remote.port} ${connection.local.port}`
  return `id ${connection.id}`
}
