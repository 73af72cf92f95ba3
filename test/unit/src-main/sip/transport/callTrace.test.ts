import { describe, expect, it } from 'vitest'
import { makeResponse, SipRequest } from '../../../../../src-main/sip/message/message.ts'
import { CallTrace } from '../../../../../src-main/sip/transport/callTrace.ts'
import { TransportLayer } from '../../../../../src-main/sip/transport/transportLayer.ts'
import { memoryConnectionPair } from '../../../../support/memoryConnection.ts'
import { quietLog } from '../../../../support/sipPeers.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'

const sdp = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nk=clear:mykey\r\nm=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\r\na=ice-pwd:verysecret\r\na=ice-ufrag:uuuu\r\n'

function invite(callId: string, method = 'INVITE'): SipRequest {
  const request = new SipRequest(method, 'sip:bob@office.example')
  request.headers.append('Via', 'SIP/2.0/TLS 192.0.2.1;branch=z9hG4bK1').append('From', '<sip:alice@office.example>;tag=1').append('To', '<sip:bob@office.example>')
    .append('Call-ID', callId).append('CSeq', `1 ${method}`)
  return request
}

function kit() {
  const clock = new VirtualClock()
  const trace = new CallTrace(clock)
  const [near, far] = memoryConnectionPair(clock, { transport: 'TLS', first: { aor: 'alice@office.example', nodeId: 'a' }, second: { aor: 'bob@office.example', nodeId: 'b' } })
  const transport = new TransportLayer({ clock, log: quietLog }), other = new TransportLayer({ clock, log: quietLog })
  transport.attach(near)
  other.attach(far)
  transport.tap = trace
  return { clock, trace, transport, other, near, far }
}

describe('the trace of a call', () => {
  it('holds what went out and came in, with times and the other side, under the id that the phone gave', () => {
    const { clock, trace, transport, other, near, far } = kit()
    other.user = { onRequest: (request) => { other.sendResponse(far, makeResponse(request, 180, undefined, 'b')) }, onResponse: () => {}, onClosed: () => {} }
    trace.claim('c1', 'abc')
    const began = clock.now()
    clock.advance(20)
    transport.sendRequest(near, invite('abc'))
    clock.advance(100)
    const view = trace.of('c1', false)
    expect(view?.callId).toBe('abc')
    expect(view?.messages.map(({ direction, summary, remote, transport: name }) => [direction, summary, remote, name])).toEqual([
      ['out', 'INVITE sip:bob@office.example SIP/2.0', 'bob@office.example', 'TLS'], ['in', 'SIP/2.0 180 Ringing (1 INVITE)', 'bob@office.example', 'TLS'],
    ])
    expect(view?.messages[0]?.at).toBe(began + 20)
    expect(view?.messages[1]?.text).toContain('Call-ID: abc')
    transport.close(); other.close()
  })

  it('takes in calls that the phone learns of later, and no message outside a call', () => {
    const { trace, near } = kit()
    trace.onMessage(invite('new'), near, 'in')
    trace.onMessage(invite('note', 'MESSAGE'), near, 'in')
    trace.claim('c2', 'new')
    expect(trace.of('c2', false)?.messages).toHaveLength(1)
    expect(trace.of('note', false)).toBeUndefined()
  })

  it('never tells credentials, folded lines included, and media keys not even with bodies', () => {
    const { trace, near } = kit()
    const request = invite('abc')
    request.headers.append('Proxy-Authorization', 'Digest username="desk",\r\n response="0123456789abcdef"').append('authorization', 'Digest response="fedcba"').append('Subject', 'kept')
    request.setBody('application/sdp', sdp)
    trace.onMessage(request, near, 'in')
    const without = trace.of('abc', false)?.messages[0]?.text ?? ''
    expect(without).toContain('[body of ')
    expect(without).not.toMatch(/0123456789abcdef|fedcba|m=audio/)
    expect(without).toContain('Subject: kept')
    expect(without).toMatch(/^Proxy-Authorization: \[redacted\]\r$/m)
    const text = trace.of('abc', true)?.messages[0]?.text ?? ''
    expect(text).toContain('m=audio 4000 RTP/SAVP 0')
    expect(text).toContain('a=ice-ufrag:uuuu')
    expect(text).toContain('a=crypto:1 AES_CM_128_HMAC_SHA1_80 [redacted]')
    expect(text).not.toMatch(/c2VjcmV0|verysecret|mykey|0123456789abcdef|fedcba/)
  })

  it('keeps the last 50 calls of the phone, whatever else passes through, and 200 messages of each', () => {
    const { trace, near } = kit()
    for (let i = 0; i < 60; i++) trace.claim(`c${i}`, `own${i}`)
    for (let i = 0; i < 500; i++) trace.onMessage(invite(`other${i}`), near, 'in')
    expect(trace.size).toBe(100)
    expect(trace.of('c9', false)).toBeUndefined()
    expect(trace.of('c10', false)).toBeDefined()
    for (let i = 0; i < 250; i++) trace.onMessage(invite('own59'), near, 'out')
    const view = trace.of('c59', false)
    expect(view?.messages).toHaveLength(200)
    expect(view?.omitted).toBe(50)
  })

  it('cuts what is too large and keeps its hands off a message that it cannot read', () => {
    const { trace, near } = kit()
    const large = invite('abc').setBody('text/plain', 'x'.repeat(40_000))
    trace.onMessage(large, near, 'in')
    expect(large.body).toHaveLength(40_000)
    const text = trace.of('abc', true)?.messages[0]?.text ?? ''
    expect(text.length).toBeLessThan(18_000)
    expect(text).toContain('[23616 bytes more]')
    const bare = new SipRequest('INVITE', 'sip:bob@office.example')
    trace.onMessage(bare, near, 'in')
    expect(trace.size).toBe(1)
  })
})
