import { describe, expect, it } from 'vitest'
import type { SipResponse } from '../../../../../src-main/sip/message/message.ts'
import { parseUri } from '../../../../../src-main/sip/message/uri.ts'
import { type RawEnd, ServerKit } from '../../../../support/sipServerKit.ts'

const AOR = 'desk@office.example'

async function world() {
  const kit = new ServerKit()
  const desk = kit.end('desk')
  let cseq = 0
  const register = async (headers: readonly (readonly [string, string])[], from: RawEnd = desk, callId = 'r', number?: number): Promise<SipResponse> => {
    cseq += 2
    await kit.ask(from, from.request('REGISTER', 'sip:office.example', [['To', `<sip:${AOR}>`], ['Call-ID', callId], ...headers], number ?? cseq))
    return from.last as SipResponse
  }
  return { kit, desk, register, contacts: (r: SipResponse) => r.headers.getLines('Contact') }
}

describe('the registrar (RFC 3261 §10.3)', () => {
  it('challenges a REGISTER without credentials with 401, and one for another domain with 404', async () => {
    const { kit, desk } = await world()
    desk.send(desk.request('REGISTER', 'sip:office.example'))
    desk.send(desk.request('REGISTER', 'sip:other.example'))
    await kit.run()
    expect(desk.statuses).toEqual([401, 404])
  })

  it('the 200 contains Contact header field values enumerating all current bindings, each with expires', async () => {
    const { kit, register, contacts } = await world()
    const first = await register([['Contact', '<sip:desk@10.0.0.2:5070>;q=0.5'], ['Expires', '600']])
    expect([first.status, contacts(first)]).toEqual([200, ['<sip:desk@10.0.0.2:5070>;expires=600;q=0.5']])
    await kit.run(100_000)
    const second = await register([['Contact', '<sip:desk@10.0.0.3>;expires=300, "x" <sip:desk@10.0.0.4>;q=0.2;expires=60']])
    expect(contacts(second)).toEqual(['<sip:desk@10.0.0.3>;expires=300', '<sip:desk@10.0.0.2:5070>;expires=500;q=0.5', '<sip:desk@10.0.0.4>;expires=60;q=0.2'])
    expect(second.headers.get('Date')).toBe('Thu, 01 Jan 2026 00:01:40 GMT')
  })

  it('a REGISTER without Contact is a query and changes nothing', async () => {
    const { register, contacts } = await world()
    await register([['Contact', '<sip:desk@10.0.0.2>']])
    expect(contacts(await register([]))).toEqual(['<sip:desk@10.0.0.2>;expires=3600'])
  })

  it('a binding ends when its time is over, and by expires=0', async () => {
    const { kit, register, contacts } = await world()
    await register([['Contact', '<sip:a@10.0.0.2>;expires=60, <sip:b@10.0.0.2>;expires=120']])
    await kit.run(61_000)
    expect(kit.bindings.of(AOR).map(({ contact }) => contact)).toEqual(['sip:b@10.0.0.2'])
    expect(contacts(await register([['Contact', '<sip:b@10.0.0.2>;expires=0']]))).toEqual([])
  })

  it('"*" removes all bindings, only with Expires 0', async () => {
    const { register, contacts } = await world()
    await register([['Contact', '<sip:a@10.0.0.2>, <sip:b@10.0.0.2>']])
    expect((await register([['Contact', '*'], ['Expires', '5']])).status).toBe(400)
    expect((await register([['Contact', '*']])).status).toBe(400)
    const done = await register([['Contact', '*'], ['Expires', '0']])
    expect([done.status, contacts(done)]).toEqual([200, []])
  })

  it('too short an interval: 423 with Min-Expires; too long a one is shortened', async () => {
    const { register, contacts } = await world()
    const brief = await register([['Contact', '<sip:a@10.0.0.2>;expires=10']])
    expect([brief.status, brief.headers.get('Min-Expires')]).toEqual([423, '60'])
    expect(contacts(await register([['Contact', '<sip:a@10.0.0.2>;expires=99999999999']]))).toEqual(['<sip:a@10.0.0.2>;expires=3600'])
  })

  it('equal Call-ID and a CSeq that is not higher: the update is aborted and the request fails', async () => {
    const { register, kit } = await world()
    await register([['Contact', '<sip:a@10.0.0.2>']], undefined, 'same', 10)
    const late = await register([['Contact', '<sip:a@10.0.0.2>;expires=0, <sip:c@10.0.0.2>']], undefined, 'same', 5)
    expect(late.status).toBe(500)
    expect(kit.bindings.of(AOR).map(({ contact }) => contact)).toEqual(['sip:a@10.0.0.2'])
    expect((await register([['Contact', '<sip:a@10.0.0.2>;expires=0']], undefined, 'other', 1)).status).toBe(200)
    expect(kit.bindings.size).toBe(0)
  })

  it('all or nothing: one Contact that cannot be taken leaves every binding as it was', async () => {
    const { register, kit } = await world()
    expect((await register([['Contact', '<sip:a@10.0.0.2>, <mailto:a@b>']])).status).toBe(400)
    expect((await register([['Contact', '<sip:a@10.0.0.2>, <sip:b@10.0.0.2>;expires=5']])).status).toBe(423)
    expect((await register([['Contact', Array.from({ length: 11 }, (_, i) => `<sip:${i}@10.0.0.2>`).join(', ')]])).status).toBe(403)
    expect(kit.bindings.size).toBe(0)
  })

  it('the authenticated user who may not modify this address: 403', async () => {
    const { kit, desk } = await world()
    await kit.ask(desk, desk.request('REGISTER', 'sip:office.example', [['To', '<sip:kitchen@office.example>'], ['Contact', '<sip:x@10.0.0.2>']]))
    expect(desk.statuses.at(-1)).toBe(403)
    expect(kit.bindings.size).toBe(0)
  })

  it('an extension in Require that is not understood: 420 with Unsupported', async () => {
    const { kit, desk } = await world()
    desk.send(desk.request('REGISTER', 'sip:office.example', [['Require', 'path, teleport']]))
    await kit.run()
    expect([desk.statuses, desk.last.headers.get('Unsupported')]).toEqual([[420], 'teleport'])
  })

  it('contacts are compared by the rules of URIs, not as texts', async () => {
    const { register, contacts } = await world()
    await register([['Contact', '<sip:%64esk@PHONE.example>']])
    expect(contacts(await register([['Contact', '<sip:desk@phone.EXAMPLE>;expires=120']]))).toHaveLength(1)
  })
})

