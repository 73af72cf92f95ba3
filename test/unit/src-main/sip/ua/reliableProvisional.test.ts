import { describe, expect, it } from 'vitest'
import { ANSWER, leftovers, OFFER, type Pair, sipPair, startLines } from '../../../../support/sipPeers.ts'

const field = (text: string, name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1]?.trim() ?? ''
const encode = (text: string) => new TextEncoder().encode(text)

/** Bob's side by hand: answers the INVITE with what the test sends. */
function handmadeCallee(): { pair: Pair; send: (status: string, extra?: string, tag?: string, body?: string) => void; heard: string[] } {
  const pair = sipPair()
  const heard: string[] = []
  let invite = ''
  pair.b.user = {
    onData: (bytes) => {
      const text = new TextDecoder().decode(bytes)
      heard.push(text)
      if (text.startsWith('INVITE')) invite = text
    },
    onClose: () => {},
  }
  pair.alice.ua.invite(pair.leg, { to: 'bob@office.example', offer: OFFER }, pair.alice.clientUser())
  pair.clock.advance(10)
  const send = (status: string, extra = '', tag = 'b1', body = ''): void => {
    pair.b.send(encode(`SIP/2.0 ${status}\r\nVia: ${field(invite, 'Via')}\r\nFrom: ${field(invite, 'From')}\r\nTo: ${field(invite, 'To')};tag=${tag}\r\nCall-ID: ${field(invite, 'Call-ID')}\r\nCSeq: ${field(invite, 'CSeq')}\r\nContact: <sip:bob@10.0.0.2>\r\n${extra}${body === '' ? '' : 'Content-Type: application/sdp\r\n'}Content-Length: ${body.length}\r\n\r\n${body}`))
    pair.clock.advance(10)
  }
  return { pair, send, heard }
}

/** Alice's side by hand: an INVITE that requires 100rel, over UDP. */
function handmadeCaller(): { pair: Pair; request: (method: string, cseq: number, extra?: string) => void; rseq: () => string } {
  const pair = sipPair({ reliable: false })
  pair.a.user = undefined
  const request = (method: string, cseq: number, extra = ''): void => {
    const tag = /^To: .*;tag=(\S+)/m.exec(pair.b.sent.find((t) => t.includes(';tag=') && /^To: .*;tag=/m.test(t)) ?? '')?.[1]
    const body = method === 'INVITE' ? OFFER : ''
    pair.a.send(encode(`${method} sip:bob@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK${method}${cseq}\r\nMax-Forwards: 70\r\nFrom: <sip:alice@office.example>;tag=a1\r\nTo: <sip:bob@office.example>${method === 'INVITE' || tag === undefined ? '' : `;tag=${tag}`}\r\nCall-ID: c1\r\nCSeq: ${cseq} ${method}\r\nContact: <sip:alice@10.0.0.1>\r\n${extra}${body === '' ? '' : 'Content-Type: application/sdp\r\n'}Content-Length: ${body.length}\r\n\r\n${body}`))
    pair.clock.advance(5)
  }
  return { pair, request, rseq: () => field(pair.b.sent.find((t) => t.startsWith('SIP/2.0 180')) ?? '', 'RSeq') }
}

