/**
 * Calls and messages that leave the overlay (RFC 3263): from a peer that serves no phones to baresip, which knows nothing
 * of overlays, and to servers that only the domain name system tells of. The tone of each side is measured at the other.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ContractClient } from '../../../src-shared/ipc/client.ts'
import { memoryPorts } from '../../../src-shared/ipc/port.ts'
import type { CallView, MessageView } from '../../../src-shared/model/index.ts'
import { openPeer, type OpenedPeer } from '../../../src-main/cli/openPeer.ts'
import { dominantFrequency, writeTone } from '../../../src-main/media/tone.ts'
import { readWav } from '../../../src-main/media/wav.ts'
import { createNodeClock } from '../../../src-main/node/clock.ts'
import { createNodeDomainTls } from '../../../src-main/node/domainTls.ts'
import { createNodeNetwork } from '../../../src-main/node/network.ts'
import { createNodeRandom } from '../../../src-main/node/random.ts'
import { createNodeWebSockets } from '../../../src-main/node/sipWebSockets.ts'
import { createSipElement, type SipElement } from '../../../src-main/sip/element/element.ts'
import type { UserAgentUser } from '../../../src-main/sip/ua/userAgent.ts'
import { makeAuthority, makePeer } from '../../support/certificates.ts'
import { nameServer, type NameServer } from '../../support/dnsServer.ts'
import { quietLog } from '../../support/sipPeers.ts'
import { BaresipPhone, until } from './baresipPhone.ts'
import { answering, requireProgram } from './elements.ts'

const work = mkdtempSync(join(tmpdir(), 'ringway-outside-'))
const calls = new Map<string, CallView>(), messages = new Map<string, MessageView>()
const elements: SipElement[] = [], closed: Server[] = []
let app: OpenedPeer, client: ContractClient, names: NameServer
let certificate: Awaited<ReturnType<typeof makePeer>>
let phone: BaresipPhone | undefined
const ports = { udp: 0, tls: 0, ws: 0, closed: 0 }
const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))
const near = (hz: number, wanted: number): boolean => Math.abs(hz - wanted) < 5

/** A server of example.org: no sound, but it answers. */
function server(user: UserAgentUser = answering()): SipElement {
  const element = createSipElement({
    clock: createNodeClock(), random: createNodeRandom(), network: createNodeNetwork(), log: quietLog, user, local: () => ({ aor: 'bob@example.org', displayName: '' }),
    outside: { tls: createNodeDomainTls(), identity: { certificate: certificate.certificate, chain: [], privateKey: certificate.key }, webSockets: createNodeWebSockets() },
  })
  elements.push(element)
  return element
}

/** Rejects each call with a status; takes each message in silence. */
function rejecting(status: number): UserAgentUser {
  return {
    ...answering(),
    onInvite: (call) => { call.user = { onCancelled: () => {}, onEstablished: () => {}, onEnded: () => {}, onOffer: () => '' }; call.reject(status) },
    onMessage: (message) => { message.respond(status) },
  }
}

async function endOf(uri: string): Promise<string | null | undefined> {
  const { id } = await client.call('call.place', { uri, media: { engine: 'headless' } })
  await until(() => calls.get(id)?.state === 'ended', () => JSON.stringify(calls.get(id)), 40)
  return calls.get(id)?.end
}

