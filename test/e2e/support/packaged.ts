/**
 * The packaged app, as it lies in dist/. Its fuses forbid a debugger on the main process, so Playwright attaches to
 * its pages over the DevTools protocol.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { plainEnv, root } from '../../support/environment.ts'
import { soundSwitches } from './chromium.ts'
import type { Phone } from './phone.ts'
import { rawMicrophone } from './sound.ts'

const places: Partial<Record<NodeJS.Platform, string[]>> = {
  linux: ['dist/linux-unpacked/ringway', 'dist/linux-arm64-unpacked/ringway'],
  win32: ['dist/win-unpacked/Ringway.exe', 'dist/win-arm64-unpacked/Ringway.exe'],
  darwin: ['dist/mac/Ringway.app/Contents/MacOS/Ringway', 'dist/mac-arm64/Ringway.app/Contents/MacOS/Ringway'],
}

export function packagedExecutable(): string {
  const found = (places[process.platform] ?? []).map((place) => join(root, place)).find((path) => existsSync(path))
  if (found === undefined) throw new Error('there is no packaged app: npm run package')
  return found
}

/** Attaching while the window is being made would wait for ever. */
async function pageLoaded(address: string): Promise<void> {
  const list = `http://${new URL(address).host}/json/list`
  for (const until = Date.now() + 30_000; Date.now() < until;) {
    const pages = await (await fetch(list)).json() as { url: string; title: string }[]
    if (pages.some(({ url, title }) => url.startsWith('ringway-app:') && title !== '')) return
    await new Promise((done) => { setTimeout(done, 100) })
  }
  throw new Error('the app has shown no page within 30 s')
}

export async function startPackaged(profile: string, hz: number, args: readonly string[] = []): Promise<Phone> {
  mkdirSync(profile, { recursive: true })
  const child = spawn(packagedExecutable(), [...soundSwitches(profile, hz), '--remote-debugging-port=0', '--profile', profile, ...args], { env: plainEnv(), stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise<void>((done) => { child.once('exit', () => { done() }) })
  let output = ''
  const address = await new Promise<string>((found, failed) => {
    const timer = setTimeout(() => { failed(new Error(`no DevTools address within 60 s\n${output}`)) }, 60_000)
    const read = (bytes: Buffer): void => {
      output += bytes.toString()
      const [, ws] = /DevTools listening on (ws:\S+)/.exec(output) ?? []
      if (ws === undefined) return
      clearTimeout(timer)
      found(ws)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('exit', (code, signal) => { clearTimeout(timer); failed(new Error(`ended with ${code ?? signal}\n${output}`)) })
  })
  await pageLoaded(address)
  const browser = await chromium.connectOverCDP(address)
  const context = browser.contexts()[0]
  if (context === undefined) throw new Error('the app has no pages')
  const page = context.pages()[0] ?? await context.waitForEvent('page')
  await page.waitForLoadState('domcontentloaded')
  await rawMicrophone(page)
  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await browser.close() // detaches only
    child.kill('SIGTERM')
    await exited
  }
  return { page, hz, close: () => (closed ??= close()) }
}
