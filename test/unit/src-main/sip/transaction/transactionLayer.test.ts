import { describe, expect, it } from 'vitest'
import { makeResponse, SipRequest } from '../../../../../src-main/sip/message/message.ts'
import type { Connection } from '../../../../../src-main/sip/transport/connection.ts'
import { TransportLayer } from '../../../../../src-main/sip/transport/transportLayer.ts'
import type { ServerTransaction } from '../../../../../src-main/sip/transaction/transaction.ts'
import { TransactionLayer } from '../../../../../src-main/sip/transaction/transactionLayer.ts'
import { type MemoryConnection, memoryConnectionPair, type MemoryConnectionOptions } from '../../../../support/memoryConnection.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'
import { quietLog, startLines } from '../../../../support/sipPeers.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'

function bench(maxTransactions = 100) {
  const clock = new VirtualClock()
  const transport = new TransportLayer({ clock, log: quietLog })
  const layer = new TransactionLayer({ clock, random: new SeededRandom(1), log: quietLog, transport, maxTransactions })
  const requests: ServerTransaction[] = [], acks: SipRequest[] = []
  layer.user = {
    onRequest: (_request, transaction) => { requests.push(transaction) },
    onAck: (request) => { acks.push(request) },
    onConnectionClosed: () => {},
  }
  const connect = (options: MemoryConnectionOptions = {}): [MemoryConnection, MemoryConnection] => {
    const pair = memoryConnectionPair(clock, options)
    transport.attach(pair[0])
    return pair
  }
  const send = (connection: Connection, method = 'OPTIONS') => {
    const heard: string[] = []
    const request = new SipRequest(method, 'sip:bob@office.example')
    request.headers.append('From', '<sip:a@b>;tag=1').append('To', '<sip:x>').append('Call-ID', '1').append('CSeq', `1 ${method}`)
    layer.request(connection, request, { onResponse: (r) => { heard.push(String(r.status)) }, onTimeout: () => { heard.push('timeout') }, onTransportError: () => { heard.push('transport error') } })
    return { heard, request, ok: (status = 200) => makeResponse(request, status, undefined, 'x').encode() }
  }
  return { clock, transport, layer, requests, acks, connect, send }
}

const message = (branch: string, method = 'MESSAGE', extra = '') => new TextEncoder().encode(
  `${method} sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h:5060;branch=${branch}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x>\r\nCall-ID: 1\r\nCSeq: 1 ${method}\r\n${extra}Content-Length: 0\r\n\r\n`)

