/**
 * TLS with elements that are no peers of the overlay: phones without a certificate, servers with one of a public
 * authority. The implementation checks chains; whether the name is the right one is the caller's to say (RFC 5922).
 */
import type { Certificate, PrivateKey } from './crypto.ts'
import type { ByteStream, SocketAddress, StreamListener } from './network.ts'

export interface TlsIdentity {
  readonly certificate: Certificate
  /** Between `certificate` and the root, nearest first. */
  readonly chain: readonly Certificate[]
  readonly privateKey: PrivateKey
}

export interface TlsStream extends ByteStream {
  /** undefined when the other end showed none, as who connects to `listen` is not asked to. */
  readonly peerCertificate: Certificate | undefined
  /** The chain of `peerCertificate` leads to an authority that is trusted. */
  readonly trusted: boolean
}

export interface DomainTls {
  /** Asks for no certificate. Half-open handshakes are bounded in number and time. @throws PeerError 'port-in-use' */
  listen(address: SocketAddress, identity: TlsIdentity, onStream: (stream: TlsStream) => void): Promise<StreamListener>
  /** @param serverName sent as SNI. @throws PeerError 'peer-unreachable'; the signal's reason when aborted */
  connect(address: SocketAddress, serverName: string, identity: TlsIdentity | undefined, signal: AbortSignal): Promise<TlsStream>
}
