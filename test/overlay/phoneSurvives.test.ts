/**
 * A phone outlives its peer: two installations of one owner, real peers over real sockets. The account that was made at one
 * is copied to the other; when the first is lost the phone registers at the second with the same password, and is called.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ContractClient } from '../../src-shared/ipc/client.ts'
import { memoryPorts } from '../../src-shared/ipc/port.ts'
import type { PeerStatus } from '../../src-shared/model/index.ts'
import { openPeer, type OpenedPeer } from '../../src-main/cli/openPeer.ts'
import type { NetworkOptions } from '../../src-main/peer/ports.ts'
import { finalOf, udpPhone, type UdpPhone } from '../support/udpPhone.ts'

interface Running { readonly app: OpenedPeer; readonly client: ContractClient; closed: boolean }

const dirs: string[] = [], running: Running[] = []
const loopback = { host: '127.0.0.1', port: 0 }
const serving = { sip: { roles: ['proxy', 'registrar'] as const, listen: loopback } }
let first: Running, second: Running, bob: Running
let phone: UdpPhone
let port = 0

async function open(network: Partial<NetworkOptions>): Promise<Running> {
  const dir = mkdtempSync(join(tmpdir(), 'ringway-survives-'))
  dirs.push(dir)
  const app = await openPeer({ profileDir: dir, headless: true, network: { listen: loopback, multicast: false, ...network } })
  const [ours, theirs] = memoryPorts()
  app.serve(theirs)
  const each = { app, client: new ContractClient(ours), closed: false }
  running.push(each)
  return each
}
const statusOf = async ({ client }: Running): Promise<PeerStatus> => (await client.call('state.get', {})).state.status
const portOf = (address: string | null | undefined): number => Number(address?.split(':').at(-1))
async function until(what: string, condition: () => Promise<boolean> | boolean, seconds = 30): Promise<void> {
  for (let i = 0; !await condition(); i++) {
    if (i > seconds * 20) throw new Error(`not in ${seconds} s: ${what}`)
    await new Promise((done) => { setTimeout(done, 50) })
  }
}

async function register(): Promise<number> {
  const { end } = phone
  const request = end.request('REGISTER', 'sip:office.example', [['To', '<sip:desk@office.example>'], ['Contact', `<sip:desk@127.0.0.1:${end.far.local.port}>`], ['Expires', '600'], ['Call-ID', `register-${port}`]])
  await finalOf(end, request)
  return (await finalOf(end, end.authorise(request, 2))).status
}

/** Bob calls the owner: does the phone ring? */
async function rings(): Promise<boolean> {
  const before = phone.end.requests.filter(({ method }) => method === 'INVITE').length
  const { id } = await bob.client.call('call.place', { uri: 'sip:alice@office.example', media: { engine: 'headless' } })
  await until('the phone rings', () => phone.end.requests.filter(({ method }) => method === 'INVITE').length > before)
  phone.end.respond(phone.end.lastOf('INVITE'), 180, [['Contact', `<sip:desk@127.0.0.1:${phone.end.far.local.port}>`]])
  await bob.client.call('call.hangup', { id })
  await until('the call is cancelled', () => phone.end.requests.some(({ method, callId }) => method === 'CANCEL' && callId === phone.end.lastOf('INVITE').callId))
  phone.end.respond(phone.end.lastOf('CANCEL'), 200)
  phone.end.respond(phone.end.lastOf('INVITE'), 487)
  return true
}

describe('a phone whose peer is lost', () => {
  beforeAll(async () => {
    first = await open(serving)
    await first.client.call('overlay.create', { name: 'office.example', userName: 'alice' })
    await first.app.start()
    const bootstrap = [{ host: '127.0.0.1', port: portOf((await statusOf(first)).listen) }]
    const join = async (userName: string, anotherDevice: boolean, network: Partial<NetworkOptions>): Promise<Running> => {
      const { link = '' } = await first.client.call('overlay.invite', { userName, anotherDevice })
      const peer = await open({ bootstrap, ...network })
      await peer.client.call('overlay.join', { text: link })
      await peer.app.start()
      await until(`${userName} is registered`, async () => (await statusOf(peer)).registered)
      return peer
    }
    second = await join('alice', true, serving)
    bob = await join('bob', false, {})
    await until('three peers', async () => (await Promise.all([first, second, bob].map(statusOf))).every(({ peers }) => peers === 3))
  }, 60_000)
  afterAll(async () => {
    phone.close()
    for (const each of running.reverse()) if (!each.closed) await each.app.close()
    for (const dir of dirs) rmSync(dir, { recursive: true, force: true })
  })

  it('registers at another installation of its owner with the same password, and is called there', async () => {
    const { password } = await first.client.call('phones.add', { userName: 'desk' })
    await until('the account is copied', async () => (await second.client.call('phones.list', {})).some(({ userName }) => userName === 'desk'))
    port = portOf((await statusOf(first)).sip)
    phone = await udpPhone('desk', () => port, password)
    expect(await register()).toBe(200)
    expect(await rings()).toBe(true)
    first.closed = true
    await first.app.close()
    port = portOf((await statusOf(second)).sip)
    expect(await register()).toBe(200)
    await until('the others have noticed', async () => (await statusOf(bob)).peers === 2)
    expect(await rings()).toBe(true)
  }, 90_000)

  it('is removed everywhere when it is removed at one of them, with its registrations', async () => {
    await second.client.call('phones.remove', { userName: 'desk' })
    expect(await second.client.call('phones.list', {})).toEqual([])
    const { end } = phone
    const request = end.request('REGISTER', 'sip:office.example', [['To', '<sip:desk@office.example>'], ['Call-ID', 'gone']])
    await finalOf(end, request)
    expect((await finalOf(end, end.authorise(request, 2))).status).toBe(401)
  })
})
