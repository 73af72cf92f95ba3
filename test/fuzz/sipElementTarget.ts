/**
 * Whole conversations with an element: its user agent and proxy as a peer of the overlay reaches them, its proxy and
 * registrar as phones do. An input is a sequence of packets, each with who sends it and when. Whatever they say, nothing is thrown, and
 * when everybody has been silent long enough no call, subscription, transaction or timer is left.
 */
import { concatBytes, utf8Bytes } from '../../src-main/base/bytes.ts'
import { DecodeError, PeerError } from '../../src-main/base/errors.ts'
import { createNodeCrypto } from '../../src-main/node/crypto.ts'
import { type LocalPhones, OverlayLocationService } from '../../src-main/p2psip/overlayLocationService.ts'
import { parsePidf } from '../../src-main/phone/pidf.ts'
import { parseSdp, sdpSecurity } from '../../src-main/sdp/sdp.ts'
import type { SdpBridge } from '../../src-main/sip/bridge/sdpBridge.ts'
import { Publications } from '../../src-main/sip/registrar/publications.ts'
import { digestSecret } from '../../src-main/sip/auth/digest.ts'
import { DigestClient } from '../../src-main/sip/auth/digestClient.ts'
import { createSipElement, type SipElement } from '../../src-main/sip/element/element.ts'
import { makeResponse, type SipMessage, SipRequest } from '../../src-main/sip/message/message.ts'
import { parseDatagram } from '../../src-main/sip/message/parser.ts'
import { Bindings } from '../../src-main/sip/registrar/bindings.ts'
import { type MemoryConnection, memoryConnectionPair } from '../support/memoryConnection.ts'
import { SeededRandom } from '../support/seededRandom.ts'
import { ANSWER, OFFER, quietLog, TestPeer } from '../support/sipPeers.ts'
import { VirtualClock } from '../support/virtualClock.ts'
import { must, type FuzzTarget } from './target.ts'

const realm = 'office.example'
const hashes = createNodeCrypto()
const carol = { aor: `carol@${realm}`, nodeId: 'aa'.repeat(16) }

/** Before each packet: 0xfe, then channel in the two low bits and how long it waits in the others. */
const PACKET = 0xfe
const WAITS_MS = [0, 1, 100, 600, 5_000, 33_000, 120_000, 400_000] as const
/** Longer than any timer: subscriptions and registrations are granted an hour. */
const SILENCE_MS = 2 * 3_600_000
const MAX_PACKETS = 24

/** A bridge that reads what the real one reads, and opens no socket. */
class PaperBridge implements SdpBridge {
  private offered = false
  constructor(private readonly open: Set<PaperBridge>, readonly onIdle: () => void) { open.add(this) }

  offer(sdp: string): string {
    this.offered = true
    return this.read(sdp)
  }
  answer(sdp: string): string {
    if (!this.offered) throw new PeerError('call-no-common-codec', 'an answer without an offer')
    this.offered = false
    return this.read(sdp)
  }
  refused(): void { this.offered = false }
  close(): void { this.open.delete(this) }

  private read(sdp: string): string {
    sdpSecurity(sdp)
    if (parseSdp(sdp).media.length === 0) throw new PeerError('call-no-common-codec', 'no sound')
    return sdp
  }
}

interface World { readonly clock: VirtualClock; readonly element: SipElement; readonly bindings: Bindings; readonly publications: Publications; readonly bridges: Set<PaperBridge>; readonly user: TestPeer; readonly ends: readonly MemoryConnection[] }

