/** Phones that know nothing of the overlay (sipp) at a peer that is their registrar and proxy, on real sockets. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ContractClient } from '../../../src-shared/ipc/client.ts'
import type { State } from '../../../src-shared/ipc/contract.ts'
import { memoryPorts } from '../../../src-shared/ipc/port.ts'
import { openPeer, type OpenedPeer } from '../../../src-main/cli/openPeer.ts'
import type { NetworkOptions } from '../../../src-main/peer/ports.ts'
import { run } from './elements.ts'

interface RunningPeer { readonly app: OpenedPeer; readonly client: ContractClient }

const dirs: string[] = []
const peers: RunningPeer[] = []
const running: ReturnType<typeof run>[] = []
let alice: RunningPeer, bob: RunningPeer
let sipPort = 0
const passwords = new Map<string, string>()

async function openAt(network: Partial<NetworkOptions>): Promise<RunningPeer> {
  const dir = mkdtempSync(join(tmpdir(), 'ringway-phones-'))
  dirs.push(dir)
  const app = await openPeer({ profileDir: dir, headless: true, network: { listen: { host: '127.0.0.1', port: 0 }, multicast: false, ...network } })
  const [ours, theirs] = memoryPorts()
  app.serve(theirs)
  const peer = { app, client: new ContractClient(ours) }
  peers.push(peer)
  return peer
}
const stateOf = async ({ client }: RunningPeer): Promise<State> => (await client.call('state.get', {})).state
const until = async (peer: RunningPeer, holds: (state: State) => boolean): Promise<void> => {
  for (let i = 0; !holds(await stateOf(peer)); i++) {
    if (i > 400) throw new Error(`not in 20 s: ${JSON.stringify(await stateOf(peer))}`)
    await new Promise((done) => setTimeout(done, 50))
  }
}

beforeAll(async () => {
  alice = await openAt({ sip: { roles: ['proxy', 'redirect', 'registrar'], listen: { host: '127.0.0.1', port: 0 } } })
  await alice.client.call('overlay.create', { name: 'office.example', userName: 'alice' })
  await alice.app.start()
  const { link = '' } = await alice.client.call('overlay.invite', { userName: 'bob' })
  const { status } = await stateOf(alice)
  sipPort = Number(status.sip?.split(':').at(-1))
  bob = await openAt({ bootstrap: [{ host: '127.0.0.1', port: Number(status.listen?.split(':').at(-1)) }], sip: { roles: ['proxy'], listen: { host: '127.0.0.1', port: 0 } } })
  await bob.client.call('overlay.join', { text: link })
  await bob.app.start()
  await until(bob, (state) => state.status.registered)
  await until(alice, (state) => state.status.registered)
  for (const userName of ['desk', 'kitchen', 'door']) passwords.set(userName, (await alice.client.call('phones.add', { userName, md5First: true })).password)
})
afterEach(() => { for (const program of running.splice(0)) program.kill() })
afterAll(async () => {
  for (const { app } of peers.splice(0).reverse()) await app.close()
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true })
})

/** A UDP port that is free now. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1', () => { const { port } = socket.address(); socket.close(() => { resolve(port) }) })
  })
}

interface Sipp { user?: string; port?: number; keys?: Record<string, string | number>; transport?: 'u1' | 't1'; more?: string[]; password?: string }

let nextPort = 20_000 + (process.pid % 20_000)
function sipp(scenario: string, { user = 'desk', port, keys = {}, transport = 'u1', more = ['-m', '1'], password }: Sipp): ReturnType<typeof run> {
  const program = run('sipp', [
    `127.0.0.1:${sipPort}`, '-sf', join(import.meta.dirname, 'scenarios', `${scenario}.xml`), '-i', '127.0.0.1', '-t', transport, '-nostdin', '-timeout', '10s', '-timeout_error',
    '-p', String(port ?? ++nextPort), '-au', user, '-ap', password ?? passwords.get(user) ?? '', '-key', 'user', user,
    ...Object.entries({ domain: 'office.example', ...keys }).flatMap(([key, value]) => ['-key', key, String(value)]), ...more,
  ])
  running.push(program)
  return program
}

async function succeeds(program: ReturnType<typeof run>): Promise<void> {
  const { code, output } = await program.done
  expect(code, output).toBe(0)
}

async function register(user: string, contactPort: number, expires = 300, transport: 'u1' | 't1' = 'u1'): Promise<void> {
  await succeeds(sipp('register', { user, keys: { contact_port: contactPort, expires }, transport }))
}

const registrations = async (user: string) => (await alice.client.call('phones.list', {})).find((phone) => phone.userName === user)?.registrations ?? []

/** A phone that waits for calls, registered. */
async function phone(user: string, scenario: string, more: string[] = []): Promise<ReturnType<typeof run>> {
  const port = await freePort()
  await register(user, port)
  const program = sipp(scenario, { user, port, more: ['-m', '1', ...more] })
  await new Promise((done) => setTimeout(done, 500))
  return program
}
/** Every registration of these phones ends. */
const away = async (...users: string[]): Promise<void> => {
  for (const user of users) await succeeds(sipp('unregister', { user }))
}

