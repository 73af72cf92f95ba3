import { beforeEach, describe, expect, it } from 'vitest'
import type { ServerSubscription } from '../../../../src-main/sip/ua/userAgent.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'
import { FakeNet, fakeMedia, type Device } from './fakeNet.ts'

let clock: VirtualClock
let net: FakeNet
let alice: Device
let bob: Device

beforeEach(() => {
  clock = new VirtualClock()
  net = new FakeNet(clock)
  alice = net.add('alice@office.example')
  bob = net.add('bob@office.example')
  for (const each of [alice, bob]) each.phone.start()
})
const pass = (ms: number): Promise<void> => clock.advanceAsync(ms)
const seen = (device: Device, aor: string): string => {
  const { state, note } = device.phone.presence.of(`${aor}@office.example`)
  return note === '' ? state : `${state} (${note})`
}
async function befriend(): Promise<void> {
  alice.phone.contacts.add('bob')
  bob.phone.contacts.add('alice')
  await pass(200)
}

describe('presence', () => {
  it('of a new contact is seen at once, and every change within 2 s', async () => {
    const contact = alice.phone.contacts.add('sip:bob@office.example', 'Bob')
    expect(contact.presence.state).toBe('unknown')
    await pass(200)
    expect(seen(alice, 'bob')).toBe('available')
    for (const state of ['busy', 'away', 'offline', 'available'] as const) {
      bob.phone.presence.setOwn({ state, note: `now ${state}` })
      await pass(2_000)
      expect(seen(alice, 'bob')).toBe(`${state} (now ${state})`)
      expect(alice.phone.contacts.get('bob@office.example')?.presence.since).toBeGreaterThan(clock.now() - 2_001)
    }
  })

  it('shows a call by itself while it is up, unless the user does not want that', async () => {
    await befriend()
    alice.phone.calls.place('bob', fakeMedia())
    await pass(100)
    expect(seen(alice, 'bob')).toBe('available')
    bob.phone.calls.answer(bob.phone.calls.all()[0]?.id ?? '', fakeMedia())
    await pass(100)
    expect([seen(alice, 'bob'), seen(bob, 'alice')]).toEqual(['in-call', 'in-call'])
    bob.phone.settings.set({ presenceInCall: false })
    await pass(100)
    expect([seen(alice, 'bob'), seen(bob, 'alice')]).toEqual(['available', 'in-call'])
    alice.phone.calls.hangUp(alice.phone.calls.all()[0]?.id ?? '')
    await pass(100)
    expect(seen(bob, 'alice')).toBe('available')
  })

  it('turns offline at once when the other side stops in order, and when it vanishes', async () => {
    await befriend()
    bob.phone.stop()
    await pass(50)
    expect(seen(alice, 'bob')).toBe('offline')
    bob.phone.start()
    await pass(2_500)
    expect(seen(alice, 'bob')).toBe('available')
    net.vanish(bob)
    await pass(50)
    expect(seen(alice, 'bob')).toBe('offline')
  })

  it('of somebody offline is looked for every 2 s in the first minute, then ever more rarely up to 15 s', async () => {
    net.vanish(bob)
    alice.phone.contacts.add('bob')
    await pass(100)
    expect(seen(alice, 'bob')).toBe('offline')
    const inFirst = net.lookUps
    await pass(20_000)
    expect(net.lookUps - inFirst).toBeGreaterThanOrEqual(9)
    await pass(120_000)
    const late = net.lookUps
    await pass(60_000)
    expect(net.lookUps - late).toBeGreaterThanOrEqual(3)
    expect(net.lookUps - late).toBeLessThanOrEqual(5)
    const again = net.add('bob@office.example', bob.stores)
    again.phone.start()
    await pass(15_200)
    expect(seen(alice, 'bob')).toBe('available')
  })

  it('is seen at once when the contact is heard of', async () => {
    net.vanish(bob)
    alice.phone.contacts.add('bob')
    await pass(300_000)
    const again = net.add('bob@office.example', bob.stores)
    again.phone.start()
    again.phone.messages.send('alice', 'I am back')
    await pass(300)
    expect(seen(alice, 'bob')).toBe('available')
  })

  it('of one who comes back is seen at once by those who watched it, though they are no contacts of its', async () => {
    alice.phone.contacts.add('bob')
    await pass(200)
    bob.phone.stop()
    net.vanish(bob)
    await pass(300_000)
    expect(seen(alice, 'bob')).toBe('offline')
    const again = net.add('bob@office.example', bob.stores)
    again.phone.start()
    again.phone.noteOnline()
    await pass(50)
    // the pipe of the OPTIONS request is what the glue tells of
    expect(alice.received).toContain('OPTIONS')
    alice.phone.noteReachable('bob@office.example', again.nodeId)
    await pass(200)
    expect(seen(alice, 'bob')).toBe('available')
  })

  it('of several devices shows the busiest, and offline when the last is gone', async () => {
    const second = net.add('bob@office.example')
    second.phone.start()
    alice.phone.contacts.add('bob')
    await pass(200)
    second.phone.presence.setOwn({ state: 'busy', note: 'second' })
    await pass(100)
    expect(seen(alice, 'bob')).toBe('busy (second)')
    net.vanish(second)
    await pass(100)
    expect(seen(alice, 'bob')).toBe('available')
    net.vanish(bob)
    await pass(100)
    expect(seen(alice, 'bob')).toBe('offline')
  })

  it('of a device that comes later is found when that device is heard of', async () => {
    alice.phone.contacts.add('bob')
    await pass(200)
    const second = net.add('bob@office.example')
    second.phone.presence.setOwn({ state: 'busy', note: '' })
    second.phone.start()
    alice.phone.noteReachable('bob@office.example', second.nodeId)
    await pass(200)
    expect(seen(alice, 'bob')).toBe('busy')
  })

  it('is only for contacts when the user says so, from that moment on', async () => {
    alice.phone.contacts.add('bob')
    await pass(200)
    bob.phone.settings.set({ presenceFor: 'contacts' })
    await pass(50)
    expect(seen(alice, 'bob')).toBe('offline')
    const before = bob.received.length
    await pass(60_000)
    expect(bob.received.length).toBe(before)
    bob.phone.contacts.add('alice')
    await pass(500)
    expect(seen(alice, 'bob')).toBe('available')
  })

  it('that the user chose, and its note, outlive a restart', async () => {
    bob.phone.presence.setOwn({ state: 'away', note: 'lunch' })
    bob.phone.presence.setOwn({ state: 'busy' })
    bob.phone.stop()
    net.vanish(bob)
    const again = net.add('bob@office.example', bob.stores)
    expect(again.phone.presence.own()).toEqual({ state: 'busy', note: 'lunch' })
    again.phone.start()
    alice.phone.contacts.add('bob')
    await pass(200)
    expect(seen(alice, 'bob')).toBe('busy (lunch)')
  })

  it('leaves no subscription and no timer behind', async () => {
    await befriend()
    net.vanish(bob)
    await pass(5_000)
    alice.phone.stop()
    bob.phone.stop()
    await pass(50_000)
    expect(clock.pending).toBe(0)
    expect(alice.phone.presence.watchedBy).toEqual([])
  })
})

