/** A call that is sent on by 3xx (RFC 3261 §8.1.3.4), and one that waits (RFC 7462), over real user agents. */
import { beforeEach, describe, expect, it } from 'vitest'
import { PeerError } from '../../../../src-main/base/errors.ts'
import { createPhone, type Phone } from '../../../../src-main/phone/phone.ts'
import type { Target } from '../../../../src-main/phone/targetResolver.ts'
import { createSipElement } from '../../../../src-main/sip/element/element.ts'
import { makeResponse, type SipRequest } from '../../../../src-main/sip/message/message.ts'
import { StreamFramer } from '../../../../src-main/sip/message/framer.ts'
import { memoryConnectionPair } from '../../../support/memoryConnection.ts'
import { SeededRandom } from '../../../support/seededRandom.ts'
import { ANSWER } from '../../../support/sipPeers.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'
import { fakeMedia, quiet } from './fakeNet.ts'
import { memoryStores } from './memoryStores.ts'
import { SipPhones } from './sipPhones.ts'

type Reply = readonly [status: number, headers?: readonly (readonly [string, string])[]]

/** Alice's phone, and servers that answer each INVITE for a URI as the table says. */
function world(table: Readonly<Record<string, readonly Reply[]>>) {
  const clock = new VirtualClock()
  const stores = memoryStores()
  const invites: SipRequest[] = [], resolved: string[] = []
  const phone: Phone = createPhone({
    clock, random: new SeededRandom(1), log: quiet, stores, aor: () => 'alice@office.example',
    resolver: {
      resolve: (uri) => {
        resolved.push(uri)
        if (table[uri] === undefined) return Promise.reject(new PeerError('user-unknown'))
        const outside = !uri.includes('@office.example')
        const [near, far] = memoryConnectionPair(clock, outside ? {} : { second: { aor: uri.slice(4), nodeId: uri } })
        const framer = new StreamFramer({
          onPing: () => {},
          onMessage: (message) => {
            if (message.kind !== 'request' || message.method !== 'INVITE') return
            invites.push(message)
            for (const [status, headers = []] of table[uri] ?? []) {
              const response = makeResponse(message, status, undefined, `t${invites.length}`)
              for (const [name, value] of headers) response.headers.append(name, value)
              if (status === 200) response.setBody('application/sdp', ANSWER).headers.append('Contact', `<${uri}>`)
              far.send(response.encode())
            }
          },
        })
        far.user = { onData: (bytes) => { framer.push(bytes) }, onClose: () => {} }
        const target: Target = { requestUri: uri, connection: near, ...(outside ? { outside: true as const } : { identity: { aor: uri.slice(4), nodeId: uri } }) }
        return Promise.resolve([target])
      },
    },
    userAgent: (user) => createSipElement({ clock, random: new SeededRandom(2), log: quiet, user, local: () => ({ aor: 'alice@office.example', displayName: '' }) }).userAgent,
  })
  phone.start()
  const call = async (uri: string): Promise<ReturnType<Phone['calls']['get']>> => {
    const id = phone.calls.place(uri, fakeMedia())
    await clock.advanceAsync(500)
    return phone.calls.get(id)
  }
  return { call, invites, resolved, history: () => stores.history.latest(10) }
}
const to = (...uris: string[]): readonly [string, string][] => uris.map((uri) => ['Contact', uri])

