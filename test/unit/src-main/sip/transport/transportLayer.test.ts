import { describe, expect, it } from 'vitest'
import { PeerError } from '../../../../../src-main/base/errors.ts'
import type { DatagramSocket, SocketAddress } from '../../../../../src-main/ports/network.ts'
import { makeResponse, SipRequest, type SipResponse } from '../../../../../src-main/sip/message/message.ts'
import type { Connection } from '../../../../../src-main/sip/transport/connection.ts'
import { type TransportDeps, TransportLayer } from '../../../../../src-main/sip/transport/transportLayer.ts'
import { UdpTransport } from '../../../../../src-main/sip/transport/udp.ts'
import { memoryConnectionPair } from '../../../../support/memoryConnection.ts'
import { quietLog } from '../../../../support/sipPeers.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'

const encode = (text: string) => new TextEncoder().encode(text.replaceAll('\n', '\r\n'))

function layer(extra: Partial<TransportDeps> = {}) {
  const clock = new VirtualClock()
  const transport = new TransportLayer({ clock, log: quietLog, ...extra })
  const requests: { request: SipRequest; connection: Connection }[] = [], responses: SipResponse[] = []
  let closed = 0
  transport.user = {
    onRequest: (request, connection) => { requests.push({ request, connection }) },
    onResponse: (response) => { responses.push(response) },
    onClosed: () => { closed++ },
  }
  return { clock, transport, requests, responses, closed: () => closed }
}

class MemoryDatagramSocket implements DatagramSocket {
  readonly address: SocketAddress = { host: '192.0.2.9', port: 5060 }
  user: DatagramSocket['user']
  readonly sent: { text: string; to: SocketAddress }[] = []
  closed = false
  send(bytes: Uint8Array, to: SocketAddress): void { this.sent.push({ text: new TextDecoder().decode(bytes), to }) }
  close(): void { this.closed = true }
}

const options = (via: string) => encode(`OPTIONS sip:x SIP/2.0\nVia: ${via}\nFrom: <sip:a@b>;tag=1\nTo: <sip:x>\nCall-ID: 1\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n`)

