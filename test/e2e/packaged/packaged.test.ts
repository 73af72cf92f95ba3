/** The packaged app, as people get it: first run, and one call against a second copy of it. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { plainEnv } from '../../support/environment.ts'
import { keepEvidence } from '../support/failure.ts'
import { packagedExecutable, startPackaged } from '../support/packaged.ts'
import { Profiles, type Phone } from '../support/phone.ts'
import { hearTone } from '../support/sound.ts'
import { addContact, answer, call, callIs, createOverlay, invite, joinByLink, registered } from '../support/steps.ts'

const overlay = 'packaged.example'
const profiles = new Profiles()
let alice: Phone, bob: Phone
keepEvidence(() => ({ alice: { phone: alice, log: profiles.log('alice') }, bob: { phone: bob, log: profiles.log('bob') } }))
beforeAll(async () => {
  [alice, bob] = await Promise.all([startPackaged(profiles.path('alice'), 440), startPackaged(profiles.path('bob'), 660)])
  profiles.keep(alice)
  profiles.keep(bob)
  for (const phone of [alice, bob]) phone.page.setDefaultTimeout(20_000)
})
afterAll(async () => { await profiles.remove() })

describe('the packaged app', () => {
  it('goes through first run', async () => {
    await createOverlay(alice.page, overlay, 'alice')
    const { link } = await invite(alice.page, 'bob')
    await joinByLink(bob.page, link)
    await registered(alice.page, 'joined')
  })

  it('calls, and each side hears the other’s tone', async () => {
    await addContact(alice.page, `bob@${overlay}`, 'Bob')
    await call(alice.page, `bob@${overlay}`)
    await answer(bob.page)
    await Promise.all([callIs(alice.page, 'active'), callIs(bob.page, 'active')])
    await Promise.all([hearTone(alice.page, 660), hearTone(bob.page, 440)])
    await alice.page.getByTestId('hangup').click()
    await callIs(bob.page, 'ended')
  })

  it('is its own command line, which needs no display', async () => {
    const { DISPLAY: _display, WAYLAND_DISPLAY: _wayland, ...env } = plainEnv()
    const command = (...args: string[]): Promise<{ stdout: string }> => promisify(execFile)(packagedExecutable(), ['--no-sandbox', '--profile', profiles.path('alice'), ...args], { env, timeout: 30_000 })
    const answer = JSON.parse((await command('status', '--json')).stdout.trim().split('\n').at(-1) ?? '') as { status: { phase: string } }
    expect(answer.status.phase).toBe('joined')
    await expect(command('call', 'nobody')).rejects.toMatchObject({ code: 1 })
  })
})
