/**
 * Somebody's subscription to us (RFC 6665 §4.2): accepts, notifies one NOTIFY at a time (the newest state wins),
 * answers refreshes, expires. Owns the expiry timer and its dialog's entry in the table.
 */
import { assertNever } from '../../base/errors.ts'
import type { Timer } from '../../ports/clock.ts'
import { Dialog } from '../dialog/dialog.ts'
import type { DialogUsage } from '../dialog/dialogTable.ts'
import { EMPTY_BODY, makeResponse, type SipRequest } from '../message/message.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { Connection } from '../transport/connection.ts'
import type { EventSource, Party, PeerIdentity, ServerSubscription } from './api.ts'
import { contactOf, partyOf, reply, type UaContext } from './context.ts'

type State = 'asked' | 'pending' | 'active' | 'terminated'

const DEFAULT_EXPIRES_S = 3600

export class IncomingSubscription implements ServerSubscription, DialogUsage {
  readonly event: string
  readonly from: Party
  readonly identity?: PeerIdentity
  readonly expiresS: number
  user: { onEnded(): void } | undefined
  private state: State = 'asked'
  private readonly dialog: Dialog
  private readonly connection: Connection
  private readonly eventHeader: string
  private expiresAtMs = 0
  private expiry: Timer | undefined
  /** Sends the NOTIFY that RFC 6665 wants after each SUBSCRIBE, unless a state came in the same turn. */
  private flush: Timer | undefined
  private contentType = ''
  private body: Uint8Array = EMPTY_BODY
  private source: EventSource | undefined
  /** The next document of the source is to be a full one. */
  private fullDue = true
  /** A pending subscriber is told nothing (RFC 6665 §4.2.2). */
  private authorised = false
  private notifying = false
  private stale = false
  /** Reason of the last NOTIFY, when that is what is to be sent. */
  private last: string | undefined

  /** @throws DecodeError */
  constructor(private readonly context: UaContext, private readonly transaction: ServerTransaction, private readonly onOver: () => void) {
    const { request, connection } = transaction
    this.connection = connection
    this.event = request.event?.value.toLowerCase() ?? ''
    this.eventHeader = request.headers.get('Event') ?? ''
    this.from = partyOf(request.from)
    if (connection.peerIdentity !== undefined) this.identity = connection.peerIdentity
    this.expiresS = Math.min(request.expires ?? DEFAULT_EXPIRES_S, context.limits.maxExpiresS)
    this.dialog = Dialog.fromRequest(request, context.transactions.token())
  }

  accept(state: 'active' | 'pending'): void {
    if (this.state !== 'asked') { if (this.state !== 'terminated' && this.state !== state) { this.state = state; this.authorised = state === 'active'; this.changed() } return }
    this.state = state
    this.authorised = state === 'active'
    this.context.dialogs.add(this.dialog, this)
    this.answer(this.transaction, this.expiresS)
  }

  reject(status: number): void {
    if (this.state !== 'asked') return
    this.leave()
    reply(this.context, this.transaction, status, undefined, status === 489 ? [['Allow-Events', this.context.eventPackages.join(', ')]] : [])
  }

  notify(contentType: string, body: Uint8Array): void {
    this.contentType = contentType
    this.body = body
    if (this.state === 'pending' || this.state === 'active') this.changed()
  }

  publish(source: EventSource): void {
    this.source = source
    if (this.state === 'pending' || this.state === 'active') this.changed()
  }

  terminate(reason: string): void {
    if (this.state === 'asked') { this.reject(480); return }
    this.finish(reason)
  }

  close(): void { this.terminate('deactivated') }

  onAck(_request: SipRequest): void { /* an ACK has no meaning here */ }

  onConnectionClosed(connection: Connection): void {
    if (connection === this.connection) this.lost()
  }