describe('Path (RFC 3327) and outbound (RFC 5626)', () => {
  it('Path values are kept with the binding and returned; a phone that does not support path gets 421', async () => {
    const { register, kit } = await world()
    const path: [string, string] = ['Path', '<sip:edge.example;lr>, <sip:far.example;lr>']
    expect((await register([['Contact', '<sip:a@10.0.0.2>'], path])).status).toBe(421)
    const done = await register([['Contact', '<sip:a@10.0.0.2>'], path, ['Supported', 'path']])
    expect(done.headers.getList('Path')).toEqual(['<sip:edge.example;lr>', '<sip:far.example;lr>'])
    expect(kit.bindings.of(AOR)[0]?.path).toEqual(['<sip:edge.example;lr>', '<sip:far.example;lr>'])
  })

  it('the same instance and reg-id replace the binding whatever the contact says; it ends with its flow', async () => {
    const { register, kit, desk } = await world()
    const contact = (host: string): [string, string] => ['Contact', `<sip:a@${host}>;reg-id=1;+sip.instance="<urn:uuid:1>"`]
    const first = await register([contact('10.0.0.2'), ['Supported', 'outbound, path']])
    expect([first.headers.get('Require'), first.headers.has('Flow-Timer')]).toEqual(['outbound', true])
    const second = await register([contact('10.0.0.9'), ['Supported', 'outbound, path']])
    expect(second.headers.getLines('Contact')).toHaveLength(1)
    expect(second.headers.get('Contact')).toContain('10.0.0.9')
    desk.near.close()
    await kit.run()
    expect(kit.bindings.size).toBe(0)
  })

  it('behind a proxy without ob in its Path: 439 for reg-id, unless the phone does not support outbound, when reg-id is ignored', async () => {
    const { register, kit, desk } = await world()
    const contact: [string, string] = ['Contact', '<sip:a@10.0.0.2>;reg-id=1;+sip.instance="<urn:uuid:1>"']
    const vias: [string, string][] = [['Via', 'SIP/2.0/TCP edge.example;branch=z9hG4bKe'], ['Via', 'SIP/2.0/TCP 10.0.0.2;branch=z9hG4bKp']]
    let n = 0
    const behind = (path: string, supported: string): Promise<SipResponse> => register([...vias.map(([name, value]): [string, string] => [name, `${value}${++n}`]), contact, ['Path', path], ['Supported', supported]])
    expect((await behind('<sip:edge.example;lr>', 'outbound, path')).status).toBe(439)
    expect((await behind('<sip:edge.example;lr>', 'path')).status).toBe(200)
    expect(kit.bindings.of(AOR).map(({ regId }) => regId)).toEqual([undefined])
    const third = await behind('<sip:edge.example;lr;ob>', 'outbound, path')
    expect([third.status, third.headers.get('Require'), third.headers.has('Flow-Timer')]).toEqual([200, 'outbound', false])
    // the flow to the phone is the edge proxy's: ours to that proxy may come and go
    desk.near.close()
    await kit.run()
    expect(kit.bindings.of(AOR).map(({ regId }) => regId)).toContain(1)
  })
})

it('closing leaves no timer', async () => {
  const { register, kit } = await world()
  await register([['Contact', '<sip:a@10.0.0.2>']])
  kit.bindings.close()
  await kit.element.close()
  await kit.run()
  expect(kit.left).toBe(0)
})

it('a sips: contact is never led to in the clear (RFC 3261 §26.2.2)', () => {
  const kit = new ServerKit()
  const way = (transport: 'UDP' | 'TLS', uri: string): string | undefined => {
    const { near } = kit.end('desk', { transport })
    return kit.element.wayTo({ aor: 'desk@office.example', account: 'desk', contact: uri, uri: parseUri(uri), q: 1, callId: 'c', cseq: 1, path: [], flow: near, instance: '', regId: undefined, userAgent: '', expiresAtMs: 1e9 })?.transport
  }
  expect([way('TLS', 'sips:desk@10.0.0.2'), way('UDP', 'sips:desk@10.0.0.2'), way('UDP', 'sip:desk@host.example')]).toEqual(['TLS', undefined, 'UDP'])
})