describe('the transport layer (RFC 3261 §18)', () => {
  function udp() {
    const l = layer()
    const socket = new MemoryDatagramSocket()
    const transport = new UdpTransport(socket, (flow) => { l.transport.attach(flow) }, () => {})
    const answer = (via: string, from: SocketAddress): SocketAddress | undefined => {
      socket.user?.onDatagram(options(via), from)
      const last = l.requests.at(-1)
      if (last !== undefined) l.transport.sendResponse(last.connection, makeResponse(last.request, 200))
      return socket.sent.at(-1)?.to
    }
    return { ...l, socket, udp: transport, answer }
  }

  it('sends a UDP response to the source address and the port of sent-by (§18.2.2)', () => {
    const b = udp()
    expect(b.answer('SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK1', { host: '198.51.100.7', port: 6666 })).toEqual({ host: '198.51.100.7', port: 5070 })
    expect(b.answer('SIP/2.0/UDP phone.example;branch=z9hG4bK1', { host: '198.51.100.7', port: 6666 })).toEqual({ host: '198.51.100.7', port: 5060 })
    expect(b.requests[1]?.request.via.params.get('received')).toBe('198.51.100.7')
    expect(b.requests[0]?.request.via.params.has('received')).toBe(false)
  })

  it('sends it to the source port when rport asks for it (RFC 3581), and says so in Via', () => {
    const b = udp()
    expect(b.answer('SIP/2.0/UDP 10.1.1.1:5060;branch=z9hG4bK1;rport', { host: '198.51.100.7', port: 6666 })).toEqual({ host: '198.51.100.7', port: 6666 })
    expect(b.requests[0]?.request.headers.get('Via')).toBe('SIP/2.0/UDP 10.1.1.1:5060;branch=z9hG4bK1;rport=6666;received=198.51.100.7')
  })

  it('is not misled by a received parameter that the sender wrote', () => {
    const b = udp()
    b.answer('SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1;received=203.0.113.1', { host: '198.51.100.7', port: 5060 })
    expect(b.socket.sent.at(-1)?.to.host).toBe('198.51.100.7')
    expect(b.requests[0]?.request.via.params.get('received')).toBe('198.51.100.7')
  })

  it('bounds the number of UDP flows and forgets the longest unused', () => {
    const b = udp()
    for (let i = 0; i < 5000; i++) b.socket.user?.onDatagram(options('SIP/2.0/UDP a;branch=z9hG4bK1'), { host: '198.51.100.7', port: 1024 + i })
    expect(b.transport.connections).toBeLessThanOrEqual(4096)
    expect(b.requests).toHaveLength(5000)
    b.udp.close()
    expect([b.socket.closed, b.transport.connections]).toEqual([true, 0])
  })

  it('drops garbage and counts it; keep-alives are no garbage', () => {
    const b = udp()
    const from = { host: '198.51.100.7', port: 5060 }
    for (const text of ['hello', '\0\x01\x02\x03\x04', 'SIP/2.0 200 OK\n\n', 'OPTIONS sip:x SIP/2.0\n\n', 'INVITE x y z\n\n']) b.socket.user?.onDatagram(encode(text), from)
    b.socket.user?.onDatagram(encode('\n\n'), from)
    b.socket.user?.onDatagram(new Uint8Array(1), from)
    expect([b.transport.counters.malformed, b.transport.counters.pings, b.requests.length, b.socket.sent.length]).toEqual([5, 2, 0, 0])
  })

  it('answers 400 to a request it can read the Via of, never to an ACK', () => {
    const b = udp()
    const from = { host: '198.51.100.7', port: 5060 }
    b.socket.user?.onDatagram(encode('OPTIONS  sip:x SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK1;rport\nTo: <sip:x>\n\n'), from)
    b.socket.user?.onDatagram(encode('ACK  sip:x SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK1;rport\n\n'), from)
    expect(b.socket.sent.map((s) => s.text.split('\r\n')[0])).toEqual(['SIP/2.0 400 Bad Request: white space in the request line'])
    expect(b.socket.sent[0]?.text).toContain('To: <sip:x>;tag=')
  })

  it('drops responses whose Via names another transport', () => {
    const b = layer()
    const [near, far] = memoryConnectionPair(b.clock)
    b.transport.attach(near)
    far.send(encode('SIP/2.0 200 OK\nVia: SIP/2.0/UDP a;branch=1\nContent-Length: 0\n\n'))
    far.send(encode('SIP/2.0 200 OK\nVia: SIP/2.0/TCP a;branch=1\nContent-Length: 0\n\n'))
    b.clock.advance(5)
    expect([b.transport.counters.stray, b.responses.length]).toEqual([1, 1])
  })

  it('answers the CRLF keep-alive on streams', () => {
    const b = layer()
    const [near, far] = memoryConnectionPair(b.clock)
    b.transport.attach(near)
    far.send(encode('\n\n'))
    b.clock.advance(5)
    expect(near.sent).toEqual(['\r\n'])
  })

  it('closes a stream on which framing is lost', () => {
    const b = layer()
    const [near, far] = memoryConnectionPair(b.clock)
    b.transport.attach(near)
    far.send(encode('\x16\x03\x01 client hello\n\n'))
    b.clock.advance(5)
    expect([b.closed(), b.transport.counters.malformed, b.transport.connections]).toEqual([1, 1, 0])
  })

  it('closes a stream that does not finish its message in time', () => {
    const b = layer({ limits: { partialMessageMs: 10_000 } })
    const [near, far] = memoryConnectionPair(b.clock)
    b.transport.attach(near)
    for (let i = 0; i < 20; i++) { far.send(encode('O')); b.clock.advance(600) }
    expect(b.transport.connections).toBe(0)
    expect(b.clock.pending).toBe(0)
  })

  it('refuses connections beyond the limit', () => {
    const b = layer({ limits: { maxConnections: 1 } })
    const [one] = memoryConnectionPair(b.clock), [two] = memoryConnectionPair(b.clock)
    b.transport.attach(one)
    b.transport.attach(two)
    expect([b.transport.connections, b.transport.counters.refusedConnections]).toEqual([1, 1])
  })

  it('does not take a closed connection back', () => {
    const b = layer()
    const [near] = memoryConnectionPair(b.clock)
    b.transport.attach(near)
    near.close()
    b.transport.attach(near)
    expect(b.transport.connections).toBe(0)
  })

  it('takes TCP for requests larger than 1300 bytes, one connection for each address (§18.1.1)', async () => {
    const opened: string[] = []
    const pairs: ReturnType<typeof memoryConnectionPair>[] = []
    const b = layer({ connectTcp: (remote) => { opened.push(`${remote.host}:${remote.port}`); const pair = memoryConnectionPair(b.clock); pairs.push(pair); return Promise.resolve(pair[0]) } })
    const [flow] = memoryConnectionPair(b.clock, { reliable: false })
    b.transport.attach(flow)
    expect(b.transport.connectionFor(flow, 1300)).toBe(flow)
    const stream = b.transport.connectionFor(flow, 1301)
    expect([stream.transport, stream.reliable]).toEqual(['TCP', true])
    expect(b.transport.connectionFor(flow, 2000)).toBe(stream)
    const request = new SipRequest('OPTIONS', 'sip:x')
    b.transport.sendRequest(stream, request)
    await b.clock.advanceAsync(1)
    b.transport.sendRequest(stream, request)
    expect(opened).toEqual(['10.0.0.2:5060'])
    expect(pairs[0]?.[0].sent).toHaveLength(2)
    b.transport.close()
    expect(b.clock.pending).toBeLessThanOrEqual(3)
  })

  it('reopens a lost TCP connection to deliver a response, but never a lost overlay pipe', () => {
    let tries = 0
    const b = layer({ connectTcp: () => { tries++; return Promise.reject(new PeerError('peer-unreachable')) } })
    for (const first of [undefined, { aor: 'a@b', nodeId: '00' }]) {
      const [near, far] = memoryConnectionPair(b.clock, first === undefined ? {} : { first })
      const connection = first === undefined ? near : far
      b.transport.attach(connection)
      connection.close()
      const request = new SipRequest('OPTIONS', 'sip:x')
      request.headers.append('Via', 'SIP/2.0/TCP 10.0.0.1:5070;branch=z9hG4bK1')
      expect(b.transport.sendResponse(connection, makeResponse(request, 200))).toBe(first === undefined)
    }
    expect(tries).toBe(1)
  })
})
