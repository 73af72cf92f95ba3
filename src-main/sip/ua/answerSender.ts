/**
 * Repeats the 2xx to an INVITE until its ACK comes (RFC 3261 §13.3.1.4): at T1, doubling up to T2, for 64·T1, over
 * every transport, because a later hop may be unreliable.
 */
import type { Timer } from '../../ports/clock.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import { transactionTimeout } from '../transaction/timers.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { UaContext } from './context.ts'

export class AnswerSender {
  private retransmit: Timer | undefined
  private readonly giveUp: Timer
  private intervalMs: number
  private done = false

  constructor(
    private readonly context: UaContext,
    private readonly transaction: ServerTransaction,
    private readonly response: SipResponse,
    private readonly user: { onAcked(ack: SipRequest): void; onNoAck(): void },
  ) {
    const { timers } = context.transactions
    this.intervalMs = timers.t1
    this.giveUp = context.clock.setTimer(transactionTimeout(timers), () => { this.stop(); this.user.onNoAck() })
    this.arm()
    transaction.respond(response)
  }

  get cseq(): number { return this.transaction.request.cseq.number }

  /** @returns true when this was the ACK waited for */
  onAck(ack: SipRequest): boolean {
    if (this.done || ack.cseq.number !== this.cseq) return false
    this.stop()
    this.user.onAcked(ack)
    return true
  }

  stop(): void {
    this.done = true
    this.retransmit?.cancel()
    this.giveUp.cancel()
  }

  private arm(): void {
    this.retransmit = this.context.clock.setTimer(this.intervalMs, () => {
      this.intervalMs = Math.min(this.intervalMs * 2, this.context.transactions.timers.t2)
      this.arm()
      this.transaction.respond(this.response)
    })
  }
}
