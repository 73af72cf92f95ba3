/**
 * The joint between the overlay and whatever makes connections through networks and NATs (RFC 6940 §6.5.1,
 * §6.6.1). `connectivity/linkFactories` implements it. Attach and AppAttach exchange the candidates; both
 * roles get the resulting streams through `LinkFactoryUser.onStream`, whose certificate says who is there.
 */
import type { Certificate } from '../../ports/crypto.ts'
import type { SecureStream, SocketAddress } from '../../ports/secureStream.ts'

/** One candidate address (RFC 6940 §6.5.1.1), without the wire's encoding. */
export interface Candidate {
  readonly address: SocketAddress
  /** OverlayLinkType: 1 DTLS-UDP-SR, 3 DTLS-UDP-SR-NO-ICE, 4 TLS-TCP-FH-NO-ICE */
  readonly overlayLink: number
  readonly foundation: string
  readonly priority: number
  readonly type: 'host' | 'srflx' | 'relay'
  readonly related?: SocketAddress
}

export interface CandidateSet {
  readonly ufrag: string
  readonly password: string
  readonly candidates: readonly Candidate[]
}

/** One exchange of candidates with one node. */
export interface Negotiation {
  readonly local: CandidateSet
  /**
   * Starts towards the other side's candidates, the caller's role being fixed by `LinkFactory.negotiate`.
   * Resolves when this side has nothing more to do: the stream itself arrives at `LinkFactoryUser.onStream`.
   * @param accept says why the node found there is not the one meant, or undefined if it is
   * @throws PeerError 'peer-unreachable' or 'peer-unverified'; the signal's reason
   */
  connect(remote: CandidateSet, accept: (certificate: Certificate) => string | undefined, signal: AbortSignal): Promise<void>
  close(): void
}

export interface LinkFactoryUser {
  /** A mutually authenticated stream; `initiatedByUs` is true on the (D)TLS client's side. Set `stream.user` in this call. */
  onStream(stream: SecureStream, initiatedByUs: boolean): void
  onRefused(reason: string): void
}

export interface LinkFactory {
  /** @throws PeerError 'port-in-use' */
  listen(user: LinkFactoryUser): Promise<SocketAddress>
  /** @param role 'passive': we send the request and wait as (D)TLS server; 'active': we answer and connect */
  negotiate(role: 'passive' | 'active'): Promise<Negotiation>
  /** A link to a bootstrap address, without Attach (RFC 6940 §11.4). The stream arrives at `onStream`. @throws as `Negotiation.connect` */
  dial(address: SocketAddress, accept: (certificate: Certificate) => string | undefined, signal: AbortSignal): Promise<SecureStream>
  close(): Promise<void>
}
