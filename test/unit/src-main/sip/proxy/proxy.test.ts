import { describe, expect, it } from 'vitest'
import { PeerError } from '../../../../../src-main/base/errors.ts'
import { makeResponse, type SipRequest, SipResponse } from '../../../../../src-main/sip/message/message.ts'
import type { LocationTarget } from '../../../../../src-main/sip/locationService.ts'
import { bestResponse } from '../../../../../src-main/sip/proxy/bestResponse.ts'
import { statusOf } from '../../../../../src-main/sip/proxy/proxy.ts'
import { TIMER_C_MS } from '../../../../../src-main/sip/proxy/branch.ts'
import { makeCancel } from '../../../../../src-main/sip/transaction/inviteClient.ts'
import { ANSWER, OFFER } from '../../../../support/sipPeers.ts'
import { type RawEnd, ServerKit } from '../../../../support/sipServerKit.ts'

const identity = { aor: 'carol@office.example', nodeId: 'aa'.repeat(16) }
const BOB = 'sip:bob@office.example'
const contactOf = (name: string): [string, string] => ['Contact', `<sip:${name}@10.9.9.9:5070>`]

async function ringing(kit: ServerKit, ...callees: RawEnd[]): Promise<{ desk: RawEnd; invite: SipRequest }> {
  const desk = kit.end('desk')
  const invite = await kit.ask(desk, desk.request('INVITE', BOB, [contactOf('desk')]))
  for (const callee of callees) callee.respond(callee.lastOf('INVITE'), 180, [contactOf('x')])
  await kit.run()
  return { desk, invite }
}

/** A request inside the dialog that `response` made, along the recorded route. */
function within(from: RawEnd, invite: SipRequest, response: SipResponse, method: string, cseq: number, asCaller = true): SipRequest {
  const routes = response.headers.getList('Record-Route')
  const [local, remote] = asCaller ? ['From', 'To'] : ['To', 'From']
  const contact = (asCaller ? response : invite).headers.get('Contact') ?? ''
  return from.request(method, /<(.*)>/.exec(contact)?.[1] ?? contact, [
    ['From', response.headers.get(local) ?? ''], ['To', response.headers.get(remote) ?? ''], ['Call-ID', invite.callId], ['CSeq', `${cseq} ${method}`],
    ['Route', (asCaller ? [...routes].reverse() : routes).join(', ')],
  ])
}

describe('request validation (RFC 3261 §16.3)', () => {
  const answerTo = async (uri: string, headers: readonly (readonly [string, string])[]): Promise<SipResponse> => {
    const kit = new ServerKit()
    kit.callee('bob')
    const from = kit.end('carol', { second: identity })
    from.send(from.request('MESSAGE', uri, headers))
    await kit.run()
    return from.last as SipResponse
  }

  it('a Max-Forwards of zero: 483', async () => { expect((await answerTo(BOB, [['Max-Forwards', '0']])).status).toBe(483) })

  it('Proxy-Require with an option tag that is not understood: 420 with Unsupported', async () => {
    const response = await answerTo(BOB, [['Proxy-Require', 'foo, bar']])
    expect([response.status, response.headers.get('Unsupported')]).toEqual([420, 'foo, bar'])
  })

  it('a request without credentials: 407; nobody is asked before', async () => {
    const kit = new ServerKit()
    const desk = kit.end('desk')
    desk.send(desk.request('MESSAGE', BOB))
    await kit.run()
    expect([desk.statuses, kit.asked]).toEqual([[407], []])
  })

  it('a From that the account may not use: 403', async () => {
    const kit = new ServerKit()
    const desk = kit.end('desk')
    await kit.ask(desk, desk.request('MESSAGE', BOB, [['From', '<sip:boss@office.example>;tag=1']]))
    expect(desk.statuses).toEqual([407, 403])
  })

  it('a peer whose From is not the name in its certificate: 403', async () => {
    expect((await answerTo(BOB, [['From', '<sip:boss@office.example>;tag=1']])).status).toBe(403)
  })

  it('a Route that leads elsewhere is refused: no open relay', async () => {
    expect((await answerTo(BOB, [['Route', '<sip:192.0.2.1;lr>']])).status).toBe(403)
    expect((await answerTo('sip:x@192.0.2.1', [])).status).toBe(403)
  })

  it('a request that has looped: 482; one that spirals with another Request-URI goes on (RFC 5393 §4.2)', async () => {
    const kit = new ServerKit()
    const bob = kit.callee('bob', 1, { second: identity })
    const carol = kit.end('carol', { second: identity })
    carol.send(carol.request('MESSAGE', BOB))
    await kit.run()
    const forwarded = bob.lastOf('MESSAGE').clone()
    const again = (uri: string): SipRequest => {
      const copy = forwarded.clone()
      copy.requestUri = uri
      copy.headers.prepend('Via', `SIP/2.0/TCP 10.0.0.2:5060;branch=z9hG4bKloop${uri.length}`)
      return copy
    }
    bob.send(again(BOB))
    await kit.run()
    expect(bob.statuses).toEqual([482])
    kit.found.set('rob', kit.found.get('bob') ?? [])
    bob.send(again('sip:rob@office.example'))
    await kit.run()
    expect(bob.statuses).toEqual([482])
    expect(bob.requests).toHaveLength(2)
  })
})

