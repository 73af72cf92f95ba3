import { beforeEach, describe, expect, it } from 'vitest'
import { PeerError } from '../../../../../src-main/base/errors.ts'
import { MediaGateway } from '../../../../../src-main/sip/bridge/mediaGateway.ts'
import { makeResponse, SipRequest, type SipResponse } from '../../../../../src-main/sip/message/message.ts'
import type { Connection } from '../../../../../src-main/sip/transport/connection.ts'
import { quietLog } from '../../../../support/sipPeers.ts'

const end = { host: '192.0.2.1', port: 5060 }
const connection = (id: string, aor?: string): Connection => ({
  id, transport: 'TCP', reliable: true, local: end, remote: end, user: undefined, send: () => {}, close: () => {}, ...(aor === undefined ? {} : { peerIdentity: { aor, nodeId: aor } }),
})
const phone = connection('phone'), pipe = connection('pipe', 'bob@office.example')
const plain = 'v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'

let log: string[]
let fail: Error | undefined
let gateway: MediaGateway
beforeEach(() => {
  log = []
  fail = undefined
  gateway = new MediaGateway({
    log: quietLog, addressOn: () => end, isInward: () => false,
    open: ({ local }) => {
      log.push(`open ${local}`)
      const step = (what: string) => { if (fail !== undefined) throw fail; log.push(what); return `${what}!` }
      return Promise.resolve({ offer: (sdp, from, sdes) => step(`offer ${from} ${sdp.length}${sdes === undefined ? '' : ` sdes ${sdes}`}`), answer: (sdp) => step(`answer ${sdp.length}`), refused: () => { log.push('refused') }, close: () => { log.push('close') } })
    },
  })
})

let cseq = 0
function request(method: string, body: string, tags: { from?: string; to?: string } = {}): SipRequest {
  const out = new SipRequest(method, 'sip:bob@office.example')
  out.headers.append('Via', 'SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK1').append('From', `<sip:desk@office.example>;tag=${tags.from ?? 'a'}`)
    .append('To', `<sip:bob@office.example>${tags.to === undefined ? '' : `;tag=${tags.to}`}`).append('Call-ID', 'c1').append('CSeq', `${++cseq} ${method}`)
  return body === '' ? out : out.setBody('application/sdp', body)
}
function response(to: SipRequest, status: number, body = ''): SipResponse {
  const out = makeResponse(to, status, undefined, 'b')
  return body === '' ? out : out.setBody('application/sdp', body)
}
async function call(): Promise<void> {
  const invite = request('INVITE', plain)
  const bridged = await gateway.forward(invite, phone, pipe)
  expect(invite.text).toBe(`offer phone ${plain.length}!`)
  const ok = response(invite, 200, 'the answer')
  bridged?.onResponse(ok)
  expect(ok.text).toBe('answer 10!')
}

