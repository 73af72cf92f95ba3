/**
 * One way to one other SIP element (RFC 3261 §18): a socket, or the pipe that AppAttach made through the overlay
 * (RFC 7904 §5). Owned by whoever opened it; the transport layer is its user.
 */
export interface Connection {
  /** Unique within the process; appears in logs and in flow tokens. */
  readonly id: string
  /** The token of the Via header. An overlay pipe over TLS is 'TLS', over DTLS 'DTLS-UDP'. */
  readonly transport: 'UDP' | 'TCP' | 'TLS' | 'WS' | 'WSS' | 'DTLS-UDP'
  /** Stream transports keep order and lose nothing; messages are framed by Content-Length. */
  readonly reliable: boolean
  readonly local: { readonly host: string; readonly port: number }
  readonly remote: { readonly host: string; readonly port: number }
  /** What the other side's certificate proves; absent on sockets without one. */
  readonly peerIdentity?: PeerIdentity
  /** Leads from this element's own proxy to its own user agent. */
  readonly inward?: true
  user: ConnectionUser | undefined
  /** Never calls `user` before it returns. What is sent after the end is lost in silence. */
  send(bytes: Uint8Array): void
  /** Idempotent; `user.onClose` follows once. */
  close(): void
}

/** Can nobody on the way read or change what it carries? */
export function isSecured({ transport }: Pick<Connection, 'transport'>): boolean { return transport === 'TLS' || transport === 'WSS' || transport === 'DTLS-UDP' }

export interface PeerIdentity {
  /** Address of record without scheme. */
  readonly aor: string
  /** 32 hexadecimal digits. */
  readonly nodeId: string
}

export interface ConnectionUser {
  onData(bytes: Uint8Array): void
  onClose(cause?: Error): void
}
