import { describe, expect, it } from 'vitest'
import { PeerError } from '../../../../../src-main/base/errors.ts'
import { type SipRequest, SipResponse } from '../../../../../src-main/sip/message/message.ts'
import { bestResponse } from '../../../../../src-main/sip/proxy/bestResponse.ts'
import { statusOf } from '../../../../../src-main/sip/proxy/proxy.ts'
import { TIMER_C_MS } from '../../../../../src-main/sip/proxy/branch.ts'
import { ANSWER, OFFER } from '../../../../support/sipPeers.ts'
import { BOB, contactOf, identity, ringing, ServerKit, within } from '../../../../support/sipServerKit.ts'

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
