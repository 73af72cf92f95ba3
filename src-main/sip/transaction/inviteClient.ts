/**
 * INVITE client transaction (RFC 3261 §17.1.1 with RFC 6026 §7.2). Owns timers A, B, D and M and the ACK for 300-699;
 * the ACK for a 2xx belongs to the user.
 */
import { assertNever } from '../../base/errors.ts'
import type { Timer } from '../../ports/clock.ts'
import { SipRequest, type SipResponse } from '../message/message.ts'
import type { Connection } from '../transport/connection.ts'
import { TIMER_D_MS, transactionTimeout } from './timers.ts'
import type { ClientTransaction, ClientTransactionUser, TransactionContext } from './transaction.ts'

export type InviteClientState = 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated'

export class InviteClient implements ClientTransaction {
  state: InviteClientState = 'calling'
  place = 0
  private timerA: Timer | undefined
  /** B, D or M: the states that use them follow one another. */
  private timer: Timer | undefined
  private intervalMs: number
  private ack: SipRequest | undefined

  constructor(
    private readonly context: TransactionContext,
    readonly key: string,
    readonly connection: Connection,
    readonly request: SipRequest,
    private readonly user: ClientTransactionUser,
    private readonly onTerminated: (self: ClientTransaction) => void,
  ) {
    this.intervalMs = context.timers.t1
  }

  start(): void {
    this.timer = this.context.clock.setTimer(transactionTimeout(this.context.timers), () => { this.onTimerB() })
    if (!this.connection.reliable) this.armA()
    this.context.sendRequest(this.connection, this.request)
  }

  onResponse(response: SipResponse): void {
    switch (this.state) {
      case 'calling':
      case 'proceeding':
        if (this.timerA !== undefined) { this.timerA.cancel(); this.timerA = undefined }
        if (response.provisional) {
          if (this.state === 'calling') { this.state = 'proceeding'; this.timer?.cancel() }
        } else if (response.successful) this.enter('accepted', transactionTimeout(this.context.timers))
        else {
          this.ack = makeAck(this.request, response)
          this.context.sendRequest(this.connection, this.ack)
          this.enter('completed', this.connection.reliable ? 0 : TIMER_D_MS)
        }
        this.user.onResponse(response)
        return
      case 'accepted': // RFC 6026: each 2xx, retransmitted or of another fork, needs an ACK of the user
        if (response.successful) this.user.onResponse(response)
        return
      case 'completed':
        if (response.status >= 300 && this.ack !== undefined) this.context.sendRequest(this.connection, this.ack)
        return
      case 'terminated': return
      default: assertNever(this.state)
    }
  }

  connectionLost(cause?: Error): void {
    const waiting = this.state === 'calling' || this.state === 'proceeding'
    if (this.state === 'terminated') return
    this.terminate()
    if (waiting) this.user.onTransportError(cause)
  }

  dispose(): void {
    this.state = 'terminated'
    this.timerA?.cancel()
    this.timer?.cancel()
    this.timerA = this.timer = undefined
  }

  private armA(): void {
    this.timerA = this.context.clock.setTimer(this.intervalMs, () => {
      this.intervalMs *= 2
      this.armA()
      this.context.sendRequest(this.connection, this.request)
    })
  }

  private onTimerB(): void {
    this.terminate()
    this.user.onTimeout()
  }

  /** Timer D or M; a delay of 0 ends the transaction in this turn. */
  private enter(state: 'accepted' | 'completed', delayMs: number): void {
    this.state = state
    this.timer?.cancel()
    if (delayMs === 0) this.terminate()
    else this.timer = this.context.clock.setTimer(delayMs, () => { this.terminate() })
  }

  private terminate(): void {
    this.dispose()
    this.onTerminated(this)
  }
}

/** §17.1.1.3: the ACK for a final response other than 2xx. */
export function makeAck(invite: SipRequest, response: SipResponse): SipRequest {
  const ack = new SipRequest('ACK', invite.requestUri)
  copyForHopByHop(invite, ack, 'ACK')
  ack.headers.set('To', response.headers.get('To') ?? invite.headers.get('To') ?? '')
  return ack
}

/** §9.1: the CANCEL for a request. */
export function makeCancel(invite: SipRequest, headers: readonly (readonly [string, string])[] = []): SipRequest {
  const cancel = new SipRequest('CANCEL', invite.requestUri)
  copyForHopByHop(invite, cancel, 'CANCEL')
  for (const [name, value] of headers) cancel.headers.append(name, value)
  return cancel
}

/** Same top Via, route, dialog and number: the next hop must match it to the INVITE. */
function copyForHopByHop(invite: SipRequest, out: SipRequest, method: string): void {
  const via = invite.headers.getList('Via')[0]
  if (via !== undefined) out.headers.append('Via', via)
  out.headers.append('Max-Forwards', '70')
  for (const name of ['From', 'To', 'Call-ID']) {
    const value = invite.headers.get(name)
    if (value !== undefined) out.headers.append(name, value)
  }
  out.headers.append('CSeq', `${invite.cseq.number} ${method}`)
  for (const route of invite.headers.getLines('Route')) out.headers.append('Route', route)
}
