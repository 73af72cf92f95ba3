/** A peer without a window, its user interface in a browser. */
import { chromium } from 'playwright-core'
import { plainEnv } from '../../support/environment.ts'
import { runPeer, type HeadlessPeer } from '../../support/ringwayProcess.ts'
import { soundSwitches, systemBrowser } from './chromium.ts'
import type { Phone } from './phone.ts'
import { rawMicrophone } from './sound.ts'

/** The user interface of a headless peer in a browser of this system. */
export async function openInBrowser(profile: string, hz: number, args: readonly string[] = []): Promise<Phone & { readonly peer: HeadlessPeer; readonly url: string }> {
  const peer = runPeer(profile, ['--ui', ...args])
  const { url } = await peer.line({ event: 'ui' })
  const browser = await chromium.launch({ executablePath: systemBrowser(), args: soundSwitches(profile, hz), env: plainEnv() })
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  await context.grantPermissions(['microphone'], { origin: new URL(String(url)).origin })
  const page = await context.newPage()
  await page.goto(String(url))
  await rawMicrophone(page)
  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await browser.close()
    await peer.close()
  }
  return { page, hz, peer, url: String(url), close: () => (closed ??= close()) }
}