/** Everything in it is the same each time: tags, nonces and branches that a recorded conversation names are right. */
function world(): World {
  const clock = new VirtualClock(), bindings = new Bindings(clock), publications = new Publications(clock), bridges = new Set<PaperBridge>(), user = new TestPeer('alice', clock, 3)
  let calls = 0
  user.take = (call) => {
    const turn = calls++ % 4
    if (turn !== 3) call.ring()
    if (turn === 0) call.accept(ANSWER)
    else if (turn === 1) clock.setTimer(2_000, () => { call.accept(ANSWER) })
    else if (turn === 3) call.reject(486)
  }
  user.onMessage = (request) => { request.respond(200) }
  user.onSubscribe = (subscription) => {
    subscription.accept('active')
    subscription.notify('text/plain', utf8Bytes('state'))
  }
  const pairs = ([{ second: carol }, { second: carol, reliable: false }, {}, { reliable: false }] as const).map((options) => memoryConnectionPair(clock, options))
  const [pipe] = pairs[0] as [MemoryConnection, MemoryConnection]
  const phones: LocalPhones = {
    has: (account) => account === 'desk', displayName: () => '', bindings: () => bindings.all(), wayTo: (binding) => element.wayTo(binding), outward: () => element.server?.outward(),
  }
  const element: SipElement = createSipElement({
    clock, random: new SeededRandom(1), log: quietLog, user, eventPackages: ['presence', 'dialog'], local: () => ({ aor: `alice@${realm}`, displayName: 'Alice' }),
    server: {
      roles: new Set(['proxy', 'redirect', 'registrar']), realm, hashes, bindings,
      publications: { table: publications, packages: new Map([['presence', 'application/pidf+xml']]), check: (_, body) => { parsePidf(body) } },
      openBridge: ({ onIdle }) => Promise.resolve(new PaperBridge(bridges, onIdle)),
      accounts: { secret: (name, algorithm) => (name === 'desk' ? digestSecret(hashes, algorithm, name, realm, 'secret') : undefined), authorise: (account) => `${account}@${realm}`, speaksFor: (account, aor) => aor === `${account}@${realm}` },
      location: new OverlayLocationService({
        overlayName: realm, phones, owner: () => ({ aor: `alice@${realm}`, displayName: 'Alice' }), isOwnAddress: () => false, transport: { connect: () => Promise.resolve(pipe) },
        resolver: { resolve: (uri) => uri === `sip:${carol.aor}` ? Promise.resolve([{ requestUri: uri, connection: pipe }]) : Promise.reject(new PeerError('user-unknown')) },
      }),
    },
  })
  const ends = pairs.map(([near, far]) => {
    element.transport.attach(near, true)
    far.user = { onData: () => undefined, onClose: () => undefined }
    return far
  })
  return { clock, element, bindings, publications, bridges, user, ends }
}

interface Packet { readonly channel: number; readonly waitMs: number; readonly bytes: Uint8Array }

function packetsOf(input: Uint8Array): Packet[] {
  const packets: Packet[] = []
  for (let at = input.indexOf(PACKET); at >= 0 && at + 1 < input.length && packets.length < MAX_PACKETS;) {
    const next = input.indexOf(PACKET, at + 2)
    const head = input[at + 1] as number
    packets.push({ channel: head & 3, waitMs: WAITS_MS[(head >> 2) & 7] as number, bytes: input.slice(at + 2, next < 0 ? undefined : next) })
    at = next
  }
  return packets
}

async function run(input: Uint8Array): Promise<number> {
  const packets = packetsOf(input)
  if (packets.length === 0) throw new DecodeError('no packet')
  const { clock, element, bindings, publications, bridges, user, ends } = world()
  for (const { channel, waitMs, bytes } of packets) {
    await clock.advanceInTurns(waitMs)
    ends[channel]?.send(bytes)
    await clock.advanceInTurns(2)
  }
  await clock.advanceInTurns(SILENCE_MS, 1_000)
  const { rejected, malformed, received } = element.transport.counters
  // who called and was answered is still in the call: calls have no end of their own, and bridges end when nothing is heard
  for (const call of user.calls) call.end()
  for (const bridge of [...bridges]) bridge.onIdle()
  await clock.advanceInTurns(SILENCE_MS, 1_000)
  must(element.userAgent.size === 0, `${element.userAgent.size} calls or subscriptions are left`)
  must(element.transactions.size === 0, `${element.transactions.size} transactions are left`)
  must(element.server?.proxy.size === 0, 'requests are left in the proxy')
  must(bindings.size === 0, `${bindings.size} registrations are left`)
  must([...publications.all()].length === 0, 'what phones published is left')
  must(bridges.size === 0 && element.server?.gateway?.size === 0, `${bridges.size} bridges are left`)
  const sent = ends.reduce((sum, end) => sum + (end.other?.sent.join('').length ?? 0), 0)
  await Promise.all([element.close(), user.element.close()])
  bindings.close()
  publications.close()
  await clock.advanceInTurns(10)
  must(clock.pending === 0, `${clock.pending} timers are left`)
  if (received === rejected || (received === 0 && malformed > 0)) throw new DecodeError('nothing served')
  return sent
}

const packet = (channel: number, wait: number, message: SipMessage | Uint8Array): Uint8Array => concatBytes(Uint8Array.of(PACKET, channel | (wait << 2)), message instanceof Uint8Array ? message : message.encode())

type Heard = readonly (readonly SipMessage[])[]
/** Who says what next, given what each end has heard; nothing when there is nothing to say. */
type Step = readonly [channel: number, say: (heard: Heard) => SipMessage | undefined]

