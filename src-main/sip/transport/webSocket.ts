/** SIP over WebSocket (RFC 7118): one frame is one message, so nothing has to be framed. */
import type { MessageSocket } from '../../ports/webSocket.ts'
import type { HostPort } from './address.ts'
import type { Connection, ConnectionUser } from './connection.ts'

export class WebSocketConnection implements Connection {
  readonly reliable = true
  readonly transport: 'WS' | 'WSS'
  readonly id: string
  user: ConnectionUser | undefined
  private open = true

  constructor(private readonly socket: MessageSocket, serial: number) {
    const { local, remote, secure } = socket
    this.transport = secure ? 'WSS' : 'WS'
    this.id = `${this.transport.toLowerCase()} ${local.host} ${local.port} ${remote.host} ${remote.port} ${serial}`
    socket.user = {
      onMessage: (bytes) => { this.user?.onData(bytes) },
      onClose: (cause) => { this.closed(cause) },
    }
  }

  get local(): HostPort { return this.socket.local }
  get remote(): HostPort { return this.socket.remote }

  send(bytes: Uint8Array): void { if (this.open) this.socket.send(bytes) }

  close(): void {
    if (!this.open) return
    this.socket.close()
    this.closed()
  }

  private closed(cause?: Error): void {
    if (!this.open) return
    this.open = false
    this.user?.onClose(cause)
  }
}
