/** SIP over byte streams (RFC 3261 §18): a socket as a connection, and a connection that is still being opened. */
import type { ByteStream } from '../../ports/network.ts'
import type { SecureStream } from '../../ports/secureStream.ts'
import type { HostPort } from './address.ts'
import type { Connection, ConnectionUser } from './connection.ts'

/** Bytes that may wait while a connection opens. */
const MAX_QUEUED_BYTES = 256 * 1024

export class StreamConnection implements Connection {
  readonly reliable = true
  readonly id: string
  user: ConnectionUser | undefined
  private open = true

  constructor(private readonly stream: ByteStream | SecureStream, readonly transport: 'TCP' | 'TLS' = 'TCP', serial = 0) {
    const { local, remote } = stream
    this.id = `${transport.toLowerCase()} ${local.host} ${local.port} ${remote.host} ${remote.port} ${serial}`
    stream.user = {
      onData: (bytes) => { this.user?.onData(bytes) },
      onDrain: () => { /* SIP has nothing that could wait: messages are small and transactions bound their number */ },
      onClose: (cause) => { this.closed(cause) },
    }
  }

  get local(): HostPort { return this.stream.local }
  get remote(): HostPort { return this.stream.remote }

  send(bytes: Uint8Array): void { if (this.open) this.stream.write(bytes) }

  close(): void {
    if (!this.open) return
    this.stream.close()
    this.closed()
  }

  private closed(cause?: Error): void {
    if (!this.open) return
    this.open = false
    this.user?.onClose(cause)
  }
}

/** Opens a stream in the background; what is sent meanwhile waits. Closes with the cause when it cannot be opened. */
export class OpeningConnection implements Connection {
  readonly reliable = true
  readonly id: string
  user: ConnectionUser | undefined
  private inner: Connection | undefined
  private queue: Uint8Array[] = []
  private queuedBytes = 0
  private open = true
  private readonly abort = new AbortController()

  constructor(readonly transport: 'TCP' | 'TLS', readonly local: HostPort, readonly remote: HostPort, serial: number, connect: (signal: AbortSignal) => Promise<Connection>) {
    this.id = `${transport.toLowerCase()} opening ${remote.host} ${remote.port} ${serial}`
    connect(this.abort.signal).then((connection) => { this.opened(connection) }, (cause: unknown) => {
      this.closed(cause instanceof Error ? cause : new Error(String(cause)))
    })
  }

  send(bytes: Uint8Array): void {
    if (!this.open) return
    if (this.inner !== undefined) { this.inner.send(bytes); return }
    this.queuedBytes += bytes.length
    if (this.queuedBytes > MAX_QUEUED_BYTES) this.abort.abort() // onClose follows when `connect` rejects
    else this.queue.push(bytes)
  }

  close(): void {
    if (!this.open) return
    this.abort.abort()
    this.inner?.close()
    this.closed()
  }

  private opened(connection: Connection): void {
    if (!this.open) { connection.close(); return }
    this.inner = connection
    connection.user = { onData: (bytes) => { this.user?.onData(bytes) }, onClose: (cause) => { this.closed(cause) } }
    const queue = this.queue
    this.queue = []
    for (const bytes of queue) connection.send(bytes)
  }

  private closed(cause?: Error): void {
    if (!this.open) return
    this.open = false
    this.queue = []
    this.user?.onClose(cause)
  }
}
