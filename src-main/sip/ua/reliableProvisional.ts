/**
 * Reliable provisional responses of one call (RFC 3262 §3): one at a time, repeated from T1 on until its PRACK comes,
 * given up after 64·T1. Used when the caller requires 100rel.
 */
import { DecodeError } from '../../base/errors.ts'
import type { Timer } from '../../ports/clock.ts'
import { parseRAck } from '../message/fields.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import { transactionTimeout } from '../transaction/timers.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { UaContext } from './context.ts'

export class ReliableProvisional {
  private rseq: number
  /** RSeq of the response that waits for its PRACK. */
  private waiting: number | undefined
  private acknowledged: number | undefined
  private retransmit: Timer | undefined
  private giveUp: Timer | undefined

  constructor(private readonly context: UaContext, private readonly transaction: ServerTransaction, private readonly onNoPrack: () => void) {
    const [a = 0, b = 0, c = 0] = context.random.bytes(3)
    this.rseq = 1 + a * 65536 + b * 256 + c // §3: the first is chosen from 1 to 2^31 - 1
  }

  /** Sends it unless the one before is still unacknowledged; ringing twice says nothing new. */
  send(response: SipResponse): void {
    if (this.waiting !== undefined) return
    this.waiting = this.rseq++
    response.headers.set('Require', '100rel').set('RSeq', String(this.waiting))
    const { timers } = this.context.transactions
    this.giveUp = this.context.clock.setTimer(transactionTimeout(timers), () => { this.stop(); this.onNoPrack() })
    this.arm(response, timers.t1)
    this.transaction.respond(response)
  }

  /** @returns true when the PRACK fits a response of ours: answer it 200, else 481 (§3) */
  onPrack(prack: SipRequest): boolean {
    try {
      const rack = parseRAck(prack.headers.get('RAck') ?? '')
      if (rack.method !== 'INVITE' || rack.cseq !== this.transaction.request.cseq.number) return false
      if (rack.rseq === this.acknowledged) return true
      if (rack.rseq !== this.waiting) return false
      this.acknowledged = rack.rseq
      this.stop()
      return true
    } catch (error) {
      if (error instanceof DecodeError) return false
      throw error
    }
  }

  /** No more repetitions: the final response is on its way. A late PRACK is still known. */
  pause(): void {
    this.retransmit?.cancel()
    this.giveUp?.cancel()
  }

  stop(): void {
    this.pause()
    this.waiting = undefined
  }

  private arm(response: SipResponse, intervalMs: number): void {
    this.retransmit = this.context.clock.setTimer(intervalMs, () => {
      this.arm(response, intervalMs * 2)
      this.transaction.respond(response)
    })
  }
}
