/**
 * An established call (RFC 3261 §14, §15; RFC 3311; RFC 4028): BYE both ways, offers of both sides by re-INVITE or UPDATE,
 * refresh by the session timer, loss of the dialog; INFO and REFER inside the call. Used by the calls of both directions; owns the dialog's
 * entry in the table.
 */
import type { Dialog } from '../dialog/dialog.ts'
import type { DialogUsage } from '../dialog/dialogTable.ts'
import { makeResponse, type SipRequest, type SipResponse } from '../message/message.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { Connection } from '../transport/connection.ts'
import { AnswerSender } from './answerSender.ts'
import type { DialogInfo, EndReason, IncomingInfo, IncomingRefer, ReferOptions, ReferUser, ReofferUser } from './api.ts'
import { addCapabilities, chance, reply, SDP, type UaContext } from './context.ts'
import { serveAnywhere } from './inspection.ts'
import { ReferReceiver } from './referReceiver.ts'
import { ReferSender } from './referSender.ts'
import { sendSessionRequest } from './sessionRequest.ts'
import { askForTimer, intervalForRequest, intervalFromResponse, readMinSe, type SessionInterval, SessionTimer, writeInterval } from './sessionTimer.ts'

export interface SessionUser {
  onEnded(reason: EndReason): void
  onOffer(offer: string): Promise<string> | string
  /** ACK that no re-INVITE waited for: the one of the first INVITE. */
  onAck(ack: SipRequest): void
  /** PRACK that came after the 2xx. @returns true when it fits */
  onPrack?(request: SipRequest): boolean
  /** The answer to the description that a re-INVITE without offer got. */
  onReanswered(answer: string): void
  onReferred(refer: IncomingRefer): void
  onInfo(info: IncomingInfo): boolean
}

export interface SessionStart {
  /** The description we sent last; a re-INVITE without offer gets it again. */
  readonly localSdp: string
  readonly interval: SessionInterval | undefined
  /** The first 2xx or INVITE of the other side: its Allow says whether UPDATE can refresh. */
  readonly remoteAllows: readonly string[]
  /** We made the Call-ID: after a 491 we wait longer (§14.1). */
  readonly ownsCallId: boolean
}

export class Session implements DialogUsage {
  private ended = false
  /** The other side's offer that is being answered. */
  private offered: ServerTransaction | undefined
  private answer: AnswerSender | undefined
  /** A re-INVITE of ours is under way. */
  private reinviting = false
  private localSdp: string
  private readonly timer: SessionTimer
  private readonly ownsCallId: boolean
  private updateAllowed: boolean
  private referSent: ReferSender | undefined
  private referReceived: ReferReceiver | undefined

  constructor(
    private readonly context: UaContext,
    readonly dialog: Dialog,
    readonly connection: Connection,
    start: SessionStart,
    private readonly user: SessionUser,
    /** The first offer/answer is not through yet (the ACK is to come). */
    private readonly negotiating: () => boolean,
  ) {
    this.localSdp = start.localSdp
    this.ownsCallId = start.ownsCallId
    this.updateAllowed = start.remoteAllows.includes('update')
    this.timer = new SessionTimer(context.clock, { onRefreshDue: () => { this.refresh() }, onExpired: () => { this.expire() } })
    context.dialogs.add(dialog, this)
    this.timer.start(start.interval)
  }

  onRequest(request: SipRequest, transaction: ServerTransaction): void {
    if (!this.sameSpeaker(transaction.connection)) { reply(this.context, transaction, 403); return }
    if (!this.dialog.acceptSequence(request)) { reply(this.context, transaction, 500, 'CSeq out of order'); return }
    switch (request.method) {
      case 'BYE': this.onBye(request, transaction); return
      case 'INVITE':
      case 'UPDATE': this.onTargetRefresh(request, transaction); return
      case 'REFER': this.onRefer(request, transaction); return
      case 'NOTIFY':
        if (this.referSent?.onNotify(request, transaction) !== true) reply(this.context, transaction, 481)
        return
      case 'INFO': this.onInfo(request, transaction); return
      case 'PRACK': reply(this.context, transaction, this.user.onPrack?.(request) === true ? 200 : 481); return
      default: serveAnywhere(this.context, request, transaction)
    }
  }

  onAck(request: SipRequest): void {
    if (this.answer?.onAck(request) !== true) this.user.onAck(request)
  }

  onConnectionClosed(connection: Connection): void {
    if (connection === this.connection) this.finish({ text: 'connection lost' })
  }

  close(): void { this.bye() }