describe('what the owner’s phones have published (RFC 3903)', () => {
  it('makes him busier, never freer, and not at all when he shows himself offline', async () => {
    alice.phone.contacts.add('bob')
    await pass(200)
    const shows = async (...published: Parameters<typeof bob.phone.presence.setPublished>[0]): Promise<string> => {
      bob.phone.presence.setPublished(published)
      await pass(2_000)
      return seen(alice, 'bob')
    }
    expect(await shows({ state: 'busy', note: 'in a meeting' })).toBe('busy (in a meeting)')
    expect(await shows({ state: 'available', note: '' }, { state: 'in-call', note: '' })).toBe('in-call')
    expect(await shows({ state: 'away', note: '' }, { state: 'offline', note: '' })).toBe('available')
    bob.phone.presence.setOwn({ state: 'away' })
    expect(await shows({ state: 'available', note: '' })).toBe('away')
    bob.phone.presence.setOwn({ state: 'offline' })
    expect(await shows({ state: 'in-call', note: '' })).toBe('offline')
  })
})

describe('a SUBSCRIBE that comes in', () => {
  function subscription(aor: string, part: Partial<ServerSubscription> = {}): { subscription: ServerSubscription; log: string[] } {
    const log: string[] = []
    return {
      log,
      subscription: {
        event: 'presence', from: { aor, uri: `sip:${aor}`, displayName: '' }, expiresS: 3600, user: undefined,
        accept: (state) => { log.push(`accept ${state}`) }, reject: (status) => { log.push(`reject ${status}`) },
        notify: (type) => { log.push(`notify ${type}`) }, publish: () => {}, changed: () => {}, terminate: (reason) => { log.push(`terminate ${reason}`) }, ...part,
      },
    }
  }

  it('of the owner’s own phone is accepted whoever else may see him', () => {
    bob.phone.settings.set({ presenceFor: 'contacts' })
    const own = subscription('bob@office.example'), other = subscription('carol@office.example')
    for (const { subscription: each } of [own, other]) bob.phone.presence.incoming(each)
    expect([own.log[0], other.log[0]]).toEqual(['accept active', 'reject 403'])
  })

  it('is accepted and answered with a NOTIFY at once', () => {
    const { subscription: each, log } = subscription('carol@office.example')
    bob.phone.presence.incoming(each)
    expect(log).toEqual(['accept active', 'notify application/pidf+xml'])
    expect(bob.phone.presence.watchedBy).toEqual(['carol@office.example'])
    each.user?.onEnded()
    expect(bob.phone.presence.watchedBy).toEqual([])
  })

  it('for another event package gets 489', () => {
    const { subscription: each, log } = subscription('carol@office.example', { event: 'dialog' })
    bob.phone.presence.incoming(each)
    expect(log).toEqual(['reject 489'])
  })

  it('with Expires 0 gets the state once and is not kept', () => {
    const { subscription: each, log } = subscription('carol@office.example', { expiresS: 0 })
    bob.phone.presence.incoming(each)
    expect(log).toEqual(['accept active', 'notify application/pidf+xml'])
    expect(bob.phone.presence.watchedBy).toEqual([])
  })

  it('is bounded for one person and for all', () => {
    const first = subscription('carol@office.example')
    bob.phone.presence.incoming(first.subscription)
    for (let i = 0; i < 8; i++) bob.phone.presence.incoming(subscription('carol@office.example').subscription)
    expect(first.log.at(-1)).toBe('terminate deactivated')
    const logs = Array.from({ length: 600 }, (_, i) => {
      const { subscription: each, log } = subscription(`w${i}@office.example`)
      bob.phone.presence.incoming(each)
      return log[0]
    })
    expect(logs.filter((what) => what === 'reject 503').length).toBe(600 + 8 - 500)
  })
})

describe('contacts', () => {
  it('are added once, renamed, marked and removed, and each change is told', async () => {
    const told: (string | null)[] = []
    alice.phone.contacts.onChanged(({ contact }) => { told.push(contact?.displayName ?? null) })
    alice.phone.contacts.add('carol')
    expect(() => alice.phone.contacts.add('sip:carol@OFFICE.example')).toThrow(expect.objectContaining({ code: 'contact-exists' }))
    expect(alice.phone.contacts.update('carol', { displayName: ' Carol C. ', favourite: true })).toMatchObject({ displayName: 'Carol C.', favourite: true })
    expect(alice.phone.contacts.update('carol', { displayName: '' }).displayName).toBe('carol')
    alice.phone.contacts.remove('carol')
    expect(told).toEqual(['carol', 'Carol C.', 'carol', null])
    expect(alice.phone.contacts.all()).toEqual([])
    expect(() => alice.phone.contacts.update('carol', {})).toThrow(expect.objectContaining({ code: 'contact-unknown' }))
    await pass(10_000)
    expect(told).toHaveLength(4)
  })
})
