/** The desktop app from the checkout, driven by Playwright. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { _electron, errors, type ElectronApplication } from 'playwright-core'
import { plainEnv, root } from '../../support/environment.ts'
import { soundSwitches } from './chromium.ts'
import type { Phone } from './phone.ts'
import { rawMicrophone } from './sound.ts'

export interface DesktopPhone extends Phone {
  readonly app: ElectronApplication
  /** what the main process has written */
  output(): string
}

/**
 * Playwright attaches to the window as soon as it exists. When that is while the window still has its initial empty
 * document (the main process then says `refused: sender`, since that document is not ours), it waits for that page
 * for ever and kills the app at its timeout. The app itself is up within a second, so another try is made.
 */
async function launch(args: readonly string[]): Promise<ElectronApplication> {
  const dist = process.env.ELECTRON_OVERRIDE_DIST_PATH
  for (let tries = 1; ; tries++) {
    try {
      return await _electron.launch({
        ...(dist === undefined ? {} : { executablePath: join(dist, process.platform === 'win32' ? 'electron.exe' : 'electron') }),
        cwd: root, timeout: 20_000, env: plainEnv(), args: [...args],
      })
    } catch (cause) {
      if (!(cause instanceof errors.TimeoutError) || !cause.message.includes('refused: sender') || tries === 3) throw cause
    }
  }
}

export async function startDesktop(profile: string, hz: number, args: readonly string[] = []): Promise<DesktopPhone> {
  mkdirSync(profile, { recursive: true })
  const app = await launch([...soundSwitches(profile, hz), root, '--profile', profile, ...args])
  let output = ''
  for (const stream of [app.process().stdout, app.process().stderr]) stream?.on('data', (bytes: Buffer) => { output += bytes.toString() })
  const page = await app.firstWindow()
  await page.waitForLoadState('domcontentloaded')
  await rawMicrophone(page)
  let closed: Promise<void> | undefined
  return { app, page, hz, output: () => output, close: () => (closed ??= app.close()) }
}
