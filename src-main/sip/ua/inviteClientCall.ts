/**
 * A call we place (RFC 3261 §13.2): INVITE, its provisional and final responses, PRACK (RFC 3262 §4), CANCEL with its
 * races (§9.1), the ACK of each 2xx, BYE for a second fork. Becomes a Session once answered.
 */
import { assertNever, DecodeError } from '../../base/errors.ts'
import type { Timer } from '../../ports/clock.ts'
import { Dialog } from '../dialog/dialog.ts'
import { parseDeltaSeconds } from '../message/fields.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import { printUri } from '../message/uri.ts'
import { reasonPhrase } from '../message/reasonPhrases.ts'
import { makeCancel } from '../transaction/inviteClient.ts'
import { transactionTimeout } from '../transaction/timers.ts'
import type { ClientTransaction } from '../transaction/transaction.ts'
import type { Connection } from '../transport/connection.ts'
import type { DialogInfo, InviteClientCall, InviteClientUser, InviteOptions, Leg, ReferOptions, ReferUser, ReofferUser } from './api.ts'
import { addCapabilities, CALL_WAITING, makeRequest, partyOf, SDP, type UaContext } from './context.ts'
import { Session, type SessionUser } from './session.ts'
import { askForTimer, intervalFromResponse, readMinSe, SESSION_EXPIRES_S } from './sessionTimer.ts'

/** 'cancelling' is from our wish to end it to the final response; 'over' still acknowledges late 2xx. */
type State = 'calling' | 'proceeding' | 'cancelling' | 'answered' | 'over'

export class OutgoingCall implements InviteClientCall {
  readonly callId: string
  private state: State = 'calling'
  private readonly connection: Connection
  private transaction: ClientTransaction
  private session: Session | undefined
  /** The ACK of each fork's 2xx, by its To tag. */
  private readonly acks = new Map<string, SipRequest>()
  /** Descriptions in provisional responses, for servers that do not repeat them in the 2xx. */
  private readonly early = new Map<string, string>()
  /** Dialogs that reliable provisional responses have made, with the last RSeq of each, by To tag. */
  private readonly earlyDialogs = new Map<string, { readonly dialog: Dialog; rseq: number }>()
  private raised = false
  private expiry: Timer | undefined
  private cancelGuard: Timer | undefined
  private cancelSent = false
  private cancelReason: string | undefined
  private failure = { status: 487, reason: reasonPhrase(487) }
  private heard = false

  /** @throws DecodeError when `to` or the Request-URI is no URI */
  constructor(private readonly context: UaContext, leg: Leg, private readonly options: InviteOptions, private readonly user: InviteClientUser, private readonly onOver: () => void) {
    const { connection } = leg
    this.connection = connection
    const invite = makeRequest(context, leg, 'INVITE', options)
    this.callId = invite.callId
    addCapabilities(context, invite, connection, invite)
    askForTimer(invite, SESSION_EXPIRES_S)
    if (options.expiresS !== undefined) invite.headers.append('Expires', String(options.expiresS))
    invite.setBody(SDP, options.offer)
    this.transaction = this.send(invite)
    if (options.expiresS !== undefined) {
      this.expiry = context.clock.setTimer(options.expiresS * 1000, () => {
        this.failure = { status: 408, reason: 'no answer' }
        this.cancel()
      })
    }
  }

