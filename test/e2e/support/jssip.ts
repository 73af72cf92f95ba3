/** JsSIP in a browser of its own, on a page that this file serves: a phone of which nothing is ours. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import { build } from 'vite'
import { plainEnv, root } from '../../support/environment.ts'
import { soundSwitches, systemBrowser } from './chromium.ts'
import type { Phone } from './phone.ts'
import type { PagePhone } from './jssipPage.ts'

export interface JssipPhone extends Phone {
  /** Tells the phone to do something. */
  do<K extends keyof PagePhone>(what: K, ...args: Parameters<PagePhone[K]>): Promise<void>
  /** Waits until something has become of it: `call`, `registered`, `hold`, `message`, … */
  is(what: string, value: string, timeoutMs?: number): Promise<void>
  seen(what: string): Promise<string | null>
  /** What has gone over its WebSocket, and what its page complained of. */
  trace(): string
}

async function bundle(): Promise<string> {
  const result = await build({
    configFile: false, logLevel: 'silent', root,
    build: { write: false, minify: false, lib: { entry: join(import.meta.dirname, 'jssipPage.ts'), formats: ['iife'], name: 'page' } },
  })
  const output = (Array.isArray(result) ? result : [result]).flatMap((each) => 'output' in each ? each.output : [])
  return output.flatMap((each) => each.type === 'chunk' ? each.code : []).join('\n')
}

/** @param dir where the file of its microphone goes; @param hz what that hears */
export async function openJssip(dir: string, hz: number): Promise<JssipPhone> {
  const script = await bundle()
  const server = createServer((request, response) => {
    const isScript = request.url === '/phone.js'
    response.writeHead(200, { 'content-type': `${isScript ? 'text/javascript' : 'text/html'}; charset=utf-8` })
      .end(isScript ? script : '<!doctype html><title>JsSIP</title><body><audio data-testid="remote-audio" autoplay></audio><script src="/phone.js"></script>')
  })
  await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done) })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const browser = await chromium.launch({ executablePath: systemBrowser(), args: soundSwitches(dir, hz), env: plainEnv() })
  const context = await browser.newContext()
  await context.grantPermissions(['microphone'], { origin })
  const page: Page = await context.newPage()
  let trace = ''
  const note = (mark: string) => ({ payload }: { payload: string | Buffer }): void => { trace += `${mark} ${payload.toString()}\n` }
  page.on('websocket', (socket) => { socket.on('framesent', note('>')).on('framereceived', note('<')) })
  page.on('pageerror', (error) => { trace += `${error.stack ?? error.message}\n` })
  await page.goto(origin)
  return {
    page, hz,
    do: (what, ...args) => page.evaluate(([name, values]) => { (window.phone[name] as (...each: string[]) => void)(...values) }, [what, args as string[]] as const),
    is: async (what, value, timeoutMs = 20_000) => { await page.locator(`body[data-${what}="${value}"]`).waitFor({ state: 'attached', timeout: timeoutMs }) },
    seen: (what) => page.locator('body').getAttribute(`data-${what}`),
    trace: () => trace,
    close: async () => {
      await browser.close()
      server.closeAllConnections()
      server.close()
    },
  }
}
