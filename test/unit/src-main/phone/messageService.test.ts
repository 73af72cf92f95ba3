import type { MessageView } from '@shared/model/index.ts'
import { beforeEach, describe, expect, it } from 'vitest'
import type { IncomingMessage } from '../../../../src-main/sip/ua/userAgent.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'
import { FakeNet, type Device } from './fakeNet.ts'

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
const texts = (device: Device, aor: string): string[] => device.phone.messages.list(aor).map((message) => `${message.direction} ${message.state} ${message.text}`)

describe('a message', () => {
  it('is delivered at the first 2xx and shown on both sides', async () => {
    const seen: MessageView['state'][] = []
    alice.phone.messages.onMessage((message) => { seen.push(message.state) })
    const sent = alice.phone.messages.send('sip:bob@office.example', 'Hello ☺')
    expect(sent).toMatchObject({ state: 'sending', aor: 'bob@office.example', direction: 'out' })
    await pass(100)
    expect(seen).toEqual(['sending', 'delivered'])
    expect(texts(alice, 'bob')).toEqual(['out delivered Hello ☺'])
    expect(texts(bob, 'alice')).toEqual(['in received Hello ☺'])
  })

  it('waits while the person is offline, and goes when it is heard of', async () => {
    net.vanish(bob)
    const { id } = alice.phone.messages.send('bob', 'one')
    alice.phone.messages.send('bob', 'two')
    await pass(100)
    expect(alice.stores.messages.get(id)).toMatchObject({ state: 'queued', error: 'user-offline' })
    const again = net.add('bob@office.example', bob.stores)
    again.phone.start()
    alice.phone.noteReachable('bob@office.example')
    await pass(200)
    expect(texts(again, 'alice')).toEqual(['in received two', 'in received one'])
    expect(texts(alice, 'bob')).toEqual(['out delivered two', 'out delivered one'])
  })

  it('is tried again by itself after 5 s, 10 s, … at most 5 minutes', async () => {
    net.vanish(bob)
    alice.phone.messages.send('bob', 'hi')
    await pass(100)
    const tries: number[] = []
    for (let s = 0; s < 1_500; s++) {
      const before = net.lookUps
      await pass(1_000)
      if (net.lookUps > before) tries.push(s)
    }
    const gaps = tries.map((at, i) => at - (tries[i - 1] ?? 0)).slice(1)
    expect(tries[0]).toBe(4)
    expect(gaps.slice(0, 5)).toEqual([10, 20, 40, 80, 160])
    expect(gaps.slice(5).every((gap) => gap === 300)).toBe(true)
    const again = net.add('bob@office.example', bob.stores)
    again.phone.start()
    await pass(301_000)
    expect(texts(again, 'alice')).toEqual(['in received hi'])
  })

  it.each([[403, 'failed', 'message-refused'], [603, 'failed', 'message-refused'], [415, 'failed', 'message-unsupported'], [405, 'failed', 'message-unsupported'], [413, 'failed', 'message-too-long'], [404, 'failed', 'user-unknown'], [480, 'queued', 'user-offline'], [500, 'queued', 'peer-unreachable']] as const)('says why it was not taken: %i is told as %s, %s', async (status, state, error) => {
    net.refuse.set(bob.nodeId, status)
    const { id } = alice.phone.messages.send('bob', 'hello')
    await pass(500)
    expect(alice.phone.messages.list('bob').find((message) => message.id === id)).toMatchObject({ state, error })
  })

  it('fails for good when it is refused, and can be sent again by hand', async () => {
    net.refuse.set(bob.nodeId, 603)
    const { id } = alice.phone.messages.send('bob', 'hi')
    await pass(100)
    expect(alice.stores.messages.get(id)).toMatchObject({ state: 'failed' })
    await pass(600_000)
    expect(texts(bob, 'alice')).toEqual([])
    net.refuse.clear()
    alice.phone.messages.retry(id)
    await pass(100)
    expect(texts(alice, 'bob')).toEqual(['out delivered hi'])
    expect(() => alice.phone.messages.retry(id)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
  })

  it('to nobody fails, but waits when the unknown is a contact', async () => {
    const stranger = alice.phone.messages.send('unknown1', 'hi')
    alice.phone.contacts.add('unknown2')
    const contact = alice.phone.messages.send('unknown2', 'hi')
    await pass(100)
    expect(alice.stores.messages.get(stranger.id)).toMatchObject({ state: 'failed', error: 'user-unknown' })
    expect(alice.stores.messages.get(contact.id)).toMatchObject({ state: 'queued', error: 'user-unknown' })
  })

  it('whose answer was lost is sent again but shown once', async () => {
    net.loseAnswers = 2
    const { id } = alice.phone.messages.send('bob', 'once')
    await pass(100)
    expect(alice.stores.messages.get(id)).toMatchObject({ state: 'queued', error: 'network-timeout' })
    await pass(20_000)
    expect(texts(alice, 'bob')).toEqual(['out delivered once'])
    expect(bob.received.filter((method) => method === 'MESSAGE')).toHaveLength(3)
    expect(texts(bob, 'alice')).toEqual(['in received once'])
  })

  it('reaches every device of a person', async () => {
    const second = net.add('bob@office.example')
    second.phone.start()
    alice.phone.messages.send('bob', 'both')
    await pass(100)
    for (const device of [bob, second]) expect(texts(device, 'alice')).toEqual(['in received both'])
  })

  it('that was not delivered survives a restart', async () => {
    net.vanish(bob)
    alice.phone.messages.send('bob', 'later')
    alice.phone.stop()
    net.vanish(alice)
    const bobAgain = net.add('bob@office.example', bob.stores), aliceAgain = net.add('alice@office.example', alice.stores)
    bobAgain.phone.start()
    aliceAgain.phone.start()
    await pass(200)
    expect(texts(bobAgain, 'alice')).toEqual(['in received later'])
    expect(texts(aliceAgain, 'bob')).toEqual(['out delivered later'])
  })

  it('has bounds: 20,000 characters, not empty, a real address', () => {
    expect(() => alice.phone.messages.send('bob', 'x'.repeat(20_001))).toThrow(expect.objectContaining({ code: 'message-too-long' }))
    expect(() => alice.phone.messages.send('bob', '')).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
    expect(() => alice.phone.messages.send('b@b@', 'x')).toThrow(expect.objectContaining({ code: 'address-invalid' }))
    expect(alice.phone.messages.send('bob', 'x'.repeat(20_000)).state).toBe('sending')
  })
})

describe('a MESSAGE that comes in', () => {
  function incoming(part: Partial<IncomingMessage>): { request: IncomingMessage; answers: number[] } {
    const answers: number[] = []
    const request: IncomingMessage = {
      from: { aor: 'carol@office.example', uri: 'sip:carol@office.example', displayName: 'Carol' }, contentType: 'text/plain',
      body: new TextEncoder().encode('hi'), callId: 'c1', cseq: 1, respond: (status) => { answers.push(status) }, ...part,
    }
    return { request, answers }
  }

  it('is answered with 200 each time and shown once, also after a restart', () => {
    for (const device of [bob, net.add('bob@office.example', bob.stores)]) {
      const { request, answers } = incoming({})
      device.phone.messages.receive(request)
      device.phone.messages.receive(request)
      expect(answers).toEqual([200, 200])
      expect(texts(device, 'carol')).toEqual(['in received hi'])
    }
    const { request } = incoming({ cseq: 2 })
    bob.phone.messages.receive(request)
    expect(texts(bob, 'carol')).toHaveLength(2)
  })

  it('is refused when it is not text, no UTF-8, or too long', () => {
    for (const [part, status] of [
      [{ contentType: 'text/html' }, 415], [{ body: Uint8Array.of(0xff) }, 400], [{ body: new Uint8Array(60_001) }, 413],
      [{ body: new TextEncoder().encode('x'.repeat(20_001)) }, 413],
    ] as const) {
      const { request, answers } = incoming(part)
      bob.phone.messages.receive(request)
      expect(answers).toEqual([status])
    }
    expect(bob.phone.messages.conversations()).toEqual([])
  })

  it('counts as unread until the conversation is read', () => {
    const counts: number[] = []
    bob.phone.messages.onConversation((conversation) => { counts.push(conversation.unread) })
    bob.phone.messages.receive(incoming({}).request)
    bob.phone.messages.receive(incoming({ cseq: 2 }).request)
    expect(bob.phone.messages.conversations()).toMatchObject([{ aor: 'carol@office.example', displayName: 'Carol', unread: 2, last: { text: 'hi' } }])
    bob.phone.messages.markRead('carol')
    expect(counts).toEqual([1, 2, 0])
    bob.phone.contacts.add('carol', 'Carol C.')
    expect(bob.phone.messages.conversations()[0]?.displayName).toBe('Carol C.')
  })
})

it('the message service leaves no timer behind', async () => {
  net.vanish(bob)
  alice.phone.messages.send('bob', 'hi')
  await pass(1_000)
  alice.phone.stop()
  expect(clock.pending).toBe(0)
})
