/** `ringway ui`: serves the user interface of the running peer to a browser on loopback. */
import { join } from 'node:path'
import { PeerError } from '../../base/errors.ts'
import { connectUnix } from '../../node/unixPort.ts'
import { serveUi } from '../../node/uiServer.ts'
import type { Context } from '../main.ts'
import { connectRunning, controlPath } from '../profile.ts'

/** The built user interface stands beside the built program. */
export const uiFolder = join(import.meta.dirname, '../renderer')

export async function ui({ profile, output }: Context, options: { port?: number }): Promise<undefined> {
  ;(await connectRunning(profile)).close()
  const server = await serveUi({
    folder: uiFolder,
    port: options.port ?? 0,
    connect: async () => {
      const port = await connectUnix(controlPath(profile))
      if (port === undefined) throw new PeerError('peer-unreachable', 'the peer stopped')
      return port
    },
  })
  output.print(`Open ${server.url}\nIt works on this computer only, until this command is stopped.`, { url: server.url })
  await new Promise<void>((stop) => { process.once('SIGINT', stop); process.once('SIGTERM', stop) })
  await server.close()
}
