/** Two devices of one user over real sockets: each with its own certificate and Node-ID, and both are called. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { ContractClient } from '../../src-shared/ipc/client.ts'
import type { State } from '../../src-shared/ipc/contract.ts'
import { memoryPorts } from '../../src-shared/ipc/port.ts'
import type { CallView } from '../../src-shared/model/index.ts'
import { openPeer, type OpenedPeer } from '../../src-main/cli/openPeer.ts'
import type { SocketAddress } from '../../src-main/ports/network.ts'

const dirs: string[] = []
const open: OpenedPeer[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()))
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true })
})

async function start(bootstrap: SocketAddress[] = []): Promise<{ app: OpenedPeer; client: ContractClient }> {
  const dir = mkdtempSync(join(tmpdir(), 'ringway-devices-'))
  dirs.push(dir)
  const app = await openPeer({ profileDir: dir, headless: true, network: { listen: { host: '127.0.0.1', port: 0 }, bootstrap, multicast: false } })
  open.push(app)
  const [ours, theirs] = memoryPorts()
  app.serve(theirs)
  return { app, client: new ContractClient(ours) }
}
const stateOf = async (client: ContractClient): Promise<State> => (await client.call('state.get', {})).state
const until = async (client: ContractClient, holds: (state: State) => boolean): Promise<void> => {
  await expect.poll(async () => holds(await stateOf(client)), { timeout: 30_000, interval: 50 }).toBe(true)
}
const calls = ({ calls: all }: State, state: CallView['state']): CallView[] => Object.values(all).filter((call) => call.state === state)

it('a call rings on both; the one that does not answer says answered elsewhere; messages come to both; the second can be excluded alone', async () => {
  const olga = await start()
  await olga.client.call('overlay.create', { name: 'office.example', userName: 'olga' })
  await olga.app.start()
  const port = Number((await stateOf(olga.client)).status.listen?.split(':').at(-1))
  const device = async (anotherDevice: boolean): Promise<Awaited<ReturnType<typeof start>>> => {
    const { link = '' } = await olga.client.call('overlay.invite', { userName: 'alice', anotherDevice })
    const one = await start([{ host: '127.0.0.1', port }])
    await one.client.call('overlay.join', { text: link })
    await one.app.start()
    await until(one.client, ({ status }) => status.phase === 'joined' && status.registered)
    return one
  }
  const laptop = await device(false), desktop = await device(true)
  const [laptopId, desktopId] = [(await stateOf(laptop.client)).account?.nodeId, (await stateOf(desktop.client)).account?.nodeId ?? '']
  const registered = await olga.client.call('overlay.lookup', { uri: 'alice' })
  expect(registered.map(({ nodeId }) => nodeId).sort()).toEqual([laptopId, desktopId].sort())
  expect((await olga.client.call('overlay.invitations', {})).map(({ userName, anotherDevice, state }) => [userName, anotherDevice, state])).toEqual([['alice', true, 'used'], ['alice', false, 'used']])

  const { id } = await olga.client.call('call.place', { uri: 'alice', media: { engine: 'headless' } })
  await until(laptop.client, (state) => calls(state, 'incoming').length === 1)
  await until(desktop.client, (state) => calls(state, 'incoming').length === 1)
  const ringing = calls(await stateOf(desktop.client), 'incoming')[0]
  await desktop.client.call('call.answer', { id: ringing?.id ?? '', media: { engine: 'headless' } })
  await until(olga.client, ({ calls: all }) => all[id]?.state === 'active')
  await until(laptop.client, (state) => calls(state, 'incoming').length === 0)
  expect(Object.values((await stateOf(laptop.client)).history).map(({ outcome }) => outcome)).toEqual(['answered-elsewhere'])
  expect((await stateOf(olga.client)).calls[id]?.remote.verified).toBe(true)
  await olga.client.call('call.hangup', { id })

  await olga.client.call('messages.send', { uri: 'alice', text: 'to both' })
  for (const { client } of [laptop, desktop]) await until(client, ({ conversations }) => conversations['olga@office.example']?.unread === 1)

  // One device may call the other: both are alice.
  const own = await laptop.client.call('call.place', { uri: 'alice', media: { engine: 'headless' } })
  await until(desktop.client, (state) => calls(state, 'incoming').length === 1)
  await laptop.client.call('call.hangup', { id: own.id })

  expect(await olga.client.call('overlay.revoke', { userName: 'alice', nodeId: desktopId })).toEqual({ userName: 'alice@office.example', nodeIds: [desktopId] })
  await until(desktop.client, ({ status }) => status.phase === 'stopped' || status.phase === 'not-enrolled')
  await expect.poll(async () => (await olga.client.call('overlay.lookup', { uri: 'alice' })).map(({ nodeId }) => nodeId), { timeout: 20_000, interval: 200 }).toEqual([laptopId])
  expect((await stateOf(laptop.client)).status.phase).toBe('joined')
}, 90_000)