describe('request forwarding (§16.6)', () => {
  it('lowers Max-Forwards, puts its Via on top, records its route for both sides, and keeps its own credentials', async () => {
    const kit = new ServerKit()
    const bob = kit.callee('bob')
    await ringing(kit)
    const invite = bob.lastOf('INVITE')
    expect(invite.requestUri).toBe('sip:bob@10.0.0.2:5070')
    expect([invite.maxForwards, invite.vias.length, invite.headers.getList('Record-Route').length]).toEqual([69, 2, 2])
    expect(invite.headers.has('Proxy-Authorization')).toBe(false)
    expect(invite.headers.get('Max-Breadth')).toBe('60')
    for (const route of invite.headers.getList('Record-Route')) expect(route).toMatch(/^<sip:[\w-]{20,}@10\.0\.0\.1:5060;transport=tcp;lr>$/)
  })

  it('leaves unknown header fields and the body as they are', async () => {
    const kit = new ServerKit()
    const bob = kit.callee('bob')
    const desk = kit.end('desk')
    const request = desk.request('MESSAGE', BOB, [['X-Strange', 'a;b="c"'], ['Subject', 'hi'], ['Content-Type', 'text/plain']])
    request.body = new TextEncoder().encode('körper')
    await kit.ask(desk, request)
    const got = bob.lastOf('MESSAGE')
    expect([got.headers.get('X-Strange'), got.headers.get('Subject'), got.text]).toEqual(['a;b="c"', 'hi', 'körper'])
    expect(got.headers.has('Record-Route')).toBe(false)
  })

  it('in the overlay a phone speaks for its owner; the caller gets its own From back', async () => {
    const kit = new ServerKit()
    const bob = kit.callee('bob', 1, { second: identity })
    const { desk } = await ringing(kit, bob)
    expect(bob.lastOf('INVITE').headers.get('From')).toBe('"Alice" <sip:alice@office.example>;tag=desk')
    expect(desk.statuses.at(-1)).toBe(180)
    expect(desk.last.headers.get('From')).toBe('<sip:desk@office.example>;tag=desk')
  })

  it('Max-Breadth smaller than the number of branches: 440 (RFC 5393 §5.3.3)', async () => {
    const kit = new ServerKit()
    kit.callee('b1'); kit.callee('b2')
    const desk = kit.end('desk')
    await kit.ask(desk, desk.request('MESSAGE', BOB, [['Max-Breadth', '1']]))
    expect(desk.statuses).toEqual([407, 440])
  })

  it('Path of a registration becomes the Route of the request (RFC 3327 §5.4)', async () => {
    const kit = new ServerKit()
    const bob = kit.callee('bob')
    kit.found.set('bob', (kit.found.get('bob') ?? []).map((target) => ({ ...target, routes: ['<sip:edge.example;lr>'] })))
    const desk = kit.end('desk')
    await kit.ask(desk, desk.request('MESSAGE', BOB))
    expect(bob.lastOf('MESSAGE').headers.get('Route')).toBe('<sip:edge.example;lr>')
  })

  it('somebody unknown: 404; somebody away: 480; a lost overlay: 504', async () => {
    const kit = new ServerKit()
    const desk = kit.end('desk')
    await kit.ask(desk, desk.request('MESSAGE', 'sip:nobody@office.example'))
    kit.found.set('bob', [])
    await kit.ask(desk, desk.request('MESSAGE', BOB, [], 5))
    expect(desk.statuses).toEqual([407, 404, 407, 480])
    expect(statusOf(new PeerError('not-joined'))).toBe(504)
  })
})

