/**
 * One call as its user sees it: states, sound and the end, alike for both directions. What differs (INVITE sent
 * or received, RFC 3261 §13) is in outgoingCall.ts and incomingCall.ts, which drive this machine. It owns the
 * media session and the watch over it; it leaves signalling to them.
 */
import type { CallEnd, CallView } from '@shared/model/index.ts'
import { invariant } from '../base/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { MediaPort, MediaSession, MediaUser } from './mediaPort.ts'

export type CallState = CallView['state']

export interface CallUser {
  onChanged(call: Call): void
  /** The sound failed: end the signalling; the call ends with `end` whatever the other side says. */
  onMediaFailed(end: CallEnd): void
}

/** From the answer until sound flows both ways: ICE and the DTLS handshake. */
const mediaTimeoutMs = 30_000
const maxDigits = 32

const next: Record<CallState, readonly CallState[]> = {
  finding: ['calling', 'ended'],
  calling: ['ringing', 'connecting', 'ended'],
  ringing: ['connecting', 'ended'],
  incoming: ['connecting', 'ended'],
  connecting: ['active', 'ended'],
  active: ['ended'],
  ended: [],
}

export class Call implements MediaUser {
  private state: CallState
  private session: MediaSession | undefined
  private timer: Timer | undefined
  private muted = false
  private heldByMe = false
  private heldByThem = false
  private digits = ''
  private transfer: CallView['transfer'] = null
  private codec = ''
  private soundFlows = false
  private security: CallView['security'] = 'unknown'
  private farLeg: CallView['farLeg']
  private waiting = false
  private forwardedTo: string | undefined
  private movedTo: string | undefined
  private answeredAt: number | null = null
  private endedAt: number | null = null
  private endReason: CallEnd | null = null
  private readonly startedAt: number
  user: CallUser | undefined

  constructor(
    private readonly clock: Clock,
    readonly id: string,
    readonly direction: 'out' | 'in',
    private remote: CallView['remote'],
    private readonly origin: { readonly continues?: string; readonly referredBy?: string; readonly uri?: string } = {},
  ) {
    this.state = direction === 'out' ? 'finding' : 'incoming'
    this.startedAt = clock.now()
  }

  get current(): CallState { return this.state }
  get ended(): boolean { return this.state === 'ended' }

  view(): CallView {
    return {
      id: this.id, direction: this.direction, remote: this.remote, state: this.state, muted: this.muted,
      heldByMe: this.heldByMe, heldByThem: this.heldByThem, digits: this.digits, transfer: this.transfer,
      continues: this.origin.continues ?? null, referredBy: this.origin.referredBy ?? null,
      engine: this.session?.engine ?? 'none', security: this.security, codec: this.codec, ...(this.farLeg !== undefined && { farLeg: this.farLeg }),
      ...(this.waiting && this.state === 'ringing' && { callWaiting: true }), ...(this.forwardedTo !== undefined && { forwardedTo: this.forwardedTo }),
      ...(this.movedTo !== undefined && { movedTo: this.movedTo }), ...(this.origin.uri !== undefined && { uri: this.origin.uri }),
      startedAt: this.startedAt, answeredAt: this.answeredAt, endedAt: this.endedAt, end: this.endReason,
    }
  }

  /** Opens the sound; nothing is captured yet. */
  open(media: MediaPort): MediaSession {
    invariant(this.session === undefined, 'the sound of a call is opened once')
    this.session = media.open({ id: this.id, direction: this.direction }, this)
    if (this.muted) this.session.setMuted(true)
    return this.session
  }

  /** A state that only signalling knows of; ignored when the call is past it. */
  to(state: 'calling' | 'ringing'): void { this.move(state) }

  /** It rings at the other side. @param waiting everybody who is called is in another call */
  ringing(waiting: boolean): void {
    const changed = this.waiting !== waiting
    this.waiting = waiting
    if (!this.move('ringing') && changed) this.user?.onChanged(this)
  }

  /** The other side sends us on. */
  forwarded(aor: string): void {
    if (this.ended) return
    this.forwardedTo = aor
    this.user?.onChanged(this)
  }

