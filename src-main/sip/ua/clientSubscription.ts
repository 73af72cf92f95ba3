/**
 * A subscription of ours (RFC 6665 §4.1): SUBSCRIBE, NOTIFYs (the first may overtake the 200), refresh before expiry,
 * the end by either side. Owns timer N, the refresh and the expiry timer, and its dialog's entry in the table.
 */
import { assertNever, DecodeError } from '../../base/errors.ts'
import type { Timer } from '../../ports/clock.ts'
import { Dialog } from '../dialog/dialog.ts'
import type { DialogUsage } from '../dialog/dialogTable.ts'
import { parseDeltaSeconds, parseRetryAfter } from '../message/fields.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import { transactionTimeout } from '../transaction/timers.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { Connection } from '../transport/connection.ts'
import type { ClientSubscription, ClientSubscriptionUser, Leg, SubscribeOptions } from './api.ts'
import { contactOf, makeRequest, reply, type UaContext } from './context.ts'

/** 'ending': we unsubscribed and wait for the last NOTIFY, unheard by the user. */
type State = 'notifyWait' | 'active' | 'ending' | 'terminated'

/** §4.1.2.2: a refresh refused like this ends the subscription at once; after any other it lives until it expires. */
const FATAL = new Set([404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604])

export class OutgoingSubscription implements ClientSubscription, DialogUsage {
  private state: State = 'notifyWait'
  private readonly first: SipRequest
  private readonly localTag: string
  private readonly connection: Connection
  private dialog: Dialog | undefined
  private refreshTimer: Timer | undefined
  private expiryTimer: Timer | undefined
  private timerN: Timer | undefined
  private subscribing = false
  private raised = false

  /** @throws DecodeError when `to` or the Request-URI is no URI */
  constructor(private readonly context: UaContext, leg: Leg, private options: SubscribeOptions, private readonly user: ClientSubscriptionUser, private readonly onOver: () => void) {
    this.connection = leg.connection
    this.first = makeRequest(context, leg, 'SUBSCRIBE', { to: options.to })
    this.localTag = this.first.fromTag ?? ''
    context.dialogs.addHalf(this.first.callId, this.localTag, this)
    this.armTimerN()
    this.send(this.first, options.expiresS)
  }

  end(): void {
    switch (this.state) {
      case 'notifyWait':
      case 'active':
        this.state = 'ending'
        this.refreshTimer?.cancel()
        this.expiryTimer?.cancel()
        this.armTimerN()
        this.unsubscribe()
        return
      case 'ending':
      case 'terminated': return
      default: assertNever(this.state)
    }
  }

  close(): void {
    this.end()
    this.leave()
  }

  onConnectionClosed(connection: Connection): void {
    if (connection === this.connection) this.terminate('connection lost')
  }

  onAck(_request: SipRequest): void { /* an ACK has no meaning here */ }

  onRequest(request: SipRequest, transaction: ServerTransaction): void {
    if (request.method !== 'NOTIFY') { reply(this.context, transaction, request.method === 'SUBSCRIBE' ? 489 : 481); return }
    if (transaction.connection.peerIdentity?.nodeId !== this.connection.peerIdentity?.nodeId) { reply(this.context, transaction, 403); return }
    const { event, subscriptionState } = request
    if (event === undefined || event.value.toLowerCase() !== this.options.event.toLowerCase()) { reply(this.context, transaction, 489); return }
    if (subscriptionState === undefined) { reply(this.context, transaction, 400, 'Subscription-State is missing'); return }
    if (this.dialog === undefined) {
      this.adopt(Dialog.fromRequest(request, this.localTag))
    } else if (this.dialog.remoteTag !== request.fromTag) { reply(this.context, transaction, 481); return } // §4.5.2: one fork is enough
    else if (!this.dialog.acceptSequence(request)) { reply(this.context, transaction, 500, 'CSeq out of order'); return }
    else this.dialog.refreshTarget(request)
    reply(this.context, transaction, 200)
    this.onNotify(request, subscriptionState.value.toLowerCase(), subscriptionState.params.get('expires'), subscriptionState.params.get('reason'))
  }

  private onNotify(request: SipRequest, state: string, expires: string | undefined, reason: string | undefined): void {
    if (state === 'terminated') {
      if (this.state !== 'ending' && request.body.length > 0) this.user.onNotify(request.contentType?.value ?? '', request.body, 'active')
      this.terminate(reason ?? 'terminated')
      return
    }
    if (this.state === 'ending' || this.state === 'terminated') return
    this.timerN?.cancel()
    this.state = 'active'
    if (expires !== undefined) this.schedule(Math.min(parseDeltaSeconds(expires), this.options.expiresS))
    else if (this.expiryTimer === undefined) this.schedule(this.options.expiresS)
    this.user.onNotify(request.contentType?.value ?? '', request.body, state === 'pending' ? 'pending' : 'active')
  }