describe('response processing (§16.7)', () => {
  it('forwards provisional responses but never 100, and the 2xx at once', async () => {
    const kit = new ServerKit()
    const bob = kit.callee('bob')
    const { desk } = await ringing(kit)
    bob.respond(bob.lastOf('INVITE'), 100)
    bob.respond(bob.lastOf('INVITE'), 183)
    bob.respond(bob.lastOf('INVITE'), 200, [contactOf('bob')])
    await kit.run(300)
    expect(desk.statuses).toEqual([407, 183, 200])
    expect(desk.last.headers.getList('Via')).toHaveLength(1)
  })

  it('a 2xx of one branch cancels the others with the reason "answered elsewhere" (RFC 3326)', async () => {
    const kit = new ServerKit()
    const b1 = kit.callee('b1'), b2 = kit.callee('b2')
    const { desk } = await ringing(kit, b1, b2)
    b1.respond(b1.lastOf('INVITE'), 200, [contactOf('b1')])
    await kit.run()
    expect(b2.lastOf('CANCEL').headers.get('Reason')).toContain('cause=200')
    b2.respond(b2.lastOf('CANCEL'), 200)
    b2.respond(b2.lastOf('INVITE'), 487)
    await kit.run()
    expect(b2.lastOf('ACK').cseq.method).toBe('ACK')
    expect(desk.statuses.filter((status) => status >= 200)).toEqual([407, 200])
  })

  it('a retransmitted 2xx is passed on again, the same', async () => {
    const kit = new ServerKit()
    const bob = kit.callee('bob')
    const { desk } = await ringing(kit)
    for (let i = 0; i < 3; i++) {
      bob.respond(bob.lastOf('INVITE'), 200, [contactOf('bob')])
      await kit.run(500)
    }
    const answers = desk.heard.filter((message) => message.kind === 'response' && message.status === 200)
    expect(answers).toHaveLength(3)
    expect(new Set(answers.map((message) => new TextDecoder().decode(message.encode()))).size).toBe(1)
  })

  it('keeps no text of a request once it is answered, and still passes a repeated 2xx on (RFC 6026)', async () => {
    const kit = new ServerKit()
    const bob = kit.callee('bob')
    const served: SipRequest[] = []
    const { user } = kit.element.transactions
    kit.element.transactions.user = user === undefined ? undefined : {
      onRequest: (request, transaction) => { served.push(request); user.onRequest(request, transaction) },
      onAck: (request, connection) => { user.onAck(request, connection) }, onConnectionClosed: (connection) => { user.onConnectionClosed(connection) },
    }
    const { desk } = await ringing(kit, bob)
    expect(served.map(({ headers }) => headers.size > 0)).toEqual([false, true])
    const invite = bob.lastOf('INVITE')
    for (let i = 0; i < 2; i++) bob.respond(invite, 200, [contactOf('bob')])
    await kit.run()
    expect(served.map(({ headers }) => headers.size)).toEqual([0, 0])
    expect(desk.statuses.filter((status) => status === 200)).toEqual([200, 200])
  })

  it('2xx of several branches are all forwarded', async () => {
    const kit = new ServerKit()
    const b1 = kit.callee('b1'), b2 = kit.callee('b2')
    const { desk } = await ringing(kit)
    for (const callee of [b1, b2]) callee.respond(callee.lastOf('INVITE'), 200, [contactOf('b')])
    await kit.run()
    expect(desk.statuses.filter((status) => status >= 200)).toEqual([407, 200, 200])
  })

  it('waits for every branch before it sends the best failure', async () => {
    const kit = new ServerKit()
    const b1 = kit.callee('b1'), b2 = kit.callee('b2')
    const { desk } = await ringing(kit)
    b1.respond(b1.lastOf('INVITE'), 503)
    await kit.run()
    expect(desk.statuses).toEqual([407])
    b2.respond(b2.lastOf('INVITE'), 486)
    await kit.run()
    expect(desk.statuses).toEqual([407, 486])
    expect(b1.lastOf('ACK')).toBeDefined()
  })

  it('6xx cancels all branches that are pending, and is the best response', async () => {
    const kit = new ServerKit()
    const b1 = kit.callee('b1'), b2 = kit.callee('b2')
    const { desk } = await ringing(kit, b1, b2)
    b1.respond(b1.lastOf('INVITE'), 603)
    await kit.run()
    b2.respond(b2.lastOf('CANCEL'), 200)
    b2.respond(b2.lastOf('INVITE'), 487)
    await kit.run()
    expect(desk.statuses.at(-1)).toBe(603)
  })

  it('targets with a lower q are tried when the better ones have failed', async () => {
    const kit = new ServerKit()
    const b1 = kit.callee('b1', 1), b2 = kit.callee('b2', 0.5)
    const { desk } = await ringing(kit, b1)
    expect(b2.requests).toHaveLength(0)
    b1.respond(b1.lastOf('INVITE'), 486)
    await kit.run()
    b2.respond(b2.lastOf('INVITE'), 200, [contactOf('b2')])
    await kit.run()
    expect(desk.statuses.at(-1)).toBe(200)
  })

  it('chooses by class, lowest first, 6xx before all, and within 4xx what the caller can mend; 503 becomes 500', async () => {
    const best = (...statuses: number[]): number | undefined => bestResponse(statuses.map((status) => new SipResponse(status)))?.status
    expect(best(500, 404, 302)).toBe(302)
    expect(best(404, 603, 302)).toBe(603)
    expect(best(404, 415)).toBe(415)
    expect(best(408, 404)).toBe(404)
    expect(best()).toBeUndefined()
    const kit = new ServerKit()
    const b1 = kit.callee('b1')
    const { desk } = await ringing(kit)
    b1.respond(b1.lastOf('INVITE'), 503)
    await kit.run()
    expect(desk.statuses.at(-1)).toBe(500)
  })

  it('places the challenges of every branch into the one response (§16.7 step 7, RFC 8760 §2.5)', () => {
    const challenge = (status: number, name: string, ...realms: string[]): SipResponse => {
      const response = new SipResponse(status)
      for (const realm of realms) response.headers.append(name, `Digest realm="${realm}", nonce="n"`)
      return response
    }
    const best = bestResponse([challenge(404, 'X'), challenge(401, 'WWW-Authenticate', 'a', 'b'), challenge(407, 'Proxy-Authenticate', 'c')])
    expect(best?.status).toBe(401)
    expect(best?.headers.getLines('WWW-Authenticate').map((line) => line.slice(14, 15))).toEqual(['a', 'b'])
    expect(best?.headers.getLines('Proxy-Authenticate')).toHaveLength(1)
  })

  it('no response at all: 408 for an INVITE, silence for another request (RFC 4320 §4.2)', async () => {
    const kit = new ServerKit()
    kit.callee('bob')
    const { desk } = await ringing(kit)
    await kit.run(40_000)
    expect(desk.statuses.at(-1)).toBe(408)
    const other = kit.end('kitchen')
    await kit.ask(other, other.request('MESSAGE', BOB))
    await kit.run(40_000)
    expect(other.statuses).toEqual([407])
  })
})

