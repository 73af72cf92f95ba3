import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../../src-main/base/errors.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'
import { settle } from '../../../../support/virtualClock.ts'
import { ANSWER, leftovers, OFFER, type Pair, sipPair, startLines } from '../../../../support/sipPeers.ts'

function call(pair: Pair, options: { expiresS?: number; headers?: [string, string][] } = {}) {
  return pair.alice.ua.invite(pair.leg, { to: 'bob@office.example', offer: OFFER, ...options }, pair.alice.clientUser())
}

for (const reliable of [true, false]) {
  describe(`calls over ${reliable ? 'a reliable pipe' : 'UDP'}`, () => {
    it('rings, is answered with the answer to the offer, acknowledged, and ended by BYE', async () => {
      const pair = sipPair({ reliable })
      const { clock, alice, bob } = pair
      const placed = call(pair)
      clock.advance(50)
      const [taken] = bob.calls
      expect(taken?.offer).toBe(OFFER)
      expect(taken?.from).toEqual({ aor: 'alice@office.example', uri: 'sip:alice@office.example', displayName: 'alice' })
      expect(taken?.callId).toBe(placed.callId)
      taken?.ring()
      clock.advance(50)
      taken?.accept(ANSWER)
      clock.advance(50)
      expect(alice.log).toEqual(['progress 180', 'answered true bob@office.example'])
      expect(bob.log).toEqual(['established'])
      expect(startLines(pair.b)).toEqual(['SIP/2.0 100 Trying', 'SIP/2.0 180 Ringing', 'SIP/2.0 200 OK'])
      placed.end()
      clock.advance(50)
      expect(bob.log).toEqual(['established', 'ended the other side hung up'])
      expect(alice.log).toHaveLength(2)
      clock.advance(40_000)
      expect(clock.pending).toBe(0)
      expect(await leftovers(pair)).toBe(0)
    })

    it('both sides say in Contact what they can do (RFC 3840 §7); neither is a focus, and neither names its device', () => {
      const pair = sipPair({ reliable })
      pair.bob.take = (c) => { c.accept(ANSWER) }
      const placed = call(pair)
      pair.clock.advance(50)
      const contacts = [pair.a, pair.b].map(({ sent }) => sent.flatMap((text) => /^(?:INVITE|SIP\/2\.0 200)[^]*?\r\nContact: <[^>]*>([^\r]*)/.exec(text)?.[1] ?? []))
      expect(contacts).toEqual([[';audio;duplex="full";schemes="sip,sips"'], [';audio;duplex="full";schemes="sip,sips"']])
      placed.end()
      pair.clock.advance(40_000)
    })

    it('to a sips: URI has To and the Contacts of both sides in sips: (RFC 3261 §8.1.1.8, §12.1.1)', () => {
      const pair = sipPair({ reliable, transport: 'TLS' })
      pair.bob.take = (c) => { c.accept(ANSWER) }
      const placed = pair.alice.ua.invite({ ...pair.leg, requestUri: 'sips:bob@office.example' }, { to: 'sip:bob@office.example', offer: OFFER }, pair.alice.clientUser())
      pair.clock.advance(50)
      const headers = (name: string): string[] => [pair.a, pair.b].flatMap(({ sent }) => sent.flatMap((text) => new RegExp(`^(?:INVITE|SIP/2\\.0 200)[^]*?\r\n${name}: <([a-z]+):`).exec(text)?.[1] ?? []))
      expect([headers('Contact'), headers('To')]).toEqual([['sips', 'sips'], ['sips', 'sips']])
      placed.end()
      pair.clock.advance(50)
      expect(startLines(pair.a).at(-1)).toMatch(/^BYE sips:/)
      pair.clock.advance(40_000)
    })

    it.each([['Contact', /(?<=\r\nContact: )</, '<<'], ['Session-Expires', /(?<=\r\n)Supported:/, 'Session-Expires: x\r\nSupported:']] as const)('a re-INVITE whose 2xx has an unreadable %s is acknowledged, counts as refused, and another one can follow', async (_, where, what) => {
      const pair = sipPair({ reliable })
      pair.bob.take = (c) => { c.accept(ANSWER) }
      const placed = call(pair)
      pair.clock.advance(50)
      const told: string[] = []
      const user = { onAnswered: () => { told.push('answered') }, onRefused: (status: number) => { told.push(`refused ${status}`) } }
      const send = pair.b.send.bind(pair.b)
      pair.b.send = (bytes) => {
        const text = new TextDecoder().decode(bytes)
        send(text.startsWith('SIP/2.0 200') ? new TextEncoder().encode(text.replace(where, what)) : bytes)
      }
      placed.reoffer(OFFER, user)
      await pair.clock.advanceAsync(50)
      expect(told).toEqual(['refused 502'])
      expect(startLines(pair.a).filter((line) => line.startsWith('ACK'))).toHaveLength(2)
      pair.b.send = send
      placed.reoffer(OFFER, user)
      await pair.clock.advanceAsync(50)
      expect(told.at(-1)).toBe('answered')
      placed.end()
      pair.clock.advance(40_000)
      expect(await leftovers(pair)).toBe(0)
    })

    it('is ended by the callee with BYE', () => {
      const pair = sipPair({ reliable })
      pair.bob.take = (c) => { c.accept(ANSWER) }
      call(pair)
      pair.clock.advance(50)
      pair.bob.calls[0]?.end('SIP;cause=200;text="done"')
      pair.clock.advance(50)
      expect(pair.alice.log.at(-1)).toBe('ended SIP;cause=200;text="done"')
      pair.clock.advance(40_000)
      expect(pair.clock.pending).toBe(0)
    })

    it.each([[486, 'Busy Here'], [603, 'Decline'], [480, 'Temporarily Unavailable']])('is rejected with %i', (status, reason) => {
      const pair = sipPair({ reliable })
      pair.bob.take = (c) => { c.reject(status) }
      call(pair)
      pair.clock.advance(50)
      expect(pair.alice.log).toEqual([`failed ${status} ${reason}`])
      expect(startLines(pair.a).map((l) => l.split(' ')[0])).toEqual(['INVITE', 'ACK'])
      pair.clock.advance(40_000)
      expect(pair.clock.pending).toBe(0)
    })

    it('is cancelled while it rings: CANCEL, 200, 487, ACK', () => {
      const pair = sipPair({ reliable })
      const placed = call(pair)
      pair.clock.advance(50)
      pair.bob.calls[0]?.ring()
      pair.clock.advance(50)
      placed.end()
      pair.clock.advance(50)
      expect(pair.alice.log).toEqual(['progress 180', 'failed 487 Request Terminated'])
      expect(pair.bob.log).toEqual(['cancelled cancelled'])
      expect(startLines(pair.a).map((l) => l.split(' ')[0])).toEqual(['INVITE', 'CANCEL', 'ACK'])
      pair.clock.advance(70_000)
      expect(pair.clock.pending).toBe(0)
    })

    it('tells a cancelled device that another one has answered (RFC 3326)', () => {
      const pair = sipPair({ reliable })
      const placed = call(pair)
      pair.clock.advance(50)
      placed.end('SIP;cause=200;text="Call completed elsewhere"')
      pair.clock.advance(50)
      expect(pair.bob.log).toEqual(['cancelled answered-elsewhere'])
    })

    it('does not CANCEL before a provisional response has come', () => {
      const pair = sipPair({ reliable, latencyMs: 10 })
      const placed = call(pair)
      placed.end()
      expect(startLines(pair.a)).toHaveLength(1)
      pair.clock.advance(15)
      expect(startLines(pair.a)).toHaveLength(1)
      pair.clock.advance(100)
      expect(startLines(pair.a)[1]).toMatch(/^CANCEL/)
      expect(pair.alice.log).toEqual(['failed 487 Request Terminated'])
    })

    it('acknowledges and ends a call whose 200 crossed the CANCEL', () => {
      const pair = sipPair({ reliable, latencyMs: 10 })
      const placed = call(pair)
      pair.clock.advance(25)
      pair.bob.calls[0]?.accept(ANSWER)
      placed.end()
      pair.clock.advance(200)
      expect(startLines(pair.a).map((l) => l.split(' ')[0])).toEqual(['INVITE', 'CANCEL', 'ACK', 'BYE'])
      expect(pair.alice.log).toEqual(['failed 487 Request Terminated'])
      expect(pair.bob.log).toEqual(['established', 'ended the other side hung up'])
      pair.clock.advance(70_000)
      expect(pair.clock.pending).toBe(0)
    })

    it('fails with 408 and cancels when nobody answers in time', () => {
      const pair = sipPair({ reliable })
      call(pair, { expiresS: 60 })
      pair.clock.advance(50)
      pair.bob.calls[0]?.ring()
      pair.clock.advance(59_000)
      expect(pair.alice.log).toEqual(['progress 180'])
      pair.clock.advance(2000)
      expect(pair.alice.log).toEqual(['progress 180', 'failed 408 no answer'])
      expect(['cancelled timeout', 'cancelled cancelled']).toContain(pair.bob.log[0])
      pair.clock.advance(70_000)
      expect(pair.clock.pending).toBe(0)
    })

    it('answers a re-INVITE and an UPDATE through onOffer, and 488 when the user refuses', async () => {
      const pair = sipPair({ reliable })
      const offers: string[] = []
      pair.bob.take = (c) => {
        c.user = { ...pair.bob.serverUser(), onOffer: async (offer) => { offers.push(offer); await Promise.resolve(); if (offer.includes('video')) throw new Error('no video'); return ANSWER } }
        c.accept(ANSWER)
      }
      call(pair)
      pair.clock.advance(50)
      const invite = pair.a.sent[0] ?? '', ok = pair.b.sent.find((t) => t.startsWith('SIP/2.0 200')) ?? ''
      const line = (text: string, name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1]?.trim() ?? ''
      const within = (method: string, cseq: number, body: string) => new TextEncoder().encode(`${method} sip:bob@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/${pair.a.transport} 10.0.0.1:5060;branch=z9hG4bKtest${cseq}\r\nMax-Forwards: 70\r\nFrom: ${line(invite, 'From')}\r\nTo: ${line(ok, 'To')}\r\nCall-ID: ${line(invite, 'Call-ID')}\r\nCSeq: ${cseq} ${method}\r\nContact: <sip:alice@10.0.0.1>\r\nContent-Type: application/sdp\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
      const before = pair.b.sent.length
      pair.a.send(within('UPDATE', 2, OFFER))
      await pair.clock.advanceAsync(50)
      expect(startLines(pair.b).slice(before)).toEqual(['SIP/2.0 200 OK'])
      pair.a.send(within('INVITE', 3, OFFER))
      await pair.clock.advanceAsync(50)
      expect(startLines(pair.b).slice(before + 1, before + 3)).toEqual(['SIP/2.0 100 Trying', 'SIP/2.0 200 OK'])
      pair.a.send(within('ACK', 3, ''))
      await pair.clock.advanceAsync(5)
      pair.a.send(within('UPDATE', 4, `${OFFER}m=video 9 RTP/AVP 31\r\n`))
      await pair.clock.advanceAsync(5)
      expect(startLines(pair.b).at(-1)).toBe('SIP/2.0 488 Not Acceptable Here')
      pair.a.send(within('UPDATE', 3, OFFER))
      await pair.clock.advanceAsync(5)
      expect(startLines(pair.b).at(-1)).toBe('SIP/2.0 500 CSeq out of order')
      expect(offers).toHaveLength(3)
    })
  })
}

describe('calls', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('survives the loss of 40 %% of all datagrams (seed %i)', async (seed) => {
    const chance = new SeededRandom(seed)
    const pair = sipPair({ reliable: false, lose: () => chance.float() < 0.4 })
    pair.bob.take = (c) => { c.ring() }
    const placed = call(pair)
    pair.clock.advance(10_000)
    expect(pair.bob.calls).toHaveLength(1)
    pair.bob.calls[0]?.accept(ANSWER)
    pair.clock.advance(31_000)
    expect(pair.alice.log.at(-1)).toBe('answered true bob@office.example')
    expect(pair.bob.log).toEqual(['established'])
    placed.end()
    pair.clock.advance(20_000)
    expect(pair.bob.log.at(-1)).toBe('ended the other side hung up')
    pair.clock.advance(60_000)
    expect(pair.clock.pending).toBe(0)
    expect(await leftovers(pair)).toBe(0)
  })

  it('repeats the 2xx at T1, 2·T1, 4·T1 … T2 until the ACK, then gives up with BYE after 64·T1', () => {
    const pair = sipPair({ reliable: true })
    pair.bob.take = (c) => { c.accept(ANSWER) }
    pair.alice.element.transactions.sendAck = () => {} // every ACK is lost
    call(pair)
    pair.clock.advance(32_100)
    const oks = pair.b.sent.flatMap((text, i) => (text.startsWith('SIP/2.0 200') && text.includes('INVITE') ? [(pair.b.sentAt[i] ?? 0) - 1] : []))
    expect(oks.slice(0, 6)).toEqual([0, 500, 1500, 3500, 7500, 11_500])
    expect(pair.bob.log).toEqual(['ended no ACK'])
    expect(startLines(pair.b).at(-1)).toMatch(/^BYE/)
  })

  it('fails with 408 when no response comes at all (timer B)', () => {
    const pair = sipPair({ reliable: false, lose: () => true })
    call(pair)
    pair.clock.advance(31_999)
    expect(pair.alice.log).toEqual([])
    pair.clock.advance(1)
    expect(pair.alice.log).toEqual(['failed 408 no response'])
    expect(pair.clock.pending).toBe(0)
  })

  it('ends on both sides when the connection is lost in mid-call', () => {
    const pair = sipPair()
    pair.bob.take = (c) => { c.accept(ANSWER) }
    call(pair)
    pair.clock.advance(50)
    pair.a.break()
    pair.clock.advance(50)
    expect(pair.alice.log.at(-1)).toBe('ended connection lost')
    expect(pair.bob.log.at(-1)).toBe('ended connection lost')
    expect(pair.clock.pending).toBe(0)
  })

  it('fails with 503 when the connection is lost while it rings, and the callee stops ringing', () => {
    const pair = sipPair()
    pair.bob.take = (c) => { c.ring() }
    call(pair)
    pair.clock.advance(50)
    pair.a.break()
    pair.clock.advance(50)
    expect(pair.alice.log).toEqual(['progress 180', 'failed 503 connection lost'])
    expect(pair.bob.log).toEqual(['cancelled cancelled'])
    expect(pair.clock.pending).toBe(0)
  })

  it('fails with 503 on a connection that is closed already', () => {
    const pair = sipPair()
    pair.a.close()
    call(pair)
    expect(pair.alice.log).toEqual([])
    pair.clock.advance(5)
    expect(pair.alice.log).toEqual(['failed 503 connection lost'])
    expect(pair.alice.ua.size).toBe(0)
  })

  it('acknowledges each fork that answers and ends all but the first with BYE (§13.2.2.4)', () => {
    const pair = sipPair()
    pair.bob.take = (c) => { c.accept(ANSWER) }
    call(pair)
    pair.clock.advance(10)
    const ok = pair.b.sent.find((t) => t.startsWith('SIP/2.0 200')) ?? ''
    pair.b.send(new TextEncoder().encode(ok.replace(/^(To: .*;tag=).*$/m, '$1otherfork')))
    pair.clock.advance(10)
    const sent = pair.a.sent.slice(-2)
    expect(startLines(pair.a).map((l) => l.split(' ')[0])).toEqual(['INVITE', 'ACK', 'ACK', 'BYE'])
    for (const text of sent) expect(text).toContain('tag=otherfork')
    expect(pair.alice.log).toEqual(['answered true bob@office.example'])
  })

  it('waits with BYE until the ACK has come', () => {
    const pair = sipPair({ latencyMs: 10 })
    pair.bob.take = (c) => { c.accept(ANSWER); c.end() }
    call(pair)
    pair.clock.advance(25)
    expect(startLines(pair.b).some((l) => l.startsWith('BYE'))).toBe(false)
    pair.clock.advance(100)
    expect(startLines(pair.b).at(-1)).toMatch(/^BYE/)
    expect(pair.alice.log.at(-1)).toBe('ended the other side hung up')
    expect(pair.bob.log).toEqual([])
  })

  it('is refused with 403 when From is not whom the connection has proven', () => {
    const pair = sipPair({ first: { aor: 'mallory@office.example', nodeId: '00'.repeat(16) } })
    call(pair)
    pair.clock.advance(50)
    expect(pair.alice.log).toEqual(['failed 403 From is not who sends'])
    expect(pair.bob.calls).toHaveLength(0)
  })

  it('hands on the identity that the connection has proven', () => {
    const identity = { aor: 'alice@OFFICE.example', nodeId: '01'.repeat(16) }
    const pair = sipPair({ first: identity })
    call(pair)
    pair.clock.advance(50)
    expect(pair.bob.calls[0]?.identity).toEqual(identity)
  })

  it('says 480 when the user takes no interest, 486 when there are too many calls', () => {
    const pair = sipPair({}, { maxCalls: 1 })
    call(pair)
    pair.clock.advance(10)
    call(pair)
    pair.clock.advance(10)
    expect(pair.alice.log).toEqual(['failed 486 Busy Here'])
  })

  it('throws DecodeError for an address that is none, and leaves nothing behind', () => {
    const pair = sipPair()
    expect(() => pair.alice.ua.invite(pair.leg, { to: 'sip:<bad>', offer: OFFER }, pair.alice.clientUser())).toThrow(DecodeError)
    expect(pair.alice.ua.size + pair.clock.pending).toBe(0)
  })

  it('leaves no timer when the user agent closes in any state', async () => {
    for (const at of [0, 1, 5, 20]) {
      for (const answer of [false, true]) {
        const pair = sipPair({ reliable: at % 2 === 0 })
        if (answer) pair.bob.take = (c) => { c.accept(ANSWER) }
        call(pair)
        pair.clock.advance(at)
        expect(await leftovers(pair)).toBe(0)
        await settle()
      }
    }
  })
})