  /** The other side would send us where only the user may go; told with the end. */
  moved(uri: string): void { this.movedTo = uri }

  /** Both sides have agreed; sound is being set up. */
  answered(remoteSdp: string, remote?: CallView['remote']): void {
    if (!this.move('connecting', () => {
      this.answeredAt = this.clock.now()
      this.protection(remoteSdp)
      if (remote !== undefined) this.remote = remote
    })) return
    if (this.soundFlows) this.move('active')
    else this.timer = this.clock.setTimer(mediaTimeoutMs, () => { this.onFailed('call-media-failed') })
  }

  /** A transfer that we asked for is going well: the other side may hang up before it says so. */
  get isLeaving(): boolean { return this.transfer?.by === 'me' && (this.transfer.state === 'calling' || this.transfer.state === 'ringing' || this.transfer.state === 'done') }
  get isMuted(): boolean { return this.muted }
  get isHeldByMe(): boolean { return this.heldByMe }
  get isHeldByThem(): boolean { return this.heldByThem }

  setHeldByMe(held: boolean): void {
    if (this.ended || this.heldByMe === held) return
    this.heldByMe = held
    this.user?.onChanged(this)
  }

  setHeldByThem(held: boolean): void {
    if (this.ended || this.heldByThem === held) return
    this.heldByThem = held
    this.user?.onChanged(this)
  }

  setTransfer(transfer: CallView['transfer']): void {
    if (this.ended) return
    this.transfer = transfer
    this.user?.onChanged(this)
  }

  /** The other side pressed a key. */
  onKey(key: string): void {
    if (this.ended) return
    this.digits = (this.digits + key).slice(-maxDigits)
    this.user?.onChanged(this)
  }

  /** The transport of the sound was agreed on anew. */
  secured(remoteSdp: string): void {
    this.protection(remoteSdp)
    this.user?.onChanged(this)
  }

  /** The far end is proven to be who we called. */
  verified(): void { this.remote = { ...this.remote, verified: true } }

  mute(muted: boolean): void {
    if (this.ended || this.muted === muted) return
    this.muted = muted
    this.session?.setMuted(muted)
    this.user?.onChanged(this)
  }

  /** Idempotent; the first reason stays. Frees the sound. */
  finish(end: CallEnd): void {
    this.move('ended', () => {
      this.endReason = end
      this.endedAt = this.clock.now()
      this.timer?.cancel()
      this.session?.close()
    })
  }

  onConnected(codec: string): void {
    if (this.ended) return
    this.soundFlows = true
    this.codec = codec
    this.timer?.cancel()
    if (!this.move('active')) this.user?.onChanged(this)
  }

  onFailed(code: 'call-media-failed' | 'microphone-missing' | 'microphone-denied'): void {
    if (!this.ended) this.user?.onMediaFailed(code)
  }

  private protection(remoteSdp: string): void {
    this.security = mediaSecurityOf(remoteSdp)
    const told = farLegLine.exec(remoteSdp)?.[1]
    this.farLeg = told === 'none' || told === 'sdes' ? told : undefined
  }

  private move(state: CallState, act?: () => void): boolean {
    if (!next[this.state].includes(state)) return false
    this.state = state
    act?.()
    this.user?.onChanged(this)
    return true
  }
}

/** A bridge to an ordinary phone tells with it how the phone's side is protected (`media/rtpBridge`). */
const farLegLine = /^a=x-far-leg:(\S+)/m

/** What the signalling says protects the sound (RFC 5763 §5, RFC 4568, RFC 3551). */
function mediaSecurityOf(sdp: string): CallView['security'] {
  const profile = /^m=audio \d+ (\S+)/m.exec(sdp)?.[1] ?? ''
  if (/TLS\/RTP\/SAVPF?$/.test(profile) && /^a=fingerprint:/m.test(sdp)) return 'dtls-srtp'
  if (/^RTP\/SAVPF?$/.test(profile)) return /^a=crypto:/m.test(sdp) ? 'sdes' : 'dtls-srtp'
  return /^RTP\/AVPF?$/.test(profile) ? 'none' : 'unknown'
}
