import { describe, expect, it } from 'vitest'
import { leftovers, type Pair, sipPair, startLines } from '../../../../support/sipPeers.ts'

const open = new TextEncoder().encode('<open/>'), closed = new TextEncoder().encode('<closed/>')

function subscribe(pair: Pair, expiresS = 600) {
  const heard: string[] = []
  const subscription = pair.alice.ua.subscribe(pair.leg, { to: 'bob@office.example', event: 'presence', accept: 'application/pidf+xml', expiresS }, {
    onNotify: (contentType, body, state) => { heard.push(`${state} ${contentType} ${new TextDecoder().decode(body)}`.trim()) },
    onTerminated: (reason, status) => { heard.push(`terminated ${reason}${status === undefined ? '' : ` ${status}`}`) },
  })
  pair.clock.advance(10)
  return { heard, subscription, server: pair.bob.subscriptions.at(-1) }
}

for (const reliable of [true, false]) {
  describe(`subscriptions over ${reliable ? 'a reliable pipe' : 'UDP'} (RFC 6665)`, () => {
    it('is accepted, notified at once and of each change, and ended by the subscriber with Expires 0', async () => {
      const pair = sipPair({ reliable })
      const { heard, subscription, server } = subscribe(pair)
      const ended: string[] = []
      if (server !== undefined) server.user = { onEnded: () => { ended.push('ended') } }
      expect(server?.event).toBe('presence')
      expect(server?.expiresS).toBe(600)
      server?.accept('active')
      server?.notify('application/pidf+xml', open)
      pair.clock.advance(10)
      expect(heard).toEqual(['active application/pidf+xml <open/>'])
      server?.notify('application/pidf+xml', closed)
      pair.clock.advance(10)
      expect(heard.at(-1)).toBe('active application/pidf+xml <closed/>')
      subscription.end()
      pair.clock.advance(20)
      expect(ended).toEqual(['ended'])
      expect(heard).toHaveLength(2)
      expect(pair.b.sent.filter((t) => t.startsWith('NOTIFY')).at(-1)).toContain('Subscription-State: terminated;reason=timeout')
      pair.clock.advance(40_000)
      expect(pair.clock.pending).toBe(0)
      expect(await leftovers(pair)).toBe(0)
    })

    it('is refreshed before it expires, for as long as it is wanted', () => {
      const pair = sipPair({ reliable })
      const { heard, server } = subscribe(pair, 100)
      server?.accept('active')
      server?.notify('text/plain', open)
      pair.clock.advance(1000_000)
      const subscribes = pair.a.sent.flatMap((t, i) => (t.startsWith('SUBSCRIBE') ? [pair.a.sentAt[i] ?? 0] : []))
      expect(subscribes.length).toBeGreaterThan(10)
      expect((subscribes[1] ?? 0) - (subscribes[0] ?? 0)).toBeGreaterThanOrEqual(90_000)
      expect((subscribes[1] ?? 0) - (subscribes[0] ?? 0)).toBeLessThan(95_500)
      expect(heard.some((h) => h.startsWith('terminated'))).toBe(false)
    })

    it('is terminated by the notifier', () => {
      const pair = sipPair({ reliable })
      const { heard, server } = subscribe(pair)
      server?.accept('pending')
      pair.clock.advance(10)
      server?.terminate('rejected')
      pair.clock.advance(10)
      expect(heard).toEqual(['pending', 'terminated rejected'])
      pair.clock.advance(40_000)
      expect(pair.clock.pending).toBe(0)
    })

    it('is rejected', () => {
      const pair = sipPair({ reliable })
      const { heard, server } = subscribe(pair)
      server?.reject(403)
      pair.clock.advance(10)
      expect(heard).toEqual(['terminated Forbidden 403'])
      pair.clock.advance(40_000)
      expect(pair.clock.pending).toBe(0)
    })
  })
}

