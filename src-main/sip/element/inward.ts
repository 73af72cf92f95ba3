/**
 * The way from the proxy of an element to the user agent of the same element: a pair of connections in memory for
 * each caller, so that the user agent is forked to like any other device and still sees who is proven to call.
 */
import { BoundedMap } from '../../base/boundedMap.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Connection, ConnectionUser, PeerIdentity } from '../transport/connection.ts'

const MAX_PAIRS = 256
const ADDRESS = { host: 'ringway.invalid', port: 5060 }

export class InwardConnections {
  private readonly pairs = new BoundedMap<string, InwardConnection>(MAX_PAIRS, (_, connection) => { connection.close() })
  private readonly agentEnds = new WeakSet<Connection>()
  private readonly outEnds = new WeakSet<Connection>()
  private out: InwardConnection | undefined

  /** @param attach makes the transport layer the user of an end */
  constructor(private readonly clock: Clock, private readonly attach: (connection: Connection) => void) {}

  /** The proxy's end for requests of this caller; undefined for callers without a certificate. */
  to(identity: PeerIdentity | undefined): Connection {
    const key = identity?.nodeId ?? ''
    const known = this.pairs.get(key)
    if (known?.isOpen === true) return known
    const proxyEnd = new InwardConnection(`inward ${key} proxy`, this.clock, undefined, undefined)
    const agentEnd = new InwardConnection(`inward ${key} agent`, this.clock, identity, true)
    proxyEnd.other = agentEnd
    agentEnd.other = proxyEnd
    this.agentEnds.add(agentEnd)
    this.attach(proxyEnd)
    this.attach(agentEnd)
    this.pairs.set(key, proxyEnd)
    return proxyEnd
  }

  /** The user agent's end for calls to phones that the proxy has the way to. */
  outward(): Connection {
    if (this.out?.isOpen === true) return this.out
    const proxyEnd = new InwardConnection('outward proxy', this.clock, undefined, undefined)
    const agentEnd = new InwardConnection('outward agent', this.clock, undefined, undefined)
    proxyEnd.other = agentEnd
    agentEnd.other = proxyEnd
    this.agentEnds.add(agentEnd)
    this.outEnds.add(proxyEnd)
    this.attach(proxyEnd)
    this.attach(agentEnd)
    this.out = agentEnd
    return agentEnd
  }

  /** Requests on it come from our own user agent. */
  isOutward(connection: Connection): boolean { return this.outEnds.has(connection) }

  /** Either end: what it carries stays inside this element. */
  owns(connection: Connection): boolean { return connection instanceof InwardConnection }

  /** Requests on it are for the user agent. */
  isAgentEnd(connection: Connection): boolean { return this.agentEnds.has(connection) }
}

class InwardConnection implements Connection {
  readonly transport = 'TCP'
  readonly reliable = true
  readonly local = ADDRESS
  readonly remote = ADDRESS
  readonly peerIdentity?: PeerIdentity
  readonly inward?: true
  user: ConnectionUser | undefined
  other: InwardConnection | undefined
  isOpen = true

  constructor(readonly id: string, private readonly clock: Clock, identity: PeerIdentity | undefined, inward: true | undefined) {
    if (identity !== undefined) this.peerIdentity = identity
    if (inward !== undefined) this.inward = inward
  }

  send(bytes: Uint8Array): void {
    if (this.isOpen) this.clock.setTimer(0, () => { this.other?.receive(bytes) })
  }

  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.user?.onClose()
    const { other } = this
    this.clock.setTimer(0, () => { other?.close() })
  }

  private receive(bytes: Uint8Array): void { if (this.isOpen) this.user?.onData(bytes) }
}
