/** What comes after the first request, over a proxy that has recorded its route. */
import { describe, expect, it } from 'vitest'
import type { LocationTarget } from '../../../../../src-main/sip/locationService.ts'
import { makeResponse, type SipRequest, SipResponse } from '../../../../../src-main/sip/message/message.ts'
import { makeCancel } from '../../../../../src-main/sip/transaction/inviteClient.ts'
import { ANSWER, OFFER } from '../../../../support/sipPeers.ts'
import { BOB, contactOf, type RawEnd, ringing, ServerKit, within } from '../../../../support/sipServerKit.ts'

describe('dialogs along the recorded route (§16.4, §16.11, RFC 5626 §5.2)', () => {
  async function established() {
    const kit = new ServerKit()
    const bob = kit.callee('bob')
    const { desk, invite } = await ringing(kit)
    bob.respond(bob.lastOf('INVITE'), 200, [contactOf('bob')])
    await kit.run()
    return { kit, bob, desk, invite, ok: desk.last as SipResponse }
  }

  it('ACK of a 2xx and BYE go from the caller to the callee, the Route consumed', async () => {
    const { kit, bob, desk, invite, ok } = await established()
    desk.send(within(desk, invite, ok, 'ACK', invite.cseq.number))
    desk.send(within(desk, invite, ok, 'BYE', invite.cseq.number + 1))
    await kit.run()
    expect([bob.lastOf('ACK').requestUri, bob.lastOf('ACK').headers.has('Route')]).toEqual(['sip:bob@10.9.9.9:5070', false])
    bob.respond(bob.lastOf('BYE'), 200)
    await kit.run()
    expect((desk.last as SipResponse).cseq.method).toBe('BYE')
    expect(bob.lastOf('BYE').headers.has('Record-Route')).toBe(false)
  })

  it('requests of the callee go to the flow that the caller came over, whatever its Contact says', async () => {
    const { kit, bob, desk, invite, ok } = await established()
    bob.send(within(bob, invite, ok, 'BYE', 1, false))
    await kit.run()
    expect(desk.lastOf('BYE').requestUri).toBe('sip:desk@10.9.9.9:5070')
  })

  it('a route whose flow is gone: 430', async () => {
    const { kit, bob, desk, invite, ok } = await established()
    bob.near.close()
    await kit.run()
    desk.send(within(desk, invite, ok, 'BYE', 9))
    await kit.run()
    expect(desk.statuses.at(-1)).toBe(430)
  })

  it.each([['unreadable', (via: string) => via.replace('branch=', 'branch\u0003=')], ['gone', () => undefined]] as const)('an answer in which the Via of the caller is %s: he hears how it ended, and nothing is left', async (_, damage) => {
    const kit = new ServerKit(), bob = kit.callee('bob')
    const desk = kit.end('desk')
    for (const [method, status] of [['MESSAGE', 200], ['MESSAGE', 404], ['INVITE', 486]] as const) {
      await kit.ask(desk, desk.request(method, BOB, [contactOf('desk'), ['Call-ID', `${method}${status}`]]))
      const response = makeResponse(bob.lastOf(method), status, undefined, 'tag')
      const [own = '', callers = ''] = response.headers.getLines('Via')
      response.headers.remove('Via')
      for (const via of [own, damage(callers)]) if (via !== undefined) response.headers.append('Via', via)
      bob.send(response)
      await kit.run()
    }
    expect(desk.statuses.filter((status) => status !== 407 && status !== 100)).toEqual([502, 404, 486])
    desk.far.close()
    await kit.run(40_000)
    expect([kit.element.transactions.size, kit.element.server?.proxy.size]).toEqual([0, 0])
  })

  it.each([['To twice', 'To', '<sip:x@y>'], ['a To that cannot be read', 'To', '<sip:x'], ['a Content-Type that cannot be read', 'Content-Type', ';;']] as const)('a final response with %s ends its branch: 502, and nothing is left', async (_, name, value) => {
    const kit = new ServerKit(['proxy', 'registrar'], () => Promise.resolve({ offer: (sdp) => sdp, answer: (sdp) => sdp, refused: () => {}, close: () => { closed++ } }))
    let closed = 0
    const bob = kit.callee('bob', 1, { second: { aor: 'bob@office.example', nodeId: 'bb'.repeat(16) } }), desk = kit.end('desk')
    await kit.ask(desk, desk.request('INVITE', BOB, [contactOf('desk')]).setBody('application/sdp', OFFER))
    const response = makeResponse(bob.lastOf('INVITE'), 200, undefined, 'tag')
    response.headers.append('Contact', '<sip:bob@office.example>')
    if (name === 'Content-Type') response.setBody('application/sdp', ANSWER)
    if (value === '<sip:x@y>') response.headers.append(name, value)
    else response.headers.set(name, value)
    bob.send(response)
    await kit.run(1_000)
    expect([desk.statuses.at(-1), closed, kit.element.server?.proxy.size, kit.element.server?.gateway?.size]).toEqual([502, 1, 0, 0])
    desk.far.close()
    await kit.run(40_000)
    expect(kit.element.transactions.size).toBe(0)
  })

  describe('to a phone with two flows (RFC 5626 §7)', () => {
    async function twoFlows(): Promise<{ kit: ServerKit; first: RawEnd; second: RawEnd; desk: RawEnd; invite: SipRequest }> {
      const kit = new ServerKit(), first = kit.end('kitchen'), second = kit.end('kitchen')
      const target = (end: RawEnd): LocationTarget => ({ requestUri: `sip:kitchen@10.0.0.2:${end === first ? 1 : 2};ob`, q: 1, connection: end.near, routes: [] })
      kit.found.set('bob', [{ ...target(first), instead: [target(second)] }])
      const desk = kit.end('desk')
      const invite = await kit.ask(desk, desk.request('INVITE', BOB, [contactOf('desk')]).setBody('application/sdp', OFFER))
      return { kit, first, second, desk, invite }
    }

    it('one at a time; after 430 the other is tried, with the same description', async () => {
      const { kit, first, second, desk } = await twoFlows()
      expect([first.requests.length, second.requests.length]).toEqual([1, 0])
      first.respond(first.lastOf('INVITE'), 430)
      await kit.run()
      expect([second.lastOf('INVITE').requestUri, second.lastOf('INVITE').text]).toEqual(['sip:kitchen@10.0.0.2:2;ob', OFFER])
      second.respond(second.lastOf('INVITE'), 200, [contactOf('kitchen')])
      await kit.run()
      expect(desk.statuses.at(-1)).toBe(200)
      expect(kit.element.server?.proxy.size).toBe(0)
    })

    it('a connection that breaks, or silence, is as good as 430', async () => {
      const broken = await twoFlows()
      broken.first.near.break()
      await broken.kit.run()
      expect(broken.second.requests).toHaveLength(1)
      const silent = await twoFlows()
      await silent.kit.run(33_000)
      expect(silent.second.requests).toHaveLength(1)
      silent.second.respond(silent.second.lastOf('INVITE'), 430)
      await silent.kit.run()
      expect(silent.desk.statuses.at(-1)).toBe(430)
    })

    it('any other final response is the phone’s own: the same request is not forwarded to it again', async () => {
      const { kit, first, second, desk } = await twoFlows()
      first.respond(first.lastOf('INVITE'), 486)
      await kit.run()
      expect([second.requests.length, desk.statuses.at(-1)]).toEqual([0, 486])
    })

    it('nor when the caller has given up', async () => {
      const { kit, first, second, desk, invite } = await twoFlows()
      first.respond(first.lastOf('INVITE'), 180)
      await kit.run()
      desk.send(makeCancel(invite, []))
      await kit.run()
      first.respond(first.lastOf('INVITE'), 430)
      await kit.run()
      expect(second.requests).toHaveLength(0)
    })
  })

  it('a route that we have not sealed leads nowhere', async () => {
    const { kit, bob, desk, invite, ok } = await established()
    const bye = within(desk, invite, ok, 'BYE', 9)
    bye.headers.set('Route', (bye.headers.get('Route') ?? '').replaceAll(/sip:\w/g, 'sip:_'))
    const before = bob.requests.length
    desk.send(bye)
    await kit.run()
    expect(desk.statuses.at(-1)).toBe(481)
    expect(bob.requests).toHaveLength(before)
  })

  it('undoes what a strict router did to the Request-URI (§16.4)', async () => {
    const { kit, bob, desk, invite, ok } = await established()
    const bye = within(desk, invite, ok, 'BYE', 9)
    const [first = '', second = ''] = bye.headers.getList('Route')
    const target = bye.requestUri
    bye.requestUri = first.replace(/[<>]/g, '')
    bye.headers.set('Route', `${second}, <${target}>`)
    desk.send(bye)
    await kit.run()
    expect(bob.lastOf('BYE').requestUri).toBe(target)
  })
})
