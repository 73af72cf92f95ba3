/**
 * Two desktop apps side by side, as two people have them: one makes an overlay and invites, the other joins by the
 * link; they see each other's presence, call, write, and find everything again after a restart.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDesktop, type DesktopPhone } from '../support/desktop.ts'
import { keepEvidence } from '../support/failure.ts'
import { ringway } from '../../support/ringwayProcess.ts'
import { Profiles } from '../support/phone.ts'
import { hearTone } from '../support/sound.ts'
import { addContact, answer, call, callIs, complaint, createOverlay, invite, joinByLink, message, openChat, readFile, readLink, registered, seesPresence, sendMessage, setPresence } from '../support/steps.ts'

const overlay = 'office.example'
const profiles = new Profiles()
let alice: DesktopPhone, bob: DesktopPhone, carol: DesktopPhone | undefined
const start = async (name: 'alice' | 'bob'): Promise<DesktopPhone> => {
  const phone = profiles.keep(await startDesktop(profiles.path(name), name === 'alice' ? 440 : 660))
  phone.page.setDefaultTimeout(20_000)
  return phone
}

keepEvidence(() => ({ alice: { phone: alice, log: profiles.log('alice') + alice?.output() }, bob: { phone: bob, log: profiles.log('bob') + bob?.output() }, carol: { phone: carol, log: profiles.log('carol') + carol?.output() } }))
beforeAll(async () => { [alice, bob] = await Promise.all([start('alice'), start('bob')]) })
afterAll(async () => { await profiles.remove() })

describe('two desktop apps', () => {
  let link = ''

  it('first run: alice creates an overlay and invites bob', async () => {
    await createOverlay(alice.page, overlay, 'alice')
    const made = await invite(alice.page, 'bob')
    link = made.link
    expect(link).toMatch(/^ringway:/)
    await registered(alice.page, 'alone')
  })

  it('a wrong code is refused in words, and nothing typed is lost', async () => {
    const shown = await ringway(profiles.path('alice'), ['overlay', 'show'])
    const xml = String(shown.at(-1)?.['xml'] ?? '')
    expect(xml).toContain(overlay)
    await readFile(bob.page, 'office.xml', xml)
    await bob.page.getByTestId('join-code').fill('AAAA-BBBB-CCCC')
    await bob.page.getByTestId('join-user').fill('bob')
    await bob.page.getByTestId('join-submit').click()
    expect(await complaint(bob.page)).toMatch(/invitation|code/i)
    expect(await bob.page.getByTestId('join-user').inputValue()).toBe('bob')
  })

  it('bob joins by the link', async () => {
    await joinByLink(bob.page, link)
    await Promise.all([registered(alice.page, 'joined'), registered(bob.page, 'joined')])
  })

  it('a used invitation is refused in words; the overlay seen on the LAN is joined with a code', async () => {
    carol = profiles.keep(await startDesktop(profiles.path('carol'), 550))
    await readLink(carol.page, link)
    await carol.page.getByTestId('join-submit').click()
    expect(await complaint(carol.page)).toMatch(/used/i)

    const { code } = await invite(alice.page, 'carol')
    await carol.page.getByTestId('join-other').click()
    await carol.page.getByTestId(`discovered-${overlay}`).click()
    await carol.page.getByTestId('join-code').fill(code)
    await carol.page.getByTestId('join-user').fill('carol')
    await carol.page.getByTestId('join-submit').click()
    await registered(carol.page, 'joined')
    await carol.close()
  })

  it('each sees the other available', async () => {
    await addContact(alice.page, `bob@${overlay}`, 'Bob')
    await addContact(bob.page, `sip:alice@${overlay}`, 'Alice')
    await Promise.all([seesPresence(alice.page, `bob@${overlay}`, 'available'), seesPresence(bob.page, `alice@${overlay}`, 'available')])
  })

  it('a change of presence and its note are seen within 2 seconds', async () => {
    await setPresence(bob.page, 'away', 'at lunch')
    expect(await seesPresence(alice.page, `bob@${overlay}`, 'away', 5_000)).toBeLessThan(2_000)
    await alice.page.getByText('at lunch').first().waitFor({ timeout: 2_000 })
    await setPresence(bob.page, 'available', '')
    expect(await seesPresence(alice.page, `bob@${overlay}`, 'available', 5_000)).toBeLessThan(2_000)
  })

  it('alice calls bob: each hears the other’s tone', async () => {
    await call(alice.page, `bob@${overlay}`)
    await callIs(alice.page, 'ringing')
    await answer(bob.page)
    await Promise.all([callIs(alice.page, 'active'), callIs(bob.page, 'active')])
    const [atAlice, atBob] = await Promise.all([hearTone(alice.page, bob.hz), hearTone(bob.page, alice.hz)])
    expect(Math.abs(atAlice.hz - 660)).toBeLessThan(8)
    expect(Math.abs(atBob.hz - 440)).toBeLessThan(8)
    const stage = alice.page.getByTestId('call-stage')
    expect(await stage.getAttribute('data-codec')).toMatch(/opus/i)
    expect(await stage.getAttribute('data-security')).toBe('dtls-srtp')
  })

  it('the call shows in presence, and hanging up ends it on both sides', async () => {
    await seesPresence(alice.page, `bob@${overlay}`, 'in-call')
    await alice.page.getByTestId('call-bar').getByRole('link').click()
    const stage = alice.page.getByTestId('call-stage')
    await bob.page.getByTestId('hangup').click()
    await callIs(alice.page, 'ended')
    expect(await stage.getAttribute('data-end')).toBe('remote-hung-up')
    await callIs(bob.page, 'ended')
  })

  it('a declined call says so', async () => {
    await call(bob.page, `alice@${overlay}`)
    await alice.page.getByTestId('decline').click()
    await callIs(bob.page, 'ended')
    expect(await bob.page.getByTestId('call-stage').getAttribute('data-end')).toBe('call-declined')
  })

  it('calls can be cancelled while they ring, and are missed on the other side', async () => {
    await call(alice.page, `bob@${overlay}`)
    await callIs(alice.page, 'ringing')
    await bob.page.getByTestId('incoming').waitFor()
    await alice.page.getByTestId('hangup').click()
    await bob.page.getByTestId('incoming').waitFor({ state: 'hidden' })
    await bob.page.getByTestId('badge-calls').waitFor()
  })

  it('a ringing call shows a small window while the main window is hidden, and can be answered there', async () => {
    await bob.app.evaluate(({ BrowserWindow }) => { for (const window of BrowserWindow.getAllWindows()) window.hide() })
    const opened = bob.app.waitForEvent('window')
    await call(alice.page, `bob@${overlay}`)
    const small = await opened
    await small.getByTestId('answer').click()
    await Promise.all([callIs(alice.page, 'active'), callIs(bob.page, 'active')])
    await hearTone(alice.page, bob.hz)
    await alice.page.getByTestId('hangup').click()
    await callIs(bob.page, 'ended')
    expect(await bob.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1)
  })

  it('messages arrive both ways and say that they did', async () => {
    await sendMessage(alice.page, `bob@${overlay}`, 'Hello Bob, no server here.')
    await message(alice.page, 'Hello Bob', 'out', 'delivered')
    await openChat(bob.page, `alice@${overlay}`)
    await message(bob.page, 'Hello Bob', 'in', 'received')
    await sendMessage(bob.page, `alice@${overlay}`, 'Hello Alice, none here either.')
    await message(bob.page, 'Hello Alice', 'out', 'delivered')
    await message(alice.page, 'Hello Alice', 'in', 'received')
  })

  it('everything is there after a restart, and calls work again', async () => {
    await Promise.all([alice.close(), bob.close()])
    ;[alice, bob] = await Promise.all([start('alice'), start('bob')])
    await Promise.all([registered(alice.page, 'joined'), registered(bob.page, 'joined')])
    await Promise.all([seesPresence(alice.page, `bob@${overlay}`, 'available', 30_000), seesPresence(bob.page, `alice@${overlay}`, 'available', 30_000)])
    await openChat(alice.page, `bob@${overlay}`)
    await message(alice.page, 'Hello Alice', 'in', 'received')
    await message(alice.page, 'Hello Bob', 'out', 'delivered')
    await alice.page.getByTestId('nav-calls').click()
    expect(await alice.page.getByTestId('history-entry').count()).toBeGreaterThan(0)
    await call(bob.page, `alice@${overlay}`)
    await answer(alice.page)
    await Promise.all([hearTone(alice.page, bob.hz), hearTone(bob.page, alice.hz)])
    await bob.page.getByTestId('hangup').click()
    await callIs(alice.page, 'ended')
  })
})
