/** The byte pipe of an AppAttach (RFC 6940 §6.5.2): the TLS stream itself, without RELOAD's framing. */
import type { Certificate } from '../../ports/crypto.ts'
import type { SecureStream, SocketAddress } from '../../ports/secureStream.ts'

export interface PipeUser { onData(bytes: Uint8Array): void; onClose(cause?: Error): void }

/** What we queue for an application that does not read before the pipe is given up. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024

/** Has the members of `reload/overlay`'s AppPipe. Bytes wait in the stream until `user` is set. */
export class StreamPipe {
  readonly transport = 'TLS'
  readonly peerCertificate: Certificate
  readonly local: SocketAddress
  readonly remote: SocketAddress
  private listener: PipeUser | undefined
  private queued = 0

  constructor(
    private readonly stream: SecureStream,
    readonly application: number,
    readonly peerNodeId: Uint8Array,
    readonly peerUserName: string,
    private readonly onEnd: () => void,
  ) {
    this.peerCertificate = stream.peerCertificate
    this.local = stream.local
    this.remote = stream.remote
  }

  get user(): PipeUser | undefined { return this.listener }

  set user(user: PipeUser | undefined) {
    const first = this.listener === undefined
    this.listener = user
    if (!first || user === undefined) return
    this.stream.user = {
      onData: (bytes) => { this.listener?.onData(bytes) },
      onDrain: () => { this.queued = 0 },
      onClose: (cause) => { this.onEnd(); this.listener?.onClose(cause) },
    }
  }

  send(bytes: Uint8Array): void {
    if (this.stream.write(bytes)) { this.queued = 0; return }
    this.queued += bytes.length
    if (this.queued > MAX_QUEUED_BYTES) this.stream.destroy()
  }

  close(): void { this.onEnd(); this.stream.close() }
}
