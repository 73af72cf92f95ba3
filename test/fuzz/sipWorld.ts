/** The element that conversations are fuzzed with, what surrounds it, and how an input is read as packets to it. */
import { utf8Bytes } from '../../src-main/base/bytes.ts'
import { PeerError } from '../../src-main/base/errors.ts'
import { createNodeCrypto } from '../../src-main/node/crypto.ts'
import { type LocalPhones, OverlayLocationService } from '../../src-main/p2psip/overlayLocationService.ts'
import { parsePidf } from '../../src-main/phone/pidf.ts'
import { parseSdp, sdpSecurity } from '../../src-main/sdp/sdp.ts'
import { digestSecret } from '../../src-main/sip/auth/digest.ts'
import type { SdpBridge } from '../../src-main/sip/bridge/sdpBridge.ts'
import type { IncomingRefer } from '../../src-main/sip/ua/api.ts'
import { createSipElement, type SipElement } from '../../src-main/sip/element/element.ts'
import { Bindings } from '../../src-main/sip/registrar/bindings.ts'
import { Publications } from '../../src-main/sip/registrar/publications.ts'
import { type MemoryConnection, memoryConnectionPair } from '../support/memoryConnection.ts'
import { SeededRandom } from '../support/seededRandom.ts'
import { ANSWER, OFFER, quietLog, TestPeer } from '../support/sipPeers.ts'
import { VirtualClock } from '../support/virtualClock.ts'

export const realm = 'office.example'
export const hashes = createNodeCrypto()
export const carol = { aor: `carol@${realm}`, nodeId: 'aa'.repeat(16) }

/** Before each packet: 0xfe, then channel in the two low bits and how long it waits in the others. */
export const PACKET = 0xfe
export const WAITS_MS = [0, 1, 100, 600, 5_000, 33_000, 120_000, 400_000] as const
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

export interface World { readonly clock: VirtualClock; readonly element: SipElement; readonly bindings: Bindings; readonly publications: Publications; readonly bridges: Set<PaperBridge>; readonly user: TestPeer; readonly ends: readonly MemoryConnection[] }

/** Everything in it is the same each time: tags, nonces and branches that a recorded conversation names are right. */
export function world(): World {
  const clock = new VirtualClock(), bindings = new Bindings(clock), publications = new Publications(clock), bridges = new Set<PaperBridge>(), user = new TestPeer('alice', clock, 3)
  let calls = 0
  let transfers = 0
  const transferred = (refer: IncomingRefer): void => {
    if (transfers++ % 2 === 1) { refer.reject(603); return }
    refer.accept()
    refer.notify(180, 'Ringing')
    clock.setTimer(1_000, () => { refer.notify(200, 'OK') })
  }
  user.take = (call) => {
    call.user = { ...user.serverUser(), onReferred: transferred, onInfo: ({ contentType }) => contentType === 'application/dtmf-relay' }
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

export interface Packet { readonly channel: number; readonly waitMs: number; readonly bytes: Uint8Array }

export function packetsOf(input: Uint8Array): Packet[] {
  const packets: Packet[] = []
  for (let at = input.indexOf(PACKET); at >= 0 && at + 1 < input.length && packets.length < MAX_PACKETS;) {
    const next = input.indexOf(PACKET, at + 2)
    const head = input[at + 1] as number
    packets.push({ channel: head & 3, waitMs: WAITS_MS[(head >> 2) & 7] as number, bytes: input.slice(at + 2, next < 0 ? undefined : next) })
    at = next
  }
  return packets
}

/** Sees to it that whoever asks is told how it ended, and once. */
export class Promises {
  private readonly asked = new Map<string, number>()
  ask(what: string): () => void {
    this.asked.set(what, 0)
    return () => { this.asked.set(what, (this.asked.get(what) ?? 0) + 1) }
  }
  /** What was told not at all or several times. */
  get broken(): string[] { return [...this.asked].filter(([, times]) => times !== 1).map(([what, times]) => `${what} was told ${times} times`) }
}

/**
 * The user agent calls carol, changes the call and transfers it once she has answered, watches her, and asks what she
 * can do. @returns ends what has no end of its own
 */
export function act({ clock, element, ends }: World, promises: Promises): () => void {
  const connection = ends[0]?.other as MemoryConnection
  const leg = { connection, requestUri: `sip:${carol.aor}` }, { userAgent } = element
  const over = promises.ask('the end of the call')
  let ended = false
  const end = (): void => { if (!ended) { ended = true; over() } }
  const call = userAgent.invite(leg, { to: carol.aor, offer: OFFER }, {
    onProgress: () => undefined, onFailed: end, onEnded: end, onOffer: () => ANSWER,
    onAnswered: () => {
      clock.setTimer(1_000, () => {
        const told = promises.ask('the re-INVITE')
        let last = false
        const once = (): void => { if (!last) told(); last = true }
        call.reoffer(OFFER, { onAnswered: once, onRefused: once })
        clock.setTimer(600_000, () => { if (ended) once() }) // a call that is over tells no more
      })
      clock.setTimer(5_000, () => { call.refer({ target: `sip:bob@${realm}` }, { onProgress: () => undefined, onFinal: () => undefined }) })
    },
  })
  const watched = promises.ask('the subscription')
  let watching = true
  const stopped = (): void => { if (watching) { watching = false; watched() } }
  const subscription = userAgent.subscribe(leg, { to: carol.aor, event: 'presence', accept: 'application/pidf+xml', expiresS: 600 }, { onNotify: () => undefined, onTerminated: stopped })
  const answered = promises.ask('OPTIONS')
  userAgent.request(leg, 'OPTIONS', { to: carol.aor }, new AbortController().signal).then(answered, (cause: unknown) => {
    if (!(cause instanceof PeerError)) throw cause
    answered()
  })
  return () => {
    call.end()
    subscription.end()
    end()
    stopped()
  }
}