describe('the media gateway', () => {
  it('rewrites offer and answer of a call from a phone to the overlay, and closes with BYE from either side', async () => {
    await call()
    expect(log).toEqual(['open 192.0.2.1', `offer phone ${plain.length}`, 'answer 10'])
    await gateway.forward(request('BYE', '', { from: 'b', to: 'a' }), pipe, phone)
    expect([log.at(-1), gateway.size]).toEqual(['close', 0])
  })
  it('offers keys at once where the signalling is secret, plain RTP after a refusal, and never for sips:', async () => {
    const secret: Connection = { ...connection('tls'), transport: 'TLS' }
    const invite = request('INVITE', plain)
    const bridged = await gateway.forward(invite, pipe, secret)
    expect(invite.text).toBe(`offer overlay ${plain.length} sdes true!`)
    expect(bridged?.again?.()?.text).toBe(`offer overlay ${plain.length} sdes false!`)
    const sips = request('INVITE', plain)
    sips.requestUri = 'sips:bob@example.org'
    expect((await gateway.forward(sips, pipe, secret))?.again?.()).toBeUndefined()
  })
  it('takes a phone on a WebSocket for one side with the overlay, and joins it with other phones', async () => {
    const browser: Connection = { ...connection('browser'), transport: 'WS' }
    expect(await gateway.forward(request('INVITE', plain), pipe, browser)).toBeUndefined()
    expect(await gateway.forward(request('INVITE', plain), browser, phone)).toBeDefined()
    expect(log[1]).toBe(`offer overlay ${plain.length} sdes false`)
  })
  it('has no part in calls between phones, between peers, and of phones that speak DTLS-SRTP', async () => {
    expect(await gateway.forward(request('INVITE', plain), phone, connection('other'))).toBeUndefined()
    expect(await gateway.forward(request('INVITE', plain), pipe, connection('p2', 'carol@office.example'))).toBeUndefined()
    expect(await gateway.forward(request('INVITE', plain.replace('RTP/AVP', 'UDP/TLS/RTP/SAVPF') + 'a=fingerprint:sha-256 00\r\n'), phone, pipe)).toBeUndefined()
    expect(await gateway.forward(request('MESSAGE', 'hi'), phone, pipe)).toBeUndefined()
    expect(log).toEqual([])
  })
  it('takes a re-INVITE of the other side, and forgets it when it is refused', async () => {
    await call()
    const again = request('INVITE', plain, { from: 'b', to: 'a' })
    const bridged = await gateway.forward(again, pipe, phone)
    expect(again.text).toBe(`offer overlay ${plain.length}!`)
    bridged?.onResponse(response(again, 488))
    expect([log.at(-1), gateway.size]).toEqual(['refused', 1])
  })
  it('offers SDES to a phone that refused plain RTP, once, and from then on at first', async () => {
    const invite = request('INVITE', plain)
    const bridged = await gateway.forward(invite, pipe, phone)
    expect(invite.text).toBe(`offer overlay ${plain.length} sdes false!`)
    const again = bridged?.again?.()
    expect(again?.text).toBe(`offer overlay ${plain.length} sdes true!`)
    expect(bridged?.again?.()).toBeUndefined()
    bridged?.onResponse(response(invite, 200, plain.replace('RTP/AVP', 'RTP/SAVP') + 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\n'))
    const next = request('INVITE', plain, { from: 'second' })
    const second = await gateway.forward(next, pipe, phone)
    expect(next.text).toBe(`offer overlay ${plain.length} sdes true!`)
    expect(second?.again?.()?.text).toBe(`offer overlay ${plain.length} sdes false!`)
    second?.onResponse(response(next, 200, plain))
    const third = request('INVITE', plain, { from: 'third' })
    await gateway.forward(third, pipe, phone)
    expect(third.text).toBe(`offer overlay ${plain.length} sdes false!`)
  })
  it('learns from the calls of a phone that it speaks SDES', async () => {
    const theirs = request('INVITE', plain.replace('RTP/AVP', 'RTP/SAVP') + 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\n')
    theirs.headers.append('Contact', '<sip:bob@office.example>')
    await gateway.forward(theirs, phone, pipe)
    const ours = request('INVITE', plain, { from: 'ours' })
    await gateway.forward(ours, pipe, phone)
    expect(ours.text).toBe(`offer overlay ${plain.length} sdes true!`)
  })
  it('learns from the calls of a phone that it speaks DTLS-SRTP, and leaves calls to it alone', async () => {
    const theirs = request('INVITE', plain.replace('RTP/AVP', 'UDP/TLS/RTP/SAVPF') + 'a=fingerprint:sha-256 00\r\n')
    theirs.headers.append('Contact', '<sip:bob@office.example>')
    expect(await gateway.forward(theirs, phone, pipe)).toBeUndefined()
    expect(await gateway.forward(request('INVITE', plain, { from: 'ours' }), pipe, phone)).toBeUndefined()
    expect(gateway.size).toBe(0)
  })
  it('takes the offer from the 2xx and the answer from the ACK when the INVITE had none', async () => {
    const invite = request('INVITE', '')
    const bridged = await gateway.forward(invite, phone, pipe)
    const ok = response(invite, 200, 'their offer')
    bridged?.onResponse(ok)
    expect(ok.text).toBe('offer overlay 11!')
    const ack = request('ACK', 'the answer', { to: 'b' })
    gateway.ack(ack)
    expect(ack.text).toBe('answer 10!')
  })
  it('closes the bridge of a call that fails, or is never answered', async () => {
    for (const end of ['response', 'silence'] as const) {
      const invite = request('INVITE', plain)
      const bridged = await gateway.forward(invite, phone, pipe)
      bridged?.onResponse(response(invite, 180))
      if (end === 'response') bridged?.onResponse(response(invite, 486))
      else bridged?.onFailed()
      expect([log.at(-1), gateway.size]).toEqual(['close', 0])
    }
  })
  it('refuses what has no codec in common before it is sent, and drops what comes back so', async () => {
    fail = new PeerError('call-no-common-codec')
    await expect(gateway.forward(request('INVITE', plain), phone, pipe)).rejects.toMatchObject({ code: 'call-no-common-codec' })
    expect(gateway.size).toBe(0)
    fail = undefined
    const invite = request('INVITE', plain)
    const bridged = await gateway.forward(invite, phone, pipe)
    fail = new PeerError('call-no-common-codec')
    const ok = response(invite, 200, 'the answer')
    bridged?.onResponse(ok)
    expect([ok.body.length, ok.headers.has('Content-Type')]).toEqual([0, false])
  })
})
