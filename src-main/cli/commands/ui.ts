/** `ringway ui`: serves the user interface of the running peer to a browser on loopback. */
import { join } from 'node:path'
import { joinPorts } from '@shared/ipc/port.ts'
import { createUiServer } from '../../node/uiServer.ts'
import { connectUnix } from '../../node/unixPort.ts'
import type { Context } from '../context.ts'
import { connectRunning, controlPath } from '../profile.ts'

/** The built user interface stands beside the built program. */
export const uiFolder = join(import.meta.dirname, '../renderer')

export async function ui({ profile, output }: Context, options: { port?: number }): Promise<undefined> {
  ;(await connectRunning(profile)).close()
  const server = await createUiServer({ root: uiFolder, port: options.port ?? 0 }, (browser) => {
    // Frames that come before the control socket is open wait for it.
    const early: string[] = []
    browser.onFrame = (frame) => { early.push(frame) }
    connectUnix(controlPath(profile)).then((peer) => {
      if (peer === undefined) { browser.close(); return }
      joinPorts(browser, peer)
      for (const frame of early) peer.send(frame)
    }, () => { browser.close() })
  })
  output.print(`Open ${server.url}\nIt works on this computer only, until this command is stopped.`, { event: 'ui', url: server.url })
  await new Promise<void>((stop) => { process.once('SIGINT', stop); process.once('SIGTERM', stop) })
  await server.close()
}
