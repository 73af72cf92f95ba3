/**
 * §3.4.3 with sound: baresip, knowing nothing of the overlay, registered at a peer, talks with users of the overlay by
 * plain RTP and SDES; the tone of each side is measured at the other.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ContractClient } from '../../../src-shared/ipc/client.ts'
import type { State } from '../../../src-shared/ipc/contract.ts'
import { memoryPorts } from '../../../src-shared/ipc/port.ts'
import type { CallView } from '../../../src-shared/model/index.ts'
import { openPeer, type OpenedPeer } from '../../../src-main/cli/openPeer.ts'
import { dominantFrequency, writeTone } from '../../../src-main/media/tone.ts'
import { readWav } from '../../../src-main/media/wav.ts'
import type { NetworkOptions } from '../../../src-main/peer/ports.ts'
import { BaresipPhone, until } from './baresipPhone.ts'
import { requireProgram } from './elements.ts'

interface RunningPeer { readonly app: OpenedPeer; readonly client: ContractClient; readonly calls: Map<string, CallView> }

const dirs: string[] = []
const peers: RunningPeer[] = []
let alice: RunningPeer, bob: RunningPeer
let sipPort = 0
let password = ''
let phone: BaresipPhone | undefined
let work = ''

async function openAt(network: Partial<NetworkOptions>): Promise<RunningPeer> {
  const dir = mkdtempSync(join(tmpdir(), 'ringway-bridge-'))
  dirs.push(dir)
  const app = await openPeer({ profileDir: dir, headless: true, network: { listen: { host: '127.0.0.1', port: 0 }, multicast: false, ...network } })
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
async function registered(peer: RunningPeer): Promise<void> {
  for (let i = 0; !(await stateOf(peer)).status.registered; i++) {
    if (i > 400) throw new Error('does not register')
    await new Promise((done) => setTimeout(done, 50))
  }
}
const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))
const media = (name: string): { engine: 'headless'; play: string; record: string } => ({ engine: 'headless', play: writeTone(join(work, `${name}-play.wav`), { hz: 880, seconds: 1 }), record: join(work, `${name}.wav`) })
const near = (hz: number, wanted: number): boolean => Math.abs(hz - wanted) < 5
const hears = (name: string): number => dominantFrequency(readWav(join(work, `${name}.wav`))).hz

describe('an ordinary phone at a peer', () => {
  beforeAll(async () => {
    requireProgram('baresip')
    work = mkdtempSync(join(tmpdir(), 'ringway-bridge-'))
    dirs.push(work)
    alice = await openAt({ sip: { roles: ['proxy', 'registrar'], listen: { host: '127.0.0.1', port: 0 } } })
    await alice.client.call('overlay.create', { name: 'office.example', userName: 'alice' })
    await alice.app.start()
    const { link = '' } = await alice.client.call('overlay.invite', { userName: 'bob' })
    const { status } = await stateOf(alice)
    sipPort = Number(status.sip?.split(':').at(-1))
    bob = await openAt({ bootstrap: [{ host: '127.0.0.1', port: Number(status.listen?.split(':').at(-1)) }] })
    await bob.client.call('overlay.join', { text: link })
    await bob.app.start()
    await registered(bob)
    await registered(alice)
    password = (await alice.client.call('phones.add', { userName: 'desk', md5First: true })).password
  })
  afterEach(async () => {
    await phone?.stop()
    phone = undefined
    for (let i = 0; i < 50 && (await alice.client.call('phones.list', {})).some((each) => each.registrations.length > 0); i++) await sleep(100)
  })
  afterAll(async () => {
    for (const { app } of peers.splice(0).reverse()) await app.close()
    for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true })
  })

  let port = 5300
  async function plugIn(parameters: string, codecs: readonly string[], transport = 'udp'): Promise<BaresipPhone> {
    port += 10
    phone = new BaresipPhone({
      account: `<sip:desk@office.example>;auth_user=desk;auth_pass=${password};outbound="sip:127.0.0.1:${sipPort};transport=${transport}";regint=60;${parameters}`,
      sipPort: port, controlPort: port - 800, toneHz: 440, codecs,
    })
    await phone.start()
    for (let i = 0; (await alice.client.call('phones.list', {})).every((each) => each.registrations.length === 0); i++) {
      if (i > 100) throw new Error(`does not register: ${phone.output.slice(-3000)}`)
      await sleep(100)
    }
    return phone
  }

  it.each([
    ['PCMU over UDP', 'audio_codecs=PCMU', ['g711'], 'udp'], ['Opus over TCP', 'audio_codecs=opus', ['opus'], 'tcp'], ['PCMA with SDES', 'audio_codecs=PCMA;mediaenc=srtp-mand', ['g711'], 'udp'],
  ] as const)('calls a user of the overlay: both hear each other (%s)', async (name, parameters, codecs, transport) => {
    const desk = await plugIn(parameters, codecs, transport)
    const key = name.replaceAll(' ', '-')
    const before = new Set(bob.calls.keys())
    desk.command('dial', 'sip:bob@office.example')
    const ringing = (): CallView | undefined => [...bob.calls.values()].find((call) => !before.has(call.id))
    await until(() => ringing()?.state === 'incoming', () => JSON.stringify([[...bob.calls.values()], desk.events, desk.output.slice(-3000)]))
    await bob.client.call('call.answer', { id: ringing()?.id ?? '', media: media(key) })
    await until(() => ringing()?.state === 'active' && desk.saw('CALL_ESTABLISHED'), () => JSON.stringify([ringing(), desk.events, desk.output.slice(-3000)]))
    await sleep(3_000)
    desk.command('hangup')
    await until(() => ringing()?.state === 'ended', () => JSON.stringify(ringing()))
    expect(hears(key), 'bob hears').toSatisfy((hz: number) => near(hz, 440))
    const heard = desk.heard().at(-1)
    expect(heard === undefined ? 0 : dominantFrequency(heard).hz, 'the phone hears').toSatisfy((hz: number) => near(hz, 880))
  })

  it('is called under its owner’s address, is put on hold and resumed, and gets keys', async () => {
    const desk = await plugIn('audio_codecs=PCMU;answermode=auto', ['g711'])
    const { id } = await bob.client.call('call.place', { uri: 'sip:alice@office.example', media: media('called') })
    await until(() => bob.calls.get(id)?.state === 'active', () => JSON.stringify([bob.calls.get(id), desk.events, desk.output.slice(-3000)]))
    await sleep(1_500)
    await bob.client.call('call.dtmf', { id, digits: '57' })
    await until(() => desk.events.filter((event) => event.type === 'CALL_DTMF_START').length >= 2, () => JSON.stringify(desk.events))
    const offers = (): number => desk.events.filter((event) => event.type === 'CALL_REMOTE_SDP' && event.param === 'offer').length
    /** packets the phone has sent, as its reports say */
    const sent = (): number => desk.events.filter((event) => event.rtcp_stats !== undefined).at(-1)?.rtcp_stats?.tx.sent ?? 0
    await bob.client.call('call.hold', { id })
    await until(() => offers() === 2, () => JSON.stringify(desk.events))
    expect(bob.calls.get(id)).toMatchObject({ heldByMe: true, state: 'active' })
    await sleep(1_500)
    const before = sent()
    await sleep(1_500)
    expect(sent(), 'the phone is silent while it is held').toBe(before)
    await bob.client.call('call.resume', { id })
    await until(() => offers() === 3, () => JSON.stringify(desk.events))
    await sleep(2_500)
    expect(bob.calls.get(id)).toMatchObject({ heldByMe: false, state: 'active' })
    expect(sent()).toBeGreaterThan(before)
    await bob.client.call('call.hangup', { id })
    await until(() => desk.saw('CALL_CLOSED'), () => JSON.stringify(desk.events))
    expect(desk.events.filter((event) => event.type === 'CALL_DTMF_START').map((event) => event.param)).toEqual(['5', '7'])
    expect(hears('called'), 'bob hears').toSatisfy((hz: number) => near(hz, 440))
  })

  it('is called by its own peer through the same bridge, and holds from its side', async () => {
    const desk = await plugIn('audio_codecs=PCMU;answermode=auto', ['g711'])
    const { id } = await alice.client.call('call.place', { uri: 'sip:desk@office.example', media: media('own') })
    await until(() => alice.calls.get(id)?.state === 'active', () => JSON.stringify([alice.calls.get(id), desk.events, desk.output.slice(-3000)]))
    await sleep(1_500)
    desk.command('hold')
    await until(() => alice.calls.get(id)?.heldByThem === true, () => JSON.stringify(alice.calls.get(id)))
    desk.command('resume')
    await until(() => alice.calls.get(id)?.heldByThem === false, () => JSON.stringify(alice.calls.get(id)))
    await sleep(1_500)
    await alice.client.call('call.hangup', { id })
    expect(hears('own'), 'alice hears').toSatisfy((hz: number) => near(hz, 440))
  })
})
