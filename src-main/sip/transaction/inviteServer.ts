/**
 * INVITE server transaction (RFC 3261 §17.2.1 with RFC 6026 §7.1). Owns timers G, H, I and L and sends 100 by itself
 * when its user is slow. Retransmitting a 2xx is the user's: it calls `respond` again.
 */
import { assertNever } from '../../base/errors.ts'
import type { Timer } from '../../ports/clock.ts'
import { makeResponse, type SipRequest, type SipResponse } from '../message/message.ts'
import type { Connection } from '../transport/connection.ts'
import { transactionTimeout, TRYING_DELAY_MS } from './timers.ts'
import type { ServerTransaction, ServerTransactionUser, TransactionContext } from './transaction.ts'

export type InviteServerState = 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated'

export class InviteServer implements ServerTransaction {
  state: InviteServerState = 'proceeding'
  user: ServerTransactionUser | undefined = undefined
  source = ''
  place = 0
  private last: SipResponse | undefined
  private timerG: Timer | undefined
  /** That of 100 Trying, then H, I or L. */
  private timer: Timer | undefined
  private intervalMs: number

  constructor(
    private readonly context: TransactionContext,
    readonly key: string,
    readonly connection: Connection,
    readonly request: SipRequest,
    private readonly onTerminated: (self: ServerTransaction) => void,
  ) {
    this.intervalMs = context.timers.t1
  }

  start(): void {
    if (this.last !== undefined || this.state !== 'proceeding') return
    this.timer = this.context.clock.setTimer(TRYING_DELAY_MS, () => { if (this.last === undefined) this.respond(makeResponse(this.request, 100)) })
  }

  get answered(): boolean { return this.state !== 'proceeding' }

  onRequest(request: SipRequest): void {
    const ack = request.method === 'ACK'
    switch (this.state) {
      case 'proceeding':
        if (!ack && this.last !== undefined) this.send(this.last)
        return
      case 'completed':
        if (ack) this.confirm()
        else if (this.last !== undefined) this.send(this.last)
        return
      case 'accepted': // RFC 6026: a repeated INVITE is absorbed, the user is repeating the 2xx anyway
        if (ack) this.user?.onAck?.(request)
        return
      case 'confirmed':
      case 'terminated': return
      default: assertNever(this.state)
    }
  }

  respond(response: SipResponse): void {
    switch (this.state) {
      case 'proceeding':
        this.timer?.cancel()
        this.timer = undefined
        this.last = response.successful ? undefined : response // a 2xx is repeated by the user
        if (response.successful) this.enter('accepted')
        else if (!response.provisional) {
          this.enter('completed')
          if (!this.connection.reliable) this.armG()
        }
        this.send(response)
        return
      case 'accepted':
        if (response.successful) this.send(response)
        return
      case 'completed':
      case 'confirmed':
      case 'terminated': return
      default: assertNever(this.state)
    }
  }

  connectionLost(cause?: Error): void {
    if (this.state === 'terminated') return
    const proceeding = this.state === 'proceeding'
    this.terminate()
    if (proceeding) this.user?.onTransportError?.(cause)
  }

  dispose(): void {
    this.state = 'terminated'
    this.timerG?.cancel()
    this.timer?.cancel()
  }

  /** Timer L in 'accepted', timer H in 'completed'. */
  private enter(state: 'accepted' | 'completed'): void {
    this.state = state
    this.timer = this.context.clock.setTimer(transactionTimeout(this.context.timers), () => {
      this.terminate()
      if (state === 'completed') this.user?.onTransportError?.()
    })
  }

  private armG(): void {
    this.timerG = this.context.clock.setTimer(this.intervalMs, () => {
      this.intervalMs = Math.min(this.intervalMs * 2, this.context.timers.t2)
      this.armG()
      if (this.last !== undefined) this.send(this.last)
    })
  }

  private confirm(): void {
    this.state = 'confirmed'
    this.last = undefined
    this.timerG?.cancel()
    this.timer?.cancel()
    if (this.connection.reliable) this.terminate()
    else this.timer = this.context.clock.setTimer(this.context.timers.t4, () => { this.terminate() }) // timer I
  }

  private send(response: SipResponse): void {
    if (this.context.sendResponse(this.connection, response)) return
    this.connectionLost()
  }

  private terminate(): void {
    this.dispose()
    this.onTerminated(this)
    this.user?.onTerminated?.()
  }
}
