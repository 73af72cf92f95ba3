/** WebSockets that carry SIP (RFC 7118): whole messages, subprotocol `sip`. */
import type { SocketAddress, StreamListener } from './network.ts'

export interface MessageSocket {
  readonly local: SocketAddress
  readonly remote: SocketAddress
  /** True over TLS. */
  readonly secure: boolean
  user: { onMessage(bytes: Uint8Array): void; onClose(cause?: Error): void } | undefined
  send(bytes: Uint8Array): void
  /** Idempotent. */
  close(): void
}

export interface WebSockets {
  /** Takes connections that offer the subprotocol `sip`, on any path. @throws PeerError 'port-in-use' */
  listen(address: SocketAddress, onSocket: (socket: MessageSocket) => void): Promise<StreamListener>
  /** @param url ws: or wss:. @throws PeerError 'peer-unreachable'; the signal's reason when aborted */
  connect(url: string, signal: AbortSignal): Promise<MessageSocket>
}
