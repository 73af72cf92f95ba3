/**
 * linphonec, knowing nothing of the overlay, registered at a peer, talks with a user of the overlay by plain RTP, and
 * writes, in a network of its own. Tells what was observed; linphone.test.ts says what that must be.
 */
import { spawnSync } from 'node:child_process'
import { getServers } from 'node:dns'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ContractClient } from '../../../src-shared/ipc/client.ts'
import type { State } from '../../../src-shared/ipc/contract.ts'
import { memoryPorts } from '../../../src-shared/ipc/port.ts'
import type { CallView, MessageView } from '../../../src-shared/model/index.ts'
import { openPeer, type OpenedPeer } from '../../../src-main/cli/openPeer.ts'
import { dominantFrequency, writeTone } from '../../../src-main/media/tone.ts'
import { readWav } from '../../../src-main/media/wav.ts'
import type { NetworkOptions } from '../../../src-main/peer/ports.ts'
import { until } from './baresipPhone.ts'
import { LinphonePhone, type LinphoneOptions } from './linphonePhone.ts'
import { namespaceAddress as host } from './namespace.ts'

export interface Talk {
  /** of the overlay user's call */
  readonly codec: string | null
  readonly remote: string
  /** Hz */
  readonly byUser: number
  readonly byPhone: number
  readonly end: string | null
}
export interface Seen {
  readonly calls: Talk
  readonly called: Talk
  readonly callsOpus: Talk
  readonly calledOpus: Talk
  readonly held: { readonly atOverlay: readonly boolean[]; readonly talksAgain: number }
  readonly keys: string
  readonly messageFrom: { readonly text: string; readonly direction: string; readonly from: string }
  /** the line on the phone's console */
  readonly messageTo: string
  readonly registered: { readonly userAgent: string | undefined; readonly afterQuit: number }
}

interface RunningPeer { readonly app: OpenedPeer; readonly client: ContractClient; readonly calls: Map<string, CallView> }
const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