describe('a phone that refuses the sound of the bridge', () => {
  const bridged = (): ServerKit => new ServerKit(['proxy'], () => Promise.resolve({ offer: (_sdp, _from, sdes) => `sdes ${sdes}`, answer: () => 'answer', refused: () => {}, close: () => {} }))
  const called = async (kit: ServerKit, transport: 'TCP' | 'UDP'): Promise<{ caller: RawEnd; phone: RawEnd; invite: SipRequest }> => {
    const caller = kit.end('carol', { second: identity }), phone = kit.callee('phone', 1, { transport, reliable: transport === 'TCP' })
    const invite = caller.request('INVITE', BOB, [contactOf('carol')]).setBody('application/sdp', OFFER)
    caller.send(invite)
    await kit.run()
    expect(phone.lastOf('INVITE').text).toBe('sdes false')
    phone.respond(phone.lastOf('INVITE'), 488)
    await kit.run()
    return { caller, phone, invite }
  }

  it('is offered the other kind at once over a stream; 488 goes to the caller only when that is refused too', async () => {
    const kit = bridged()
    const { caller, phone } = await called(kit, 'TCP')
    expect([phone.lastOf('INVITE').text, caller.statuses.includes(488)]).toEqual(['sdes true', false])
    phone.respond(phone.lastOf('INVITE'), 488)
    await kit.run()
    expect([phone.requests.filter(({ method }) => method === 'INVITE').length, caller.statuses.at(-1)]).toEqual([2, 488])
  })

  it('over UDP is asked again when it has forgotten the request, after T4: before, it would see a merged one (RFC 3261 §8.2.2.2)', async () => {
    const kit = bridged()
    const { caller, phone } = await called(kit, 'UDP')
    const invites = (): number => phone.requests.filter(({ method }) => method === 'INVITE').length
    await kit.run(4_900)
    expect(invites()).toBe(1)
    await kit.run(700)
    expect([invites(), phone.lastOf('INVITE').text]).toEqual([2, 'sdes true'])
    phone.respond(phone.lastOf('INVITE'), 200, [contactOf('phone')])
    await kit.run()
    expect(caller.statuses.at(-1)).toBe(200)
  })

  it('is not asked again when the caller has given up meanwhile: 487', async () => {
    const kit = bridged()
    const { caller, phone, invite } = await called(kit, 'UDP')
    caller.send(makeCancel(invite))
    await kit.run(6_000)
    expect(phone.requests.filter(({ method }) => method === 'INVITE')).toHaveLength(1)
    expect([caller.statuses.includes(487), kit.element.server?.proxy.size]).toEqual([true, 0])
  })
})

