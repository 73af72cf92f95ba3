/**
 * The user agent core (RFC 3261 §8, RFC 6665): places and takes calls, messages and subscriptions for one local user,
 * and hands each request that comes in to the call or subscription it belongs to. `api.ts` says what the parts mean.
 */
import { DecodeError } from '../../base/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'
import { DialogTable } from '../dialog/dialogTable.ts'
import type { SipRequest } from '../message/message.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { TransactionLayer, TransactionLayerUser } from '../transaction/transactionLayer.ts'
import type { TransportLayer } from '../transport/transportLayer.ts'
import type { ClientSubscription, ClientSubscriptionUser, Connection, FinalResponse, InviteClientCall, InviteClientUser, InviteOptions, Leg, RequestOptions, SubscribeOptions, UserAgentUser } from './api.ts'
import { OutgoingSubscription } from './clientSubscription.ts'
import { DEFAULT_UA_LIMITS, reply, type UaContext, type UaLimits } from './context.ts'
import { refuse, serveAnywhere } from './inspection.ts'
import { OutgoingCall } from './inviteClientCall.ts'
import { IncomingCall } from './inviteServerCall.ts'
import { sendRequest } from './outOfDialogRequest.ts'
import { IncomingSubscription } from './serverSubscription.ts'

export type * from './api.ts'
export { DEFAULT_UA_LIMITS, type UaLimits } from './context.ts'

export interface UserAgentDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly transport: TransportLayer
  readonly transactions: TransactionLayer
  readonly user: UserAgentUser
  /** Value of User-Agent and Server. */
  readonly userAgentName: string
  /** Event packages named in Allow-Events; whether a SUBSCRIBE is served is the user's decision. */
  readonly eventPackages?: readonly string[]
  readonly limits?: Partial<UaLimits>
  local(): { readonly aor: string; readonly displayName: string }
}

export class UserAgent implements TransactionLayerUser {
  private readonly context: UaContext
  private readonly calls = new Set<{ close(): void }>()
  private readonly subscriptions = new Set<{ close(): void }>()
  private closed = false

  constructor(private readonly deps: UserAgentDeps) {
    this.context = {
      clock: deps.clock, random: deps.random, log: deps.log, transactions: deps.transactions, dialogs: new DialogTable(),
      user: deps.user, userAgentName: deps.userAgentName, eventPackages: deps.eventPackages ?? ['presence'],
      limits: { ...DEFAULT_UA_LIMITS, ...deps.limits }, local: () => deps.local(),
    }
  }

  /** Calls, subscriptions and dialogs that are alive. */
  get size(): number { return this.calls.size + this.subscriptions.size + this.context.dialogs.size }

  /** Takes over a connection (overlay pipe or socket flow): its requests arrive at this UA until it closes. */
  attach(connection: Connection): void { this.deps.transport.attach(connection) }

  /** @throws DecodeError when the address called is no URI */
  invite(leg: Leg, options: InviteOptions, user: InviteClientUser): InviteClientCall {
    this.attach(leg.connection)
    const call: OutgoingCall = new OutgoingCall(this.context, leg, options, user, () => { this.calls.delete(call) })
    this.calls.add(call)
    return call
  }

  /**
   * One request outside a dialog (MESSAGE, OPTIONS); resolves with the final response.
   * @throws PeerError 'network-timeout', 'peer-unreachable'; the signal's reason when aborted
   */
  request(leg: Leg, method: string, options: RequestOptions, signal: AbortSignal): Promise<FinalResponse> {
    this.attach(leg.connection)
    return sendRequest(this.context, leg, method, options, signal)
  }

  /** @throws DecodeError when the address is no URI */
  subscribe(leg: Leg, options: SubscribeOptions, user: ClientSubscriptionUser): ClientSubscription {
    this.attach(leg.connection)
    const subscription: OutgoingSubscription = new OutgoingSubscription(this.context, leg, options, user, () => { this.subscriptions.delete(subscription) })
    this.subscriptions.add(subscription)
    return subscription
  }

  /** Ends everything without waiting: calls get BYE or CANCEL, subscriptions are terminated, timers are gone. */
  close(): void {
    this.closed = true
    for (const part of [...this.calls, ...this.subscriptions]) part.close()
    for (const usage of this.context.dialogs.all()) usage.close()
  }

  /** From the transaction layer: a new request. */
  onRequest(request: SipRequest, transaction: ServerTransaction): void {
    if (request.method === 'CANCEL') { this.onCancel(request, transaction); return }
    if (refuse(this.context, request, transaction)) return
    try {
      if (request.toTag === undefined) this.outsideDialog(request, transaction)
      else this.insideDialog(request, transaction)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      reply(this.context, transaction, 400, `Bad Request: ${error.message}`)
    }
  }

  /** From the transaction layer: the ACK of a 2xx. */
  onAck(request: SipRequest): void { this.context.dialogs.find(request)?.onAck(request) }

  onConnectionClosed(connection: Connection): void {
    for (const usage of this.context.dialogs.all()) usage.onConnectionClosed(connection)
  }

  /** §9.2 */
  private onCancel(request: SipRequest, transaction: ServerTransaction): void {
    const invite = this.deps.transactions.findInvite(request, transaction.connection)
    if (invite === undefined) { reply(this.context, transaction, 481); return }
    reply(this.context, transaction, 200)
    if (!invite.answered) invite.user?.onCancel?.(request)
  }

  private insideDialog(request: SipRequest, transaction: ServerTransaction): void {
    const usage = this.context.dialogs.find(request)
    if (usage === undefined) reply(this.context, transaction, 481)
    else usage.onRequest(request, transaction)
  }

  private outsideDialog(request: SipRequest, transaction: ServerTransaction): void {
    if (this.closed) { reply(this.context, transaction, 480); return }
    switch (request.method) {
      case 'INVITE': this.onInvite(transaction); return
      case 'SUBSCRIBE': this.onSubscribe(request, transaction); return
      case 'OPTIONS':
      case 'PUBLISH':
      case 'MESSAGE': serveAnywhere(this.context, request, transaction); return
      default: reply(this.context, transaction, 481) // BYE, UPDATE and NOTIFY live in dialogs
    }
  }

  private onInvite(transaction: ServerTransaction): void {
    if (this.calls.size >= this.context.limits.maxCalls) { reply(this.context, transaction, 486); return }
    const call: IncomingCall = new IncomingCall(this.context, transaction, () => { this.calls.delete(call) })
    this.calls.add(call)
    this.deps.user.onInvite(call)
    if (call.user === undefined) call.reject(480)
  }

  private onSubscribe(request: SipRequest, transaction: ServerTransaction): void {
    if (request.event === undefined) { reply(this.context, transaction, 489, undefined, [['Allow-Events', this.context.eventPackages.join(', ')]]); return }
    if (this.subscriptions.size >= this.context.limits.maxSubscriptions) { reply(this.context, transaction, 503, undefined, [['Retry-After', '60']]); return }
    const subscription: IncomingSubscription = new IncomingSubscription(this.context, transaction, () => { this.subscriptions.delete(subscription) })
    this.subscriptions.add(subscription)
    this.deps.user.onSubscribe(subscription)
  }
}