export async function observe(): Promise<Seen> {
  // linphone takes a network without a default route for none
  spawnSync('ip', ['route', 'add', 'default', 'dev', 'd0'])
  // with one, whoever asks a name server there waits for it: let it be unreachable at once
  for (const server of getServers()) spawnSync('ip', ['route', 'add', 'unreachable', server.replace(/^\[|\](:\d+)?$|^([\d.]+):\d+$/g, '$2')])
  const work = mkdtempSync(join(tmpdir(), 'linphone-'))
  const peers: RunningPeer[] = []
  let phone: LinphonePhone | undefined

  const openAt = async (name: string, network: Partial<NetworkOptions>): Promise<RunningPeer> => {
    const app = await openPeer({ profileDir: join(work, name), headless: true, network: { listen: { host: '127.0.0.1', port: 0 }, multicast: false, ...network } })
    const [ours, theirs] = memoryPorts()
    app.serve(theirs)
    const peer: RunningPeer = { app, client: new ContractClient(ours), calls: new Map() }
    peer.client.on('state', ({ changes }) => {
      for (const { topic, id, value } of changes) if (topic === 'calls' && id !== undefined && value !== null) peer.calls.set(id, value as CallView)
    })
    peers.push(peer)
    return peer
  }
  const stateOf = async ({ client }: RunningPeer): Promise<State> => (await client.call('state.get', {})).state
  const eventually = async (holds: () => Promise<boolean>, what: () => string): Promise<void> => {
    for (let i = 0; !(await holds()); i++) {
      if (i > 200) throw new Error(`not in 20 s: ${what()}`)
      await sleep(100)
    }
  }
  const said = (): string => phone?.tail() ?? 'no phone'
  const hz = (path: string): number => Math.round(dominantFrequency(readWav(path)).hz)

  try {
    const alice = await openAt('alice', { sip: { roles: ['proxy', 'registrar'], listen: { host, port: 0 } } })
    await alice.client.call('overlay.create', { name: 'office.example', userName: 'alice' })
    await alice.app.start()
    const { link = '' } = await alice.client.call('overlay.invite', { userName: 'bob' })
    const { status } = await stateOf(alice)
    const bob = await openAt('bob', { bootstrap: [{ host: '127.0.0.1', port: Number(status.listen?.split(':').at(-1)) }] })
    await bob.client.call('overlay.join', { text: link })
    await bob.app.start()
    for (const peer of [bob, alice]) await eventually(async () => (await stateOf(peer)).status.registered, () => 'a peer does not register')
    const { password } = await alice.client.call('phones.add', { userName: 'desk', md5First: true })

    const registrations = async () => (await alice.client.call('phones.list', {})).flatMap((each) => each.registrations)
    let sipPort = 5090
    const plugIn = async (codec: LinphoneOptions['codec'], transport: LinphoneOptions['transport'], autoAnswer: boolean): Promise<LinphonePhone> => {
      await phone?.stop()
      await eventually(async () => (await registrations()).length === 0, () => 'the last phone has not unregistered')
      phone = new LinphonePhone({ user: 'desk', password, domain: 'office.example', proxy: status.sip ?? '', transport, sipPort: sipPort += 2, toneHz: 440, codec, autoAnswer })
      await phone.start()
      await eventually(async () => (await registrations()).length === 1, said)
      return phone
    }
    const media = (name: string): { engine: 'headless'; play: string; record: string } => ({ engine: 'headless', play: writeTone(join(work, `${name}-play.wav`), { hz: 880, seconds: 1 }), record: join(work, `${name}.wav`) })
    const ended = (id: string): boolean => bob.calls.get(id)?.state === 'ended'
    const dump = (): string => JSON.stringify([...bob.calls.values()]) + said()
    const talk = (id: string, name: string): Talk => {
      const call = bob.calls.get(id)
      return { codec: call?.codec ?? null, remote: call?.remote.aor ?? '', byUser: hz(join(work, `${name}.wav`)), byPhone: phone === undefined ? 0 : hz(phone.recording), end: call?.end ?? null }
    }
    const dial = async (desk: LinphonePhone, name: string): Promise<string> => {
      const before = new Set(bob.calls.keys())
      desk.command('call sip:bob@office.example')
      const placed = (): CallView | undefined => [...bob.calls.values()].find((call) => !before.has(call.id))
      await until(() => placed()?.state === 'incoming', dump, 20)
      const id = placed()?.id ?? ''
      await bob.client.call('call.answer', { id, media: media(name) })
      await until(() => placed()?.state === 'active', dump, 20)
      return id
    }
    const ring = async (desk: LinphonePhone, name: string): Promise<string> => {
      const { id } = await bob.client.call('call.place', { uri: 'sip:alice@office.example', media: media(name) })
      await until(() => bob.calls.get(id)?.state === 'active', dump, 20)
      desk.play()
      return id
    }
    /** From its own side, or else from bob's. */
    const finish = async (id: string, byPhone: boolean, name: string): Promise<Talk> => {
      await sleep(3_000)
      if (byPhone) phone?.command('terminate')
      else await bob.client.call('call.hangup', { id })
      await until(() => ended(id), dump, 20)
      await sleep(700) // the phone closes its recording
      return talk(id, name)
    }

    // PCMU over UDP
    let desk = await plugIn('PCMU', 'udp', false)
    const userAgent = (await registrations())[0]?.userAgent
    const calls = await finish(await dial(desk, 'calls'), true, 'calls')

    desk.command('chat sip:bob@office.example hello-from-linphone')
    const conversation = (): Promise<readonly MessageView[]> => bob.client.call('messages.list', { aor: 'alice@office.example' })
    await eventually(async () => (await conversation()).length > 0, said)
    const [message] = await conversation()
    const messageFrom = { text: message?.text ?? '', direction: message?.direction ?? '', from: message?.aor ?? '' }

    desk = await plugIn('PCMU', 'udp', true)
    const called = await finish(await ring(desk, 'called'), false, 'called')
    const sent = await bob.client.call('messages.send', { uri: 'sip:alice@office.example', text: 'hello-from-bob' })
    await until(() => desk.output.includes('hello-from-bob'), said, 20)
    await eventually(async () => (await conversation()).find(({ id }) => id === sent.id)?.state === 'delivered', said)
    const messageTo = /^.*hello-from-bob.*$/m.exec(desk.output)?.[0] ?? ''

    // Opus over TCP
    desk = await plugIn('opus', 'tcp', false)
    const id = await dial(desk, 'callsOpus')
    desk.command('5')
    await until(() => bob.calls.get(id)?.digits === '5', dump, 20)
    const keys = bob.calls.get(id)?.digits ?? ''
    const callsOpus = await finish(id, true, 'callsOpus')

    desk = await plugIn('opus', 'tcp', true)
    const atOverlay: boolean[] = []
    const second = await ring(desk, 'calledOpus')
    await sleep(1_500)
    for (const [command, held] of [['pause', true], ['resume', false]] as const) {
      desk.command(command)
      await until(() => bob.calls.get(second)?.heldByThem === held, dump, 20)
      atOverlay.push(held)
      await sleep(1_000)
    }
    const calledOpus = await finish(second, false, 'calledOpus')
    const { samples, sampleRate } = readWav(join(work, 'calledOpus.wav'))
    const talksAgain = Math.round(dominantFrequency({ samples: samples.slice(-2 * sampleRate), sampleRate }).hz)

    await desk.stop()
    phone = undefined
    const afterQuit = (await registrations()).length
    return { calls, called, callsOpus, calledOpus, held: { atOverlay, talksAgain }, keys, messageFrom, messageTo, registered: { userAgent, afterQuit } }
  } finally {
    await phone?.stop()
    for (const { app } of peers.reverse()) await app.close()
    rmSync(work, { recursive: true, force: true })
  }
}
