import { describe, expect, test } from 'vitest'
import { Counters } from '../../../../../src-main/base/counters.ts'
import type { SecureStream, SecureStreamUser } from '../../../../../src-main/ports/secureStream.ts'
import { encodeAck, encodeData, FrameDecoder } from '../../../../../src-main/reload/link/framing.ts'
import { Link, type LinkLimits } from '../../../../../src-main/reload/link/link.ts'
import { RoundTripTime } from '../../../../../src-main/reload/link/roundTripTime.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'

const limits: LinkLimits = { maxMessageBytes: 1000, maxQueuedBytes: 5000, messagesPerSecond: 10, messageBurst: 20 }

function setUp(): { clock: VirtualClock; counters: Counters; link: Link; sent: string[]; facts: string[]; receive: (bytes: Uint8Array) => void; stream: { writable: boolean; state: string; drain: () => void; end: () => void } } {
  const clock = new VirtualClock()
  const counters = new Counters()
  const sent: string[] = []
  const facts: string[] = []
  const decoder = new FrameDecoder({ maxMessageBytes: 10_000 })
  let user: SecureStreamUser | undefined
  const control = { writable: true, state: 'open', drain: () => { user?.onDrain() }, end: () => { user?.onClose() } }
  const stream = {
    get user() { return user }, set user(value) { user = value },
    write(bytes: Uint8Array) {
      for (const frame of decoder.push(bytes)) sent.push(frame.type === 'data' ? `data ${frame.sequence}` : `ack ${frame.ackSequence}`)
      return control.writable
    },
    close() { control.state = 'closed' }, destroy() { control.state = 'destroyed' },
  } as unknown as SecureStream
  const link = new Link(new Uint8Array(16), stream, true, clock, limits, counters, {
    onMessage: (_, message) => { facts.push(`message ${message.length}`) },
    onSuspect: () => { facts.push('suspect') },
    onRecovered: () => { facts.push('recovered') },
    onTooLarge: (_, head) => { facts.push(`too large ${head.length}`) },
    onClosed: (_, cause) => { facts.push(`closed: ${cause}`) },
  })
  link.start()
  return { clock, counters, link, sent, facts, receive: (bytes) => { user?.onData(bytes) }, stream: control }
}

