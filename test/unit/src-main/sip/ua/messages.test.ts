import { describe, expect, it } from 'vitest'
import { sipPair, startLines } from '../../../../support/sipPeers.ts'
import { settle } from '../../../../support/virtualClock.ts'

const body = new TextEncoder().encode('grüß dich')
const never = new AbortController().signal

describe('requests outside a dialog', () => {
  it('carries a MESSAGE and its response (RFC 3428)', async () => {
    const pair = sipPair({ first: { aor: 'alice@office.example', nodeId: '01'.repeat(16) } })
    const sent = pair.alice.ua.request(pair.leg, 'MESSAGE', { to: 'bob@office.example', contentType: 'text/plain;charset=utf-8', body, headers: [['X-Test', '1']] }, never)
    await pair.clock.advanceAsync(10)
    const [message] = pair.bob.messages
    expect(message?.contentType).toBe('text/plain')
    expect(message?.body).toEqual(body)
    expect(message?.from.aor).toBe('alice@office.example')
    expect(message?.identity?.nodeId).toBe('01'.repeat(16))
    message?.respond(202)
    message?.respond(500)
    await pair.clock.advanceAsync(10)
    const response = await sent
    expect([response.status, response.reason]).toEqual([202, 'Accepted'])
    expect(startLines(pair.b)).toEqual(['SIP/2.0 202 Accepted'])
    expect(pair.clock.pending).toBe(0)
  })

  it('is repeated on UDP and served once', async () => {
    let n = 0
    const pair = sipPair({ reliable: false, lose: () => n++ === 1 })
    const sent = pair.alice.ua.request(pair.leg, 'MESSAGE', { to: 'bob@office.example', body }, never)
    await pair.clock.advanceAsync(10)
    pair.bob.messages[0]?.respond(200) // lost
    await pair.clock.advanceAsync(1000)
    expect((await sent).status).toBe(200)
    expect(pair.bob.messages).toHaveLength(1)
    await pair.clock.advanceAsync(40_000)
    expect(pair.clock.pending).toBe(0)
  })

  it('rejects with network-timeout when no response comes, peer-unreachable when the connection is lost', async () => {
    const silent = sipPair({ reliable: false, lose: () => true })
    const timedOut = expect(silent.alice.ua.request(silent.leg, 'MESSAGE', { to: 'bob@office.example' }, never)).rejects.toMatchObject({ code: 'network-timeout' })
    await silent.clock.advanceAsync(33_000)
    await timedOut
    const lost = sipPair()
    const unreachable = expect(lost.alice.ua.request(lost.leg, 'MESSAGE', { to: 'bob@office.example' }, never)).rejects.toMatchObject({ code: 'peer-unreachable' })
    lost.a.break()
    await settle()
    await unreachable
    lost.clock.advance(10)
    expect(lost.clock.pending + silent.clock.pending).toBe(0)
  })

  it('rejects with the reason of the signal', async () => {
    const pair = sipPair()
    const abort = new AbortController()
    const sent = expect(pair.alice.ua.request(pair.leg, 'MESSAGE', { to: 'bob@office.example' }, abort.signal)).rejects.toThrow('enough')
    abort.abort(new Error('enough'))
    await sent
  })

  it('answers OPTIONS with what it can do (§11.2)', async () => {
    const pair = sipPair()
    const sent = pair.alice.ua.request(pair.leg, 'OPTIONS', { to: 'bob@office.example' }, never)
    await pair.clock.advanceAsync(10)
    const response = await sent
    expect(response.status).toBe(200)
    const headers = new Map(response.headers)
    expect(headers.get('Allow')).toContain('INVITE, ACK, CANCEL, BYE')
    expect(headers.get('Accept')).toContain('application/sdp')
    expect(headers.get('Allow-Events')).toBe('presence')
    expect(headers.has('Supported')).toBe(true)
    // RFC 3840 §7: what a header field says as well is in that header field alone
    expect(headers.get('Contact')).toBe('<sip:bob@10.0.0.2:5060;transport=tcp>;audio;duplex="full";schemes="sip,sips"')
  })

  it.each([
    ['REGISTER', [], 405], ['FROBNICATE', [], 501], ['BYE', [], 481], ['NOTIFY', [['Event', 'presence']], 481],
    ['OPTIONS', [['Require', 'moonphase, 100rel']], 420], ['SUBSCRIBE', [], 489], ['PUBLISH', [['Event', 'presence']], 489],
  ] as const)('answers %s %j with %i', async (method, headers, status) => {
    const pair = sipPair()
    const sent = pair.alice.ua.request(pair.leg, method, { to: 'bob@office.example', headers }, never)
    await pair.clock.advanceAsync(10)
    const response = await sent
    expect(response.status).toBe(status)
    if (status === 420) expect(new Map(response.headers).get('Unsupported')).toContain('moonphase')
    if (status === 405 || status === 501) expect(new Map(response.headers).get('Allow')).toContain('INVITE')
  })

  it('answers 482 when the same request comes by another way (§8.2.2.2)', () => {
    const pair = sipPair()
    void pair.alice.ua.request(pair.leg, 'MESSAGE', { to: 'bob@office.example' }, never)
    pair.clock.advance(10)
    pair.a.send(new TextEncoder().encode((pair.a.sent[0] ?? '').replace(/branch=\S+/, 'branch=z9hG4bKotherway')))
    pair.clock.advance(10)
    expect(startLines(pair.b)).toEqual(['SIP/2.0 482 Loop Detected'])
    expect(pair.bob.messages).toHaveLength(1)
  })

  it('answers 481 to a CANCEL that meets nothing, 416 to a strange scheme', () => {
    const pair = sipPair()
    const text = (method: string, uri: string) => `${method} ${uri} SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1:5060;branch=z9hG4bKx${method}\r\nMax-Forwards: 70\r\nFrom: <sip:alice@office.example>;tag=1\r\nTo: <sip:bob@office.example>\r\nCall-ID: 77\r\nCSeq: 1 ${method}\r\nContent-Length: 0\r\n\r\n`
    pair.a.send(new TextEncoder().encode(text('CANCEL', 'sip:bob@office.example')))
    pair.a.send(new TextEncoder().encode(text('OPTIONS', 'gopher:bob')))
    pair.clock.advance(10)
    expect(startLines(pair.b)).toEqual(['SIP/2.0 481 Call/Transaction Does Not Exist', 'SIP/2.0 416 Unsupported URI Scheme'])
  })
})
