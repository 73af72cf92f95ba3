/**
 * A call we are asked to take (RFC 3261 §13.3): ringing, reliably where the caller requires it (RFC 3262), the 2xx
 * repeated until its ACK, rejection, CANCEL (§9.2), Expires. Becomes a Session once accepted.
 */
import { assertNever, DecodeError } from '../../base/errors.ts'
import type { Timer } from '../../ports/clock.ts'
import { Dialog } from '../dialog/dialog.ts'
import type { DialogUsage } from '../dialog/dialogTable.ts'
import { parseTokenWithParams } from '../message/fields.ts'
import { makeResponse, type SipRequest, type SipResponse } from '../message/message.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { Connection } from '../transport/connection.ts'
import { AnswerSender } from './answerSender.ts'
import type { DialogInfo, InviteServerCall, InviteServerUser, Party, PeerIdentity, ReferOptions, ReferUser, Replaced, ReofferUser } from './api.ts'
import { addCapabilities, CALL_WAITING, partyOf, reply, SDP, type UaContext } from './context.ts'
import { serveAnywhere } from './inspection.ts'
import { readReferredBy, readReplaces } from './referHeaders.ts'
import { ReliableProvisional } from './reliableProvisional.ts'
import { Session } from './session.ts'
import { intervalForRequest, writeInterval } from './sessionTimer.ts'

/** §13.3.1.1: a proxy on the way forgets a call that is silent for three minutes, so ringing is repeated. */
const PROGRESS_MS = 60_000

type State = 'proceeding' | 'accepted' | 'established' | 'over'

export class IncomingCall implements InviteServerCall, DialogUsage {
  readonly callId: string
  readonly from: Party
  readonly identity?: PeerIdentity
  readonly offer: string | undefined
  readonly replaces: Replaced | undefined
  readonly referredBy: string | undefined
  user: InviteServerUser | undefined
  private state: State = 'proceeding'
  private readonly request: SipRequest
  private readonly tag: string
  private session: Session | undefined
  /** Made by the first reliable provisional response; the Session takes it over. */
  private early: Dialog | undefined
  private readonly reliable: ReliableProvisional | undefined
  private answer: AnswerSender | undefined
  private expiry: Timer
  private progress: Timer | undefined
  /** We hung up before the ACK came: BYE follows it (§15). */
  private endWanted: { readonly reason: string | undefined } | undefined

  /** @throws DecodeError */
  constructor(private readonly context: UaContext, private readonly transaction: ServerTransaction, private readonly onOver: () => void) {
    const { request } = transaction
    this.request = request
    this.callId = request.callId
    this.from = partyOf(request.from)
    const identity = transaction.connection.peerIdentity
    if (identity !== undefined) this.identity = identity
    this.offer = request.contentType?.value === SDP && request.body.length > 0 ? request.text : undefined
    this.replaces = readReplaces(request)
    this.referredBy = readReferredBy(request)
    const ringMs = Math.min(context.limits.ringMs, (request.expires ?? Infinity) * 1000)
    this.tag = context.transactions.token()
    this.expiry = context.clock.setTimer(ringMs, () => { this.giveUp('timeout') })
    transaction.user = {
      onCancel: (cancel) => { this.giveUp(answeredElsewhere(cancel) ? 'answered-elsewhere' : 'cancelled') },
      onAck: (ack) => { this.onAck(ack) },
      onTransportError: () => { this.onTransportError() },
    }
    if (request.tokens('Require').includes('100rel')) this.reliable = new ReliableProvisional(context, transaction, () => { this.onNoPrack() })
    transaction.respond(makeResponse(request, 100))
  }

  ring(waiting = false): void {
    if (this.state !== 'proceeding') return
    this.progress?.cancel()
    this.progress = this.context.clock.setTimer(PROGRESS_MS, () => { this.ring(waiting) })
    const ringing = this.response(180)
    if (waiting) ringing.headers.append('Alert-Info', `<${CALL_WAITING}>`)
    if (this.reliable === undefined) { this.transaction.respond(ringing); return }
    if (this.early === undefined) {
      this.early = Dialog.fromRequest(this.request, this.tag, 'early')
      this.context.dialogs.add(this.early, this)
    }
    this.reliable.send(ringing)
  }

  /** A request in the early dialog, before the Session has taken it over. */
  onRequest(request: SipRequest, transaction: ServerTransaction): void {
    if (transaction.connection.peerIdentity?.nodeId !== this.identity?.nodeId) { reply(this.context, transaction, 403); return }
    if (this.early?.acceptSequence(request) !== true) { reply(this.context, transaction, 500, 'CSeq out of order'); return }
    switch (request.method) {
      case 'PRACK': reply(this.context, transaction, this.reliable?.onPrack(request) === true ? 200 : 481); return
      case 'BYE': // §15: a caller may end an early dialog so
        reply(this.context, transaction, 200)
        this.giveUp('cancelled')
        return
      case 'INVITE':
      case 'UPDATE': reply(this.context, transaction, 491); return // the first offer is not answered yet
      default: serveAnywhere(this.context, request, transaction)
    }
  }

  onConnectionClosed(_connection: Connection): void { /* the transaction hears of it */ }