describe('CANCEL (§16.10)', () => {
  it('is answered 200 and sent on all pending branches, with its Reason', async () => {
    const kit = new ServerKit()
    const b1 = kit.callee('b1'), b2 = kit.callee('b2')
    const { desk, invite } = await ringing(kit, b1, b2)
    const cancel = desk.request('CANCEL', BOB, [['Via', invite.headers.get('Via') ?? ''], ['CSeq', `${invite.cseq.number} CANCEL`], ['Reason', 'SIP;cause=600']])
    desk.send(cancel)
    await kit.run()
    expect(desk.statuses.at(-1)).toBe(200)
    for (const callee of [b1, b2]) {
      expect(callee.lastOf('CANCEL').headers.get('Reason')).toBe('SIP;cause=600')
      callee.respond(callee.lastOf('CANCEL'), 200)
      callee.respond(callee.lastOf('INVITE'), 487)
    }
    await kit.run()
    expect(desk.statuses.at(-1)).toBe(487)
  })

  it('waits on a branch for its first provisional response (§9.1)', async () => {
    const kit = new ServerKit()
    const bob = kit.callee('bob')
    const { desk, invite } = await ringing(kit)
    desk.send(desk.request('CANCEL', BOB, [['Via', invite.headers.get('Via') ?? ''], ['CSeq', `${invite.cseq.number} CANCEL`]]))
    await kit.run()
    expect(bob.requests.map(({ method }) => method)).toEqual(['INVITE'])
    bob.respond(bob.lastOf('INVITE'), 180)
    await kit.run()
    expect(bob.lastOf('CANCEL')).toBeDefined()
  })

  it('while targets are still looked for: 487, and nothing is sent', async () => {
    const kit = new ServerKit()
    kit.lookupMs = 5000
    const bob = kit.callee('bob')
    const { desk, invite } = await ringing(kit)
    desk.send(desk.request('CANCEL', BOB, [['Via', invite.headers.get('Via') ?? ''], ['CSeq', `${invite.cseq.number} CANCEL`]]))
    await kit.run(10_000)
    expect(desk.statuses).toEqual([407, 200, 487])
    expect(bob.requests).toEqual([])
  })

  it('a branch that gives no final response within 64·T1 of the CANCEL counts as cancelled', async () => {
    const kit = new ServerKit()
    const bob = kit.callee('bob')
    const { desk, invite } = await ringing(kit, bob)
    desk.send(desk.request('CANCEL', BOB, [['Via', invite.headers.get('Via') ?? ''], ['CSeq', `${invite.cseq.number} CANCEL`]]))
    await kit.run(40_000)
    expect(desk.statuses.at(-1)).toBe(487)
  })
})