describe('reliable provisional responses (RFC 3262)', () => {
  it('are acknowledged with PRACK in the early dialog, once each and in order', () => {
    const { pair, send, heard } = handmadeCallee()
    send('183 Session Progress', 'Require: 100rel\r\nRSeq: 5\r\n', 'b1', ANSWER)
    send('183 Session Progress', 'Require: 100rel\r\nRSeq: 5\r\n', 'b1', ANSWER)
    send('180 Ringing', 'Require: 100rel\r\nRSeq: 7\r\n')
    send('180 Ringing', 'Require: 100rel\r\nRSeq: 6\r\n')
    send('180 Ringing', 'Require: 100rel\r\nRSeq: 900\r\n', 'b2')
    const pracks = heard.filter((t) => t.startsWith('PRACK'))
    expect(pracks.map((t) => field(t, 'RAck'))).toEqual(['5 1 INVITE', '6 1 INVITE', '900 1 INVITE'])
    expect(pracks.map((t) => field(t, 'CSeq'))).toEqual(['2 PRACK', '3 PRACK', '2 PRACK'])
    expect(pracks[0]).toMatch(/^PRACK sip:bob@10\.0\.0\.2 /)
    expect(pracks.map((t) => /tag=(\w+)$/.exec(field(t, 'To'))?.[1])).toEqual(['b1', 'b1', 'b2'])
    expect(pair.alice.log).toEqual(['progress 183', 'progress 180', 'progress 180'])
    send('200 OK') // the answer was in the 183
    expect(pair.alice.log.at(-1)).toBe('answered true bob@office.example')
    pair.clock.advance(10)
    pair.alice.ua.close()
    pair.clock.advance(10)
    expect(field(heard.find((t) => t.startsWith('BYE')) ?? '', 'CSeq')).toBe('4 BYE')
  })

  it('are sent to a caller that requires them, repeated at T1, 2·T1, … until the PRACK', () => {
    const { pair, request, rseq } = handmadeCaller()
    request('INVITE', 1, 'Require: 100rel\r\n')
    pair.bob.calls[0]?.ring()
    pair.clock.advance(1600)
    expect(startLines(pair.b).filter((l) => l.includes('180'))).toHaveLength(3)
    expect(field(pair.b.sent.at(-1) ?? '', 'Require')).toBe('100rel')
    request('PRACK', 2, `RAck: ${Number(rseq()) + 1} 1 INVITE\r\n`)
    expect(startLines(pair.b).at(-1)).toMatch(/481/)
    request('PRACK', 3, `RAck: ${rseq()} 1 INVITE\r\n`)
    expect(startLines(pair.b).at(-1)).toBe('SIP/2.0 200 OK')
    pair.clock.advance(20_000)
    expect(startLines(pair.b).filter((l) => l.includes('180'))).toHaveLength(3)
    pair.bob.calls[0]?.accept(ANSWER)
    pair.clock.advance(5)
    request('ACK', 1)
    expect(pair.bob.log).toEqual(['established'])
  })

  it('take a PRACK that comes after the 2xx', () => {
    const { pair, request, rseq } = handmadeCaller()
    request('INVITE', 1, 'Require: 100rel\r\n')
    pair.bob.calls[0]?.ring()
    pair.bob.calls[0]?.accept(ANSWER)
    pair.clock.advance(5)
    request('PRACK', 2, `RAck: ${rseq()} 1 INVITE\r\n`)
    expect(pair.b.sent.some((t) => t.startsWith('SIP/2.0 200') && t.includes('PRACK'))).toBe(true)
    request('ACK', 1)
    expect(pair.bob.log).toEqual(['established'])
  })

  it('end the call with 504 when no PRACK comes within 64·T1', async () => {
    const { pair, request } = handmadeCaller()
    request('INVITE', 1, 'Require: 100rel\r\n')
    pair.bob.calls[0]?.ring()
    pair.clock.advance(32_010)
    expect(startLines(pair.b).at(-1)).toMatch(/^SIP\/2\.0 504/)
    expect(pair.bob.log).toEqual(['cancelled timeout'])
    expect(await leftovers(pair)).toBe(0)
  })

  it('let the caller end the early dialog with BYE', () => {
    const { pair, request } = handmadeCaller()
    request('INVITE', 1, 'Require: 100rel\r\n')
    pair.bob.calls[0]?.ring()
    pair.clock.advance(5)
    request('BYE', 2)
    expect(startLines(pair.b).slice(-2)).toEqual(['SIP/2.0 200 OK', 'SIP/2.0 487 Request Terminated'])
    expect(pair.bob.log).toEqual(['cancelled cancelled'])
    expect(pair.bob.ua.size).toBe(0)
  })
})
