/** A SIP phone spoken by hand over a UDP socket on loopback, which repeats its requests as RFC 3261 §17.1 wants. */
import { createSocket } from 'node:dgram'
import type { SipRequest, SipResponse } from '../../src-main/sip/message/message.ts'
import type { Connection } from '../../src-main/sip/transport/connection.ts'
import type { MemoryConnection } from './memoryConnection.ts'
import { RawEnd } from './sipServerKit.ts'

const sleep = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms) })

export interface UdpPhone { readonly end: RawEnd; close(): void }

/** @param server port of the server on loopback; asked for each packet, so that the phone can move to another */
export async function udpPhone(name: string, server: number | (() => number), password?: string): Promise<UdpPhone> {
  const socket = createSocket('udp4')
  await new Promise<void>((done) => { socket.bind(0, '127.0.0.1', done) })
  const port = (): number => (typeof server === 'number' ? server : server())
  const far: Connection = {
    id: name, transport: 'UDP', reliable: false, local: { host: '127.0.0.1', port: socket.address().port }, remote: { host: '127.0.0.1', port: port() }, user: undefined,
    send: (bytes) => { socket.send(bytes, port(), '127.0.0.1') }, close: () => {},
  }
  socket.on('message', (bytes) => { far.user?.onData(new Uint8Array(bytes)) })
  return { end: new RawEnd(far as MemoryConnection, far as MemoryConnection, name, password), close: () => { socket.close() } }
}

/** Sends a request again and again, as UDP wants, until its final response is heard. */
export async function finalOf(end: RawEnd, request: SipRequest, meanwhile: () => void = () => {}): Promise<SipResponse> {
  const answer = (): SipResponse | undefined => end.heard.find((message): message is SipResponse =>
    message.kind === 'response' && message.status >= 200 && message.callId === request.callId && message.cseq.number === request.cseq.number)
  for (let i = 0; answer() === undefined; i++) {
    if (i > 500) throw new Error(`not answered in 5 s: ${request.startLine}, heard ${end.heard.map(({ startLine }) => startLine).join(' | ')}`)
    if (i % 50 === 0) end.send(request)
    meanwhile()
    await sleep(10)
  }
  const found = answer() as SipResponse
  if (request.method === 'INVITE') {
    const ack = end.request('ACK', request.requestUri, [['Call-ID', request.callId], ['CSeq', `${request.cseq.number} ACK`], ['To', found.headers.get('To') ?? ''], ...(found.successful ? [['Route', found.headers.getList('Record-Route').reverse().join(', ')] as const] : [])])
    if (!found.successful) ack.headers.set('Via', request.headers.get('Via') ?? '')
    end.send(ack)
  }
  end.heard.push(found) // the last: for its challenge
  return found
}