describe('timer C (§16.8)', () => {
  it('ends a branch that rings for more than three minutes; each further 1xx starts it anew', async () => {
    const kit = new ServerKit()
    const bob = kit.callee('bob')
    const { desk } = await ringing(kit, bob)
    await kit.run(TIMER_C_MS - 5000)
    bob.respond(bob.lastOf('INVITE'), 180)
    await kit.run(TIMER_C_MS - 5000)
    expect(bob.requests.map(({ method }) => method)).toEqual(['INVITE'])
    await kit.run(10_000)
    expect(bob.lastOf('CANCEL')).toBeDefined()
    bob.respond(bob.lastOf('INVITE'), 487)
    await kit.run()
    expect(desk.statuses.at(-1)).toBe(487)
  })
})

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

describe('the user agent of the same element', () => {
  it('is one of the branches, sees who is proven to call, and takes part in the dialog', async () => {
    const kit = new ServerKit()
    kit.found.set('alice', [{ requestUri: 'sip:alice@office.example', q: 1, connection: 'own', routes: [] }])
    const carol = kit.end('carol', { second: identity })
    const invite = carol.request('INVITE', 'sip:alice@office.example', [contactOf('carol')]).setBody('application/sdp', OFFER)
    kit.owner.take = (call) => { call.ring(); call.accept(ANSWER) }
    carol.send(invite)
    await kit.run()
    expect(carol.statuses).toEqual([180, 200])
    expect(kit.owner.calls[0]?.identity).toEqual(identity)
    const ok = carol.last as SipResponse
    carol.send(within(carol, invite, ok, 'ACK', 1))
    await kit.run()
    carol.send(within(carol, invite, ok, 'BYE', 2))
    await kit.run()
    expect(carol.statuses).toEqual([180, 200, 200])
    expect(kit.owner.log.at(-1)).toContain('ended')
  })
})

it('after everything has ended no transaction, context or timer is left', async () => {
  const kit = new ServerKit()
  const b1 = kit.callee('b1'), b2 = kit.callee('b2')
  const { desk, invite } = await ringing(kit, b1, b2)
  b1.respond(b1.lastOf('INVITE'), 200, [contactOf('b1')])
  await kit.run()
  desk.send(within(desk, invite, desk.last as SipResponse, 'ACK', invite.cseq.number))
  b2.respond(b2.lastOf('CANCEL'), 200)
  b2.respond(b2.lastOf('INVITE'), 487)
  await kit.run(200_000)
  expect(kit.left).toBe(0)
})
