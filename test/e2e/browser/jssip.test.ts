/**
 * JsSIP in Chromium as a phone on a WebSocket (RFC 7118) at a peer that serves phones: logs in, talks with a person of
 * the overlay at another peer, whose app is a browser too. Both sounds are measured.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dominantFrequency } from '../../../src-main/media/tone.ts'
import { BaresipPhone, until } from '../../interop/sip/baresipPhone.ts'
import { ringway, runPeer, type HeadlessPeer } from '../../support/ringwayProcess.ts'
import { keepEvidence } from '../support/failure.ts'
import { openInBrowser } from '../support/headless.ts'
import { openJssip, type JssipPhone } from '../support/jssip.ts'
import { Profiles, type Phone } from '../support/phone.ts'
import { hearTone } from '../support/sound.ts'
import { addContact, answer, call, callIs, joinByLink, message, openChat, sendMessage } from '../support/steps.ts'

const overlay = 'home.example'
const profiles = new Profiles()
let alice: HeadlessPeer, bob: Phone, web: JssipPhone
let webSocket = '', phoneServer = ''
keepEvidence(() => ({ alice: { phone: undefined, log: profiles.log('alice') + (alice?.errors() ?? '') }, bob: { phone: bob, log: profiles.log('bob') }, web: { phone: web, log: web?.trace() ?? '' } }))

async function registrations(): Promise<number> {
  const phones = await ringway(profiles.path('alice'), ['phones', 'list'])
  return (phones.find((line) => line['userName'] === 'web')?.['registrations'] as unknown[]).length
}

beforeAll(async () => {
  await ringway(profiles.path('alice'), ['overlay', 'create', overlay, '--user', 'alice'])
  alice = runPeer(profiles.path('alice'), ['--listen', '127.0.0.1:0', '--no-multicast', '--serve', 'proxy,registrar', '--sip', '127.0.0.1:0', '--sip-ws', '127.0.0.1:0'])
  const status = await alice.line({ event: 'status', registered: true })
  phoneServer = String(status['sip'])
  webSocket = `ws://${String(status['sipWebSocket'])}/`
  const link = String((await ringway(profiles.path('alice'), ['overlay', 'invite', 'bob'])).at(-1)?.['link'])
  bob = profiles.keep(await openInBrowser(profiles.path('bob'), 660, ['--listen', '127.0.0.1:0', '--no-multicast', '--bootstrap', String(status['listen'])]))
  bob.page.setDefaultTimeout(20_000)
  await joinByLink(bob.page, link)
  web = profiles.keep(await openJssip(profiles.path('alice'), 440))
})
afterAll(async () => {
  await alice?.close()
  await profiles.remove()
})

/** Both sounds, and that nothing was converted between them. */
async function bothHear(): Promise<void> {
  await callIs(bob.page, 'active')
  await hearTone(bob.page, 440)
  await hearTone(web.page, 660)
  const stage = bob.page.getByTestId('call-stage')
  expect([await stage.getAttribute('data-codec'), await stage.getAttribute('data-security')]).toEqual(['opus/48000', 'dtls-srtp'])
}

