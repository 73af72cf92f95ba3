import type { Connection, PeerIdentity } from '../sip/transport/connection.ts'

/** One device of the person called, reached and verified. */
export interface Target {
  /** Request-URI to use, such as sip:bob@office.example. */
  readonly requestUri: string
  readonly connection: Connection
  /** Proven by the pipe's certificate; absent for devices outside the overlay. */
  readonly identity?: PeerIdentity
  /** An address outside the overlay: the response tells whether there is a way to it. */
  readonly outside?: true
}

/** How the phone finds people. In a peer it asks the overlay (RFC 7904 §4, §5). */
export interface TargetResolver {
  /**
   * Finds all devices of `uri` and connects to them; those that cannot be reached are left out.
   * @param uri sip:, sips: or scheme-less address of record
   * @throws PeerError 'user-unknown' (never registered or not of this overlay), 'user-offline' (known, no device
   *   answers), 'not-joined', 'network-timeout', 'address-invalid', 'peer-unverified', 'outside-off'; the signal's reason when aborted
   */
  resolve(uri: string, signal: AbortSignal): Promise<readonly Target[]>
  /** As `resolve`, but tells each device as soon as it is reached; one that is slow, or gone, keeps none of the others waiting. Ends when no more can come. */
  resolveEach?(uri: string, signal: AbortSignal, onTarget: (target: Target) => void): Promise<void>
}

/** `resolveEach` of any resolver. @throws as TargetResolver.resolve */
export async function resolveEach(resolver: TargetResolver, uri: string, signal: AbortSignal, onTarget: (target: Target) => void): Promise<void> {
  if (resolver.resolveEach !== undefined) await resolver.resolveEach(uri, signal, onTarget)
  else for (const target of await resolver.resolve(uri, signal)) onTarget(target)
}
