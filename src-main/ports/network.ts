/** Plain sockets: datagrams, TCP streams and the addresses of this machine. */
import type { SecureStreamUser, SocketAddress } from './secureStream.ts'

export type { SocketAddress } from './secureStream.ts'

export interface DatagramSocket {
  readonly address: SocketAddress
  user: { onDatagram(bytes: Uint8Array, from: SocketAddress): void; onError(cause: Error): void } | undefined
  send(bytes: Uint8Array, to: SocketAddress): void
  close(): void
}

export interface ByteStream {
  readonly local: SocketAddress
  readonly remote: SocketAddress
  user: SecureStreamUser | undefined
  write(bytes: Uint8Array): boolean
  close(): void
  destroy(): void
}

export interface StreamListener {
  readonly address: SocketAddress
  close(): Promise<void>
}

export interface Network {
  /** Port 0 takes a free one. @throws PeerError 'port-in-use'. */
  bindDatagram(address: SocketAddress): Promise<DatagramSocket>
  listenStream(address: SocketAddress, onStream: (stream: ByteStream) => void): Promise<StreamListener>
  /** @throws PeerError 'peer-unreachable'; the signal's reason when aborted. */
  connectStream(address: SocketAddress, signal: AbortSignal): Promise<ByteStream>
  /** The address of ours that packets to `remote` leave from; nothing is sent. @throws PeerError 'peer-unreachable' when there is no way there */
  sourceFor(remote: SocketAddress): Promise<string>
  /** Addresses of the interfaces that are up. `internal` is true for loopback. */
  localAddresses(): readonly { readonly host: string; readonly family: 4 | 6; readonly internal: boolean }[]
}
