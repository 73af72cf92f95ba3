import { describe, expect, it } from 'vitest'
import { ANSWER, leftovers, OFFER, type Pair, sipPair, startLines } from '../../../../support/sipPeers.ts'

const field = (text: string, name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1]?.trim()
const requests = (pair: Pair, method: string) => pair.a.sent.filter((t) => t.startsWith(`${method} `))

function established(options: Parameters<typeof sipPair>[0] = {}, edit: (invite: string) => string = (t) => t): Pair {
  const pair = sipPair(options)
  pair.bob.take = (call) => { call.accept(ANSWER) }
  const send = pair.a.send.bind(pair.a)
  pair.a.send = (bytes) => { send(new TextEncoder().encode(edit(new TextDecoder().decode(bytes)))) }
  pair.alice.ua.invite(pair.leg, { to: 'bob@office.example', offer: OFFER }, pair.alice.clientUser())
  pair.clock.advance(50)
  return pair
}

describe('session timers (RFC 4028)', () => {
  it('are agreed on in INVITE and 2xx, the caller refreshes with UPDATE at half the time, for as long as the call lasts', async () => {
    const pair = established()
    expect(field(pair.a.sent[0] ?? '', 'Session-Expires')).toBe('1800')
    expect(field(pair.a.sent[0] ?? '', 'Supported')?.split(', ')).toContain('timer')
    const ok = pair.b.sent.find((t) => t.startsWith('SIP/2.0 200')) ?? ''
    expect([field(ok, 'Session-Expires'), field(ok, 'Require')]).toEqual(['1800;refresher=uac', 'timer'])
    pair.clock.advance(4 * 3600_000)
    const updates = requests(pair, 'UPDATE')
    expect(updates).toHaveLength(16)
    expect(field(updates[0] ?? '', 'Session-Expires')).toBe('1800;refresher=uac')
    expect(updates[0]?.endsWith('Content-Length: 0\r\n\r\n')).toBe(true)
    expect([pair.alice.log.at(-1), pair.bob.log.at(-1)]).toEqual(['answered true bob@office.example', 'established'])
    expect(await leftovers(pair)).toBe(0)
  })

  it('refresh with re-INVITE and the same description where UPDATE is not allowed', () => {
    const pair = sipPair()
    pair.bob.take = (call) => { call.accept(ANSWER) }
    const send = pair.b.send.bind(pair.b)
    pair.b.send = (bytes) => { send(new TextEncoder().encode(new TextDecoder().decode(bytes).replace(', UPDATE', ''))) }
    pair.alice.ua.invite(pair.leg, { to: 'bob@office.example', offer: OFFER }, pair.alice.clientUser())
    pair.clock.advance(50)
    const offers: string[] = []
    if (pair.bob.calls[0] !== undefined) pair.bob.calls[0].user = { ...pair.bob.serverUser(), onOffer: (offer) => { offers.push(offer); return ANSWER } }
    return pair.clock.advanceAsync(901_000).then(() => {
      expect(requests(pair, 'INVITE')).toHaveLength(2)
      expect(requests(pair, 'ACK')).toHaveLength(2)
      expect(offers).toEqual([OFFER])
      expect(pair.bob.log).toEqual(['established'])
    })
  })

  it('end the call on both sides when the other one is gone without a word', () => {
    let cut = false
    const pair = established({ reliable: false, lose: () => cut })
    cut = true
    pair.clock.advance(940_000)
    expect(pair.alice.log.at(-1)).toBe('ended session timer expired')
    expect(pair.bob.log).toEqual(['established'])
    pair.clock.advance(1000_000)
    expect(pair.bob.log.at(-1)).toBe('ended session timer expired')
    pair.clock.advance(60_000)
    expect(pair.clock.pending).toBe(0)
  })

  it('are refused with 422 when too short, and the caller tries again with Min-SE', () => {
    const short = established({}, (t) => t.replace('Session-Expires: 1800', 'Session-Expires: 60'))
    expect(startLines(short.b)[0]).toBe('SIP/2.0 422 Session Interval Too Small')
    expect(field(short.b.sent[0] ?? '', 'Min-SE')).toBe('90')
    expect(requests(short, 'INVITE').map((t) => field(t, 'CSeq'))).toEqual(['1 INVITE', '2 INVITE'])
    const pair = sipPair()
    pair.b.user = {
      onData: (bytes) => {
        const text = new TextDecoder().decode(bytes)
        if (!text.startsWith('INVITE')) return
        pair.b.send(new TextEncoder().encode(`SIP/2.0 422 Too Small\r\nVia: ${field(text, 'Via') ?? ''}\r\nFrom: ${field(text, 'From') ?? ''}\r\nTo: ${field(text, 'To') ?? ''};tag=x\r\nCall-ID: ${field(text, 'Call-ID') ?? ''}\r\nCSeq: ${field(text, 'CSeq') ?? ''}\r\nMin-SE: 3600\r\nContent-Length: 0\r\n\r\n`))
      },
      onClose: () => {},
    }
    pair.alice.ua.invite(pair.leg, { to: 'bob@office.example', offer: OFFER }, pair.alice.clientUser())
    pair.clock.advance(50)
    const invites = requests(pair, 'INVITE')
    expect(invites.map((t) => [field(t, 'Session-Expires'), field(t, 'Min-SE')])).toEqual([['1800', undefined], ['3600', '3600']])
    expect(pair.alice.log).toEqual(['failed 422 Too Small'])
    expect(pair.clock.pending).toBe(0)
  })

  it('are left out for a caller that does not know them', () => {
    const pair = established({}, (t) => t.replace(/^Session-Expires: .*\r\n/m, '').replace(/^(Supported: .*), timer/m, '$1'))
    const ok = pair.b.sent.find((t) => t.startsWith('SIP/2.0 200')) ?? ''
    expect(field(ok, 'Session-Expires')).toBeUndefined()
    pair.clock.advance(7200_000)
    expect(pair.bob.log).toEqual(['established'])
  })

  it('are refreshed by the callee when the caller asks for it', () => {
    const pair = established({}, (t) => t.replace('Session-Expires: 1800', 'Session-Expires: 200;refresher=uas'))
    pair.clock.advance(101_000)
    expect(startLines(pair.b).some((l) => l.startsWith('UPDATE'))).toBe(true)
    pair.clock.advance(1000_000)
    expect(pair.alice.log.at(-1)).toBe('answered true bob@office.example')
  })
})
