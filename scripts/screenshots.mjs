#!/usr/bin/env node
// Writes docs/screenshots/SCREEN-THEME.png: the built window in Chromium, driven against a scripted peer that
// speaks the real contract. Needs out/renderer (npm run build); `npm run screenshots` prepares it.
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { runnerImport } from 'vite'
import { root } from './lib/paths.mjs'
import { which } from './lib/system.mjs'

const renderer = join(root, 'out/renderer')
const target = join(root, 'docs/screenshots')
if (!existsSync(join(renderer, 'index.html'))) {
  console.error('The window is not built. Run: npm run screenshots')
  process.exit(1)
}
const vite = { root, configFile: false, logLevel: 'error', resolve: { alias: { '@shared': join(root, 'src-shared') } } }
const load = async (path) => (await runnerImport(join(root, path), vite)).module
const { ScriptedPeer } = await load('test/support/scriptedPeer.ts')
const { newcomer, officeDay, officePhones, scriptedPhones } = await load('test/support/scriptedState.ts')

const at = (testid) => `[data-testid="${testid}"]`
const call = async (page, peer, who, part) => {
  await page.click(at('nav-contacts'))
  await page.click(at(`contact-${who}@office.example`))
  await page.click(at('call'))
  await page.waitForSelector(at('call-stage'))
  peer.call(Object.keys(peer.state.calls)[0], part)
}
const talking = () => ({ state: 'active', answeredAt: Date.now() - 134_000, security: 'dtls-srtp', codec: 'opus/48000', remote: { aor: 'bob@office.example', displayName: 'Bob', verified: true } })

/** screen → the state it shows and the way there */
const screens = {
  welcome: [newcomer, async (page) => { await page.waitForSelector(at('welcome')) }],
  create: [newcomer, async (page) => {
    await page.click(at('welcome-create'))
    await page.fill(at('create-overlay'), 'office.example')
    await page.fill(at('create-user'), 'alice')
    await page.fill(at('create-display'), 'Alice Moreau')
  }],
  join: [newcomer, async (page) => {
    await page.click(at('welcome-join'))
    await page.waitForSelector(at('discovered-office.example'))
  }],
  invite: [newcomer, async (page) => {
    await page.click(at('welcome-create'))
    await page.fill(at('create-overlay'), 'office.example')
    await page.fill(at('create-user'), 'alice')
    await page.click(at('create-submit'))
    await page.fill(at('invite-user'), 'bob')
    await page.click(at('invite-make'))
    await page.waitForSelector(at('invitation'))
  }],
  chats: [officeDay, async (page) => {
    await page.click(at('chat-bob@office.example'))
    await page.waitForSelector(at('message-row'))
  }],
  contacts: [officeDay, async (page) => {
    await page.click(at('nav-contacts'))
    await page.click(at('contact-dinesh@office.example'))
  }],
  calls: [officeDay, async (page) => {
    await page.click(at('nav-calls'))
    await page.locator(at('history-entry')).first().locator('a').click()
  }],
  incoming: [officeDay, async (page, peer) => {
    await page.click(at('chat-frida@office.example'))
    await page.waitForSelector(at('message-row'))
    peer.ring()
    await page.waitForSelector(at('incoming'))
  }],
  call: [officeDay, async (page, peer) => { await call(page, peer, 'bob', talking()) }],
  'call-ended': [officeDay, async (page, peer) => { await call(page, peer, 'gunnar', { state: 'ended', end: 'user-offline', endedAt: Date.now() }) }],
  outside: [officeDay, async (page, peer) => {
    const remote = { aor: 'reception@hotel.example', displayName: 'Reception', verified: false }
    await call(page, peer, 'bob', { ...talking(), codec: 'PCMU/8000', farLeg: 'none', remote, forwardedTo: 'night-desk@hotel.example' })
  }],
  privacy: [officeDay, async (page) => {
    await page.click(at('nav-settings'))
    await page.click(at('settings-privacy'))
    await page.waitForSelector(at('outside-calls'))
  }],
  network: [officeDay, async (page) => {
    await page.click(at('nav-network'))
    await page.click('[data-node^="5a77"]')
  }],
  settings: [officeDay, async (page) => {
    await page.click(at('nav-settings'))
    await page.click(at('settings-overlay'))
    await page.waitForSelector(at('invitations'))
  }],
  phones: [officePhones, async (page, peer) => {
    peer.overrides.set('phones.list', () => scriptedPhones)
    await page.click(at('nav-settings'))
    await page.click(at('settings-phones'))
    await page.waitForSelector(at('phone-desk'))
  }],
}

const wanted = process.argv.slice(2)
const browser = await chromium.launch({
  executablePath: which('chromium') ?? which('chromium-browser') ?? which('google-chrome') ?? which('google-chrome-stable'),
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
})
mkdirSync(target, { recursive: true })
for (const [name, [scenario, go]] of Object.entries(screens)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  for (const colorScheme of ['light', 'dark']) {
    const peer = new ScriptedPeer(scenario())
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme, reducedMotion: 'reduce', locale: 'en-GB' })
    const page = await context.newPage()
    await page.goto(await peer.listen(renderer))
    await go(page, peer)
    await page.waitForTimeout(400)
    await page.screenshot({ path: join(target, `${name}-${colorScheme}.png`), animations: 'disabled', caret: 'hide' })
    await context.close()
    await peer.close()
  }
  console.log(`docs/screenshots/${name}-{light,dark}.png`)
}
await browser.close()