describe('addresses outside the overlay', () => {
  beforeAll(async () => {
    requireProgram('baresip')
    const root = await makeAuthority('Public root')
    certificate = await makePeer(root, 'server', 'example.org', { altNames: [{ kind: 'uri', value: 'sip:example.org' }] })
    const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(root.certificate.der).toString('base64').replace(/(.{64})(?=.)/g, '$1\n')}\n-----END CERTIFICATE-----\n`
    const host = '127.0.0.1', any = { host, port: 0 }
    const listening = server()
    ports.tls = (await listening.listenTls(any)).port
    ports.ws = (await listening.listenWebSocket(any)).port
    ports.udp = (await listening.listen(any)).port
    const gone = createServer()
    await new Promise<void>((done) => { gone.listen(0, host, done) })
    ports.closed = (gone.address() as { port: number }).port
    gone.close()
    const busy = (await server(rejecting(486)).listen(any)).port, strict = (await server(rejecting(403)).listen(any)).port, over = (await server(rejecting(503)).listen(any)).port
    const a = Object.fromEntries(['here.example.org', 'plain.example', 'other.example'].map((name) => [name, [host]]))
    const srv = (...list: readonly number[]) => list.map((port, i) => ({ priority: i, weight: 1, port, target: 'here.example.org' }))
    names = await nameServer({
      a,
      naptr: { 'example.org': [{ order: 1, preference: 1, flags: 's', service: 'SIPS+D2T', replacement: '_sips._tcp.example.org' }, { order: 2, preference: 1, flags: 's', service: 'SIP+D2U', replacement: '_sip._udp.example.org' }] },
      srv: {
        '_sips._tcp.example.org': srv(ports.closed, ports.tls), '_sip._udp.example.org': srv(ports.udp), '_sip._tcp.fails.example': srv(ports.closed), '_sips._tcp.false.example': srv(ports.tls),
        '_sip._udp.busy.example': srv(busy), '_sip._udp.strict.example': srv(strict), '_sip._tcp.twice.example': srv(over, ports.udp),
      },
    })
    app = await openPeer({
      profileDir: join(work, 'alice'), headless: true, sipRoots: [pem], nameServers: [names.address], network: { listen: { host, port: 0 }, multicast: false },
    })
    const [ours, theirs] = memoryPorts()
    app.serve(theirs)
    client = new ContractClient(ours)
    client.on('state', ({ changes }) => {
      for (const { topic, id, value } of changes) {
        if (topic === 'calls' && id !== undefined && value !== null) calls.set(id, value as CallView)
        if (topic === 'messages') messages.set((value as MessageView).id, value as MessageView)
      }
    })
    await client.call('overlay.create', { name: 'office.example', userName: 'alice' })
    await app.start()
  })
  afterEach(async () => {
    await phone?.stop()
    phone = undefined
    await client.call('settings.set', { outsideCalls: true })
  })
  afterAll(async () => {
    await app.close()
    for (const element of elements) await element.close()
    for (const each of closed) each.close()
    names.close()
    rmSync(work, { recursive: true, force: true })
  })

  it.each([['udp', 5360], ['tcp', 5370]] as const)('calls an ordinary phone at an address: both hear each other, and it hangs up (%s)', async (transport, port) => {
    const bare = phone = new BaresipPhone({ account: `<sip:bare@127.0.0.1:${port}>;regint=0;answermode=auto;audio_codecs=PCMU`, sipPort: port, controlPort: port - 800, toneHz: 440, codecs: ['g711'] })
    await bare.start()
    const play = writeTone(join(work, `${transport}-play.wav`), { hz: 880, seconds: 1 }), record = join(work, `${transport}.wav`)
    const { id } = await client.call('call.place', { uri: `sip:bare@127.0.0.1:${port};transport=${transport}`, media: { engine: 'headless', play, record } })
    await until(() => calls.get(id)?.state === 'active', () => JSON.stringify([calls.get(id), bare.events, bare.output.slice(-3000)]))
    expect(calls.get(id)).toMatchObject({ security: 'dtls-srtp', farLeg: 'none', remote: { verified: false } })
    await sleep(2_500)
    await client.call('call.hold', { id })
    await until(() => bare.events.filter((event) => event.type === 'CALL_REMOTE_SDP' && event.param === 'offer').length === 2, () => JSON.stringify(bare.events))
    await client.call('call.resume', { id })
    await sleep(2_000)
    bare.command('hangup')
    await until(() => calls.get(id)?.state === 'ended', () => JSON.stringify(calls.get(id)))
    expect(calls.get(id)?.end).toBe('remote-hung-up')
    expect(dominantFrequency(readWav(record)).hz, 'we hear').toSatisfy((hz: number) => near(hz, 440))
    const heard = bare.heard().at(-1)
    expect(heard === undefined ? 0 : dominantFrequency(heard).hz, 'the phone hears').toSatisfy((hz: number) => near(hz, 880))
  })

  it('finds the server of a domain by NAPTR and SRV, and goes on to the next when one cannot be reached', async () => {
    const { id } = await client.call('messages.send', { uri: 'sip:bob@example.org', text: 'hello out there' })
    await until(() => messages.get(id)?.state === 'delivered', () => JSON.stringify([messages.get(id), names.asked]))
    expect(names.asked).toEqual(expect.arrayContaining(['NAPTR example.org', 'SRV _sips._tcp.example.org', 'A here.example.org']))
  })

  it('uses the TLS connection again (RFC 5923), and sips: takes no other transport', async () => {
    const before = elements[0]?.transport.connections
    const { id } = await client.call('messages.send', { uri: 'sips:carol@example.org', text: 'again' })
    await until(() => messages.get(id)?.state === 'delivered', () => JSON.stringify(messages.get(id)))
    expect(elements[0]?.transport.connections).toBe(before)
    expect(await endOf('sips:bob@example.org;transport=udp')).toBe('domain-unreachable')
    expect(await endOf('sips:bob@busy.example')).toBe('domain-unknown') // it offers UDP only
  })

  it('goes over WebSocket where the address says so', async () => {
    const { id } = await client.call('messages.send', { uri: `sip:bob@127.0.0.1:${ports.ws};transport=ws`, text: 'by frame' })
    await until(() => messages.get(id)?.state === 'delivered', () => JSON.stringify(messages.get(id)))
    expect(elements[0]?.transport.counters.received).toBeGreaterThan(0)
  })

  it.each([
    ['a name that is not found', 'sip:bob@nowhere.example', 'domain-unknown'], ['no server that answers', 'sip:bob@fails.example', 'domain-unreachable'],
    ['a certificate of another domain', 'sip:bob@false.example', 'domain-unverified'], ['somebody who is busy', 'sip:bob@busy.example', 'call-busy'],
    ['a server that refuses strangers', 'sip:bob@strict.example', 'domain-refused'],
  ])('tells %s by its own code', async (_, uri, code) => {
    expect(await endOf(uri)).toBe(code)
  })

  it('goes on to the next server after 503', async () => {
    const { id } = await client.call('messages.send', { uri: 'sip:bob@twice.example', text: 'second try' })
    await until(() => messages.get(id)?.state === 'delivered', () => JSON.stringify(messages.get(id)))
  })

  it('stays in the overlay when that is what the user wants', async () => {
    await client.call('settings.set', { outsideCalls: false })
    const before = names.asked.length
    expect(await endOf('sip:bob@example.org')).toBe('outside-off')
    const { id } = await client.call('messages.send', { uri: 'sip:bob@example.org', text: 'not sent' })
    await until(() => messages.get(id)?.state === 'failed', () => JSON.stringify(messages.get(id)))
    expect([messages.get(id)?.error, names.asked.length]).toEqual(['outside-off', before])
  })
})