describe('JsSIP in a browser', () => {
  it('registers with digest over a WebSocket', async () => {
    const password = String((await ringway(profiles.path('alice'), ['phones', 'add', 'web', '--md5'])).at(-1)?.['password'])
    await web.do('start', webSocket, `sip:web@${overlay}`, password)
    await web.is('registered', 'yes')
    expect(await registrations()).toBe(1)
  })

  it('calls a person of the overlay: both hear each other, and it hangs up', async () => {
    await web.do('call', `sip:bob@${overlay}`)
    await answer(bob.page)
    await web.is('call', 'active')
    await bothHear()
    await web.do('hangup')
    await callIs(bob.page, 'ended')
  })

  it('is called under its owner’s name: both hear each other, each holds and resumes, and the other side hangs up', async () => {
    await addContact(bob.page, `alice@${overlay}`, 'Alice')
    await call(bob.page, `alice@${overlay}`)
    await web.is('call', 'incoming')
    expect(await web.seen('from')).toBe(`sip:bob@${overlay}`)
    await web.do('answer')
    await web.is('call', 'active')
    await bothHear()
    await web.do('hold')
    await bob.page.getByTestId('held').waitFor()
    await web.do('resume')
    await bob.page.getByTestId('held').waitFor({ state: 'hidden' })
    await bob.page.getByTestId('hold').click()
    await web.is('hold', 'remote')
    await bob.page.getByTestId('hold').click()
    await web.is('hold', '')
    await bothHear()
    await bob.page.getByTestId('hangup').click()
    await web.is('call', 'ended')
    expect(await web.seen('end')).toBe('remote')
  })

  it('writes to a person of the overlay, and is written to', async () => {
    await openChat(bob.page, `alice@${overlay}`)
    await web.do('write', `sip:bob@${overlay}`, 'from JsSIP')
    await web.is('written', 'from JsSIP')
    await message(bob.page, 'from JsSIP', 'in', 'received')
    await sendMessage(bob.page, `alice@${overlay}`, 'to JsSIP')
    await web.is('message', `sip:bob@${overlay} to JsSIP`)
  })

  it('gives up a call that rings', async () => {
    await web.do('call', `sip:bob@${overlay}`)
    await bob.page.getByTestId('answer').waitFor()
    await web.do('hangup')
    await bob.page.getByTestId('answer').waitFor({ state: 'hidden' })
    await web.is('call', 'failed')
    expect(await web.seen('end')).toBe('Canceled')
  })

  it('is told that the other side refuses', async () => {
    await web.do('call', `sip:nobody@${overlay}`)
    await web.is('call', 'failed')
    expect(await web.seen('end')).toBe('Not Found')
  })

  it('talks through the bridge with an ordinary phone of the same peer, each way, and presses a key', async () => {
    const password = String((await ringway(profiles.path('alice'), ['phones', 'add', 'desk', '--md5'])).at(-1)?.['password'])
    const desk = new BaresipPhone({
      account: `<sip:desk@${overlay}>;auth_user=desk;auth_pass=${password};outbound="sip:${phoneServer}";regint=60;answermode=auto;audio_codecs=PCMU`,
      sipPort: 5490, controlPort: 4690, toneHz: 880, codecs: ['g711'],
    })
    const told = (): string => JSON.stringify(desk.events) + desk.output.slice(-3_000) + web.trace().slice(-6_000)
    try {
      await desk.start()
      await until(() => desk.output.includes('200 OK'), told)
      await web.do('call', `sip:desk@${overlay}`)
      await web.is('call', 'active')
      await hearTone(web.page, 880)
      await web.do('key', '5')
      await until(() => desk.events.some(({ type, param }) => type === 'CALL_DTMF_START' && param === '5'), told)
      await web.do('hangup')
      await until(() => desk.saw('CALL_CLOSED'), told)
      desk.command('dial', `sip:web@${overlay}`)
      await web.is('call', 'incoming')
      await web.do('answer')
      await hearTone(web.page, 880)
      desk.command('hangup')
      await web.is('call', 'ended')
      expect(desk.heard().map((heard) => Math.round(dominantFrequency(heard).hz / 10))).toEqual([44, 44])
    } finally { await desk.stop() }
  })

  it('sends a call elsewhere (302): who called is told where, and nothing leaves the overlay', async () => {
    const placed = ringway(profiles.path('alice'), ['call', `sip:web@${overlay}`]).then(() => 'answered', String)
    await web.is('call', 'incoming')
    await web.do('sendTo', 'sip:bob@example.org')
    expect(await placed).toMatch(/"movedTo":"sip:bob@example\.org"[^]*"error":"call-moved"/)
    await web.is('call', 'failed')
  })

  it('is gone when it unregisters', async () => {
    await web.do('stop')
    await web.is('registered', 'no')
    expect(await registrations()).toBe(0)
  })
})