/** What the ends say when they are answered by the element as it is now. */
async function recorded(steps: readonly Step[]): Promise<Uint8Array> {
  const { clock, ends } = world()
  const heard: SipMessage[][] = ends.map(() => []), said: Uint8Array[] = []
  for (const [i, end] of ends.entries()) end.user = { onData: (bytes) => { heard[i]?.push(parseDatagram(bytes)) }, onClose: () => undefined }
  for (const [channel, say] of steps) {
    const message = say(heard)
    if (message === undefined) continue
    await clock.advanceInTurns(1)
    said.push(packet(channel, 1, message))
    ends[channel]?.send(message.encode())
    await clock.advanceInTurns(2)
  }
  return concatBytes(...said)
}

function request(transport: string, method: string, cseq: number, more: readonly (readonly [string, string])[] = [], body = ''): SipRequest {
  const made = new SipRequest(method, method === 'REGISTER' ? `sip:${realm}` : `sip:alice@${realm}`)
  const name = method === 'REGISTER' ? 'desk' : 'carol'
  const given = new Set(more.map(([field]) => field))
  for (const [field, value] of [
    ['Via', `SIP/2.0/${transport} 10.0.0.2:5060;branch=z9hG4bK${method}${cseq};rport`], ['Max-Forwards', '70'], ['From', `<sip:${name}@${realm}>;tag=${name}`],
    ['To', `<sip:${method === 'REGISTER' ? 'desk' : 'alice'}@${realm}>`], ['Call-ID', `${name}-1`], ['CSeq', `${cseq} ${method}`], ['Contact', `<sip:${name}@10.0.0.2:5060>`],
  ] as const) if (!given.has(field)) made.headers.append(field, value)
  for (const [field, value] of more) made.headers.append(field, value)
  return body === '' ? made : made.setBody('application/sdp', body)
}

const responses = (heard: Heard, channel: number) => (heard[channel] ?? []).filter((message) => message.kind === 'response')
/** The To of the element's side of a dialog, once it has answered. */
const toOf = (heard: Heard, channel: number): [string, string] => ['To', responses(heard, channel).at(-1)?.headers.get('To') ?? '']
const answers = (channel: number, method: string, status = 200, more: readonly (readonly [string, string])[] = [], body = ''): Step => [channel, (heard) => {
  const asked = heard[channel]?.filter((message): message is SipRequest => message.kind === 'request' && message.method === method).at(-1)
  if (asked === undefined) return undefined
  const response = makeResponse(asked, status, undefined, 'far')
  for (const [name, value] of more) response.headers.append(name, value)
  return body === '' ? response : response.setBody('application/sdp', body)
}]

function call(channel: number): Promise<Uint8Array> {
  const transport = channel === 0 ? 'TCP' : 'UDP'
  const within = (method: string, cseq: number, more: readonly (readonly [string, string])[] = [], body = ''): Step => [channel, (heard) => request(transport, method, cseq, [toOf(heard, channel), ...more], body)]
  return recorded([
    [channel, () => request(transport, 'INVITE', 1, [['Supported', '100rel, timer, replaces'], ['Session-Expires', '180;refresher=uac'], ['Allow', 'INVITE, UPDATE, PRACK']], OFFER)],
    within('ACK', 1), within('INVITE', 2, [['Supported', 'timer'], ['Session-Expires', '90']], OFFER.replace('m=audio', 'a=sendonly\r\nm=audio')), within('ACK', 2), within('UPDATE', 3, [], OFFER),
    within('INFO', 4, [['Content-Type', 'application/dtmf-relay']]), within('REFER', 5, [['Refer-To', `<sip:bob@${realm}?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>`], ['Referred-By', `<sip:carol@${realm}>`]]),
    answers(channel, 'NOTIFY'), within('BYE', 6),
  ])
}

const subscription = (): Promise<Uint8Array> => recorded([
  [0, () => request('TCP', 'SUBSCRIBE', 1, [['Event', 'presence'], ['Expires', '600']])], answers(0, 'NOTIFY'),
  [0, (heard) => request('TCP', 'SUBSCRIBE', 2, [toOf(heard, 0), ['Event', 'presence'], ['Expires', '0']])], answers(0, 'NOTIFY'),
])

/** The same request twice, the second time with what the challenge asks for. */
function login(channel: number, cseq: number, make: (cseq: number) => SipRequest): Step[] {
  const digest = new DigestClient({ hashes, random: new SeededRandom(7), account: () => ({ username: 'desk', password: 'secret' }) })
  return [[channel, () => make(cseq)], [channel, (heard) => {
    const challenge = responses(heard, channel).filter(({ status }) => status === 401 || status === 407).at(-1), first = make(cseq + 1), next = first.clone()
    return challenge !== undefined && digest.answer(challenge, first, next) ? next : undefined
  }]]
}