  end(reason?: string): void {
    switch (this.state) {
      case 'calling':
      case 'proceeding':
        this.cancelReason = reason
        this.cancel()
        return
      case 'answered':
        this.state = 'over'
        this.onOver()
        this.session?.bye(reason)
        return
      case 'cancelling':
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

  /** As the user agent closes: no timer stays behind. */
  close(): void {
    this.end()
    this.clearTimers()
    if (this.state === 'cancelling') { this.state = 'over'; this.onOver() }
  }

  private send(invite: SipRequest): ClientTransaction {
    return this.context.transactions.request(this.connection, invite, {
      onResponse: (response) => { this.onResponse(response) },
      onTimeout: () => { this.fail(408, 'no response') },
      onTransportError: () => { this.fail(503, 'connection lost') },
      onRestarted: (transaction) => { this.transaction = transaction },
    })
  }

  private onResponse(response: SipResponse): void {
    try {
      if (response.provisional) this.onProvisional(response)
      else if (response.successful) this.onSuccess(response)
      else this.onFailure(response)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.context.log.info('sip-bad-response', { callId: this.callId, what: error.message })
      if (!response.provisional) this.fail(502, `bad response: ${error.message}`)
    }
  }

  private onProvisional(response: SipResponse): void {
    this.heard = true
    if (response.status > 100 && !this.acknowledge(response)) return
    if (this.state === 'cancelling') { this.sendCancel(); return }
    if (this.state === 'over' || this.state === 'answered') return
    this.state = 'proceeding'
    if (response.contentType?.value === SDP && response.toTag !== undefined && this.early.size < 16) this.early.set(response.toTag, response.text)
    if (response.status > 100) this.user.onProgress(response.status, response.reason, response.headers.getList('Alert-Info').includes(`<${CALL_WAITING}>`))
  }

  /**
   * RFC 3262 §4: PRACK for a reliable provisional response, in the order of RSeq.
   * @returns false for a repetition and for one that is out of order: both say nothing
   */
  private acknowledge(response: SipResponse): boolean {
    if (response.toTag === undefined || !response.tokens('Require').includes('100rel') || this.state === 'answered' || this.state === 'over') return true
    const rseq = parseDeltaSeconds(response.headers.get('RSeq') ?? '')
    let early = this.earlyDialogs.get(response.toTag)
    if (early === undefined) {
      if (this.earlyDialogs.size >= 16) return false
      early = { dialog: Dialog.fromResponse(this.transaction.request, response), rseq }
      this.earlyDialogs.set(response.toTag, early)
    } else if (rseq !== early.rseq + 1) return false
    early.rseq = rseq
    const prack = early.dialog.createRequest('PRACK')
    prack.headers.append('RAck', `${rseq} ${response.headers.get('CSeq') ?? ''}`).append('User-Agent', this.context.userAgentName)
    this.context.transactions.request(this.transaction.connection, prack, { onResponse: () => {}, onTimeout: () => {}, onTransportError: () => {} })
    return true
  }

  private onSuccess(response: SipResponse): void {
    const tag = response.toTag ?? ''
    const known = this.acks.get(tag)
    if (known !== undefined) { this.context.transactions.sendAck(this.transaction.connection, known); return } // our ACK was lost
    const early = this.earlyDialogs.get(tag)?.dialog
    const dialog = early ?? Dialog.fromResponse(this.transaction.request, response)
    early?.confirm(response)
    if (this.acks.size < 64) this.acks.set(tag, this.sendAck(dialog, response.cseq.number))
    const answer = response.contentType?.value === SDP && response.body.length > 0 ? response.text : this.early.get(tag)
    if (this.state === 'answered' || this.state === 'over') { this.hangUp(dialog); return } // another fork answered too, or too late
    if (this.state === 'cancelling') { // our CANCEL crossed the 200 (§9.1)
      this.hangUp(dialog)
      this.fail(this.failure.status, this.failure.reason)
      return
    }
    if (answer === undefined) {
      this.hangUp(dialog)
      this.fail(488, '2xx without answer')
      return
    }
    this.clearTimers()
    this.state = 'answered'
    this.session = this.open(dialog, response, {
      onEnded: (reason) => { this.state = 'over'; this.onOver(); this.user.onEnded(reason) },
      onOffer: (offer) => this.user.onOffer(offer),
      onAck: () => { /* we sent the INVITE: there is no ACK to come */ },
      onReanswered: (again) => { this.user.onReanswered?.(again) },
      onReferred: (refer) => { this.user.onReferred?.(refer) },
      onInfo: (info) => this.user.onInfo?.(info) ?? false,
    })
    this.user.onAnswered(answer, partyOf(response.to))
  }

  private onFailure(response: SipResponse): void {
    if (response.status === 422 && !this.raised && (this.state === 'calling' || this.state === 'proceeding')) { this.raise(response); return }
    if (this.state === 'cancelling' && response.status === 487) this.fail(this.failure.status, this.failure.reason)
    else this.fail(response.status, response.reason, response.status < 400 ? contactsOf(response) : undefined)
  }

  /** RFC 4028 §7.3: the same call with a longer session interval. */
  private raise(response: SipResponse): void {
    this.raised = true
    const { request } = this.transaction
    const invite = request.clone()
    invite.headers.remove('Via').set('CSeq', `${request.cseq.number + 1} INVITE`)
    askForTimer(invite, Math.max(SESSION_EXPIRES_S, readMinSe(response)))
    this.state = 'calling'
    this.heard = false
    this.transaction = this.send(invite)
  }

  private cancel(): void {
    this.state = 'cancelling'
    this.expiry?.cancel()
    if (this.heard) this.sendCancel() // §9.1: not before a provisional response; timer B ends it when none comes
  }

  private sendCancel(): void {
    if (this.cancelSent) return
    this.cancelSent = true
    const reason = this.cancelReason
    const cancel = makeCancel(this.transaction.request, reason === undefined ? [] : [['Reason', reason]])
    this.context.transactions.cancel(this.transaction, cancel, { onResponse: () => {}, onTimeout: () => {}, onTransportError: () => {} })
    // §9.1: when no final response follows within 64·T1, the call counts as cancelled
    this.cancelGuard = this.context.clock.setTimer(transactionTimeout(this.context.transactions.timers), () => {
      this.transaction.connectionLost()
      this.fail(this.failure.status, this.failure.reason)
    })
  }

  private sendAck(dialog: Dialog, cseq: number): SipRequest {
    const ack = dialog.createRequest('ACK', cseq)
    this.context.transactions.sendAck(this.transaction.connection, ack)
    return ack
  }

  private hangUp(dialog: Dialog): void {
    this.open(dialog, undefined, { onEnded: () => {}, onOffer: () => Promise.reject(new Error('call is over')), onAck: () => {}, onReanswered: () => {}, onReferred: () => {}, onInfo: () => false }).bye()
  }

  private open(dialog: Dialog, response: SipResponse | undefined, user: SessionUser): Session {
    const start = {
      localSdp: this.options.offer, ownsCallId: true,
      interval: response === undefined ? undefined : intervalFromResponse(response), remoteAllows: response?.tokens('Allow') ?? [],
    }
    return new Session(this.context, dialog, this.connection, start, user, () => false)
  }

  private fail(status: number, reason: string, contacts?: readonly string[]): void {
    if (this.state === 'over' || this.state === 'answered') return
    this.clearTimers()
    const cancelled = this.state === 'cancelling' && (status === 408 || status === 503)
    this.state = 'over'
    this.onOver()
    if (cancelled) this.user.onFailed(this.failure.status, this.failure.reason)
    else this.user.onFailed(status, reason, contacts)
  }

  private clearTimers(): void {
    this.expiry?.cancel()
    this.cancelGuard?.cancel()
  }
}

/** §8.1.3.4: of SIP URIs the ones of the highest q first. */
function contactsOf(response: SipResponse): readonly string[] {
  const { contacts } = response
  if (contacts === '*') return []
  const q = (text: string | undefined): number => (text === undefined || !/^[01](\.\d{0,3})?$/.test(text) ? 1 : Number(text))
  return contacts.filter(({ uri }) => uri.kind === 'sip').map(({ uri, params }) => ({ uri: printUri(uri), q: q(params.get('q')) }))
    .sort((a, b) => b.q - a.q).map(({ uri }) => uri)
}
