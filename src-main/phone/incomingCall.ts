/**
 * A call that comes in (RFC 3261 §13.3): it rings until the user answers, rejects, or the caller gives up. The
 * sound, and with it the microphone, is opened at the answer and not before.
 */
import type { CallEnd } from '@shared/model/index.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { InviteServerCall } from '../sip/ua/userAgent.ts'
import type { Call } from './call.ts'
import { endOfFailure, endOfSession } from './callEnd.ts'
import { Conversation, type ConversationUser } from './conversation.ts'
import type { MediaPort, MediaSession } from './mediaPort.ts'

/** Callers give up earlier; this bounds those that never do. */
const ringLimitMs = 180_000

export class IncomingCall {
  private readonly abort = new AbortController()
  private readonly timer: Timer
  private session: MediaSession | undefined
  /** What makes the sound, for a call that takes the place of this one. */
  media: MediaPort | undefined
  conversation: Conversation | undefined
  private offered = ''
  private accepted = false
  private over = false

  constructor(
    private readonly clock: Clock,
    private readonly log: Log,
    readonly call: Call,
    private readonly invite: InviteServerCall,
    private readonly user: (control: IncomingCall) => ConversationUser,
    /** The caller is told that we are in another call. */
    waiting = false,
  ) {
    invite.user = {
      onCancelled: (reason) => { this.over = true; this.finish(reason === 'answered-elsewhere' ? 'answered-elsewhere' : 'missed') },
      onEstablished: () => { this.log.debug('call.established', { call: call.id }) },
      onAnswer: (answer) => { this.take(answer) },
      onEnded: (reason) => {
        this.over = true
        this.log.info('call.ended', { call: call.id, reason: reason.text })
        this.finish(this.call.isLeaving && reason.status === 200 ? 'transferred' : endOfSession(reason.status))
      },
      onOffer: (again) => this.conversation?.onOffer(again) ?? Promise.reject(new Error('not answered')),
      onReanswered: (again) => { this.conversation?.onReanswered(again) },
      onReferred: (refer) => { this.conversation?.onReferred(refer) },
      onInfo: (info) => this.conversation?.onInfo(info) ?? false,
    }
    this.timer = clock.setTimer(ringLimitMs, () => { this.refuse(480, 'missed') })
    invite.ring(waiting)
  }

  /**
   * Opens the sound and answers; what happens is seen on the call. Ignored once answered or over.
   * @param onAccepted once the 200 is sent
   */
  answer(media: MediaPort, onAccepted: () => void = () => {}): void {
    if (this.call.current !== 'incoming' || this.session !== undefined) return
    this.media = media
    this.session = this.call.open(media)
    this.timer.cancel()
    this.accept(this.session, onAccepted).catch((cause: unknown) => {
      if (this.call.ended) return
      this.log.info('call.failed', { call: this.call.id, cause: String(cause) })
      const end = endOfFailure(cause)
      if (this.accepted) this.finish(end)
      else this.refuse(end === 'call-no-common-codec' ? 488 : 480, end === 'call-failed' ? 'call-media-failed' : end)
    })
  }

  /** 603 so that no other device of ours goes on ringing; 486 when only this one is busy (RFC 3261 §21.6.2, §21.4.24). */
  reject(busy: boolean): void {
    if (this.accepted) this.finish('hung-up')
    else this.refuse(busy ? 486 : 603, 'rejected')
  }

  hangUp(): void { this.reject(false) }

  /** Ends signalling and call alike; the first reason stays. */
  finish(end: CallEnd): void {
    if (this.call.ended) return
    this.timer.cancel()
    this.conversation?.close()
    this.abort.abort()
    if (!this.over) { this.over = true; this.invite.end() }
    this.call.finish(end)
  }

  private refuse(status: number, end: CallEnd): void {
    if (this.call.ended) return
    this.over = true
    this.invite.reject(status)
    this.finish(end)
  }

  /** RFC 3261 §13.3.1.4: to an INVITE without an offer the 200 carries ours, and the ACK the answer to it. */
  private async accept(session: MediaSession, onAccepted: () => void): Promise<void> {
    const { offer } = this.invite
    const ours = offer === undefined ? await session.offer(this.abort.signal) : await session.answer(offer, this.abort.signal)
    if (this.call.ended) return
    this.accepted = true
    this.invite.accept(ours)
    this.offered = ours
    if (offer !== undefined) this.converse(session, ours, offer)
    this.call.answered(offer ?? ours)
    onAccepted()
  }

  private converse(session: MediaSession, local: string, remote: string): void {
    this.conversation ??= new Conversation(this.clock, this.call, this.invite, session, local, remote, this.user(this), this.abort.signal)
  }

  private take(answer: string): void {
    if (this.session !== undefined) this.converse(this.session, this.offered, answer)
    this.session?.accept(answer).catch((cause: unknown) => {
      this.log.info('call.answer-refused', { call: this.call.id, cause: String(cause) })
      const end = endOfFailure(cause)
      this.finish(end === 'call-failed' ? 'call-media-failed' : end)
    })
  }
}