describe('a phone at a registrar peer', () => {
  it('registers with digest, is listed, and unregisters', async () => {
    await register('desk', 5999)
    expect(await registrations('desk')).toMatchObject([{ contact: 'sip:desk@127.0.0.1:5999;transport=UDP', userAgent: 'sipp' }])
    await register('desk', 5999, 0)
    expect(await registrations('desk')).toEqual([])
  })

  it('with a wrong password stays outside', async () => {
    const { code } = await sipp('register', { password: 'guess', keys: { contact_port: 5999, expires: 300 } }).done
    expect(code).not.toBe(0)
    expect(await registrations('desk')).toEqual([])
  })
})

describe('a phone over TLS', () => {
  it('is challenged on the port above, which shows the peer’s certificate', async () => {
    const port = (await stateOf(alice)).status.sipTlsPort ?? 0
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
        expect(socket.getPeerCertificate().subjectaltname).toContain('alice@office.example')
        socket.write('REGISTER sip:office.example SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKtls\r\nMax-Forwards: 70\r\nFrom: <sip:desk@office.example>;tag=t\r\n'
          + 'To: <sip:desk@office.example>\r\nCall-ID: tls\r\nCSeq: 1 REGISTER\r\nContact: <sip:desk@127.0.0.1:9;transport=tls>\r\nContent-Length: 0\r\n\r\n')
      })
      socket.on('error', reject)
      socket.once('data', (bytes) => { resolve(bytes.toString()); socket.destroy() })
    })
    expect(answer).toMatch(/^SIP\/2.0 401 /)
  })
})

describe('calls between phones through the proxy', () => {
  for (const transport of ['u1', 't1'] as const) {
    it(`INVITE, 180, 200, ACK and BYE along the recorded route, caller over ${transport === 'u1' ? 'UDP' : 'TCP'}, callee over UDP`, async () => {
      const callee = await phone('kitchen', 'uas', ['-d', '100'])
      await succeeds(sipp('uac', { user: 'desk', keys: { callee: 'kitchen' }, transport }))
      await succeeds(callee)
      await away('kitchen')
    })
  }

  it('CANCEL reaches the phone that rings, 487 the caller', async () => {
    const callee = await phone('kitchen', 'uas-cancelled')
    await succeeds(sipp('uac-cancel', { user: 'desk', keys: { callee: 'kitchen' } }))
    await succeeds(callee)
    await away('kitchen')
  })
})

describe('a CANCEL that crosses the answer', () => {
  it('has no effect: the caller gets the 200, takes the call and ends it (RFC 3261 §9.1)', async () => {
    const callee = await phone('kitchen', 'uas-answers-cancel')
    await succeeds(sipp('uac-cancel-late', { user: 'desk', keys: { callee: 'kitchen' } }))
    await succeeds(callee)
    await away('kitchen')
  })
})

