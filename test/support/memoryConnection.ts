import type { Clock } from '../../src-main/ports/clock.ts'
import type { Connection, ConnectionUser, PeerIdentity } from '../../src-main/sip/transport/connection.ts'

export interface MemoryConnectionOptions {
  readonly transport?: Connection['transport']
  readonly reliable?: boolean
  readonly latencyMs?: number
  /** Asked once for each datagram; never for reliable pairs. */
  readonly lose?: (bytes: Uint8Array) => boolean
  /** Who the first end's certificate proves; the second end sees it as `peerIdentity`. */
  readonly first?: PeerIdentity
  readonly second?: PeerIdentity
}

let serial = 0

/** Two ends of one connection in memory; bytes arrive after the latency, in order, in a turn of their own. */
export function memoryConnectionPair(clock: Clock, options: MemoryConnectionOptions = {}): [MemoryConnection, MemoryConnection] {
  const id = ++serial
  const a = new MemoryConnection(clock, `memory ${id} a`, options, { host: '10.0.0.1', port: 5060 }, { host: '10.0.0.2', port: 5060 }, options.second)
  const b = new MemoryConnection(clock, `memory ${id} b`, options, { host: '10.0.0.2', port: 5060 }, { host: '10.0.0.1', port: 5060 }, options.first)
  a.other = b
  b.other = a
  return [a, b]
}

export class MemoryConnection implements Connection {
  readonly transport: Connection['transport']
  readonly reliable: boolean
  readonly peerIdentity?: PeerIdentity
  user: ConnectionUser | undefined
  other: MemoryConnection | undefined
  /** Everything this end has sent, as text, lost or not. */
  readonly sent: string[] = []
  /** When each of them was sent, by the clock's monotonic time. */
  readonly sentAt: number[] = []
  private open = true

  constructor(
    private readonly clock: Clock, readonly id: string, private readonly options: MemoryConnectionOptions,
    readonly local: { readonly host: string; readonly port: number }, readonly remote: { readonly host: string; readonly port: number },
    identity: PeerIdentity | undefined,
  ) {
    this.transport = options.transport ?? (options.reliable === false ? 'UDP' : 'TCP')
    this.reliable = options.reliable ?? true
    if (identity !== undefined) this.peerIdentity = identity
  }

  send(bytes: Uint8Array): void {
    if (!this.open) return
    this.sent.push(new TextDecoder().decode(bytes))
    this.sentAt.push(this.clock.monotonic())
    if (!this.reliable && this.options.lose?.(bytes) === true) return
    const copy = bytes.slice()
    this.clock.setTimer(this.options.latencyMs ?? 1, () => { if (this.other?.open === true) this.other.user?.onData(copy) })
  }

  close(): void { this.end() }

  /** The connection breaks: both ends hear of it. */
  break(cause: Error = new Error('connection reset')): void { this.end(cause) }

  private end(cause?: Error): void {
    if (!this.open) return
    this.open = false
    this.user?.onClose(cause)
    const { other } = this
    if (other?.open === true) {
      this.clock.setTimer(this.options.latencyMs ?? 1, () => {
        if (!other.open) return
        other.open = false
        other.user?.onClose(cause)
      })
    }
  }
}
