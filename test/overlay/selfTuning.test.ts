/** A real overlay whose document names CHORD-SELF-TUNING (RFC 7363): made by the organiser, joined by invitation, used. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { openPeer, type OpenedPeer } from '../../src-main/cli/openPeer.ts'
import type { SocketAddress } from '../../src-main/ports/network.ts'
import { ContractClient } from '../../src-shared/ipc/client.ts'
import type { State } from '../../src-shared/ipc/contract.ts'
import { memoryPorts } from '../../src-shared/ipc/port.ts'

const dirs: string[] = []
const open: OpenedPeer[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()))
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true })
})

async function start(bootstrap: readonly SocketAddress[] = []): Promise<{ app: OpenedPeer; client: ContractClient }> {
  const profileDir = mkdtempSync(join(tmpdir(), 'ringway-tuning-'))
  dirs.push(profileDir)
  const app = await openPeer({ profileDir, headless: true, network: { listen: { host: '127.0.0.1', port: 0 }, bootstrap: [...bootstrap], multicast: false } })
  open.push(app)
  const [ours, theirs] = memoryPorts()
  app.serve(theirs)
  return { app, client: new ContractClient(ours) }
}
const until = async (client: ContractClient, holds: (state: State) => boolean): Promise<void> => {
  await expect.poll(async () => holds((await client.call('state.get', {})).state), { timeout: 30_000, interval: 50 }).toBe(true)
}

it('peers join an overlay that tunes itself, and find and write to each other', async () => {
  const olga = await start()
  await olga.client.call('overlay.create', { name: 'office.example', userName: 'olga', topology: 'self-tuning' })
  await olga.app.start()
  const { xml } = await olga.client.call('overlay.document', {})
  expect(xml).toContain('<topology-plugin>CHORD-SELF-TUNING</topology-plugin>')
  expect(xml).toContain('<mandatory-extension>urn:ietf:params:xml:ns:p2p:self-tuning</mandatory-extension>')
  expect(xml).toContain('<self-tuning:number-of-peers-to-probe>4</self-tuning:number-of-peers-to-probe>')
  const port = Number((await olga.client.call('state.get', {})).state.status.listen?.split(':').at(-1))

  const peers = []
  for (const userName of ['bob', 'carol', 'dave']) {
    const { link = '' } = await olga.client.call('overlay.invite', { userName })
    const peer = await start([{ host: '127.0.0.1', port }])
    await peer.client.call('overlay.join', { text: link })
    await peer.app.start()
    peers.push(peer)
  }
  for (const { client } of [olga, ...peers]) await until(client, ({ status }) => status.phase === 'joined' && status.registered && status.peers === 4)
  const [bob, , dave] = peers
  await bob?.client.call('messages.send', { uri: 'dave', text: 'tuned' })
  await until(dave!.client, ({ conversations }) => conversations['bob@office.example']?.unread === 1)

  // One leaves, and the others see it.
  const [, carol] = peers
  open.splice(open.indexOf(carol!.app), 1)
  await carol!.app.close()
  for (const { client } of [olga, bob!, dave!]) await until(client, ({ status }) => status.peers === 3)
})
