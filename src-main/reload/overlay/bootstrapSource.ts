/** Where nodes of an overlay may be found (RFC 6940 §11.4). Implemented by `connectivity/bootstrap`. */
import type { SocketAddress } from '../../ports/secureStream.ts'

export interface BootstrapSource {
  /** Best first; may go on until the signal is aborted. */
  candidates(signal: AbortSignal): AsyncIterable<SocketAddress>
  /** A peer of the overlay listens there: worth keeping for the next start. */
  remember?(address: SocketAddress): void
}
