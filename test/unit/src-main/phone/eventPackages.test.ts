/** What the owner's phones can subscribe to besides presence: his calls (RFC 4235), and message waiting (RFC 3842). */
import { beforeEach, describe, expect, it } from 'vitest'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import type { ClientSubscription } from '../../../../src-main/sip/ua/userAgent.ts'
import { memoryConnectionPair } from '../../../support/memoryConnection.ts'
import { TestPeer } from '../../../support/sipPeers.ts'
import { fakeMedia } from './fakeNet.ts'
import { SipPhones, type Side } from './sipPhones.ts'

let phones: SipPhones
let alice: Side, bob: Side, desk: TestPeer
beforeEach(() => {
  phones = new SipPhones()
  alice = phones.add('alice')
  bob = phones.add('bob')
  desk = new TestPeer('desk', phones.clock, 9)
})

/** A phone of Alice's subscribes, over a connection that proves nothing; or somebody with a certificate. */
function subscribe(event: string, identity?: string): { heard: string[]; subscription: ClientSubscription; sent: string[] } {
  const [near, far] = memoryConnectionPair(phones.clock, identity === undefined ? {} : { second: { aor: identity, nodeId: identity } })
  alice.sip.attach(near)
  desk.ua.attach(far)
  const heard: string[] = []
  const user = identity === undefined ? desk : new TestPeer(identity.split('@')[0] ?? '', phones.clock, 11)
  if (user !== desk) user.ua.attach(far)
  const subscription = user.ua.subscribe({ connection: far, requestUri: 'sip:alice@office.example' }, { to: 'alice@office.example', event, accept: '*/*', expiresS: 600 }, {
    onNotify: (type, body) => { heard.push(`${type}\n${new TextDecoder().decode(body)}`) },
    onTerminated: (reason, status) => { heard.push(`terminated ${reason} ${status ?? ''}`.trim()) },
  })
  return { heard, subscription, sent: near.sent }
}

interface Shown { version: string; state: string; dialogs: string[] }
function read(text: string | undefined): Shown {
  const xml = (text ?? '').slice((text ?? '').indexOf('\n') + 1)
  expect(XMLValidator.validate(xml)).toBe(true)
  const info = (new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '' }).parse(xml) as { 'dialog-info': Record<string, unknown> })['dialog-info']
  const list = info['dialog'] === undefined ? [] : [info['dialog']].flat() as Record<string, { event?: string; '#text'?: string } | string>[]
  return {
    version: String(info['version']), state: String(info['state']),
    dialogs: list.map(({ direction, state }) => [direction, typeof state === 'string' ? state : `${state?.['#text'] ?? ''} ${state?.event ?? ''}`].map(String).join(' ')),
  }
}

describe('the dialog event package (RFC 4235)', () => {
  it('begins with the full state, and then names each step of a call in partial documents, versions counted up', async () => {
    const { heard } = subscribe('dialog')
    await phones.pass(100)
    expect(heard.map(read)).toEqual([{ version: '0', state: 'full', dialogs: [] }])
    const call = await phones.talk(alice, bob)
    alice.phone.calls.hangUp(call.out)
    await phones.pass(500)
    const steps = heard.slice(1).map(read)
    expect(steps.map(({ state }) => state)).toEqual(steps.map(() => 'partial'))
    expect(steps.map(({ version }) => Number(version))).toEqual(steps.map((_, i) => i + 1))
    expect(steps.flatMap(({ dialogs }) => dialogs)).toEqual(['initiator trying', 'initiator early', 'initiator confirmed', 'initiator terminated local-bye'])
    expect(heard[1]).toMatch(/^application\/dialog-info\+xml\n/)
    expect(heard[1]).toContain('<remote><identity display="bob">sip:bob@office.example</identity></remote>')
  })

  it('tells a call that comes in, and that it was missed', async () => {
    const { heard } = subscribe('dialog')
    await phones.pass(100)
    const id = bob.phone.calls.place('alice', fakeMedia())
    await phones.pass(300)
    bob.phone.calls.hangUp(id)
    await phones.pass(300)
    expect(heard.map(read).flatMap(({ dialogs }) => dialogs)).toEqual(['recipient early', 'recipient terminated cancelled'])
  })

  it('sends the whole state again after a refresh', async () => {
    const { heard } = subscribe('dialog')
    await phones.talk(alice, bob)
    await phones.pass(590_000)
    expect(heard.map(read).filter(({ state }) => state === 'full').at(-1)).toMatchObject({ dialogs: ['initiator confirmed'] })
    expect(new Set(heard.map((each) => read(each).version)).size).toBe(heard.length)
  })

  it('is for the owner’s phones and devices: others with a certificate get 403', async () => {
    const stranger = subscribe('dialog', 'carol@office.example'), own = subscribe('dialog', 'alice@office.example')
    await phones.pass(100)
    expect(stranger.heard).toEqual(['terminated Forbidden 403'])
    expect(own.heard).toHaveLength(1)
  })

  it('ends with the phone, and leaves nothing', async () => {
    const { heard } = subscribe('dialog')
    await phones.pass(100)
    alice.phone.stop()
    await phones.pass(500)
    expect(heard.at(-1)).toBe('terminated deactivated')
  })
})

describe('message waiting (RFC 3842)', () => {
  it('is told honestly to the owner’s phones: there is none, and no voice mail', async () => {
    const { heard } = subscribe('message-summary')
    await phones.pass(100)
    expect(heard).toEqual(['application/simple-message-summary\nMessages-Waiting: no\r\nMessage-Account: sip:alice@office.example\r\nVoice-Message: 0/0 (0/0)\r\n'])
    await phones.pass(2_000_000)
    expect(heard.some((each) => each.startsWith('terminated'))).toBe(false)
  })

  it('is nobody else’s business: 403', async () => {
    const { heard } = subscribe('message-summary', 'carol@office.example')
    await phones.pass(100)
    expect(heard).toEqual(['terminated Forbidden 403'])
  })
})

it('another event package is refused with 489', async () => {
  const { heard } = subscribe('conference')
  await phones.pass(100)
  expect(heard).toEqual(['terminated Bad Event 489'])
})
