/** Two whole phones over real SIP user agents, joined by pipes in memory, on virtual time. */
import { beforeEach, describe, expect, it } from 'vitest'
import { PeerError } from '../../../../src-main/base/errors.ts'
import { createPhone, type Phone } from '../../../../src-main/phone/phone.ts'
import type { TargetResolver } from '../../../../src-main/phone/targetResolver.ts'
import { createSipElement, type SipElement } from '../../../../src-main/sip/element/element.ts'
import { memoryConnectionPair, type MemoryConnection } from '../../../support/memoryConnection.ts'
import { SeededRandom } from '../../../support/seededRandom.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'
import { fakeMedia, quiet } from './fakeNet.ts'
import { memoryStores } from './memoryStores.ts'

interface Side { readonly aor: string; readonly phone: Phone; readonly sip: SipElement; pipes: MemoryConnection[] }

let clock: VirtualClock
let sides: Map<string, Side>
let alice: Side
let bob: Side

const pass = (ms: number): Promise<void> => clock.advanceAsync(ms)

/** Opens a pipe at the first look-up and keeps it, as the overlay's transport does. */
function resolverOf(own: string): TargetResolver {
  const open = new Map<string, MemoryConnection>()
  return {
    resolve: (uri) => {
      const aor = uri.replace(/^sip:/, '')
      const from = sides.get(own), to = sides.get(aor)
      if (from === undefined || to === undefined) return Promise.reject(new PeerError('user-offline'))
      let connection = open.get(aor)
      if (connection === undefined) {
        const [a, b] = memoryConnectionPair(clock, { transport: 'TLS', first: { aor: own, nodeId: own }, second: { aor, nodeId: aor } })
        from.sip.attach(a)
        to.sip.attach(b)
        from.pipes.push(a)
        to.pipes.push(b)
        open.set(aor, a)
        connection = a
      }
      return Promise.resolve([{ requestUri: `sip:${aor}`, connection, identity: { aor, nodeId: aor } }])
    },
  }
}

function side(aor: string, seed: number): Side {
  let sip: SipElement | undefined
  const random = new SeededRandom(seed)
  const phone = createPhone({
    clock, random, log: quiet, stores: memoryStores(), resolver: resolverOf(aor), aor: () => aor,
    userAgent: (user) => {
      sip = createSipElement({ clock, random, log: quiet, user, local: () => ({ aor, displayName: aor.split('@')[0] ?? '' }) })
      return sip.userAgent
    },
  })
  if (sip === undefined) throw new Error('no user agent')
  const made = { aor, phone, sip, pipes: [] }
  sides.set(aor, made)
  phone.start()
  return made
}

beforeEach(() => {
  clock = new VirtualClock()
  sides = new Map()
  alice = side('alice@office.example', 1)
  bob = side('bob@office.example', 2)
})

describe('two phones over SIP', () => {
  it('call each other, with words for each end', async () => {
    const media = fakeMedia()
    const id = alice.phone.calls.place('bob', media)
    await pass(500)
    const [ringing] = bob.phone.calls.all()
    expect(alice.phone.calls.get(id)?.state).toBe('ringing')
    expect(ringing).toMatchObject({ state: 'incoming', remote: { aor: 'alice@office.example', verified: true } })
    bob.phone.calls.answer(ringing?.id ?? '', fakeMedia())
    await pass(500)
    expect(alice.phone.calls.get(id)).toMatchObject({ state: 'active', remote: { verified: true } })
    expect(bob.phone.calls.all()[0]?.state).toBe('active')
    bob.phone.calls.hangUp(ringing?.id ?? '')
    await pass(500)
    expect(alice.phone.calls.get(id)?.end).toBe('remote-hung-up')

    const refused = alice.phone.calls.place('bob', fakeMedia())
    await pass(500)
    bob.phone.calls.reject(bob.phone.calls.all().find((call) => call.state === 'incoming')?.id ?? '')
    await pass(500)
    expect(alice.phone.calls.get(refused)?.end).toBe('call-declined')

    const cancelled = alice.phone.calls.place('bob', fakeMedia())
    await pass(500)
    alice.phone.calls.hangUp(cancelled)
    await pass(500)
    expect(bob.phone.calls.all().at(-1)).toMatchObject({ state: 'ended', end: 'missed' })
  })

  it('lose a call when the pipe breaks for good', async () => {
    const id = alice.phone.calls.place('bob', fakeMedia())
    await pass(500)
    bob.phone.calls.answer(bob.phone.calls.all()[0]?.id ?? '', fakeMedia())
    await pass(500)
    for (const pipe of alice.pipes) pipe.close()
    await pass(60_000)
    expect(alice.phone.calls.get(id)?.state ?? 'ended').toBe('ended')
    expect(alice.phone.history.latest()).toMatchObject([{ outcome: 'answered', end: 'network-timeout' }])
  })

  it('write to each other', async () => {
    const text = 'Grüße ☺\r\nsecond line '.repeat(500)
    const { id } = alice.phone.messages.send('bob', text)
    bob.phone.messages.send('alice', 'hello')
    await pass(500)
    expect(alice.phone.messages.list('bob').map((message) => message.state).sort()).toEqual(['delivered', 'received'])
    expect(bob.phone.messages.list('alice').find((message) => message.direction === 'in')?.text).toBe(text)
    expect(alice.phone.messages.list('bob').find((message) => message.id === id)?.state).toBe('delivered')
    expect(bob.phone.messages.conversations()[0]).toMatchObject({ aor: 'alice@office.example', displayName: 'alice', unread: 1 })
  })

  it('see each other and each change within 2 s, also hours later, and the going', async () => {
    alice.phone.contacts.add('bob')
    await pass(500)
    expect(alice.phone.presence.of('bob@office.example').state).toBe('available')
    bob.phone.presence.setOwn({ state: 'busy', note: 'deep work' })
    await pass(2_000)
    expect(alice.phone.presence.of('bob@office.example')).toMatchObject({ state: 'busy', note: 'deep work' })
    await pass(3 * 3_600_000)
    bob.phone.presence.setOwn({ state: 'away' })
    await pass(2_000)
    expect(alice.phone.presence.of('bob@office.example').state).toBe('away')
    bob.phone.stop()
    sides.delete(bob.aor)
    await pass(2_000)
    expect(alice.phone.presence.of('bob@office.example').state).toBe('offline')
  })

  it('are refused and heard again as the watched one decides', async () => {
    bob.phone.settings.set({ presenceFor: 'contacts' })
    alice.phone.contacts.add('bob')
    await pass(1_000)
    expect(alice.phone.presence.of('bob@office.example').state).toBe('offline')
    bob.phone.contacts.add('alice')
    await pass(1_000)
    expect(alice.phone.presence.of('bob@office.example').state).toBe('available')
  })

  it('leave nothing behind when they stop', async () => {
    alice.phone.contacts.add('bob')
    bob.phone.contacts.add('alice')
    alice.phone.calls.place('bob', fakeMedia())
    await pass(1_000)
    for (const each of [alice, bob]) each.phone.stop()
    await pass(1_000)
    for (const each of [alice, bob]) await each.sip.close()
    await pass(100)
    expect(clock.pending).toBe(0)
  })
})
