/**
 * What the user agent offers to the phone layer and what it asks of it (RFC 3261 §4, §13, §15; RFC 3428; RFC 6665).
 * Calls go down through `UserAgent`, facts come up through the `…User` interfaces. Offer and answer are complete SDP
 * texts; the user agent never looks into them.
 */
import type { Connection, PeerIdentity } from '../transport/connection.ts'

export type { Connection, PeerIdentity } from '../transport/connection.ts'

/** Where a request goes: over this connection, with this Request-URI. */
export interface Leg {
  readonly connection: Connection
  readonly requestUri: string
}

/** Somebody named in From, To or Contact. */
export interface Party {
  /** Address of record without scheme, parameters and port; the domain in lower case. */
  readonly aor: string
  readonly uri: string
  readonly displayName: string
}

export type HeaderList = readonly (readonly [name: string, value: string])[]

export interface UserAgentUser {
  /** The element has already sent 100 Trying. Set `call.user` before returning; without one the call gets 480. */
  onInvite(call: InviteServerCall): void
  /** MESSAGE outside a dialog (RFC 3428). */
  onMessage(request: IncomingMessage): void
  /** SUBSCRIBE outside a dialog (RFC 6665). */
  onSubscribe(subscription: ServerSubscription): void
  /** PUBLISH over a pipe of the overlay; without it, and for what it does not answer, 489. @returns false when the event package is unknown */
  onPublish?(publication: IncomingPublication): boolean
}

export interface IncomingMessage {
  readonly from: Party
  readonly identity?: PeerIdentity
  /** Media type in lower case without parameters. */
  readonly contentType: string
  readonly body: Uint8Array
  readonly callId: string
  readonly cseq: number
  /** Only the first call counts. */
  respond(status: number, reason?: string): void
}

/** PUBLISH (RFC 3903) of a whole state that replaces what came before: it has no entity-tags that matter. */
export interface IncomingPublication {
  readonly event: string
  readonly identity?: PeerIdentity
  /** Media type in lower case without parameters. */
  readonly contentType: string
  readonly body: Uint8Array
  /** Only the first call counts; 200 gets a SIP-ETag. */
  respond(status: number, reason?: string): void
}

/** The final response to a request outside a dialog. */
export interface FinalResponse {
  readonly status: number
  readonly reason: string
  readonly headers: HeaderList
  readonly contentType: string
  readonly body: Uint8Array
}

export interface InviteOptions {
  /** Address of record of the person called, with or without scheme. */
  readonly to: string
  /** SDP. */
  readonly offer: string
  readonly headers?: HeaderList
  /** Give the legs of one call to several devices the same Call-ID and From tag. */
  readonly callId?: string
  readonly fromTag?: string
  /** CANCEL after so long without an answer; the call then fails with 408. */
  readonly expiresS?: number
}

export interface RequestOptions {
  readonly to: string
  /** Call-ID; the same one when the same message is sent again, so that the other side knows it. */
  readonly callId?: string
  readonly contentType?: string
  readonly body?: Uint8Array
  readonly headers?: HeaderList
}

export interface SubscribeOptions {
  readonly to: string
  /** Event package, such as 'presence'. */
  readonly event: string
  /** Value of Accept, such as 'application/pidf+xml'. */
  readonly accept: string
  readonly expiresS: number
}

/** Why an established call ended: a status where the protocol gave one, and words for the log. */
export interface EndReason {
  readonly status?: number
  readonly text: string
}

/** What names a dialog to others (RFC 3891 §6), seen from our side, and where the other side is reached in it. */
export interface DialogInfo {
  readonly callId: string
  readonly localTag: string
  readonly remoteTag: string
  readonly remoteTarget: string
}

export interface Replaced {
  readonly callId: string
  /** Ours and the other side's, as they stand in the dialog to be replaced. */
  readonly localTag: string
  readonly remoteTag: string
  readonly earlyOnly: boolean
}

/** What both directions of a call can do once it is answered; before, everything fails with 481. */
export interface EstablishedCall {
  readonly callId: string
  /** undefined before the answer. */
  readonly dialog: DialogInfo | undefined
  /** re-INVITE with this offer (RFC 3261 §14.1). One of the user's methods is called once, unless the call ends first. */
  reoffer(offer: string, user: ReofferUser): void
  /** INFO (RFC 6086), such as a key in application/dtmf-relay. Whether it arrived is not told. */
  inform(contentType: string, body: Uint8Array): void
  /** REFER (RFC 3515): asks the other side to call somebody. One at a time. */
  refer(options: ReferOptions, user: ReferUser): void
}

export interface ReofferUser {
  onAnswered(answer: string): void
  /**
   * What was agreed before holds on.
   * @param retryMs the other side offers at the same time: try again after so long (491, RFC 3261 §14.1)
   */
  onRefused(status: number, retryMs: number | undefined): void
}

export interface ReferOptions {
  /** URI to be called. */
  readonly target: string
  /** The dialog of ours with the target that the new call is to take the place of (RFC 3891). */
  readonly replaces?: DialogInfo
}

export interface ReferUser {
  /** How far the other side has come with its call (RFC 3515 §2.4.5): a status below 200. */
  onProgress(status: number): void
  /** Last call, once: the final status of the new call, of the REFER itself, or 408 when nothing is heard. */
  onFinal(status: number): void
}

