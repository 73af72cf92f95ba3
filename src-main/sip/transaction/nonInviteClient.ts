/** Non-INVITE client transaction (RFC 3261 §17.1.2, RFC 4320). Owns timers E, F and K. */
import { assertNever } from '../../base/errors.ts'
import type { Timer } from '../../ports/clock.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import type { Connection } from '../transport/connection.ts'
import { transactionTimeout } from './timers.ts'
import type { ClientTransaction, ClientTransactionUser, TransactionContext } from './transaction.ts'

export type NonInviteClientState = 'trying' | 'proceeding' | 'completed' | 'terminated'

export class NonInviteClient implements ClientTransaction {
  state: NonInviteClientState = 'trying'
  place = 0
  private timerE: Timer | undefined
  /** F, then K. */
  private timer: Timer | undefined
  private intervalMs: number

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
    this.timer = this.context.clock.setTimer(transactionTimeout(this.context.timers), () => { this.terminate(); this.user.onTimeout() })
    if (!this.connection.reliable) this.armE()
    this.context.sendRequest(this.connection, this.request)
  }

  onResponse(response: SipResponse): void {
    switch (this.state) {
      case 'trying':
      case 'proceeding':
        if (response.provisional) this.state = 'proceeding' // timer E goes on, but at T2
        else this.complete()
        this.user.onResponse(response)
        return
      case 'completed':
      case 'terminated': return
      default: assertNever(this.state)
    }
  }

  connectionLost(cause?: Error): void {
    if (this.state === 'terminated') return
    const waiting = this.state !== 'completed'
    this.terminate()
    if (waiting) this.user.onTransportError(cause)
  }

  dispose(): void {
    this.state = 'terminated'
    this.timerE?.cancel()
    this.timer?.cancel()
  }

  private armE(): void {
    this.timerE = this.context.clock.setTimer(this.intervalMs, () => {
      this.intervalMs = this.state === 'proceeding' ? this.context.timers.t2 : Math.min(this.intervalMs * 2, this.context.timers.t2)
      this.armE()
      this.context.sendRequest(this.connection, this.request)
    })
  }

  private complete(): void {
    this.state = 'completed'
    this.timerE?.cancel()
    this.timer?.cancel()
    this.timerE = this.timer = undefined
    if (this.connection.reliable) this.terminate()
    else this.timer = this.context.clock.setTimer(this.context.timers.t4, () => { this.terminate() })
  }

  private terminate(): void {
    this.dispose()
    this.onTerminated(this)
  }
}