describe('phones and the overlay', () => {
  it('a phone’s MESSAGE reaches a person of the overlay, under the owner’s name', async () => {
    await succeeds(sipp('message', { user: 'desk', keys: { callee: 'bob' } }))
    await until(bob, (state) => state.conversations['alice@office.example'] !== undefined)
    expect((await bob.client.call('messages.list', { aor: 'alice@office.example' }))[0]).toMatchObject({ text: expect.stringContaining('hello from the phone') as string, direction: 'in' })
  })

  it('a call from the overlay rings the owner’s app and phones; when the caller gives up, all stop', async () => {
    const callee = await phone('door', 'uas-cancelled')
    const { id } = await bob.client.call('call.place', { uri: 'alice', media: { engine: 'headless' } })
    await until(alice, (state) => Object.values(state.calls).some((call) => call.state === 'incoming' && call.remote.verified))
    await new Promise((done) => setTimeout(done, 500))
    await bob.client.call('call.hangup', { id })
    await until(alice, (state) => Object.values(state.calls).every((call) => call.state === 'ended'))
    await succeeds(callee)
    await away('door')
  })

  it('a phone answers a call that rings everywhere: the other phone is cancelled, the app told that it was answered elsewhere', async () => {
    const answers = await phone('kitchen', 'uas', ['-d', '700']), rings = await phone('door', 'uas-cancelled')
    await succeeds(sipp('uac', { user: 'desk', keys: { callee: 'alice' } }))
    await succeeds(answers)
    await succeeds(rings)
    await until(alice, (state) => Object.values(state.history).some((entry) => entry.outcome === 'answered-elsewhere'))
    await away('door', 'kitchen')
  })
})

describe('the redirect server', () => {
  it('answers 302 with contacts that the phone can reach: another phone’s own, and a ticket to a person elsewhere', async () => {
    await register('kitchen', 5998)
    const contact = async (callee: string): Promise<string> => {
      const { output } = await sipp('redirected', { user: 'desk', keys: { callee } }).done
      return /Contact is <([^>]*)>/.exec(output)?.[1] ?? output
    }
    expect(await contact('kitchen')).toBe('sip:kitchen@127.0.0.1:5998;transport=UDP')
    const bobs = (await stateOf(bob)).status.sip ?? ''
    expect(await contact('bob')).toMatch(new RegExp(`^sip:[\\w-]{20,}@${bobs}$`))
    await away('kitchen')
  })

  it('the ticket lets the phone in at the other peer, without an account there', async () => {
    const { output } = await sipp('redirected', { user: 'desk', keys: { callee: 'bob' } }).done
    const ticket = /Contact is <([^>]*)>/.exec(output)?.[1] ?? ''
    const program = run('sipp', [ticket.replace(/^.*@/, ''), '-sf', join(import.meta.dirname, 'scenarios/guest.xml'), '-i', '127.0.0.1', '-p', String(await freePort()), '-m', '1', '-nostdin', '-timeout', '10s', '-key', 'ticket', ticket])
    running.push(program)
    await until(bob, (state) => Object.values(state.calls).some((call) => call.state === 'incoming'))
    for (const { id } of Object.values((await stateOf(bob)).calls)) await bob.client.call('call.reject', { id })
    await succeeds(program)
  })
})

describe('no open relay', () => {
  const sent = (request: string): Promise<string> => new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    const timer = setTimeout(() => { socket.close(); reject(new Error('no answer')) }, 3000)
    socket.on('message', (bytes) => { clearTimeout(timer); socket.close(); resolve(bytes.toString().split('\r\n')[0] ?? '') })
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address()
      socket.send(request.replaceAll('\n', '\r\n').replace('HERE', `127.0.0.1:${port}`), sipPort, '127.0.0.1')
    })
  })
  const message = (uri: string, more = ''): string => `MESSAGE ${uri} SIP/2.0\nVia: SIP/2.0/UDP HERE;branch=z9hG4bK${Math.random()};rport\nMax-Forwards: 70\n`
    + `From: <sip:mallory@office.example>;tag=1\nTo: <${uri}>\nCall-ID: ${Math.random()}\nCSeq: 1 MESSAGE\n${more}Content-Length: 0\n\n`

  it('nobody is served without logging in, wherever they want to go', async () => {
    expect(await sent(message('sip:bob@office.example'))).toContain('407')
    expect(await sent(message('sip:alice@office.example'))).toContain('407')
    expect(await sent(message('sip:victim@192.0.2.1'))).toContain('407')
    expect(await sent(message('sip:victim@192.0.2.1', 'Route: <sip:192.0.2.1;lr>\n'))).toContain('407')
  })

  it('a phone that has logged in reaches the overlay only, and only under a name that it may use', async () => {
    const { code, output } = await sipp('message', { user: 'desk', keys: { callee: 'bob', domain: '192.0.2.1' } }).done
    expect(code).not.toBe(0)
    expect(output).toMatch(/while expecting '200'[^]*SIP\/2.0 403/)
  })
})
