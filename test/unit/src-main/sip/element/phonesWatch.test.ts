/** SUBSCRIBE of phones at the proxy (RFC 6665 §4.5.2): to people of the overlay and back, and to the owner's own state. */
import { describe, expect, it } from 'vitest'
import type { SipRequest, SipResponse } from '../../../../../src-main/sip/message/message.ts'
import { ServerKit } from '../../../../support/sipServerKit.ts'

const identity = { aor: 'bob@office.example', nodeId: 'bb'.repeat(16) }

describe('a phone that watches', () => {
  it('somebody in the overlay: SUBSCRIBE goes over his pipe under the owner’s name, NOTIFY comes back along the route', async () => {
    const kit = new ServerKit()
    const bob = kit.callee('bob', 1, { second: identity }), desk = kit.end('desk')
    await kit.ask(desk, desk.request('SUBSCRIBE', 'sip:bob@office.example', [['Event', 'presence'], ['Expires', '600'], ['Contact', '<sip:desk@10.9.9.9:5070>']]))
    const subscribe = bob.lastOf('SUBSCRIBE')
    expect(subscribe.headers.get('From')).toMatch(/^"?Alice"? <sip:alice@office\.example>;tag=desk$/)
    bob.respond(subscribe, 200, [['Contact', '<sip:bob@office.example>'], ['Expires', '600'], ...subscribe.headers.getLines('Record-Route').map((value) => ['Record-Route', value] as const)])
    await kit.run()
    const ok = desk.last as SipResponse
    expect([ok.status, ok.headers.get('From')]).toEqual([200, '<sip:desk@office.example>;tag=desk'])
    const notify = bob.request('NOTIFY', 'sip:desk@10.9.9.9:5070', [
      ['From', ok.headers.get('To') ?? ''], ['To', subscribe.headers.get('From') ?? ''], ['Call-ID', subscribe.callId], ['CSeq', '1 NOTIFY'],
      ['Route', subscribe.headers.getList('Record-Route').join(', ')], ['Event', 'presence'], ['Subscription-State', 'active;expires=599'],
    ]).setBody('application/pidf+xml', '<presence/>')
    bob.send(notify)
    await kit.run()
    expect(desk.lastOf('NOTIFY')).toMatchObject({ requestUri: 'sip:desk@10.9.9.9:5070', text: '<presence/>' })
    desk.respond(desk.lastOf('NOTIFY'), 200)
    await kit.run()
    expect(bob.statuses).toEqual([200])
  })

  it.each(['sip:alice@office.example', 'sip:desk@office.example'])('its owner or itself (%s): asked of the app, not of other phones', async (uri) => {
    const kit = new ServerKit()
    for (const name of ['alice', 'desk']) kit.found.set(name, [{ requestUri: 'sip:alice@office.example', q: 1, connection: 'own', routes: [] }])
    const desk = kit.end('desk')
    await kit.ask(desk, desk.request('SUBSCRIBE', uri, [['Event', 'message-summary'], ['Contact', '<sip:desk@10.9.9.9:5070>']]))
    const [subscription] = kit.owner.subscriptions
    expect(subscription).toMatchObject({ event: 'message-summary', from: { aor: 'desk@office.example' } })
    expect(subscription?.identity).toBeUndefined()
    subscription?.accept('active')
    subscription?.notify('text/plain', new Uint8Array([65]))
    await kit.run()
    expect(desk.requests.map((request: SipRequest) => [request.method, request.text])).toEqual([['NOTIFY', 'A']])
  })
})