  /** Sends BYE and forgets the dialog. Idempotent. @param reason value of a Reason header (RFC 3326) */
  bye(reason?: string): void {
    if (!this.leave()) return
    const request = this.dialog.createRequest('BYE')
    request.headers.append('User-Agent', this.context.userAgentName)
    if (reason !== undefined) request.headers.append('Reason', reason)
    this.context.transactions.request(this.connection, request, { onResponse: () => {}, onTimeout: () => {}, onTransportError: () => {} })
  }

  get info(): DialogInfo {
    const { callId, localTag, remoteTag, remoteTarget } = this.dialog
    return { callId, localTag, remoteTag, remoteTarget }
  }

  /** As EstablishedCall.reoffer. */
  reoffer(offer: string, user: ReofferUser): void {
    if (this.ended) { user.onRefused(481, undefined); return }
    if (this.offered !== undefined || this.answer !== undefined || this.reinviting || this.negotiating()) { user.onRefused(491, this.glareMs()); return }
    const request = this.dialog.createRequest('INVITE')
    addCapabilities(this.context, request, this.connection, request)
    request.headers.append('User-Agent', this.context.userAgentName)
    if (this.timer.interval !== undefined) askForTimer(request, this.timer.interval.intervalS, this.timer.interval.weRefresh ? 'uac' : 'uas')
    request.setBody(SDP, offer)
    this.reinviting = true
    sendSessionRequest(this.context, this.dialog, this.connection, request, {
      onAccepted: (response) => {
        this.reinviting = false
        if (this.ended) return
        const interval = intervalFromResponse(response)
        this.localSdp = offer
        this.timer.start(interval)
        user.onAnswered(response.text)
      },
      onRefused: (status, response) => {
        this.reinviting = false
        if (this.ended) return
        if (status === 408 || status === 481) { this.expire(status); return } // §12.2.1.2: the dialog is gone
        user.onRefused(status, status === 491 && response !== undefined ? this.glareMs() : undefined)
      },
    })
  }

  /** As EstablishedCall.inform. */
  inform(contentType: string, body: Uint8Array): void {
    if (this.ended) return
    const request = this.dialog.createRequest('INFO').setBody(contentType, body)
    request.headers.append('User-Agent', this.context.userAgentName)
    this.context.transactions.request(this.connection, request, { onResponse: () => {}, onTimeout: () => {}, onTransportError: () => {} })
  }

  /** As EstablishedCall.refer. */
  refer(options: ReferOptions, user: ReferUser): void {
    if (this.ended || this.referSent?.active === true) { user.onFinal(this.ended ? 481 : 491); return }
    this.referSent = new ReferSender(this.context, this.dialog, this.connection, options, user)
  }

  private onRefer(request: SipRequest, transaction: ServerTransaction): void {
    if (this.referReceived?.active === true) { reply(this.context, transaction, 491); return }
    this.referReceived = ReferReceiver.read(this.context, this.dialog, this.connection, transaction)
    if (this.referReceived === undefined) { reply(this.context, transaction, 400, 'Refer-To is missing or unreadable'); return }
    this.user.onReferred(this.referReceived)
    this.referReceived.declineIfUnanswered()
  }

  private onInfo(request: SipRequest, transaction: ServerTransaction): void {
    if (request.body.length === 0) { reply(this.context, transaction, 200); return }
    const known = this.user.onInfo({ contentType: request.contentType?.value ?? '', body: request.body })
    if (known) reply(this.context, transaction, 200)
    else reply(this.context, transaction, 415, undefined, [['Accept', 'application/dtmf-relay, application/dtmf']])
  }

  /** §14.1: who made the Call-ID waits 2.1 to 4 s, the other one up to 2 s. */
  private glareMs(): number {
    return (this.ownsCallId ? 2100 + chance(this.context.random) * 1900 : chance(this.context.random) * 2000) | 0
  }

  /** A dialog of a proven peer is spoken in over that peer's pipes only. */
  private sameSpeaker(connection: Connection): boolean {
    const own = this.connection.peerIdentity
    return own === undefined || (connection.peerIdentity?.aor === own.aor && connection.peerIdentity.nodeId === own.nodeId)
  }

  private onBye(request: SipRequest, transaction: ServerTransaction): void {
    reply(this.context, transaction, 200)
    const reason = request.headers.get('Reason')
    this.finish({ status: 200, text: reason ?? 'the other side hung up' })
  }

