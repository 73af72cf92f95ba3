/** Two peers over real sockets and databases: what they know survives, and they find each other again without multicast. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { ContractClient } from '../../src-shared/ipc/client.ts'
import type { State } from '../../src-shared/ipc/contract.ts'
import { memoryPorts } from '../../src-shared/ipc/port.ts'
import { openPeer, type OpenedPeer } from '../../src-main/cli/openPeer.ts'
import type { SocketAddress } from '../../src-main/ports/network.ts'

const dirs: string[] = []
const open: OpenedPeer[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()))
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true })
})

async function start(dir: string, listen: number, bootstrap: SocketAddress[] = []): Promise<{ app: OpenedPeer; client: ContractClient }> {
  const app = await openPeer({ profileDir: dir, headless: true, network: { listen: { host: '127.0.0.1', port: listen }, bootstrap, multicast: false } })
  open.push(app)
  const [ours, theirs] = memoryPorts()
  app.serve(theirs)
  return { app, client: new ContractClient(ours) }
}
const stop = async (app: OpenedPeer): Promise<void> => { open.splice(open.indexOf(app), 1); await app.close() }
const folder = (): string => { const dir = mkdtempSync(join(tmpdir(), 'ringway-restart-')); dirs.push(dir); return dir }
const until = async (client: ContractClient, holds: (state: State) => boolean): Promise<void> => {
  await expect.poll(async () => holds((await client.call('state.get', {})).state), { timeout: 30_000, interval: 50 }).toBe(true)
}
const portOf = async (client: ContractClient): Promise<number> => Number((await client.call('state.get', {})).state.status.listen?.split(':').at(-1))

it('contacts, messages, history and settings survive a restart of everybody, and so does the ring', async () => {
  const olga = folder(), bob = folder()
  let o = await start(olga, 0)
  await o.client.call('overlay.create', { name: 'office.example', userName: 'olga' })
  await o.app.start()
  const { link = '' } = await o.client.call('overlay.invite', { userName: 'bob' })
  const olgaPort = await portOf(o.client)
  let b = await start(bob, 0, [{ host: '127.0.0.1', port: olgaPort }])
  await b.client.call('overlay.join', { text: link })
  await b.app.start()
  await until(b.client, ({ status }) => status.phase === 'joined' && status.registered)
  await until(o.client, ({ status }) => status.phase === 'joined' && status.registered)
  await b.client.call('contacts.add', { uri: 'olga', displayName: 'Olga' })
  await b.client.call('settings.set', { theme: 'dark' })
  await b.client.call('presence.set', { state: 'away', note: 'soon back' })
  await b.client.call('messages.send', { uri: 'olga', text: 'hello' })
  await until(o.client, ({ conversations }) => conversations['bob@office.example']?.unread === 1)
  const bobPort = await portOf(b.client)

  await Promise.all([stop(o.app), stop(b.app)])
  // No --bootstrap this time: bob knows olga from his cache.
  o = await start(olga, olgaPort)
  b = await start(bob, bobPort)
  await Promise.all([o.app.start(), b.app.start()])
  await until(b.client, ({ status }) => status.phase === 'joined' && status.registered && status.peers === 2)
  await until(b.client, ({ contacts }) => contacts['olga@office.example']?.presence.state === 'available')
  const { state } = await b.client.call('state.get', {})
  expect(state).toMatchObject({
    settings: { theme: 'dark' }, presence: { state: 'away', note: 'soon back' }, contacts: { 'olga@office.example': { displayName: 'Olga' } },
  })
  expect(await b.client.call('messages.list', { aor: 'olga@office.example' })).toMatchObject([{ text: 'hello', state: 'delivered', direction: 'out' }])
  expect((await o.client.call('state.get', {})).state.conversations['bob@office.example']?.unread).toBe(1)
})

it('a newcomer whom nobody answers is told that the overlay is unreachable, and joins when somebody is there', async () => {
  const olga = folder()
  let o = await start(olga, 0)
  await o.client.call('overlay.create', { name: 'office.example', userName: 'olga' })
  await o.app.start()
  const { link = '' } = await o.client.call('overlay.invite', { userName: 'bob' })
  const olgaPort = await portOf(o.client)
  const b = await start(folder(), 0, [{ host: '127.0.0.1', port: olgaPort }])
  await b.client.call('overlay.join', { text: link })
  await stop(o.app)

  await b.app.start()
  await until(b.client, ({ status }) => status.phase === 'offline' && status.problem === 'overlay-unreachable')
  await expect(b.client.call('overlay.lookup', { uri: 'olga' })).rejects.toMatchObject({ code: 'not-joined' })

  o = await start(olga, olgaPort)
  await o.app.start()
  await until(b.client, ({ status }) => status.phase === 'joined' && status.registered)
})