  private send(request: SipRequest, expiresS: number): void {
    request.headers.set('Event', this.options.event).set('Accept', this.options.accept).set('Expires', String(expiresS))
      .set('Contact', contactOf(this.context, this.connection)).set('User-Agent', this.context.userAgentName)
    this.subscribing = true
    this.context.transactions.request(this.connection, request, {
      onResponse: (response) => { if (!response.provisional) { this.subscribing = false; this.onFinal(request, response, expiresS) } },
      onTimeout: () => { this.subscribing = false; this.onRefused(408, 'no response', undefined) },
      onTransportError: () => { this.subscribing = false; this.terminate('connection lost') },
    })
  }

  private onFinal(request: SipRequest, response: SipResponse, expiresS: number): void {
    try {
      if (response.successful) this.onAccepted(request, response, expiresS)
      else if (response.status === 423 && !this.raised && expiresS > 0) this.raise(response)
      else this.onRefused(response.status, response.reason, response.headers.get('Retry-After'))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.terminate(`bad response: ${error.message}`, 502)
    }
  }

  private onAccepted(request: SipRequest, response: SipResponse, expiresS: number): void {
    if (this.dialog === undefined && response.toTag !== undefined) this.adopt(Dialog.fromResponse(request, response))
    else if (this.dialog?.remoteTag === response.toTag) this.dialog?.refreshTarget(response)
    if (this.state === 'ending') { if (expiresS > 0) this.unsubscribe(); return }
    if (this.state === 'terminated') return
    this.schedule(Math.min(response.expires ?? expiresS, expiresS))
  }

  /** §4.2.1.1: the notifier asks for a longer interval. */
  private raise(response: SipResponse): void {
    const minimum = parseDeltaSeconds(response.headers.get('Min-Expires') ?? '')
    this.raised = true
    this.options = { ...this.options, expiresS: Math.max(minimum, this.options.expiresS) }
    if (this.state === 'ending') { this.terminate('ended'); return }
    this.subscribe()
  }

  private onRefused(status: number, reason: string, retryAfter: string | undefined): void {
    if (this.state === 'active' && !FATAL.has(status)) {
      // still subscribed until the granted time is over: try again when asked to, or soon
      const delayS = retryAfter === undefined ? 5 : Math.max(1, parseRetryAfter(retryAfter))
      this.refreshTimer?.cancel()
      this.refreshTimer = this.context.clock.setTimer(delayS * 1000, () => { this.subscribe() })
      return
    }
    this.terminate(reason, status)
  }

  /** A SUBSCRIBE that asks for the whole time again. */
  private subscribe(): void {
    if (this.subscribing) return
    this.send(this.dialog?.createRequest('SUBSCRIBE') ?? this.again(), this.options.expiresS)
  }

  /** The first request once more: same dialog-to-be, next number. */
  private again(): SipRequest {
    const request = this.first.clone()
    request.headers.remove('Via').set('CSeq', `${this.first.cseq.number + 1} SUBSCRIBE`)
    return request
  }

  /** With Expires 0; before the dialog is known it waits for the 200. */
  private unsubscribe(): void {
    if (this.dialog !== undefined && !this.subscribing) this.send(this.dialog.createRequest('SUBSCRIBE'), 0)
  }

  /** Refresh at 90 % of the time or 5 s before its end, whichever is earlier; very short ones at half. */
  private schedule(grantedS: number): void {
    this.refreshTimer?.cancel()
    this.expiryTimer?.cancel()
    const grantedMs = grantedS * 1000
    const refreshMs = Math.max(grantedMs * 0.5, Math.min(grantedMs * 0.9, grantedMs - 5000))
    // an expiry far away overflows the platform's timers; it is refreshed once a day at the latest
    this.refreshTimer = this.context.clock.setTimer(Math.min(refreshMs, 86_400_000), () => { this.subscribe() })
    this.expiryTimer = this.context.clock.setTimer(Math.min(grantedMs, 2 ** 31 - 1), () => { this.terminate('timeout') })
  }

  /** §4.1.2.4: a NOTIFY must come within 64·T1 of the SUBSCRIBE. */
  private armTimerN(): void {
    this.timerN?.cancel()
    this.timerN = this.context.clock.setTimer(transactionTimeout(this.context.transactions.timers), () => { this.terminate('no NOTIFY', 408) })
  }

  private adopt(dialog: Dialog): void {
    // the NOTIFY that made the dialog knows nothing of our numbers
    if (dialog.localSeq < this.first.cseq.number) dialog.localSeq = this.first.cseq.number + (this.raised ? 1 : 0)
    this.dialog = dialog
    this.context.dialogs.add(dialog, this)
  }

  private terminate(reason: string, status?: number): void {
    const silent = this.state === 'ending' || this.state === 'terminated'
    this.leave()
    if (!silent) this.user.onTerminated(reason, status)
  }

  private leave(): void {
    if (this.state === 'terminated') return
    this.state = 'terminated'
    this.refreshTimer?.cancel()
    this.expiryTimer?.cancel()
    this.timerN?.cancel()
    this.context.dialogs.removeHalf(this.first.callId, this.localTag)
    if (this.dialog !== undefined) this.context.dialogs.remove(this.dialog)
    this.onOver()
  }
}