  /** §14.2 and RFC 3311 §5.2. */
  private onTargetRefresh(request: SipRequest, transaction: ServerTransaction): void {
    if (this.offered !== undefined || this.answer !== undefined) {
      reply(this.context, transaction, 500, undefined, [['Retry-After', String(Math.floor(chance(this.context.random) * 11))]])
      return
    }
    if (this.negotiating() || this.reinviting) { reply(this.context, transaction, 491); return } // our own offer or answer is on its way
    this.dialog.refreshTarget(request)
    const offer = request.contentType?.value === SDP && request.body.length > 0 ? request.text : undefined
    if (offer === undefined) {
      if (request.body.length > 0) reply(this.context, transaction, 415, undefined, [['Accept', SDP]])
      else this.accept(transaction, request.method === 'INVITE' ? this.localSdp : undefined)
      return
    }
    this.offered = transaction
    transaction.user = { onCancel: () => { this.offered = undefined; reply(this.context, transaction, 487) } }
    if (request.method === 'INVITE') reply(this.context, transaction, 100)
    let answer: Promise<string>
    try { answer = Promise.resolve(this.user.onOffer(offer)) } catch (error) { answer = Promise.reject(error instanceof Error ? error : new Error(String(error))) }
    answer.then(
      (sdp) => { if (this.offered === transaction) { this.offered = undefined; this.accept(transaction, sdp) } },
      (error: unknown) => {
        this.context.log.info('sip-offer-refused', { callId: this.dialog.callId, error: String(error) })
        if (this.offered === transaction) { this.offered = undefined; reply(this.context, transaction, 488) }
      },
    )
  }

  private accept(transaction: ServerTransaction, sdp: string | undefined): void {
    const response = makeResponse(transaction.request, 200)
    addCapabilities(this.context, response, this.connection, transaction.request)
    response.headers.append('Server', this.context.userAgentName)
    const interval = intervalForRequest(transaction.request)
    if (interval !== undefined && interval !== 'too small') { writeInterval(response, interval); this.timer.start(interval) } else this.timer.start(undefined)
    if (sdp !== undefined) { response.setBody(SDP, sdp); this.localSdp = sdp }
    if (transaction.request.method !== 'INVITE') { transaction.respond(response); return }
    // an ACK with the branch of its INVITE (RFC 2543 elements send it so) arrives at the transaction
    transaction.user = { onAck: (ack) => { this.onAck(ack) } }
    this.answer = new AnswerSender(this.context, transaction, response, {
      onAcked: (ack) => {
        this.answer = undefined
        // our 2xx carried an offer when the re-INVITE had none
        if (transaction.request.body.length === 0 && ack.body.length > 0) this.user.onReanswered(ack.text)
      },
      onNoAck: () => { this.answer = undefined; this.bye(); this.user.onEnded({ status: 408, text: 'no ACK' }) },
    })
  }

  /** RFC 4028 §10: UPDATE where the other side knows it, else a re-INVITE with the same description. */
  private refresh(): void {
    if (this.offered !== undefined || this.answer !== undefined || this.reinviting || this.negotiating()) { this.timer.retry(5000); return }
    const interval = this.timer.interval
    if (interval === undefined) return
    const request = this.dialog.createRequest(this.updateAllowed ? 'UPDATE' : 'INVITE')
    addCapabilities(this.context, request, this.connection, request)
    request.headers.append('User-Agent', this.context.userAgentName)
    askForTimer(request, interval.intervalS, 'uac')
    if (request.method === 'INVITE') { request.setBody(SDP, this.localSdp); this.reinviting = true }
    sendSessionRequest(this.context, this.dialog, this.connection, request, {
      onAccepted: (response) => {
        this.reinviting = false
        if (!this.ended) this.timer.start(intervalFromResponse(response) ?? interval)
      },
      onRefused: (status, response) => {
        this.reinviting = false
        if (!this.ended) this.onRefreshRefused(status, response, interval)
      },
    })
  }

  private onRefreshRefused(status: number, response: SipResponse | undefined, interval: SessionInterval): void {
    if (status === 408 || status === 481) { this.expire(status); return } // §12.2.1.2: the dialog is gone
    if (status === 503 && response === undefined) return // the connection's end is told separately
    if (status === 422 && response !== undefined && this.raise(response, interval)) return
    if (status === 405 || status === 501) this.updateAllowed = false
    this.timer.retry(this.glareMs())
  }

  private raise(response: SipResponse, interval: SessionInterval): boolean {
    const minimum = readMinSe(response)
    if (minimum <= interval.intervalS) return false
    this.timer.start({ ...interval, intervalS: minimum })
    this.refresh()
    return true
  }

  private expire(status = 408): void {
    this.bye('SIP;cause=408;text="Session timer expired"')
    this.user.onEnded({ status, text: 'session timer expired' })
  }

  private finish(reason: EndReason): void { if (this.leave()) this.user.onEnded(reason) }

  private leave(): boolean {
    if (this.ended) return false
    this.ended = true
    this.timer.stop()
    this.answer?.stop()
    this.referSent?.stop()
    this.referReceived?.stop()
    if (this.offered !== undefined) { reply(this.context, this.offered, 487); this.offered = undefined }
    this.dialog.state = 'terminated'
    this.context.dialogs.remove(this.dialog)
    return true
  }
}
