import { describe, expect, it } from 'vitest'
import { createSipElement } from '../../../../../src-main/sip/element/element.ts'
import type { Connection } from '../../../../../src-main/sip/transport/connection.ts'
import { SourceLimits } from '../../../../../src-main/sip/transport/sourceLimits.ts'
import { DatagramBus } from '../../../../support/datagramBus.ts'
import { memoryConnectionPair } from '../../../../support/memoryConnection.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'
import { quietLog, sipPair, TestPeer } from '../../../../support/sipPeers.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'

const rates = { perSourceS: 10, perSourceBurst: 20, allS: 50, allBurst: 100 }
const many = (limits: SourceLimits, host: string, count: number): number => Array.from({ length: count }, () => limits.admits(host)).filter(Boolean).length

describe('what strangers may send', () => {
  it('is a burst, then so much a second, for each address by itself', () => {
    const clock = new VirtualClock(), limits = new SourceLimits(clock, rates)
    expect([many(limits, '192.0.2.1', 50), many(limits, '192.0.2.2', 50)]).toEqual([20, 20])
    clock.advance(1_000)
    expect(many(limits, '192.0.2.1', 50)).toBe(10)
    expect(limits.refused).toBe(30 + 30 + 40)
  })

  it('is bounded for all of them together, and the table of addresses too', () => {
    const limits = new SourceLimits(new VirtualClock(), rates)
    let taken = 0
    for (let i = 0; i < 6_000; i++) taken += many(limits, `10.${i >> 8}.${i & 255}.1`, 1)
    expect([taken, limits.size]).toEqual([100, 4096])
  })

  it('counts an IPv6 network of 64 bits as one address', () => {
    const limits = new SourceLimits(new VirtualClock(), rates)
    expect(many(limits, '2001:db8:0:1::5', 15) + many(limits, '2001:db8::1:aaaa:bbbb:cccc:dddd', 15)).toBe(20)
    expect(many(limits, '2001:db8:0:2::5', 5)).toBe(5)
  })

  it('is not limited for connections that are known', () => {
    const limits = new SourceLimits(new VirtualClock(), rates)
    const [phone, other] = memoryConnectionPair(new VirtualClock())
    limits.trust(phone)
    expect(many(limits, phone.remote.host, 50)).toBe(20)
    expect([limits.admits(phone.remote.host, phone), limits.admits(phone.remote.host, other)]).toEqual([true, false])
  })
})

const options = (from: string, i: number): string => [`OPTIONS sip:bob@192.0.2.1 SIP/2.0`, `Via: SIP/2.0/UDP ${from};branch=z9hG4bK${from}${i};rport`, 'Max-Forwards: 70', `From: <sip:x@${from}>;tag=1`, 'To: <sip:bob@192.0.2.1>', `Call-ID: ${from}${i}`, 'CSeq: 1 OPTIONS', 'Content-Length: 0', '', ''].join('\r\n')