  onRequest(request: SipRequest, transaction: ServerTransaction): void {
    if (transaction.connection.peerIdentity?.nodeId !== this.connection.peerIdentity?.nodeId) { reply(this.context, transaction, 403); return }
    if (request.method !== 'SUBSCRIBE') { reply(this.context, transaction, 481); return }
    if (!this.dialog.acceptSequence(request)) { reply(this.context, transaction, 500, 'CSeq out of order'); return }
    if (request.event?.value.toLowerCase() !== this.event) { reply(this.context, transaction, 489); return }
    this.dialog.refreshTarget(request)
    this.answer(transaction, Math.min(request.expires ?? DEFAULT_EXPIRES_S, this.context.limits.maxExpiresS))
  }

  /** 200 to a first or refreshing SUBSCRIBE, then a NOTIFY with the whole state. */
  private answer(transaction: ServerTransaction, expiresS: number): void {
    const response = makeResponse(transaction.request, 200, undefined, this.dialog.localTag)
    response.headers.append('Expires', String(expiresS)).append('Contact', contactOf(this.context, this.connection)).append('Server', this.context.userAgentName)
    transaction.respond(response)
    this.expiry?.cancel()
    this.expiresAtMs = this.context.clock.monotonic() + expiresS * 1000
    this.flush?.cancel()
    this.fullDue = true
    if (expiresS === 0) {
      // a poll, or the end: one NOTIFY with the state and 'terminated' (§4.4.3); the state may come in this turn
      this.flush = this.context.clock.setTimer(0, () => { this.finish('timeout'); this.user?.onEnded() })
      return
    }
    this.expiry = this.context.clock.setTimer(expiresS * 1000, () => { this.finish('timeout'); this.user?.onEnded() })
    this.flush = this.context.clock.setTimer(0, () => { this.flush = undefined; this.changed() })
  }

  changed(): void {
    if (this.state !== 'pending' && this.state !== 'active') return
    if (this.flush !== undefined && this.expiresAtMs <= this.context.clock.monotonic()) return // the poll's NOTIFY carries it
    this.flush?.cancel()
    this.flush = undefined
    if (this.notifying) this.stale = true
    else this.send()
  }

  private finish(reason: string): void {
    if (this.state === 'terminated') return
    this.last = reason
    this.leave()
    if (this.notifying) this.stale = true
    else this.send()
  }

  private send(): void {
    const request = this.dialog.createRequest('NOTIFY')
    const remainingS = Math.max(0, Math.ceil((this.expiresAtMs - this.context.clock.monotonic()) / 1000))
    const state = this.last === undefined ? `${this.state};expires=${remainingS}` : `terminated;reason=${this.last}`
    request.headers.append('Event', this.eventHeader).append('Subscription-State', state).append('Contact', contactOf(this.context, this.connection))
    request.headers.append('User-Agent', this.context.userAgentName)
    if (this.authorised && this.source !== undefined) {
      request.setBody(this.source.contentType, this.source.document(this.fullDue))
      this.fullDue = false
    } else if (this.body.length > 0 && this.authorised) request.setBody(this.contentType, this.body)
    this.notifying = true
    this.context.transactions.request(this.connection, request, {
      onResponse: (response) => { if (!response.provisional) this.onSent(response.successful ? undefined : response.status) },
      onTimeout: () => { this.onSent(408) },
      onTransportError: () => { this.onSent(503) },
    })
  }

  private onSent(failure: number | undefined): void {
    this.notifying = false
    if (failure !== undefined) { // §4.2.2: whoever does not take notifications is not subscribed any more
      this.stale = false
      this.lost()
      return
    }
    if (this.stale) { this.stale = false; this.send() }
  }

  private lost(): void {
    if (this.state === 'terminated') return
    this.leave()
    this.user?.onEnded()
  }

  private leave(): void {
    switch (this.state) {
      case 'asked':
      case 'pending':
      case 'active':
        this.state = 'terminated'
        this.expiry?.cancel()
        this.flush?.cancel()
        this.flush = undefined
        this.context.dialogs.remove(this.dialog)
        this.onOver()
        return
      case 'terminated': return
      default: assertNever(this.state)
    }
  }
}
