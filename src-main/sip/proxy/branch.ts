/**
 * One branch of a forked request (RFC 3261 §16.6 to §16.10): its client transaction, timer C, and its CANCEL. Tells
 * the response context of each response, of local ones too where the next hop gave none.
 */
import { assertNever } from '../../base/errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import { makeCancel } from '../transaction/inviteClient.ts'
import { transactionTimeout } from '../transaction/timers.ts'
import type { ClientTransaction, ClientTransactionUser } from '../transaction/transaction.ts'
import type { TransactionLayer } from '../transaction/transactionLayer.ts'
import type { Connection } from '../transport/connection.ts'

/** §16.6 step 11: more than three minutes. */
export const TIMER_C_MS = 185_000

export interface BranchUser {
  onResponse(branch: Branch, response: SipResponse): void
  /** No response will come: 408 for silence, 503 where nothing could be sent (§16.9). */
  onFailed(branch: Branch, status: 408 | 487 | 503): void
}

export class Branch implements ClientTransactionUser {
  private state: 'calling' | 'proceeding' | 'final' = 'calling'
  private client: ClientTransaction | undefined
  private timer: Timer | undefined
  /** When timer C fires: each 1xx puts it off, and the timer that is set already looks here when it fires. */
  private deadlineMs = 0
  private wanted: { readonly headers: readonly (readonly [string, string])[]; sent: boolean } | undefined

  constructor(
    private readonly clock: Clock, private readonly transactions: TransactionLayer,
    private readonly request: SipRequest, readonly connection: Connection, private readonly user: BranchUser,
  ) {}

  get done(): boolean { return this.state === 'final' }

  /** @param mark second part of the branch parameter (RFC 5393) */
  start(mark: string): void {
    if (this.request.method === 'INVITE') this.armC()
    this.client = this.transactions.request(this.connection, this.request, this, `.${mark}`)
  }

  onTimeout(): void { this.fail(408) }
  onTransportError(): void { this.fail(this.wanted === undefined ? 503 : 487) }
  onRestarted(client: ClientTransaction): void { this.client = client }

  /** §16.10; before the first provisional response the CANCEL waits for it (§9.1). Only an INVITE is cancelled. */
  cancel(headers: readonly (readonly [string, string])[] = []): void {
    if (this.request.method !== 'INVITE' || this.wanted !== undefined) return
    switch (this.state) {
      case 'calling':
        this.wanted = { headers, sent: false }
        return
      case 'proceeding':
        this.wanted = { headers, sent: false }
        this.sendCancel()
        return
      case 'final': return
      default: assertNever(this.state)
    }
  }

  stop(): void {
    this.state = 'final'
    this.timer?.cancel()
    this.timer = undefined
  }

  onResponse(response: SipResponse): void {
    if (response.provisional) {
      if (this.state === 'final') return
      this.state = 'proceeding'
      if (this.wanted !== undefined) this.sendCancel()
      else if (response.status > 100) this.deadlineMs = this.clock.monotonic() + TIMER_C_MS
    } else {
      this.stop()
      this.request.discard() // nothing is sent again, CANCEL and ACK have been made
    }
    this.user.onResponse(this, response)
  }

  private sendCancel(): void {
    if (this.wanted === undefined || this.wanted.sent || this.client === undefined) return
    this.wanted.sent = true
    this.transactions.cancel(this.client, makeCancel(this.client.request, this.wanted.headers), {
      onResponse: () => { /* says nothing of the INVITE */ }, onTimeout: () => { /* the timer below ends it */ }, onTransportError: () => { /* as well */ },
    })
    this.timer?.cancel()
    // §9.1: no final response within 64·T1 of the CANCEL: the transaction counts as cancelled
    this.timer = this.clock.setTimer(transactionTimeout(this.transactions.timers), () => { this.client?.connectionLost(new Error('no answer to CANCEL')) })
  }

  private armC(): void {
    this.deadlineMs = this.clock.monotonic() + TIMER_C_MS
    this.timer = this.clock.setTimer(TIMER_C_MS, () => { this.onTimerC() })
  }

  /** §16.8 */
  private onTimerC(): void {
    const leftMs = this.deadlineMs - this.clock.monotonic()
    if (leftMs > 0) { this.timer = this.clock.setTimer(leftMs, () => { this.onTimerC() }); return }
    if (this.state === 'proceeding') this.cancel()
    else this.client?.connectionLost(new Error('timer C'))
  }

  private fail(status: 408 | 487 | 503): void {
    if (this.state === 'final') return
    this.stop()
    this.user.onFailed(this, status)
  }
}
