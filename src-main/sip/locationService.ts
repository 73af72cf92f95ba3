/**
 * What the proxy and the redirect server ask to find where a request is to go (RFC 3261 §16.5, §8.3). In a peer the
 * overlay answers, together with the phones registered here.
 */
import type { SipUri } from './message/uri.ts'
import type { Connection, PeerIdentity } from './transport/connection.ts'

/** One place to try. */
export interface LocationTarget {
  /** Request-URI for it. */
  readonly requestUri: string
  /** 0 to 1; equal ones are tried together, better ones first. */
  readonly q: number
  /** The way there; 'own' is the user agent of this element. */
  readonly connection: Connection | 'own'
  /** Route header fields to add, in order (RFC 3327 Path). */
  readonly routes: readonly string[]
  /** A URI under which somebody outside of the overlay can reach it directly; absent when there is none. */
  readonly contact?: string
  /** Other flows to the same phone (RFC 5626 §7), each for when the one before has failed. */
  readonly instead?: readonly LocationTarget[]
}

/** Who asks. */
export type Caller =
  /** A phone that has proven to be this account. */
  | { readonly kind: 'phone'; readonly account: string }
  /** A peer of the overlay, by its certificate. */
  | { readonly kind: 'peer'; readonly identity: PeerIdentity }
  /** Somebody with a ticket to a person (see `auth/seal`). */
  | { readonly kind: 'guest'; readonly aor: string }
  /** The user agent of this element, which asks for a phone. */
  | { readonly kind: 'own' }

export interface LocationService {
  /** Is this the domain, or an address, of the element itself? */
  serves(uri: SipUri): boolean
  /** Is there more to try for this caller than the user agent of this element? Looks at what is known here only. */
  concerns(uri: SipUri, caller: Caller): boolean
  /** Is it this element's own user agent that knows the state (presence, calls) of this address, for a phone? Absent where no state is kept. */
  keepsState?(uri: SipUri, account: string): boolean
  /**
   * @param method who is looked for may depend on it: state is asked of the user agent alone
   * @throws PeerError 'user-unknown', 'user-offline', 'unauthorised' when this caller may not be led there, and as
   *   TargetResolver.resolve; the signal's reason when aborted
   */
  locate(uri: SipUri, caller: Caller, signal: AbortSignal, method?: string): Promise<readonly LocationTarget[]>
  /** The address of record that others see a phone's calls come from, and its display name. */
  presentedAs(account: string): { readonly aor: string; readonly displayName: string }
  /** The connection to a node of the overlay, opened again when it was lost. @throws as `locate` */
  reconnect(nodeId: string, signal: AbortSignal): Promise<Connection>
}