describe('the transaction layer (RFC 3261 §17.1.3, §17.2.3)', () => {
  it('gives each request a branch of its own that cannot be guessed', () => {
    const b = bench()
    const [near] = b.connect()
    const branches = [1, 2, 3].map(() => b.send(near).request.via.params.get('branch'))
    expect(new Set(branches).size).toBe(3)
    for (const branch of branches) expect(branch).toMatch(/^z9hG4bK[0-9a-f]{16}$/)
  })

  it('matches responses by branch and method and drops strays', () => {
    const b = bench()
    const [near, far] = b.connect()
    const sent = b.send(near)
    far.send(new TextEncoder().encode(new TextDecoder().decode(sent.ok()).replace('OPTIONS', 'INVITE')))
    far.send(new TextEncoder().encode(new TextDecoder().decode(sent.ok()).replace(/branch=\S+/, 'branch=z9hG4bKother')))
    b.clock.advance(5)
    expect([sent.heard, b.transport.counters.stray]).toEqual([[], 2])
    far.send(sent.ok())
    far.send(sent.ok())
    b.clock.advance(5)
    expect([sent.heard, b.transport.counters.stray, b.layer.size]).toEqual([['200'], 3, 0])
  })

  it('takes the response to a proven peer from that peer only', () => {
    const b = bench()
    const [pipe] = b.connect({ second: { aor: 'bob@office.example', nodeId: '01' } })
    const [, mallory] = b.connect()
    const sent = b.send(pipe)
    mallory.send(sent.ok(200))
    b.clock.advance(5)
    expect([sent.heard, b.transport.counters.stray]).toEqual([[], 1])
    const [socket] = b.connect(), [, elsewhere] = b.connect()
    const open = b.send(socket)
    elsewhere.send(open.ok())
    b.clock.advance(5)
    expect(open.heard).toEqual(['200']) // §18.2.2: a server may have to open another connection
  })

  it('keeps transactions of proven peers apart even when they choose the same branch', () => {
    const b = bench()
    const [, one] = b.connect({ second: { aor: 'a@b', nodeId: '01' } }), [, two] = b.connect({ second: { aor: 'c@b', nodeId: '02' } })
    one.send(message('z9hG4bKsame'))
    two.send(message('z9hG4bKsame'))
    b.clock.advance(5)
    expect(b.requests).toHaveLength(2)
  })

  it('absorbs a repeated request and passes an ACK that fits nothing up', () => {
    const b = bench()
    const [near, far] = b.connect()
    far.send(message('z9hG4bKa'))
    far.send(message('z9hG4bKa'))
    far.send(message('z9hG4bKb', 'ACK'))
    b.clock.advance(5)
    expect([b.requests.length, b.acks.length, near.sent.length]).toEqual([1, 1, 0])
  })

  it('tells all transactions of a connection that it has closed, and no others', () => {
    const b = bench()
    const [near, far] = b.connect(), [other] = b.connect()
    const sent = ['a', 'b', 'c', 'd'].map(() => b.send(near)), elsewhere = b.send(other)
    far.send((sent[1] as (typeof sent)[number]).ok()) // one from among them is over before
    b.clock.advance(5)
    near.close()
    b.clock.advance(5)
    expect([sent.map(({ heard }) => heard.join()), elsewhere.heard, b.layer.size]).toEqual([['transport error', '200', 'transport error', 'transport error'], [], 1])
  })

  it('counts a request as merged only when it has come to the user agent twice, not when it was proxied before (§8.2.2.2)', () => {
    const b = bench()
    const [, far] = b.connect()
    for (const branch of ['proxied', 'spiral', 'again']) far.send(message(`z9hG4bK${branch}`))
    b.clock.advance(5)
    const [, spiral, again] = b.requests as [ServerTransaction, ServerTransaction, ServerTransaction]
    expect([b.layer.isMerged(spiral), b.layer.isMerged(again), b.layer.isMerged(spiral)]).toEqual([false, true, false])
    spiral.respond(makeResponse(spiral.request, 200, undefined, 'x'))
    expect(b.layer.isMerged(again)).toBe(false)
  })

  it('answers 400 when To, From, Call-ID or CSeq cannot be read, and drops such an ACK', () => {
    const b = bench()
    const [near, far] = b.connect()
    for (const [i, extra] of ['From: <sip:second@b>\r\n', 'Max-Forwards: 300\r\n', 'CSeq: 2 MESSAGE\r\n'].entries()) far.send(message(`z9hG4bK${i}`, 'MESSAGE', extra))
    far.send(message('z9hG4bKack', 'ACK', 'From: <sip:second@b>\r\n'))
    b.clock.advance(5)
    expect(startLines(near).map((l) => l.slice(0, 11))).toEqual(['SIP/2.0 400', 'SIP/2.0 400', 'SIP/2.0 400'])
    expect([b.requests.length, b.acks.length]).toEqual([0, 0])
  })

  it('drops a response that cannot be read and keeps the stream', () => {
    const b = bench()
    const [near, far] = b.connect()
    const sent = b.send(near)
    far.send(new TextEncoder().encode(new TextDecoder().decode(sent.ok()).replace(/CSeq: 1/, 'CSeq: x')))
    far.send(sent.ok())
    b.clock.advance(5)
    expect([sent.heard, b.transport.counters.malformed, b.transport.connections]).toEqual([['200'], 1, 1])
  })

  it('says 503 with Retry-After when it has too many, and fails its own at once', () => {
    const b = bench(2)
    const [near, far] = b.connect()
    for (const branch of ['a', 'b', 'c']) far.send(message(`z9hG4bK${branch}`))
    b.clock.advance(5)
    expect(b.requests).toHaveLength(2)
    expect(near.sent[0]).toMatch(/^SIP\/2\.0 503 .*\r\n[^]*Retry-After: \d+/)
    const sends = [1, 2, 3].map(() => b.send(near))
    b.clock.advance(5)
    expect(sends.map((s) => s.heard)).toEqual([[], [], ['transport error']])
  })

  it('ends every transaction of a connection that is lost', () => {
    const b = bench()
    const [near, far] = b.connect()
    far.send(message('z9hG4bKa'))
    b.clock.advance(5)
    const sent = b.send(near)
    near.break()
    expect(sent.heard).toEqual(['transport error'])
    b.clock.advance(5)
    expect([b.layer.size, b.clock.pending]).toEqual([0, 0])
  })
})
