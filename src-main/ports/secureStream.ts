/**
 * Mutually authenticated byte streams: TLS 1.2 or 1.3 over TCP. Both ends always present a certificate. The
 * implementation proves possession of the key only; whether a certificate is trusted is asked of `acceptPeer`,
 * before a byte of the peer is delivered.
 */
import type { Certificate, PrivateKey } from './crypto.ts'

export interface SocketAddress {
  /** IPv4 or IPv6 literal without brackets. */
  readonly host: string
  readonly port: number
}

export interface StreamCredentials {
  readonly certificate: Certificate
  /** Certificates between `certificate` and the root, nearest first; empty in most overlays. */
  readonly chain: readonly Certificate[]
  readonly privateKey: PrivateKey
  /** Judges the peer's certificate and the chain it sent; returns undefined to accept, or the reason to refuse. */
  acceptPeer(certificate: Certificate, chain: readonly Certificate[]): string | undefined
}

export interface SecureStreamUser {
  onData(bytes: Uint8Array): void
  /** The send queue has drained below the implementation's high-water mark. */
  onDrain(): void
  /** Last call. `cause` is absent when the peer closed in order. */
  onClose(cause?: Error): void
}

export interface SecureStream {
  readonly peerCertificate: Certificate
  readonly local: SocketAddress
  readonly remote: SocketAddress
  /** Bytes of application data that go into one datagram of the path; absent for byte streams. A `write` is one record then. */
  readonly pathMtu?: number
  /** Set by the owner in the same turn as it receives the stream. */
  user: SecureStreamUser | undefined
  /** Queues bytes; false when the queue is above its high-water mark (the bytes are queued all the same). */
  write(bytes: Uint8Array): boolean
  /** Ends in order after what is queued. Idempotent. */
  close(): void
  /** Drops the connection at once. Idempotent. */
  destroy(): void
}

export interface SecureListener {
  readonly address: SocketAddress
  close(): Promise<void>
}

export interface SecureNetwork {
  /** Port 0 takes a free one. @throws PeerError 'port-in-use'. */
  listen(
    address: SocketAddress,
    credentials: StreamCredentials,
    onStream: (stream: SecureStream) => void,
    onRefused?: (reason: string, remote: SocketAddress) => void,
  ): Promise<SecureListener>
  /** @throws PeerError 'peer-unreachable' or 'peer-unverified'; the signal's reason when aborted. */
  connect(address: SocketAddress, credentials: StreamCredentials, signal: AbortSignal): Promise<SecureStream>
}