/** The other side asks us to call somebody. */
export interface IncomingRefer {
  readonly target: Party
  /** Value of a Replaces header for the new call. */
  readonly replaces: string | undefined
  /** Value of a Referred-By header for the new call (RFC 3892). */
  readonly referredBy: string
  /** 202. */
  accept(): void
  reject(status: number): void
  /** Tells how the new call fares; a status from 200 on is the last. */
  notify(status: number, reason: string): void
}

export interface IncomingInfo {
  /** Media type in lower case without parameters. */
  readonly contentType: string
  readonly body: Uint8Array
}

export interface InviteClientUser {
  /** @param waiting they are in another call, and this one rings beside it (RFC 7462 §4.2) */
  onProgress(status: number, reason: string, waiting: boolean): void
  /** The user agent has sent the ACK. */
  onAnswered(answer: string, remote: Party): void
  /**
   * Last call before an answer: a final response ≥ 300, 408 on timeout, 503 on transport error, 487 after `end`.
   * @param contacts where a 3xx says to try instead, the best first (RFC 3261 §8.1.3.4)
   */
  onFailed(status: number, reason: string, contacts?: readonly string[]): void
  /** Last call after an answer: BYE from the other side, or the dialog was lost. Not called after our own `end`. */
  onEnded(reason: EndReason): void
  /** re-INVITE or UPDATE from the other side: return the answer; throwing or rejecting answers 488. */
  onOffer(offer: string): Promise<string> | string
  /** The answer to our own description, which a re-INVITE without offer asked for. */
  onReanswered?(answer: string): void
  /** The other side transfers us; without this it gets 603. */
  onReferred?(refer: IncomingRefer): void
  /** @returns false when the body means nothing to us */
  onInfo?(info: IncomingInfo): boolean
}

export interface InviteClientCall extends EstablishedCall {
  /** Before the answer: CANCEL; afterwards: BYE. @param reason value of a Reason header (RFC 3326). Idempotent. */
  end(reason?: string): void
}

export interface InviteServerUser {
  /** Last call before `accept`: the caller gave up, another device answered, or nobody did in time. */
  onCancelled(reason: 'cancelled' | 'answered-elsewhere' | 'timeout'): void
  /** The ACK has come. */
  onEstablished(): void
  /** The answer to the offer that `accept` sent because the INVITE had none; just before `onEstablished`. */
  onAnswer?(answer: string): void
  /** Last call after `accept`. Not called after our own `end`. */
  onEnded(reason: EndReason): void
  onOffer(offer: string): Promise<string> | string
  /** The answer to our own description, which a re-INVITE without offer asked for. */
  onReanswered?(answer: string): void
  /** The other side transfers us; without this it gets 603. */
  onReferred?(refer: IncomingRefer): void
  /** @returns false when the body means nothing to us */
  onInfo?(info: IncomingInfo): boolean
}

export interface InviteServerCall extends EstablishedCall {
  readonly from: Party
  readonly identity?: PeerIdentity
  /** The call of ours that this one is to take the place of (RFC 3891). */
  readonly replaces: Replaced | undefined
  /** Address of record of who sent the caller to us, as the caller says (RFC 3892). */
  readonly referredBy: string | undefined
  /** undefined when the INVITE carried none: `accept` then sends an offer and the ACK brings the answer. */
  readonly offer: string | undefined
  user: InviteServerUser | undefined
  /** 180 Ringing. @param waiting tells the caller that we are in another call */
  ring(waiting?: boolean): void
  /** 200 with the answer, repeated until the ACK comes. */
  accept(answer: string): void
  reject(status: number, reason?: string): void
  /** BYE; before `accept` it rejects with 480. */
  end(reason?: string): void
}

export interface ClientSubscriptionUser {
  onNotify(contentType: string, body: Uint8Array, state: 'active' | 'pending'): void
  /** Last call: rejected, timed out, connection lost, or the notifier ended it. Not called after our own `end`. */
  onTerminated(reason: string, status?: number): void
}

export interface ClientSubscription {
  /** SUBSCRIBE with Expires 0. Idempotent. */
  end(): void
}

/** Documents of an event package whose text depends on what was sent before (RFC 6665 §5.4.7). */
export interface EventSource {
  readonly contentType: string
  /** @param full the whole state is due: the first document, or the one after a refresh or a failure */
  document(full: boolean): Uint8Array
}

export interface ServerSubscription {
  readonly event: string
  readonly from: Party
  readonly identity?: PeerIdentity
  readonly expiresS: number
  /** Told once when the subscriber ends it, it expires, or a NOTIFY fails. Not called after `reject` or `terminate`. */
  user: { onEnded(): void } | undefined
  /** 200, and a NOTIFY without body when `notify` has not been called in the same turn. */
  accept(state: 'active' | 'pending'): void
  reject(status: number): void
  /** The newest state; repeated to the subscriber on each refresh. */
  notify(contentType: string, body: Uint8Array): void
  /** Instead of `notify`: documents that are made when they are sent. */
  publish(source: EventSource): void
  /** The source has something new to say. */
  changed(): void
  /** NOTIFY with Subscription-State terminated. @param reason such as 'deactivated', 'noresource', 'rejected' */
  terminate(reason: string): void
}
