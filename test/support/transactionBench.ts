import { SipRequest, type SipResponse } from '../../src-main/sip/message/message.ts'
import { DEFAULT_TIMERS } from '../../src-main/sip/transaction/timers.ts'
import type { TransactionContext } from '../../src-main/sip/transaction/transaction.ts'
import { memoryConnectionPair } from './memoryConnection.ts'
import { VirtualClock } from './virtualClock.ts'

/** Surroundings for one transaction machine: what it sends is written down with the time it was sent. */
export function transactionBench(reliable: boolean) {
  const clock = new VirtualClock()
  const [connection] = memoryConnectionPair(clock, { reliable })
  const sent: string[] = []
  const state = { reachable: true, terminated: 0 }
  const note = (line: string): void => { sent.push(`${clock.monotonic()} ${line}`) }
  const context: TransactionContext = {
    clock, timers: DEFAULT_TIMERS,
    sendRequest: (_connection, request: SipRequest) => { note(request.method) },
    sendResponse: (_connection, response: SipResponse) => { note(String(response.status)); return state.reachable },
  }
  return { clock, connection, context, sent, state, onTerminated: () => { state.terminated++ } }
}

export function sampleRequest(method: string): SipRequest {
  const request = new SipRequest(method, 'sip:bob@office.example')
  request.headers.append('Via', 'SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKabc').append('Max-Forwards', '70')
    .append('From', '<sip:alice@office.example>;tag=1').append('To', '<sip:bob@office.example>').append('Call-ID', '77').append('CSeq', `5 ${method}`)
    .append('Route', '<sip:p1;lr>, <sip:p2;lr>')
  return request
}
