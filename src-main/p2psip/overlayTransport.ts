/**
 * SIP's way through the overlay (RFC 7904 §5): every AppAttach pipe becomes a SIP `Connection` whose other side
 * is proven by its certificate. Keeps one pipe to a node and hands it out again (§5.2); owns the pipes, leaves
 * what is said on them to the SIP element.
 */
import { untilAborted } from '../base/abort.ts'
import { toHex } from '../base/bytes.ts'
import { PeerError } from '../base/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { AppPipe, DestinationSpec, Overlay } from '../reload/overlay/overlay.ts'
import type { Connection, ConnectionUser, PeerIdentity } from '../sip/transport/connection.ts'

/** Application-IDs of SIP and SIPS (RFC 7904 §9.3, RFC 6940 §14.5): the pipe is TLS for both, and both are listened for. */
export const sipApplication = 5060
export const sipsApplication = 5061
/** Between the least and the most of RFC 5626 §4.4.1 for connections. */
const keepAliveMs = 100_000
/** An answer takes no longer (RFC 5626 §4.4.1). */
const pongMs = 10_000
const ping = Uint8Array.of(13, 10, 13, 10)
/** More pipes than this and the one that was asked for longest ago is closed. */
const maxPipes = 256

export class OverlayTransport {
  private readonly byNode = new Map<string, PipeConnection>()
  /** All that are open; of two to one node only the newer is handed out. */
  private readonly connections = new Set<PipeConnection>()
  private readonly opening = new Map<string, Promise<PipeConnection>>()
  private readonly lifetime = new AbortController()
  private nextId = 1
  private readonly stopListening: () => void

  /**
   * @param onConnection told of every new connection, ours and theirs, in the turn it opens
   * @param clock without it our connections are not kept alive
   */
  constructor(private readonly overlay: Overlay, private readonly onConnection: (connection: Connection, incoming: boolean) => void, private readonly clock?: Clock) {
    overlay.acceptApplication(sipApplication)
    overlay.acceptApplication(sipsApplication)
    this.stopListening = overlay.onPipe((pipe) => { if (pipe.application === sipApplication || pipe.application === sipsApplication) this.adopt(pipe, true) })
  }

  /**
   * The connection to the node that ends `destination`, opened when there is none.
   * @param application what it is opened for; one that is open serves both
   * @throws as Overlay.appAttach
   */
  async connect(destination: DestinationSpec, signal: AbortSignal, application = sipApplication): Promise<Connection> {
    const last = destination.at(-1)
    if (last === undefined || !('node' in last)) throw new PeerError('address-invalid', 'a device is reached by its Node-ID')
    const key = toHex(last.node)
    const open = this.byNode.get(key)
    if (open !== undefined) {
      this.byNode.delete(key) // the one used last comes last
      this.byNode.set(key, open)
      return open
    }
    const pending = this.opening.get(key)
    if (pending !== undefined) return untilAborted(pending, signal)
    // Shared by all who ask meanwhile, so one caller's abort must not take it from the others.
    const opening = this.overlay.appAttach(destination, application, this.lifetime.signal).then((pipe) => this.adopt(pipe, false))
    this.opening.set(key, opening)
    const settled = (): void => { this.opening.delete(key) }
    opening.then(settled, settled)
    return untilAborted(opening, signal)
  }

  close(): void {
    this.stopListening()
    this.lifetime.abort(new PeerError('cancelled', 'the phone is stopping'))
    for (const connection of [...this.connections]) connection.close()
  }

  private adopt(pipe: AppPipe, incoming: boolean): PipeConnection {
    const connection = new PipeConnection(`pipe-${this.nextId++}`, pipe, () => {
      this.connections.delete(connection)
      if (this.byNode.get(connection.peerIdentity.nodeId) === connection) this.byNode.delete(connection.peerIdentity.nodeId)
    })
    this.connections.add(connection)
    const key = connection.peerIdentity.nodeId
    this.byNode.delete(key)
    this.byNode.set(key, connection)
    if (!incoming && this.clock !== undefined) connection.keepAlive(this.clock)
    if (this.connections.size > maxPipes) (this.superseded() ?? this.byNode.values().next().value)?.close()
    this.onConnection(connection, incoming)
    return connection
  }

  /** A pipe beside a newer one to the same node: the first to go. */
  private superseded(): PipeConnection | undefined {
    for (const connection of this.connections) if (this.byNode.get(connection.peerIdentity.nodeId) !== connection) return connection
    return undefined
  }
}

class PipeConnection implements Connection {
  readonly reliable = true
  readonly transport: 'TLS' | 'DTLS-UDP'
  readonly local: { host: string; port: number }
  readonly remote: { host: string; port: number }
  readonly peerIdentity: PeerIdentity
  user: ConnectionUser | undefined
  private open = true
  private timer: Timer | undefined
  /** The other side has answered a keep-alive once: its silence means something. */
  private answers = false
  private heard = false

  constructor(readonly id: string, private readonly pipe: AppPipe, private readonly onClosed: () => void) {
    this.transport = pipe.transport
    this.local = pipe.local
    this.remote = pipe.remote
    this.peerIdentity = { aor: pipe.peerUserName, nodeId: toHex(pipe.peerNodeId) }
    pipe.user = {
      onData: (bytes) => { this.heard = true; this.user?.onData(bytes) },
      onClose: (cause) => { this.closed(cause) },
    }
  }

  /**
   * The side that opened a connection asks over it now and then (RFC 5626 §3.5.1): keeps what stands between awake, and
   * finds out that nobody is there before somebody is called.
   */
  keepAlive(clock: Clock): void {
    if (!this.open) return
    this.timer = clock.setTimer(keepAliveMs, () => {
      this.heard = false
      this.pipe.send(ping)
      this.timer = clock.setTimer(pongMs, () => {
        if (this.answers && !this.heard) { this.close(); return }
        this.answers ||= this.heard
        this.keepAlive(clock)
      })
    })
  }

  send(bytes: Uint8Array): void { if (this.open) this.pipe.send(bytes) }

  close(): void {
    if (!this.open) return
    this.pipe.close()
    this.closed()
  }

  private closed(cause?: Error): void {
    if (!this.open) return
    this.open = false
    this.timer?.cancel()
    this.onClosed()
    this.user?.onClose(cause)
  }
}