describe('a call that is sent on', () => {
  it('goes where 302 says, in a dialog of its own, and that is shown', async () => {
    const { call, invites } = world({ 'sip:bob@office.example': [[302, to('<sip:carol@office.example>')]], 'sip:carol@office.example': [[180], [200]] })
    expect(await call('bob')).toMatchObject({ state: 'active', forwardedTo: 'carol@office.example', remote: { aor: 'bob@office.example' } })
    expect(invites.map(({ requestUri }) => requestUri)).toEqual(['sip:bob@office.example', 'sip:carol@office.example'])
    expect(new Set(invites.map(({ callId }) => callId)).size).toBe(2)
  })

  it('tries the contacts one after the other, the best q first, and tells how the last ended', async () => {
    const { call, resolved } = world({
      'sip:bob@office.example': [[300, to('<sip:x@office.example>;q=0.2', '<sip:y@office.example>;q=0.9', '<sip:gone@office.example>;q=0.5')]],
      'sip:x@office.example': [[486]], 'sip:y@office.example': [[404]],
    })
    expect(await call('bob')).toMatchObject({ state: 'ended', forwardedTo: 'x@office.example' })
    expect(resolved).toEqual(['bob', 'y', 'gone', 'x'].map((name) => `sip:${name}@office.example`))
  })

  it('goes nowhere twice, and not for ever', async () => {
    const table: Record<string, readonly Reply[]> = { 'sip:bob@office.example': [[302, to('<sip:bob@office.example>', '<sip:n1@office.example>')]] }
    for (let i = 1; i < 20; i++) table[`sip:n${i}@office.example`] = [[302, to(`<sip:n${i + 1}@office.example>`, '<sip:bob@office.example>')]]
    const { call, resolved } = world(table)
    expect((await call('bob'))?.state).toBe('ended')
    expect(resolved).toEqual(['bob', 'n1', 'n2', 'n3', 'n4', 'n5'].map((name) => `sip:${name}@office.example`))
  })

  it('is not led out of the overlay, nor from sips to sip; outside it may go from domain to domain', async () => {
    const inside = world({ 'sip:bob@office.example': [[302, to('<sip:bob@example.org>')]], 'sip:bob@example.org': [[200]] })
    expect(await inside.call('bob')).toMatchObject({ state: 'ended', end: 'call-moved', movedTo: 'sip:bob@example.org' })
    expect(inside.resolved).toEqual(['sip:bob@office.example'])
    const secure = world({ 'sips:bob@example.org': [[302, to('<sip:bob@example.org>', '<sips:bob@example.net>')]], 'sips:bob@example.net': [[200]], 'sip:bob@example.org': [[200]] })
    expect(await secure.call('sips:bob@example.org')).toMatchObject({ state: 'active', forwardedTo: 'bob@example.net' })
    expect(secure.resolved).toEqual(['sips:bob@example.org', 'sips:bob@example.net'])
  })
})

describe('a call that is not sent on', () => {
  it('tells where it would have gone: the user may call there himself', async () => {
    const secure = world({ 'sips:bob@example.org': [[302, to('<mailto:bob@example.org>', '<sip:bob@example.org;transport=tcp>')]] })
    expect(await secure.call('sips:bob@example.org')).toMatchObject({ end: 'call-moved', movedTo: 'sip:bob@example.org;transport=tcp' })
    const nowhere = world({ 'sip:bob@office.example': [[380]] })
    const view = await nowhere.call('bob')
    expect([view?.end, view?.movedTo]).toEqual(['call-moved', undefined])
  })

  it('when another contact was tried, tells how that ended', async () => {
    const { call } = world({ 'sip:bob@office.example': [[302, to('<sip:bob@example.org>', '<sip:carol@office.example>')]], 'sip:carol@office.example': [[486]] })
    const view = await call('bob')
    expect([view?.end, view?.movedTo]).toEqual(['call-busy', undefined])
  })
})

describe('what was dialled', () => {
  it('stays with the call and its line of history where it is more than an address', async () => {
    const { call, history } = world({ 'sips:bob@example.org;transport=tcp': [[486]], 'sip:bob@example.org': [[486]] })
    expect(await call('sips:bob@example.org;transport=tcp')).toMatchObject({ uri: 'sips:bob@example.org;transport=tcp' })
    expect((await call('bob@example.org'))?.uri).toBeUndefined()
    expect(history().map(({ uri }) => uri)).toEqual([undefined, 'sips:bob@example.org;transport=tcp'])
  })
})

describe('a call to somebody who is in another call', () => {
  let phones: SipPhones
  beforeEach(() => { phones = new SipPhones() })

  it('rings, and the caller is told that it waits (RFC 7462)', async () => {
    const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => phones.add(name))
    if (alice === undefined || bob === undefined || carol === undefined) throw new Error('three phones')
    await phones.talk(alice, bob)
    const id = carol.phone.calls.place(bob.aor, fakeMedia())
    await phones.pass(500)
    expect(carol.phone.calls.get(id)).toMatchObject({ state: 'ringing', callWaiting: true })
    expect(bob.phone.calls.all().some((call) => call.state === 'incoming')).toBe(true)
    carol.phone.calls.hangUp(id)
    expect(carol.phone.calls.get(id)?.callWaiting).toBeUndefined()
  })

  it('hears nothing of it where they do not show that they are in a call', async () => {
    const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => phones.add(name))
    if (alice === undefined || bob === undefined || carol === undefined) throw new Error('three phones')
    bob.phone.settings.set({ presenceInCall: false })
    await phones.talk(alice, bob)
    const id = carol.phone.calls.place(bob.aor, fakeMedia())
    await phones.pass(500)
    expect(carol.phone.calls.get(id)?.callWaiting).toBeUndefined()
  })
})
