/** The desktop app from the checkout, driven by Playwright. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { _electron, type ElectronApplication } from 'playwright-core'
import { plainEnv, root, soundSwitches } from './chromium.ts'
import type { Phone } from './phone.ts'
import { rawMicrophone } from './sound.ts'

export interface DesktopPhone extends Phone {
  readonly app: ElectronApplication
  /** what the main process has written */
  output(): string
}

export async function startDesktop(profile: string, hz: number, args: readonly string[] = []): Promise<DesktopPhone> {
  mkdirSync(profile, { recursive: true })
  const dist = process.env.ELECTRON_OVERRIDE_DIST_PATH
  const app = await _electron.launch({
    ...(dist === undefined ? {} : { executablePath: join(dist, process.platform === 'win32' ? 'electron.exe' : 'electron') }),
    cwd: root, timeout: 60_000, env: plainEnv(),
    args: [...soundSwitches(profile, hz), root, '--profile', profile, ...args],
  })
  let output = ''
  for (const stream of [app.process().stdout, app.process().stderr]) stream?.on('data', (bytes: Buffer) => { output += bytes.toString() })
  const page = await app.firstWindow()
  await page.waitForLoadState('domcontentloaded')
  await rawMicrophone(page)
  let closed: Promise<void> | undefined
  return { app, page, hz, output: () => output, close: () => (closed ??= app.close()) }
}