  accept(answer: string): void {
    if (this.state !== 'proceeding') return
    this.clearTimers()
    this.state = 'accepted'
    this.reliable?.pause()
    const dialog = this.early ?? Dialog.fromRequest(this.request, this.tag)
    dialog.state = 'confirmed'
    this.early = undefined
    const asked = intervalForRequest(this.request)
    const interval = asked === 'too small' ? undefined : asked
    const start = { localSdp: answer, interval, ownsCallId: false, remoteAllows: this.request.tokens('Allow') }
    this.session = new Session(this.context, dialog, this.transaction.connection, start, {
      onEnded: (reason) => {
        const silent = this.endWanted !== undefined || this.state === 'over'
        this.finish()
        if (!silent) this.user?.onEnded(reason)
      },
      onOffer: (offer) => this.user?.onOffer(offer) ?? Promise.reject(new Error('nobody answers offers')),
      onAck: (ack) => { this.onAck(ack) },
      onReanswered: (again) => { this.user?.onReanswered?.(again) },
      onReferred: (refer) => { this.user?.onReferred?.(refer) },
      onInfo: (info) => this.user?.onInfo?.(info) ?? false,
      onPrack: (prack) => this.reliable?.onPrack(prack) === true,
    }, () => this.state === 'accepted')
    const response = this.response(200).setBody(SDP, answer)
    if (interval !== undefined) writeInterval(response, interval)
    this.answer = new AnswerSender(this.context, this.transaction, response, {
      onAcked: (ack) => { this.onEstablished(ack) },
      onNoAck: () => { this.onNoAck() },
    })
  }

  reject(status: number, reason?: string): void {
    if (this.state !== 'proceeding') return
    this.finish()
    this.transaction.respond(this.response(status, reason))
  }

  end(reason?: string): void {
    switch (this.state) {
      case 'proceeding': this.reject(480); return
      case 'accepted': this.endWanted ??= { reason }; return
      case 'established':
        this.finish()
        this.session?.bye(reason)
        return
      case 'over': return
      default: assertNever(this.state)
    }
  }

  get dialog(): DialogInfo | undefined { return this.session?.info }

  reoffer(offer: string, user: ReofferUser): void {
    if (this.session === undefined) user.onRefused(481, undefined)
    else this.session.reoffer(offer, user)
  }

  inform(contentType: string, body: Uint8Array): void { this.session?.inform(contentType, body) }

  refer(options: ReferOptions, user: ReferUser): void {
    if (this.session === undefined) user.onFinal(481)
    else this.session.refer(options, user)
  }

  /** As the user agent closes. */
  close(): void {
    const { session, state } = this
    if (state === 'proceeding') { this.reject(480); return }
    this.finish()
    session?.bye()
  }

  /** Of the first 2xx. */
  onAck(ack: SipRequest): void { this.answer?.onAck(ack) }

  private onEstablished(ack: SipRequest): void {
    this.answer = undefined
    if (this.endWanted !== undefined) {
      this.finish()
      this.session?.bye(this.endWanted.reason)
      return
    }
    this.state = 'established'
    if (this.offer === undefined) {
      if (ack.body.length === 0) { this.finish(); this.session?.bye(); this.user?.onEnded({ status: 488, text: 'ACK without answer' }); return }
      this.user?.onAnswer?.(ack.text)
    }
    this.user?.onEstablished()
  }

  /** §13.3.1.4: the dialog counts as confirmed, but the session is ended. */
  private onNoAck(): void {
    const silent = this.endWanted !== undefined
    this.finish()
    this.session?.bye()
    if (!silent) this.user?.onEnded({ status: 408, text: 'no ACK' })
  }

  /** RFC 3262 §3: the caller does not take our provisional responses, so it would not take the answer. */
  private onNoPrack(): void {
    if (this.state !== 'proceeding') return
    this.finish()
    this.transaction.respond(this.response(504, 'no PRACK'))
    this.user?.onCancelled('timeout')
  }

  private onTransportError(): void {
    if (this.state !== 'proceeding') return // the session hears of its connection by itself
    this.finish()
    this.user?.onCancelled('cancelled')
  }

  private giveUp(reason: 'cancelled' | 'answered-elsewhere' | 'timeout'): void {
    if (this.state !== 'proceeding') return
    this.finish()
    this.transaction.respond(this.response(487))
    this.user?.onCancelled(reason)
  }

  private response(status: number, reason?: string): SipResponse {
    const response = makeResponse(this.request, status, reason, this.tag)
    response.headers.append('Server', this.context.userAgentName)
    if (status < 300) addCapabilities(this.context, response, this.transaction.connection, this.request)
    return response
  }

  private finish(): void {
    if (this.state === 'over') return
    this.state = 'over'
    this.clearTimers()
    this.answer?.stop()
    this.reliable?.stop()
    if (this.early !== undefined) this.context.dialogs.remove(this.early)
    this.early = undefined
    this.onOver()
  }

  private clearTimers(): void {
    this.expiry.cancel()
    this.progress?.cancel()
  }
}

/** RFC 3326: cause 200 says that another device has taken the call. */
function answeredElsewhere(cancel: SipRequest): boolean {
  try {
    return cancel.headers.getList('Reason').map(parseTokenWithParams).some((r) => r.value.toUpperCase() === 'SIP' && r.params.get('cause') === '200')
  } catch (error) {
    if (error instanceof DecodeError) return false
    throw error
  }
}
