/**
 * The media relay as a proxy sees it: it rewrites the session descriptions of one call (RFC 3264) that crosses from a
 * phone without DTLS-SRTP to the overlay, so that the sound of both sides meets at this peer. `mediaGateway.ts` calls
 * it for each description that a proxy forwards; `media/rtpBridge` implements it.
 */
import type { HostPort } from '../transport/address.ts'

/** 'phone': plain RTP or SDES; 'overlay': ICE and DTLS-SRTP. */
export type BridgeSide = 'phone' | 'overlay'

export interface SdpBridge {
  /**
   * An offer of one side becomes the offer for the other. A new one replaces one that was not answered.
   * @param sdes whether a phone is offered SDES (RFC 4568) or plain RTP; what was agreed before when not given
   * @throws PeerError 'call-no-common-codec'; DecodeError
   */
  offer(sdp: string, from: BridgeSide, sdes?: boolean): string
  /** The answer to the last offer becomes the answer for who offered. @throws as `offer` */
  answer(sdp: string): string
  /** The last offer was refused: what was agreed before holds on (RFC 3264 §8). */
  refused(): void
  /** Idempotent. Frees all sockets. */
  close(): void
}

export interface SdpBridgeOptions {
  /** Our address as the phone reaches it. */
  readonly local: string
  /** Where the phone's signalling comes from: told for the log. */
  readonly phone: HostPort
  /** No packet came from either side for a long time: the call is gone without a BYE. */
  readonly onIdle: () => void
}

/** Opens the sockets. @throws PeerError 'call-media-failed' */
export type OpenSdpBridge = (options: SdpBridgeOptions) => Promise<SdpBridge>
