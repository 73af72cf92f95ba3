/**
 * The sound of calls as the phone sees it: WebRTC in the client that placed or answered the call, or the
 * headless engine. Offer/answer is RFC 3264 with complete (non-trickle) SDP.
 */
export interface MediaPort {
  /** Opens the sound of one call. Nothing is captured before `offer` or `answer`. */
  open(call: { readonly id: string; readonly direction: 'out' | 'in' }, user: MediaUser): MediaSession
}

export interface MediaUser {
  /** Sound flows both ways as negotiated. `codec` such as 'opus/48000'. */
  onConnected(codec: string): void
  /** No path for sound, or lost; code 'call-media-failed', 'microphone-missing' or 'microphone-denied'. */
  onFailed(code: 'call-media-failed' | 'microphone-missing' | 'microphone-denied'): void
  /** The other side pressed a key (RFC 4733): 0-9, *, #, A-D. Engines that cannot tell stay silent. */
  onKey?(key: string): void
}

export interface MediaSession {
  readonly engine: 'client' | 'headless'
  /** SDP offer. @throws PeerError 'microphone-missing', 'microphone-denied', 'call-media-failed' */
  offer(signal: AbortSignal): Promise<string>
  /** SDP answer to `remoteOffer`. @throws as `offer`, and 'call-no-common-codec' */
  answer(remoteOffer: string, signal: AbortSignal): Promise<string>
  /** Takes the answer to our offer. @throws PeerError 'call-media-failed', 'call-no-common-codec' */
  accept(remoteAnswer: string): Promise<void>
  setMuted(muted: boolean): void
  /** Hold: whether our sound goes out, and whether theirs is heard. Both, until told otherwise. */
  setFlow(flow: { readonly send: boolean; readonly receive: boolean }): void
  /** Sends keys as RTP events (RFC 4733), one after the other. */
  sendKeys(keys: string): void
  /** Idempotent. Frees the microphone and all sockets. */
  close(): void
}