describe('a TLS-TCP-FH link', () => {
  test('numbers frames from 0 and acknowledges each data frame at once', () => {
    const { link, sent, receive, facts } = setUp()
    link.send(new Uint8Array(1))
    link.send(new Uint8Array(1))
    receive(encodeData(7, new Uint8Array(5)))
    expect(sent).toEqual(['data 0', 'data 1', 'ack 7'])
    expect(facts).toEqual(['message 5'])
  })

  test('that is retired sends no more, and takes what the peer sent before it learnt of the end', () => {
    const { link, sent, receive, facts, stream } = setUp()
    receive(encodeData(0, new Uint8Array(5)))
    link.retire()
    expect(stream.state).toBe('closed')
    expect(link.send(new Uint8Array(1))).toBe(false)
    receive(encodeData(1, new Uint8Array(6)))
    receive(encodeData(2, new Uint8Array(7)))
    expect(facts).toEqual(['message 5', 'closed: closed by us', 'message 6', 'message 7'])
    expect(sent).toEqual(['ack 0'])
    receive(Uint8Array.of(1, 2, 3))
    receive(encodeData(3, new Uint8Array(8)))
    expect(facts).toHaveLength(4)
  })

  test('that is closed takes nothing more', () => {
    const { link, receive, facts } = setUp()
    link.close()
    receive(encodeData(0, new Uint8Array(5)))
    expect(facts).toEqual(['closed: closed by us'])
  })

  test('measures the round trip by the acks', () => {
    const { clock, link, receive, facts } = setUp()
    expect(link.rttMs).toBeNull()
    link.send(new Uint8Array(1))
    clock.advance(80)
    expect(link.awaitsAck).toBe(true)
    receive(encodeAck(0, 0))
    expect([link.rttMs, link.awaitsAck]).toEqual([80, false])
    clock.advance(4_000)
    expect([facts, clock.pending]).toEqual([[], 0])
  })

  test('shows that it is there by its last acknowledgement, which asks for no answer', () => {
    const { clock, link, sent, receive, facts } = setUp()
    clock.advance(5_000)
    link.keepAlive()
    // Nothing has come that could be acknowledged.
    expect([sent, link.quietMs]).toEqual([[], 5_000])
    receive(encodeData(7, new Uint8Array(5)))
    clock.advance(4_000)
    expect(link.quietMs).toBe(4_000)
    link.keepAlive()
    expect([sent, link.quietMs]).toEqual([['ack 7', 'ack 7'], 0])
    // At the other end it breaks the silence and changes nothing else.
    const other = setUp()
    other.link.send(new Uint8Array(1))
    other.receive(encodeAck(0, 0))
    other.clock.advance(20_000)
    const rtt = other.link.rttMs
    other.receive(encodeAck(0, 0))
    expect([other.link.silentMs, other.link.rttMs, other.facts, other.sent]).toEqual([0, rtt, [], ['data 0']])
    expect(facts).toEqual(['message 5'])
    expect(clock.pending).toBe(0)
  })

  test('is suspect when acks stay away, recovers with them, and is given up 30 s later without', () => {
    const { clock, link, receive, facts, stream } = setUp()
    link.send(new Uint8Array(1))
    clock.advance(3_999)
    expect(facts).toEqual([])
    clock.advance(1)
    expect(facts).toEqual(['suspect'])
    receive(encodeAck(0, 0))
    expect(facts).toEqual(['suspect', 'recovered'])
    link.send(new Uint8Array(1))
    clock.advance(60_000)
    expect(facts.slice(2)).toEqual(['suspect', 'closed: no acknowledgement'])
    expect(stream.state).toBe('destroyed')
    expect(clock.pending).toBe(0)
  })

  test('does not queue without end for a peer that does not read', () => {
    const { link, stream, sent, counters } = setUp()
    stream.writable = false
    const results = Array.from({ length: 10 }, () => link.send(new Uint8Array(900)))
    expect(results.filter(Boolean)).toHaveLength(5)
    expect(counters.get('link.droppedSlow')).toBe(5)
    stream.drain()
    expect(link.send(new Uint8Array(900))).toBe(true)
    expect(sent).toHaveLength(6)
  })

  test('drops the messages of a flood, but acknowledges them', () => {
    const { clock, receive, facts, sent, counters } = setUp()
    for (let i = 0; i < 50; i++) receive(encodeData(i, new Uint8Array(1)))
    expect(facts).toHaveLength(20)
    expect(sent).toHaveLength(50)
    expect(counters.get('link.droppedFlood')).toBe(30)
    clock.advance(1_000)
    for (let i = 50; i < 70; i++) receive(encodeData(i, new Uint8Array(1)))
    expect(facts).toHaveLength(30)
  })

  test('closes on a message over max-message-size after telling its beginning, and sends none', () => {
    const { link, receive, facts, stream } = setUp()
    expect(link.send(new Uint8Array(1001))).toBe(false)
    receive(encodeData(0, new Uint8Array(1001)))
    expect(facts).toEqual(['too large 1000', 'closed: closed by us'])
    expect(stream.state).toBe('closed')
    expect(link.send(new Uint8Array(1))).toBe(false)
  })

  test('closes on what is no frame, and counts it', () => {
    const { receive, stream, counters } = setUp()
    receive(new Uint8Array([7, 7, 7]))
    expect([stream.state, counters.get('link.malformed')]).toEqual(['closed', 1])
  })
})

test('RTO follows RFC 6298 §2 in milliseconds', () => {
  const rtt = new RoundTripTime()
  expect([rtt.smoothedMs, rtt.rtoMs]).toEqual([null, 1000])
  rtt.measure(100)
  expect([rtt.smoothedMs, rtt.rtoMs]).toEqual([100, 300])
  rtt.measure(200)
  expect(rtt.smoothedMs).toBe(112.5)
  expect(rtt.rtoMs).toBe(112.5 + 4 * 62.5)
})
