/** The desktop app's own: one app a profile, what a page may not do, and where the app says what it cannot. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { plainEnv, root } from '../../support/environment.ts'
import { startDesktop, type DesktopPhone } from '../support/desktop.ts'
import { Profiles } from '../support/phone.ts'

const electron = join(process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(root, 'node_modules/electron/dist'), 'electron')
const profiles = new Profiles()
let phone: DesktopPhone
beforeAll(async () => {
  phone = profiles.keep(await startDesktop(profiles.path('one'), 440))
  await phone.page.getByTestId('welcome').waitFor()
})
afterAll(async () => { await profiles.remove() })

describe('the page of the desktop app', () => {
  it('has neither Node nor Electron, and an origin of its own', async () => {
    const found = await phone.page.evaluate(() => ({
      require: typeof Reflect.get(globalThis, 'require'), process: typeof Reflect.get(globalThis, 'process'), origin: location.origin, secure: isSecureContext,
      bridge: Object.keys(Reflect.get(window, 'ringway') as object).sort(),
    }))
    expect(found).toEqual({ require: 'undefined', process: 'undefined', origin: 'ringway-app://ui', secure: true, bridge: ['onClose', 'onCommand', 'onFrame', 'relay', 'send', 'view'] })
    expect(await phone.app.evaluate(({ BrowserWindow }) => {
      // it stands in no type declaration, but says what the window really got
      const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as { getLastWebPreferences(): Record<string, unknown> }
      const { sandbox, contextIsolation, nodeIntegration } = contents.getLastWebPreferences()
      return [sandbox, contextIsolation, nodeIntegration]
    })).toEqual([true, true, false])
  })

  it('gets no microphone while there is no call', async () => {
    expect(await phone.page.evaluate(() => navigator.mediaDevices.getUserMedia({ audio: true }).then(() => 'given', (cause: Error) => cause.name))).toBe('NotAllowedError')
  })

  it('reaches no other origin, opens no window and goes nowhere', async () => {
    const tried = await phone.page.evaluate(async () => {
      const get = (url: string): Promise<string> => fetch(url).then(() => 'reached', () => 'refused')
      const answers = [await get('https://example.invalid/'), await get('file:///etc/hostname'), await get('http://127.0.0.1:6084/')]
      answers.push(window.open('https://example.invalid/') === null ? 'refused' : 'opened')
      location.href = 'https://example.invalid/'
      return answers
    })
    expect(tried).toEqual(['refused', 'refused', 'refused', 'refused'])
    expect(phone.page.url()).toMatch(/^ringway-app:\/\/ui\//)
  })

  it('cannot evaluate text', async () => {
    expect(await phone.page.evaluate(() => {
      const script = document.createElement('script')
      script.textContent = 'window.evaluated = true'
      document.head.append(script)
      return Reflect.get(window, 'evaluated') ?? 'refused'
    })).toBe('refused')
  })
})

describe('a profile', () => {
  it('belongs to its user alone', () => {
    expect(statSync(profiles.path('one')).isDirectory()).toBe(true)
    if (process.platform !== 'win32') expect(statSync(join(profiles.path('one'), 'control.sock')).mode & 0o077).toBe(0)
  })

  it('runs one app: a second one shows the first and ends', async () => {
    await phone.app.evaluate(({ BrowserWindow }) => { BrowserWindow.getAllWindows()[0]?.hide() })
    const second = spawnSync(electron, ['--no-sandbox', '--disable-gpu', root, '--profile', profiles.path('one')], { env: plainEnv(), encoding: 'utf8', timeout: 20_000 })
    expect(second.status).toBe(0)
    expect(second.stderr).toMatch(/running with the profile/)
    await expect.poll(() => phone.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible()), { timeout: 5_000 }).toBe(true)
  })

  it('hides its window when that is closed, and the phone goes on', async () => {
    await phone.app.evaluate(({ BrowserWindow }) => { BrowserWindow.getAllWindows()[0]?.close() })
    expect(await phone.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1)
    expect(await phone.page.evaluate(() => document.querySelector('[data-testid=welcome]') !== null)).toBe(true)
  })

  it('keeps what cannot be read: a damaged database is told, not replaced', async () => {
    const damaged = profiles.path('damaged')
    mkdirSync(damaged, { recursive: true })
    const file = join(damaged, 'ringway.sqlite')
    writeFileSync(file, 'this is no database, but it is all I have '.repeat(200))
    const child = spawn(electron, ['--no-sandbox', '--disable-gpu', root, '--profile', damaged], { env: plainEnv(), stdio: ['ignore', 'ignore', 'pipe'] })
    try {
      let said = ''
      child.stderr.on('data', (bytes: Buffer) => { said += bytes.toString() })
      await expect.poll(() => said, { timeout: 20_000 }).toMatch(/database of this profile is damaged/)
    } finally { child.kill('SIGKILL') }
    expect(statSync(file).size).toBe('this is no database, but it is all I have '.length * 200)
  })
})