const register = (channel: number, contact: string): Step[] => login(channel, 1, (cseq) => request(channel === 2 ? 'TCP' : 'UDP', 'REGISTER', cseq, [['Contact', contact], ['Supported', 'outbound, path'], ['Expires', '600']]))
const desk: readonly (readonly [string, string])[] = [['From', `<sip:desk@${realm}>;tag=desk`], ['To', `<sip:carol@${realm}>`], ['Call-ID', 'desk-2'], ['Contact', '<sip:desk@10.0.0.2:5060>']]

/** A phone calls somebody in the overlay, who answers, and hangs up along the recorded route. */
const phoneCalls = (): Promise<Uint8Array> => recorded([
  ...login(2, 1, (cseq) => { const invite = request('TCP', 'INVITE', cseq, desk, OFFER); invite.requestUri = `sip:${carol.aor}`; return invite }),
  answers(0, 'INVITE', 180, [['Contact', `<sip:${carol.aor}>`]]), answers(0, 'INVITE', 200, [['Contact', `<sip:${carol.aor}>`]], ANSWER),
  ...(['ACK', 'BYE'] as const).map((method, i): Step => [2, (heard) => {
    const answer = responses(heard, 2).filter(({ status }) => status === 200).at(-1)
    const next = request('TCP', method, 2 + i, [...desk.filter(([name]) => name !== 'To'), toOf(heard, 2), ['Route', [...(answer?.headers.getLines('Record-Route') ?? [])].reverse().join(', ')]])
    next.requestUri = `sip:${carol.aor}`
    return next
  }]),
  answers(0, 'BYE'),
])

/** A call from the overlay rings the app and a phone, the phone answers. */
const phoneIsCalled = (): Promise<Uint8Array> => recorded([
  ...register(2, '<sip:desk@10.0.0.2>;reg-id=1;+sip.instance="<urn:uuid:1>"'), [0, () => request('TCP', 'INVITE', 1, [], OFFER)],
  answers(2, 'INVITE', 180), answers(2, 'INVITE', 200, [['Contact', '<sip:desk@10.0.0.2>']], ANSWER), answers(2, 'CANCEL'),
])

const PIDF = '<?xml version="1.0" encoding="UTF-8"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:desk@office.example"><tuple id="a"><status><basic>closed</basic></status></tuple></presence>'
const published = (): Promise<Uint8Array> => recorded(login(3, 1, (cseq) => {
  const publish = request('UDP', 'PUBLISH', cseq, [...desk.filter(([name]) => name !== 'To'), ['To', `<sip:desk@${realm}>`], ['Event', 'presence'], ['Expires', '600']]).setBody('application/pidf+xml', PIDF)
  publish.requestUri = `sip:desk@${realm}`
  return publish
}))

const cancelled = (): Promise<Uint8Array> => recorded([
  [1, () => request('UDP', 'INVITE', 1, [], OFFER)], [1, () => request('UDP', 'BYE', 2)], [1, () => request('UDP', 'INVITE', 7, [['Call-ID', 'two']], OFFER)],
  [1, () => request('UDP', 'INVITE', 9, [['Call-ID', 'three']], OFFER)], [1, () => request('UDP', 'CANCEL', 9, [['Via', 'SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKINVITE9;rport'], ['Call-ID', 'three']])],
])

/** Made once: they are the same each time. */
const conversations = await Promise.all([
  call(0), call(1), subscription(), cancelled(), phoneCalls(), phoneIsCalled(), published(), recorded(register(2, '<sip:desk@10.0.0.2>;reg-id=1;+sip.instance="<urn:uuid:1>"')), recorded(register(3, '<sip:desk@10.0.0.2>;q=0.5, <sip:desk@10.0.0.3>;expires=60')),
])

/** @param messages single ones, valid and less valid */
export function sipElementTarget(messages: () => readonly Uint8Array[], dictionary: readonly Uint8Array[]): FuzzTarget {
  return {
    name: 'sip-element', run,
    dictionary: [...dictionary, ...Array.from({ length: 32 }, (_, i) => Uint8Array.of(PACKET, i)), ...['To: <sip:alice@office.example>;tag=', 'Require: 100rel\r\n', 'Replaces: ', 'RAck: 1 1 INVITE\r\n', 'Expires: 0\r\n', 'Session-Expires: 90\r\n', 'Min-SE: 90\r\n', 'Subscription-State: terminated\r\n', 'Contact: *\r\n', 'BYE', 'ACK', 'CANCEL', 'PRACK', 'UPDATE', 'REFER', 'SUBSCRIBE', 'REGISTER', 'reg-id=1'].map(utf8Bytes)],
    seeds: () => [...conversations, ...messages().map((bytes, i) => packet(i & 3, i & 7, bytes))],
  }
}
