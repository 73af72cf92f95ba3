/**
 * Requests and answers as everything above the transaction layer sees them (RFC 6940 §6.2, §6.3.3): bodies are
 * bytes here, decoded by whoever owns the message code. Storage, usages, attach and topology send with
 * `RequestSender` and serve with `RequestHandler`.
 */
import type { VerifiedSigner } from '../security/signatureVerifier.ts'
import type { MessageExtension } from '../wire/message.ts'

/** Where a request goes: Node-IDs in order, or a Resource-ID alone or in the last place. */
export type RequestDestination = readonly ({ readonly node: Uint8Array } | { readonly resource: Uint8Array })[]

/** A verified success answer. */
export interface Answer {
  readonly code: number
  readonly body: Uint8Array
  readonly signer: VerifiedSigner
  /** DER certificates of the security block, the signer's included; needed to verify stored values. */
  readonly certificates: readonly Uint8Array[]
  readonly extensions: readonly MessageExtension[]
  /** Nodes the answer names on its way back plus one; 1 for a direct neighbour. */
  readonly hops: number
  readonly rttMs: number
  /** Errors that nodes on the way sent before the answer came. */
  readonly hints?: readonly ReloadError[]
}

/** The destination answered with a RELOAD error (RFC 6940 §6.3.3.1). */
export class ReloadError extends Error {
  override readonly name = 'ReloadError'
  /** @param code an error code of RFC 6940 §14.9; @param info its error_info, usually UTF-8 text */
  constructor(readonly code: number, readonly info: Uint8Array, readonly signer?: VerifiedSigner) {
    super(`RELOAD error ${code}: ${new TextDecoder().decode(info.subarray(0, 200)).replace(/[^\x20-\x7e]/g, '?')}`)
  }
}

/** No acceptable answer came in five transmissions, or there was no way to send. */
export class RequestTimeout extends Error {
  override readonly name = 'RequestTimeout'
}

export interface RequestOptions {
  /** DER certificates the body's stored values need, besides our own (RFC 6940 §6.3.4). */
  readonly certificates?: readonly Uint8Array[]
  /** Send over the link to this connected node, whatever the routing table says. */
  readonly through?: Uint8Array
  /** Default 5 (RFC 6940 §6.2.1). */
  readonly transmissions?: number
  /** In place of that of the configuration in force; for ConfigUpdates (RFC 6940 §6.3.2.1). */
  readonly configurationSequence?: number
  /** Message extensions (RFC 6940 §6.3.3), none of them critical. */
  readonly extensions?: readonly MessageExtension[]
  /** An error that a node on the way sends ends the request, instead of being a hint: who asks wants to know where a path breaks (RFC 7851 §4.2). Misrouting breaks none. */
  readonly pathErrorsEnd?: boolean
}

export interface RequestSender {
  /**
   * Signs, sends and retransmits a request until its answer is verified.
   * @throws ReloadError, RequestTimeout, or the signal's reason
   */
  request(destination: RequestDestination, code: number, body: Uint8Array, signal: AbortSignal, options?: RequestOptions): Promise<Answer>
}

/** Told when configurations turn out to differ (RFC 6940 §6.3.2.1); `reload/overlay/configUpdate` is the one. */
export interface SequenceKeeper {
  /** A requester has an older configuration than we. `route` leads back to it. */
  onBehind(node: Uint8Array, route: RequestDestination): void
  /**
   * A request of ours was answered with Error_Config_Too_Old or Error_Config_Too_New.
   * @param sent the sequence it carried
   * @returns true when the two agree now, as far as can be told, and the request should be made again
   */
  reconcile(error: ReloadError, sent: number, destination: RequestDestination, signal: AbortSignal, options: RequestOptions): Promise<boolean>
}

/** A verified request that is for us. */
export interface IncomingRequest {
  readonly code: number
  readonly body: Uint8Array
  readonly signer: VerifiedSigner
  readonly certificates: readonly Uint8Array[]
  /** Node-ID of the link it came over; our own for requests to ourselves. */
  readonly previousHop: Uint8Array
  /** The Destination List entry it reached us by. */
  readonly destination: { readonly node: Uint8Array } | { readonly resource: Uint8Array }
  readonly transactionId: bigint
  readonly extensions: readonly MessageExtension[]
  /** As it arrived. */
  readonly ttl: number
  /** Nodes on the way, this one included. */
  readonly hops: number
}

/** What a handler makes of a request; the message code of a success is the request's + 1. */
export type Outcome =
  | { readonly body: Uint8Array; readonly certificates?: readonly Uint8Array[]; readonly extensions?: readonly MessageExtension[] }
  | { readonly error: number; readonly info?: Uint8Array | string }

/**
 * Serves one message code. A DecodeError it throws is answered with Error_Invalid_Message. A promise must
 * settle within the request's lifetime (15 s); retransmissions meanwhile are absorbed.
 */
export type RequestHandler = (request: IncomingRequest) => Outcome | Promise<Outcome>
