/**
 * An established call (RFC 3261 §14, §15; RFC 3311): BYE both ways, offers of the other side by re-INVITE or UPDATE,
 * loss of the dialog. Used by the calls of both directions; owns the dialog's entry in the table.
 */
import type { Dialog } from '../dialog/dialog.ts'
import type { DialogUsage } from '../dialog/dialogTable.ts'
import { makeResponse, SipRequest } from '../message/message.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { Connection } from '../transport/connection.ts'
import { AnswerSender } from './answerSender.ts'
import type { EndReason } from './api.ts'
import { addCapabilities, chance, reply, SDP, type UaContext } from './context.ts'
import { serveAnywhere } from './inspection.ts'

export interface SessionUser {
  onEnded(reason: EndReason): void
  onOffer(offer: string): Promise<string> | string
  /** ACK that no re-INVITE waited for: the one of the first INVITE. */
  onAck(ack: SipRequest): void
}

export class Session implements DialogUsage {
  private ended = false
  /** The other side's offer that is being answered. */
  private offered: ServerTransaction | undefined
  private answer: AnswerSender | undefined

  constructor(
    private readonly context: UaContext,
    readonly dialog: Dialog,
    readonly connection: Connection,
    /** The description we sent last; a re-INVITE without offer gets it again. */
    private localSdp: string,
    private readonly user: SessionUser,
    /** The first offer/answer is not through yet (the ACK is to come). */
    private readonly negotiating: () => boolean,
  ) {
    context.dialogs.add(dialog, this)
  }

  onRequest(request: SipRequest, transaction: ServerTransaction): void {
    if (!this.sameSpeaker(transaction.connection)) { reply(this.context, transaction, 403); return }
    if (!this.dialog.acceptSequence(request)) { reply(this.context, transaction, 500, 'CSeq out of order'); return }
    switch (request.method) {
      case 'BYE': this.onBye(request, transaction); return
      case 'INVITE':
      case 'UPDATE': this.onTargetRefresh(request, transaction); return
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
    if (this.negotiating()) { reply(this.context, transaction, 491); return } // our own offer or answer is on its way
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
    addCapabilities(this.context, response, this.connection)
    response.headers.append('Server', this.context.userAgentName)
    if (sdp !== undefined) { response.setBody(SDP, sdp); this.localSdp = sdp }
    if (transaction.request.method !== 'INVITE') { transaction.respond(response); return }
    // an ACK with the branch of its INVITE (RFC 2543 elements send it so) arrives at the transaction
    transaction.user = { onAck: (ack) => { this.onAck(ack) } }
    this.answer = new AnswerSender(this.context, transaction, response, {
      onAcked: () => { this.answer = undefined },
      onNoAck: () => { this.answer = undefined; this.bye(); this.user.onEnded({ status: 408, text: 'no ACK' }) },
    })
  }

  private finish(reason: EndReason): void { if (this.leave()) this.user.onEnded(reason) }

  private leave(): boolean {
    if (this.ended) return false
    this.ended = true
    this.answer?.stop()
    if (this.offered !== undefined) { reply(this.context, this.offered, 487); this.offered = undefined }
    this.dialog.state = 'terminated'
    this.context.dialogs.remove(this.dialog)
    return true
  }
}
