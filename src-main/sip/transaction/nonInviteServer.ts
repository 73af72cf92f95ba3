/**
 * Non-INVITE server transaction (RFC 3261 §17.2.2 with RFC 4320). Owns timer J. A user that has not answered when the
 * client must have given up is not heard any more, and 408 is never sent (RFC 4320 §4.2).
 */
import { assertNever } from '../../base/errors.ts'
import type { Timer } from '../../ports/clock.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import { StoredResponse } from '../message/storedResponse.ts'
import type { Connection } from '../transport/connection.ts'
import { transactionTimeout } from './timers.ts'
import type { ServerTransaction, ServerTransactionUser, TransactionContext } from './transaction.ts'

export type NonInviteServerState = 'trying' | 'proceeding' | 'completed' | 'terminated'

export class NonInviteServer implements ServerTransaction {
  state: NonInviteServerState = 'trying'
  user: ServerTransactionUser | undefined = undefined
  source = ''
  place = 0
  private last: StoredResponse | undefined
  /** While the user has not answered, then J. */
  private timer: Timer | undefined = undefined
  private readonly startedMs: number

  constructor(
    private readonly context: TransactionContext,
    readonly key: string,
    readonly connection: Connection,
    readonly request: SipRequest,
    private readonly onTerminated: (self: ServerTransaction) => void,
  ) {
    this.startedMs = context.clock.monotonic()
  }

  start(): void { if (!this.answered) this.arm() }

  get answered(): boolean { return this.state === 'completed' || this.state === 'terminated' }

  onRequest(_request: SipRequest): void {
    switch (this.state) {
      case 'trying': return
      case 'proceeding':
      case 'completed':
        if (this.last !== undefined) this.send(this.last.read())
        return
      case 'terminated': return
      default: assertNever(this.state)
    }
  }

  respond(response: SipResponse): void {
    switch (this.state) {
      case 'trying':
      case 'proceeding':
        if (response.provisional) { this.provisional(response); return }
        if (response.status === 408) { this.terminate(); return }
        this.state = 'completed'
        this.timer?.cancel()
        this.send(response)
        if (this.connection.reliable) this.terminate() // timer J is 0
        else this.keep(response)
        return
      case 'completed':
      case 'terminated': return
      default: assertNever(this.state)
    }
  }

  /** For repeated requests, until timer J. */
  private keep(response: SipResponse): void {
    this.last = new StoredResponse(response)
    this.arm()
  }

  private arm(): void {
    this.timer = this.context.clock.setTimer(transactionTimeout(this.context.timers), () => { this.terminate() })
  }

  connectionLost(cause?: Error): void {
    if (this.state === 'terminated') return
    this.terminate()
    this.user?.onTransportError?.(cause)
  }

  dispose(): void {
    this.state = 'terminated'
    this.timer?.cancel()
  }

  /** RFC 4320 §4.1: only 100, and over an unreliable transport not before timer E would have reached T2. */
  private provisional(response: SipResponse): void {
    if (response.status !== 100) return
    const { t1, t2 } = this.context.timers
    let sum = 0
    for (let interval = t1; interval < t2; interval *= 2) sum += interval
    if (!this.connection.reliable && this.context.clock.monotonic() - this.startedMs < sum) return
    this.last = new StoredResponse(response)
    this.state = 'proceeding'
    this.send(response)
  }

  private send(response: SipResponse): void {
    if (!this.context.sendResponse(this.connection, response)) this.connectionLost()
  }

  private terminate(): void {
    if (this.state === 'terminated') return
    this.dispose()
    this.onTerminated(this)
    this.user?.onTerminated?.()
  }
}
