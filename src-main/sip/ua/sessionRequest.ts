/**
 * A re-INVITE or UPDATE of ours inside a call (RFC 3261 §14.1, RFC 3311 §5.1): sends it, acknowledges every 2xx to a
 * re-INVITE, reports once how it ended.
 */
import type { Dialog } from '../dialog/dialog.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import type { Connection } from '../transport/connection.ts'
import type { UaContext } from './context.ts'

export interface SessionRequestUser {
  onAccepted(response: SipResponse): void
  /** Final response ≥ 300, 408 without any, 503 when the connection is lost. */
  onRefused(status: number, response: SipResponse | undefined): void
}

export function sendSessionRequest(context: UaContext, dialog: Dialog, connection: Connection, request: SipRequest, user: SessionRequestUser): void {
  let ack: SipRequest | undefined
  context.transactions.request(connection, request, {
    onResponse: (response) => {
      if (response.provisional) return
      if (!response.successful) { user.onRefused(response.status, response); return }
      if (request.method !== 'INVITE') { user.onAccepted(response); return }
      const first = ack === undefined
      if (first) {
        dialog.refreshTarget(response)
        ack = dialog.createRequest('ACK', request.cseq.number)
      }
      if (ack !== undefined) context.transactions.sendAck(connection, ack)
      if (first) user.onAccepted(response)
    },
    onTimeout: () => { user.onRefused(408, undefined) },
    onTransportError: () => { user.onRefused(503, undefined) },
  })
}
