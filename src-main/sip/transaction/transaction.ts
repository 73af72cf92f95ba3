/** What the four transaction machines share: their surroundings and their users (RFC 3261 §17). */
import type { Clock } from '../../ports/clock.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import type { Connection } from '../transport/connection.ts'
import type { TimerValues } from './timers.ts'

export interface TransactionContext {
  readonly clock: Clock
  readonly timers: TimerValues
  sendRequest(connection: Connection, request: SipRequest): void
  /** @returns false when there is no way back */
  sendResponse(connection: Connection, response: SipResponse): boolean
}

export interface ClientTransactionUser {
  /** Every response but retransmissions that the machine absorbs. */
  onResponse(response: SipResponse): void
  /** Timer B or F. */
  onTimeout(): void
  onTransportError(cause?: Error): void
  /** The request was sent anew over another transport; CANCEL belongs to this transaction now. */
  onRestarted?(transaction: ClientTransaction): void
}

export interface ServerTransactionUser {
  /** The response could not be delivered, or no ACK came (timer H). */
  onTransportError?(cause?: Error): void
  /** INVITE only: the CANCEL for it has come and was answered. */
  onCancel?(request: SipRequest): void
  /** INVITE only: an ACK for a 2xx reached the transaction in state 'accepted' (RFC 6026 §7.1). */
  onAck?(request: SipRequest): void
  onTerminated?(): void
}

export interface Transaction {
  readonly key: string
  readonly connection: Connection
  /** The layer's: its place among the transactions of its connection. */
  place: number
  /** Told by the layer when the connection has closed. */
  connectionLost(cause?: Error): void
  /** Stops all timers without telling anybody. */
  dispose(): void
}

export interface ClientTransaction extends Transaction {
  readonly request: SipRequest
  onResponse(response: SipResponse): void
  start(): void
}

export interface ServerTransaction extends Transaction {
  readonly request: SipRequest
  /** The layer's: what identifies its request however it came (§8.2.2.2), once the user agent has asked; '' before. */
  source: string
  user: ServerTransactionUser | undefined
  /** A final response has been given. */
  readonly answered: boolean
  /** Once its user has been given the request: begins to wait for the answer, where there is none yet. */
  start(): void
  /** A repeated request, or the ACK. */
  onRequest(request: SipRequest): void
  respond(response: SipResponse): void
}
