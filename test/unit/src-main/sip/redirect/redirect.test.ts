import { describe, expect, it } from 'vitest'
import type { TlsIdentity } from '../../../../../src-main/ports/domainTls.ts'
import { ServerKit } from '../../../../support/sipServerKit.ts'

const BOB = 'sip:bob@office.example'
const nodeId = 'aa'.repeat(16)

describe('the redirect server (RFC 3261 §8.3)', () => {
  it('answers 302 with one Contact for each target that can be reached directly, and how long they hold', async () => {
    const kit = new ServerKit(['redirect'])
    kit.callee('b1'); kit.callee('b2', 0.5)
    kit.found.set('bob', (kit.found.get('bob') ?? []).map((target) => ({ ...target, contact: target.requestUri })))
    const desk = kit.end('desk')
    await kit.ask(desk, desk.request('INVITE', BOB))
    expect(desk.statuses).toEqual([407, 302])
    expect(desk.last.headers.getLines('Contact')).toEqual(['<sip:b1@10.0.0.2:5070>;q=1', '<sip:b2@10.0.0.2:5070>;q=0.5'])
    expect(desk.last.headers.get('Expires')).toBe('60')
  })

  it('gives a caller who dialled sips: no contact that is less (RFC 3261 §26.2.2)', async () => {
    const kit = new ServerKit(['redirect'])
    kit.callee('b1'); kit.callee('b2')
    const [first, second] = kit.found.get('bob') ?? []
    if (first === undefined || second === undefined) throw new Error('two')
    kit.found.set('bob', [{ ...first, contact: first.requestUri }, { ...second, contact: 'sips:b2@10.0.0.2:5061' }])
    const desk = kit.end('desk')
    await kit.ask(desk, desk.request('INVITE', 'sips:bob@office.example'))
    expect(desk.last.headers.getLines('Contact')).toEqual(['<sips:b2@10.0.0.2:5061>;q=1'])
  })

  it('asks a peer of the overlay for an address, and leaves out one that has none', async () => {
    const kit = new ServerKit(['redirect'])
    const near = kit.callee('near', 1, { second: { aor: 'bob@office.example', nodeId } })
    const far = kit.callee('far', 1, { second: { aor: 'bob@office.example', nodeId: 'bb'.repeat(16) } })
    const desk = kit.end('desk')
    await kit.ask(desk, desk.request('INVITE', BOB))
    expect(near.lastOf('OPTIONS').headers.get('Request-Disposition')).toBe('redirect')
    near.respond(near.lastOf('OPTIONS'), 200, [['Contact', '<sip:ticket@10.7.7.7:5062>']])
    far.respond(far.lastOf('OPTIONS'), 403)
    await kit.run()
    expect(desk.last.headers.getLines('Contact')).toEqual(['<sip:ticket@10.7.7.7:5062>;q=1'])
  })

  it('a peer that does not answer is waited for three seconds: 480 when nobody is left', async () => {
    const kit = new ServerKit(['redirect'])
    kit.callee('near', 1, { second: { aor: 'bob@office.example', nodeId } })
    const desk = kit.end('desk')
    await kit.ask(desk, desk.request('INVITE', BOB))
    await kit.run(3000)
    expect(desk.statuses.at(-1)).toBe(480)
  })

  it('serves nobody who has not logged in, and knows unknown people', async () => {
    const kit = new ServerKit(['redirect'])
    const desk = kit.end('desk')
    await kit.ask(desk, desk.request('INVITE', 'sip:nobody@office.example'))
    expect(desk.statuses).toEqual([407, 404])
  })

  it('CANCEL ends the search with 487', async () => {
    const kit = new ServerKit(['redirect'])
    kit.callee('near', 1, { second: { aor: 'bob@office.example', nodeId } })
    const desk = kit.end('desk')
    const invite = await kit.ask(desk, desk.request('INVITE', BOB))
    desk.send(desk.request('CANCEL', BOB, [['Via', invite.headers.get('Via') ?? ''], ['CSeq', `${invite.cseq.number} CANCEL`]]))
    await kit.run(300)
    expect(desk.statuses.slice(-2)).toEqual([200, 487])
  })

  it('beside a proxy it serves those who ask for it (RFC 3841)', async () => {
    const kit = new ServerKit(['proxy', 'redirect'])
    const bob = kit.callee('b1')
    kit.found.set('bob', (kit.found.get('bob') ?? []).map((target) => ({ ...target, contact: target.requestUri })))
    const desk = kit.end('desk')
    await kit.ask(desk, desk.request('INVITE', BOB, [['Request-Disposition', 'redirect']]))
    expect([desk.statuses.at(-1), bob.requests]).toEqual([302, []])
    await kit.ask(desk, desk.request('INVITE', BOB, [], 5))
    expect(bob.lastOf('INVITE')).toBeDefined()
  })
})

describe('tickets (concepts draft §3.4.4)', () => {
  it('to a sips: address leads to where this element listens for TLS', async () => {
    const address = { host: '10.0.0.1', port: 5061 }
    const identity = { certificate: {}, chain: [], privateKey: {} } as unknown as TlsIdentity
    const kit = new ServerKit(['proxy'], undefined, { identity, tls: { listen: () => Promise.resolve({ address, close: () => Promise.resolve() }), connect: () => Promise.reject(new Error('not here')) } })
    const peer = kit.end('carol', { second: { aor: 'carol@office.example', nodeId } })
    const ask = async (cseq: number): Promise<string | undefined> => {
      peer.send(peer.request('OPTIONS', 'sips:alice@office.example', [['Request-Disposition', 'redirect'], ['Call-ID', `ask-${cseq}`]], cseq))
      await kit.run()
      return peer.last.headers.get('Contact')
    }
    expect(await ask(1)).toBeUndefined()
    await kit.element.listenTls(address)
    expect(await ask(2)).toMatch(/^<sips:[^@]+@10\.0\.0\.1:5061>$/)
  })

  it('an element that listens nowhere gives none, and what it has not sealed is no ticket', async () => {
    const kit = new ServerKit(['proxy'])
    kit.callee('b1')
    const peer = kit.end('carol', { second: { aor: 'carol@office.example', nodeId } })
    peer.send(peer.request('OPTIONS', 'sip:alice@office.example', [['Request-Disposition', 'redirect']]))
    await kit.run()
    // this element listens nowhere: it has no address to give
    expect([peer.statuses, peer.last.headers.has('Contact')]).toEqual([[200], false])
    const stranger = kit.end('stranger')
    stranger.send(stranger.request('INVITE', 'sip:aGVsbG8gd29ybGQgaGVsbG8@10.0.0.1'))
    await kit.run()
    expect(stranger.statuses).toEqual([407])
  })
})