describe('an element that limits strangers', () => {
  async function flooded(): Promise<{ clock: VirtualClock; bus: DatagramBus; element: ReturnType<typeof createSipElement> }> {
    const clock = new VirtualClock(), bus = new DatagramBus(clock)
    const element = createSipElement({
      clock, random: new SeededRandom(1), log: quietLog, user: new TestPeer('bob', new VirtualClock(), 2), network: bus.host('192.0.2.1'), limits: { sources: rates },
      local: () => ({ aor: 'bob@office.example', displayName: '' }),
    })
    await element.listen({ host: '192.0.2.1', port: 5060 })
    return { clock, bus, element }
  }
  const answers = (bus: DatagramBus, to: string): number => bus.sent.filter((each) => each.to.startsWith(to) && each.text.startsWith('SIP/2.0 200')).length

  it('drops datagrams of an address that sends too many, before a transaction or a flow is made; others are served', async () => {
    const { clock, bus, element } = await flooded()
    const text = new TextEncoder()
    for (let port = 1; port <= 300; port++) { // garbage and requests, from another port each time
      const socket = await bus.host('198.51.100.1').bindDatagram({ host: '198.51.100.1', port })
      socket.send(text.encode(port % 2 === 0 ? 'garbage' : options(`198.51.100.1:${port}`, port)), { host: '192.0.2.1', port: 5060 })
    }
    await clock.advanceAsync(10)
    const quiet = await bus.host('198.51.100.2').bindDatagram({ host: '198.51.100.2', port: 5060 })
    quiet.send(text.encode(options('198.51.100.2:5060', 1)), { host: '192.0.2.1', port: 5060 })
    await clock.advanceAsync(10)
    expect([answers(bus, '198.51.100.1'), answers(bus, '198.51.100.2'), element.transactions.size, element.transport.connections, element.sources?.refused]).toEqual([10, 1, 11, 21, 280])
    await element.close()
  })

  it('goes on hearing whom it has asked something itself', async () => {
    const { clock, bus, element } = await flooded()
    const socket = await bus.host('198.51.100.1').bindDatagram({ host: '198.51.100.1', port: 5060 })
    element.userAgent.request({ connection: element.udpFlow({ host: '198.51.100.1', port: 5060 }), requestUri: 'sip:x@198.51.100.1' }, 'OPTIONS', { to: 'x@198.51.100.1' }, new AbortController().signal).catch(() => {})
    for (let i = 0; i < 60; i++) socket.send(new TextEncoder().encode(options('198.51.100.1:5060', i)), { host: '192.0.2.1', port: 5060 })
    await clock.advanceAsync(10)
    expect(answers(bus, '198.51.100.1')).toBe(60)
    await element.close()
    await clock.advanceAsync(100)
  })

  it('closes the oldest streams of the address that has most, when too many are open on which nobody has logged in', async () => {
    const { clock, bus, element } = await flooded()
    const roomy = createSipElement({
      clock, random: new SeededRandom(1), log: quietLog, user: new TestPeer('carol', new VirtualClock(), 2), limits: { sources: { perSourceS: 1e6, perSourceBurst: 1e6, allS: 1e6, allBurst: 1e6 } },
      local: () => ({ aor: 'bob@office.example', displayName: '' }),
    })
    await element.close()
    const closed: string[] = []
    const stranger = (name: string, host: string): Connection => {
      const connection: Connection = { id: name, transport: 'TCP', reliable: true, local: { host: '192.0.2.1', port: 5060 }, remote: { host, port: 1 }, user: undefined, send: () => {}, close: () => { closed.push(name); connection.user?.onClose() } }
      roomy.transport.attach(connection, true)
      return connection
    }
    roomy.transport.trust(stranger('phone', '198.51.100.1'))
    const first = stranger('other', '198.51.100.2')
    for (let i = 0; i < 300; i++) stranger(`flood ${i}`, '198.51.100.1')
    expect([closed.length, closed[0], closed.at(-1)]).toEqual([45, 'flood 0', 'flood 44'])
    expect([roomy.transport.isOpen(first), roomy.transport.connections, roomy.transport.counters.refusedConnections]).toEqual([true, 257, 45])
    await roomy.close()
    await clock.advanceAsync(100)
    expect([clock.pending, bus.sent.length]).toEqual([0, 0])
  })

  it('on a stream answers 503 with Retry-After, once, and closes', () => {
    const clock = new VirtualClock()
    const element = createSipElement({
      clock, random: new SeededRandom(1), log: quietLog, user: new TestPeer('bob', new VirtualClock(), 2), limits: { sources: { ...rates, perSourceBurst: 6, perSourceS: 1 } },
      local: () => ({ aor: 'bob@office.example', displayName: '' }),
    })
    const [near, far] = memoryConnectionPair(clock)
    element.transport.attach(near, true) // costs one as well
    for (let i = 0; i < 10; i++) far.send(new TextEncoder().encode(options('10.0.0.2:5070', i).replace('/UDP', '/TCP')))
    clock.advance(10)
    const statuses = near.sent.map((text) => text.slice(8, 11))
    expect(statuses).toEqual(['200', '200', '200', '200', '200', '503'])
    expect(near.sent.at(-1)).toContain('Retry-After: 10')
    expect(element.transport.isOpen(near)).toBe(false)
  })

  it('does not count what comes through the overlay', () => {
    const pair = sipPair({ reliable: true, first: { aor: 'alice@office.example', nodeId: 'a' }, second: { aor: 'bob@office.example', nodeId: 'b' } }, { sources: { perSourceS: 0, perSourceBurst: 0, allS: 0, allBurst: 0 } })
    pair.alice.ua.request(pair.leg, 'MESSAGE', { to: 'bob@office.example', body: new Uint8Array([65]) }, new AbortController().signal).catch(() => {})
    pair.clock.advance(20)
    expect(pair.bob.messages).toHaveLength(1)
  })
})

it('a phone is known once it has logged in', async () => {
  const { ServerKit } = await import('../../../../support/sipServerKit.ts')
  const kit = new ServerKit(), desk = kit.end('desk')
  const trusted: boolean[] = []
  kit.element.transport.trust = () => { trusted.push(true) }
  desk.send(desk.request('REGISTER', 'sip:office.example'))
  await kit.run()
  expect([desk.statuses, trusted]).toEqual([[401], []])
  desk.send(desk.authorise(desk.request('REGISTER', 'sip:office.example', [['To', '<sip:desk@office.example>']]), 2))
  await kit.run()
  expect([desk.statuses.at(-1), trusted]).toEqual([200, [true]])
})
