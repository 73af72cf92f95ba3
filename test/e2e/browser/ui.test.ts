/**
 * The user interface in the system's browser against a headless peer: first run, presence, a call with sound against
 * a peer that answers by itself, messages, and the doors that stay shut.
 */
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keepEvidence } from '../support/failure.ts'
import { ringway, runPeer, type HeadlessPeer } from '../../support/ringwayProcess.ts'
import { openInBrowser } from '../support/headless.ts'
import type { Phone } from '../support/phone.ts'
import { Profiles } from '../support/phone.ts'
import { hearTone } from '../support/sound.ts'
import { addContact, call, callIs, createOverlay, invite, message, registered, seesPresence, sendMessage } from '../support/steps.ts'
import { writeToneFile } from '../support/tone.ts'

const overlay = 'home.example'
const profiles = new Profiles()
let alice: Phone & { readonly peer: HeadlessPeer; readonly url: string }
let bob: HeadlessPeer | undefined
keepEvidence(() => ({ alice: { phone: alice, log: profiles.log('alice') + alice?.peer.errors() }, bob: { phone: undefined, log: profiles.log('bob') + (bob?.errors() ?? '') } }))
beforeAll(async () => {
  alice = profiles.keep(await openInBrowser(profiles.path('alice'), 440, ['--listen', '127.0.0.1:0', '--no-multicast']))
  alice.page.setDefaultTimeout(20_000)
})
afterAll(async () => {
  await bob?.close()
  await profiles.remove()
})

describe('the user interface in a browser', () => {
  it('keeps the token out of the address bar', async () => {
    await alice.page.getByTestId('welcome').waitFor()
    expect(new URL(alice.url).searchParams.get('token')).toMatch(/.{20,}/)
    expect(alice.page.url()).not.toContain('token')
  })

  it('creates an overlay; a headless peer joins it by the link', async () => {
    await createOverlay(alice.page, overlay, 'alice')
    const { link } = await invite(alice.page, 'bob')
    const status = await alice.peer.line({ event: 'status', registered: true })
    await ringway(profiles.path('bob'), ['join', link])
    bob = runPeer(profiles.path('bob'), ['--listen', '127.0.0.1:0', '--no-multicast', '--bootstrap', String(status['listen']), '--answer', writeToneFile(`${profiles.path('bob')}.wav`, 660), '--record', profiles.path('heard')])
    await bob.line({ event: 'status', phase: 'joined', registered: true })
    await registered(alice.page, 'joined')
  })

  it('shows presence', async () => {
    await addContact(alice.page, `bob@${overlay}`, 'Bob')
    await seesPresence(alice.page, `bob@${overlay}`, 'available')
    await ringway(profiles.path('bob'), ['presence', 'set', 'busy', 'writing'])
    expect(await seesPresence(alice.page, `bob@${overlay}`, 'busy', 5_000)).toBeLessThan(2_000)
    await alice.page.getByText('writing').first().waitFor()
  })

  it('calls the headless peer and hears its tone', async () => {
    await call(alice.page, `bob@${overlay}`)
    await callIs(alice.page, 'active')
    const heard = await hearTone(alice.page, 660)
    expect(heard.level).toBeGreaterThan(-60)
    await alice.page.getByTestId('mute').click()
    await alice.page.getByTestId('hangup').click()
    await callIs(alice.page, 'ended')
    await bob?.line({ event: 'call', state: 'ended' })
  })

  it('sends a message and gets one', async () => {
    await sendMessage(alice.page, `bob@${overlay}`, 'from the browser')
    await message(alice.page, 'from the browser', 'out', 'delivered')
    await bob?.line({ event: 'message', text: 'from the browser' })
    await ringway(profiles.path('bob'), ['send', `sip:alice@${overlay}`, 'from the command line'])
    await message(alice.page, 'from the command line', 'in', 'received')
  })

  it('lets a call be answered while a sheet is open, and leaves the sheet as it is', async () => {
    const { page } = alice
    await page.getByTestId('nav-contacts').click()
    await page.getByTestId('add-contact').click()
    await page.getByTestId('contact-address').fill('carol')
    const placed = ringway(profiles.path('bob'), ['call', `sip:alice@${overlay}`, '--seconds', '2'])
    await page.getByTestId('answer').click()
    await placed
    expect(await page.getByTestId('contact-address').inputValue()).toBe('carol')
    await page.keyboard.press('Escape')
    await callIs(page, 'ended')
  })

  it('tells in words why a call fails', async () => {
    await addContact(alice.page, `nobody@${overlay}`, 'Nobody')
    await call(alice.page, `nobody@${overlay}`)
    await callIs(alice.page, 'ended')
    expect(await alice.page.getByTestId('call-stage').getAttribute('data-end')).toBe('user-unknown')
    expect((await alice.page.getByTestId('call-end').innerText()).length).toBeGreaterThan(20)
  })

  it('is the same after a reload', async () => {
    await alice.page.reload()
    await registered(alice.page, 'joined')
    await seesPresence(alice.page, `bob@${overlay}`, 'busy')
  })

  it('opens to nobody else: no token, another token, another origin, another host', async () => {
    const { port, searchParams, host } = new URL(alice.url)
    const token = searchParams.get('token') ?? ''
    const upgrade = (headers: Record<string, string>): Promise<string> => new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: Number(port) })
      const lines = { Host: host, Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==', ...headers }
      socket.write(`GET /peer HTTP/1.1\r\n${Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
      let answer = ''
      socket.on('data', (bytes) => { answer += bytes.toString(); socket.destroy() })
      socket.on('close', () => { resolve(answer.split('\r\n')[0] ?? '') })
      socket.on('error', reject)
    })
    const origin = new URL(alice.url).origin
    for (const headers of [
      { Origin: origin }, { Origin: origin, 'Sec-WebSocket-Protocol': 'ringway, wrong' },
      { Origin: 'https://example.invalid', 'Sec-WebSocket-Protocol': `ringway, ${token}` }, { Origin: origin, Host: 'example.invalid', 'Sec-WebSocket-Protocol': `ringway, ${token}` },
    ]) expect(await upgrade(headers)).not.toMatch(/ 101 /)
  })
})