describe('subscriptions (RFC 6665)', () => {
  it('tells a pending subscriber nothing until it is made active', () => {
    const pair = sipPair()
    const { heard, server } = subscribe(pair)
    server?.notify('text/plain', open)
    server?.accept('pending')
    pair.clock.advance(10)
    expect(heard).toEqual(['pending'])
    server?.accept('active')
    pair.clock.advance(10)
    expect(heard).toEqual(['pending', 'active text/plain <open/>'])
  })

  it('takes a NOTIFY that overtakes the 200', () => {
    const pair = sipPair()
    const heard: string[] = []
    pair.b.user = { // hand-made notifier: NOTIFY first
      onData: (bytes) => {
        const text = new TextDecoder().decode(bytes)
        if (!text.startsWith('SUBSCRIBE')) return
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1]?.trim() ?? ''
        pair.b.send(new TextEncoder().encode(`NOTIFY sip:alice@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.2:5060;branch=z9hG4bKearly\r\nMax-Forwards: 70\r\nFrom: ${field('To')};tag=bobtag\r\nTo: ${field('From')}\r\nCall-ID: ${field('Call-ID')}\r\nCSeq: 9 NOTIFY\r\nEvent: presence\r\nSubscription-State: active;expires=500\r\nContact: <sip:bob@10.0.0.2>\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nearly`))
        pair.b.send(new TextEncoder().encode(`SIP/2.0 200 OK\r\nVia: ${field('Via')}\r\nFrom: ${field('From')}\r\nTo: ${field('To')};tag=bobtag\r\nCall-ID: ${field('Call-ID')}\r\nCSeq: ${field('CSeq')}\r\nExpires: 500\r\nContact: <sip:bob@10.0.0.2>\r\nContent-Length: 0\r\n\r\n`))
      },
      onClose: () => {},
    }
    const subscription = pair.alice.ua.subscribe(pair.leg, { to: 'bob@office.example', event: 'presence', accept: 'text/plain', expiresS: 600 }, {
      onNotify: (_type, body) => { heard.push(new TextDecoder().decode(body)) }, onTerminated: (reason) => { heard.push(`terminated ${reason}`) },
    })
    pair.clock.advance(10)
    expect(heard).toEqual(['early'])
    expect(startLines(pair.a)).toContain('SIP/2.0 200 OK')
    pair.clock.advance(451_000)
    const refresh = pair.a.sent.filter((t) => t.startsWith('SUBSCRIBE')).at(-1) ?? ''
    expect(refresh).toContain('To: <sip:bob@office.example>;tag=bobtag')
    expect(refresh).toContain('CSeq: 2 SUBSCRIBE')
    expect(refresh).toMatch(/^SUBSCRIBE sip:bob@10\.0\.0\.2 /)
    subscription.end()
  })

  it('ends when no NOTIFY comes within 64·T1 (timer N)', () => {
    const pair = sipPair()
    const { heard, server } = subscribe(pair)
    void server
    pair.clock.advance(32_000)
    expect(heard[0]).toMatch(/^terminated (no NOTIFY|no response) 408$/)
  })

  it('ends when the connection is lost, on both sides', () => {
    const pair = sipPair()
    const { heard, server } = subscribe(pair)
    let ended = 0
    if (server !== undefined) server.user = { onEnded: () => { ended++ } }
    server?.accept('active')
    pair.clock.advance(10)
    pair.a.break()
    pair.clock.advance(10)
    expect(heard.at(-1)).toBe('terminated connection lost')
    expect(ended).toBe(1)
    expect(pair.clock.pending).toBe(0)
  })

  it('ends with 481 when the notifier has forgotten it', () => {
    const pair = sipPair()
    const { heard, server } = subscribe(pair, 100)
    server?.accept('active')
    pair.clock.advance(10)
    // the notifier starts anew: another element on the same pipe
    pair.bob.ua.close()
    pair.b.sent.length = 0
    pair.clock.advance(10)
    expect(heard.at(-1)).toBe('terminated deactivated')
  })

  it('expires at the notifier when it is not refreshed', () => {
    const pair = sipPair()
    const { server } = subscribe(pair, 50)
    let ended = 0
    if (server !== undefined) server.user = { onEnded: () => { ended++ } }
    server?.accept('active')
    pair.clock.advance(10)
    pair.alice.element.transactions.request = (() => { throw new Error('the subscriber is gone') }) as never
    expect(() => { pair.clock.advance(46_000) }).toThrow('gone')
    pair.clock.advance(6000)
    expect(ended).toBe(1)
  })

  it('answers a poll (Expires 0) with one NOTIFY that carries the state and terminates', () => {
    const pair = sipPair()
    const { heard, server } = subscribe(pair, 0)
    server?.accept('active')
    server?.notify('text/plain', open)
    pair.clock.advance(10)
    expect(heard).toEqual(['active text/plain <open/>', 'terminated timeout'])
    expect(startLines(pair.b).filter((l) => l.startsWith('NOTIFY'))).toHaveLength(1)
    pair.clock.advance(40_000)
    expect(pair.clock.pending).toBe(0)
  })

  it('sends one NOTIFY at a time and the newest state last', () => {
    const pair = sipPair({ latencyMs: 100 })
    const { heard } = subscribe(pair)
    pair.clock.advance(100)
    const server = pair.bob.subscriptions[0]
    server?.accept('active')
    for (let i = 0; i < 20; i++) server?.notify('text/plain', new TextEncoder().encode(String(i)))
    pair.clock.advance(1000)
    expect(heard).toEqual(['active text/plain 0', 'active text/plain 19'])
  })

  it('raises the interval once when told 423', () => {
    const pair = sipPair()
    pair.b.user = {
      onData: (bytes) => {
        const text = new TextDecoder().decode(bytes)
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1]?.trim() ?? ''
        if (!text.startsWith('SUBSCRIBE')) return
        pair.b.send(new TextEncoder().encode(`SIP/2.0 423 Interval Too Brief\r\nVia: ${field('Via')}\r\nFrom: ${field('From')}\r\nTo: ${field('To')};tag=x\r\nCall-ID: ${field('Call-ID')}\r\nCSeq: ${field('CSeq')}\r\nMin-Expires: 300\r\nContent-Length: 0\r\n\r\n`))
      },
      onClose: () => {},
    }
    const { heard } = subscribe(pair, 60)
    expect(pair.a.sent.map((t) => /^Expires: (\d+)/m.exec(t)?.[1])).toEqual(['60', '300'])
    expect(pair.a.sent.map((t) => /^CSeq: (.*)\r$/m.exec(t)?.[1])).toEqual(['1 SUBSCRIBE', '2 SUBSCRIBE'])
    expect(heard).toEqual(['terminated Interval Too Brief 423'])
  })

  it('says 503 when there are too many', () => {
    const pair = sipPair({}, { maxSubscriptions: 1 })
    subscribe(pair)
    const { heard } = subscribe(pair)
    expect(heard).toEqual(['terminated Service Unavailable 503'])
  })
})
