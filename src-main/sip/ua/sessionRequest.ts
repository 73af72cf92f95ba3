/**
 * A re-INVITE or UPDATE of ours inside a call (RFC 3261 §14.1, RFC 3311 §5.1): sends it, acknowledges every 2xx to a
 * re-INVITE, reports once how it ended: as refused where a 2xx cannot be read.
 */
import { DecodeError } from '../../base/errors.ts'
import type { Dialog } from '../dialog/dialog.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import type { Connection } from '../transport/connection.ts'
import type { UaContext } from './context.ts'

export interface SessionRequestUser {
  /** @throws DecodeError when the response says something unreadable; `onRefused` follows */
  onAccepted(response: SipResponse): void
  /** Final response ≥ 300, 408 without any, 502 for one that cannot be read, 503 when the connection is lost. */
  onRefused(status: number, response: SipResponse | undefined): void
}

export function sendSessionRequest(context: UaContext, dialog: Dialog, connection: Connection, request: SipRequest, user: SessionRequestUser): void {
  let ack: SipRequest | undefined
  const accept = (response: SipResponse): void => {
    try {
      dialog.refreshTarget(response)
      user.onAccepted(response)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      context.log.info('sip-bad-response', { callId: dialog.callId, what: error.message })
      user.onRefused(502, undefined)
    }
  }
  context.transactions.request(connection, request, {
    onResponse: (response) => {
      if (response.provisional) return
      if (!response.successful) { user.onRefused(response.status, response); return }
      if (request.method !== 'INVITE') { accept(response); return }
      if (ack !== undefined) { context.transactions.sendAck(connection, ack); return }
      // the ACK goes to the new target
      try { dialog.refreshTarget(response) } catch (error) { if (!(error instanceof DecodeError)) throw error }
      ack = dialog.createRequest('ACK', request.cseq.number)
      context.transactions.sendAck(connection, ack)
      accept(response)
    },
    onTimeout: () => { user.onRefused(408, undefined) },
    onTransportError: () => { user.onRefused(503, undefined) },
  })
}
