/**
 * A network of phones without SIP or an overlay: user agents that call each other directly, a resolver that
 * knows who is there, and devices that can vanish. Every fact arrives in a later turn, as over a wire.
 */
import { PeerError } from '../../../../src-main/base/errors.ts'
import type { ErrorCode } from '@shared/errorCodes.ts'
import { createPhone, type Phone, type PhoneStores } from '../../../../src-main/phone/phone.ts'
import type { MediaPort, MediaUser } from '../../../../src-main/phone/mediaPort.ts'
import type { TargetResolver } from '../../../../src-main/phone/targetResolver.ts'
import type { Log } from '../../../../src-main/ports/log.ts'
import type {
  ClientSubscriptionUser, Connection, InviteClientCall, InviteClientUser, InviteServerCall, Party, PeerIdentity, ReferOptions, ReferUser, ReofferUser, ServerSubscription, UserAgent, UserAgentUser,
} from '../../../../src-main/sip/ua/userAgent.ts'
import { SeededRandom } from '../../../support/seededRandom.ts'
import type { VirtualClock } from '../../../support/virtualClock.ts'
import { memoryStores } from './memoryStores.ts'

export const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: (event, fields) => { throw new Error(`${event} ${JSON.stringify(fields)}`) }, child: () => quiet }

export interface Device {
  readonly aor: string
  readonly nodeId: string
  readonly phone: Phone
  readonly stores: PhoneStores
  /** requests this device received, by method */
  readonly received: string[]
}

interface Node { readonly aor: string; readonly nodeId: string; user: UserAgentUser | undefined; readonly received: string[]; readonly severs: Set<() => void> }

export class FakeNet {
  private readonly nodes = new Map<string, Node>()
  private nodeCount = 0
  private idCount = 0
  /** what the next MESSAGE to a node gets instead of reaching the phone */
  readonly refuse = new Map<string, number>()
  /** how many answers to MESSAGE get lost */
  loseAnswers = 0
  lookUps = 0

  /** By Node-ID, how long connecting to a device takes. */
  readonly slow = new Map<string, number>()

  constructor(readonly clock: VirtualClock) {}

  /** A device of `aor` that is there; with `stores` of an earlier one it is that device after a restart. */
  add(aor: string, stores = memoryStores()): Device {
    const node: Node = { aor, nodeId: `node${++this.nodeCount}`, user: undefined, received: [], severs: new Set() }
    this.nodes.set(node.nodeId, node)
    const phone = createPhone({
      clock: this.clock, random: new SeededRandom(this.nodeCount), log: quiet, stores, aor: () => aor,
      resolver: this.resolver(node),
      userAgent: (user) => { node.user = user; return this.userAgent(node) },
    })
    return { aor, nodeId: node.nodeId, phone, stores, received: node.received }
  }

  /** The device is gone without a word: all connections to it break. */
  vanish(device: Device): void {
    const node = this.nodes.get(device.nodeId)
    this.nodes.delete(device.nodeId)
    for (const sever of [...node?.severs ?? []]) sever()
  }

  private resolver(from: Node): TargetResolver {
    const resolver: TargetResolver = {
      resolveEach: async (uri, signal, onTarget) => {
        const targets = await resolver.resolve(uri, signal)
        await Promise.all(targets.map(async (target) => {
          const ms = this.slow.get(target.identity?.nodeId ?? '') ?? 0
          if (ms > 0) await new Promise<void>((done) => { this.clock.setTimer(ms, done) })
          if (!signal.aborted && this.nodes.has(target.identity?.nodeId ?? '')) onTarget(target)
        }))
      },
      resolve: async (uri, signal) => {
        this.lookUps++
        await this.pass()
        signal.throwIfAborted()
        const aor = uri.replace(/^sip:/, '')
        if (aor.startsWith('unknown')) throw new PeerError('user-unknown')
        const nodes = [...this.nodes.values()].filter((node) => node.aor === aor && node !== from)
        if (nodes.length === 0) throw new PeerError('user-offline')
        return nodes.map((node) => ({ requestUri: `sip:${aor}`, connection: this.connection(from, node), identity: { aor, nodeId: node.nodeId } }))
      },
    }
    return resolver
  }

  private connection(from: Node, to: Node): Connection {
    const end = { host: '127.0.0.1', port: 1 }
    return {
      id: `${from.nodeId}>${to.nodeId}`, transport: 'TLS', reliable: true, local: end, remote: end,
      peerIdentity: { aor: to.aor, nodeId: to.nodeId }, user: undefined, send: () => {}, close: () => {},
    }
  }

  private pass(): Promise<void> { return new Promise((done) => { this.clock.setTimer(10, done) }) }

  private later(act: () => void): void { this.clock.setTimer(10, act) }

  private to(connection: Connection): Node | undefined { return this.nodes.get(connection.id.split('>')[1] ?? '') }

  private party(node: Node): Party { return { aor: node.aor, uri: `sip:${node.aor}`, displayName: '' } }

  private userAgent(from: Node): Pick<UserAgent, 'invite' | 'request' | 'subscribe'> {
    const identity: PeerIdentity = { aor: from.aor, nodeId: from.nodeId }
    return {
      request: async (leg, method, options) => {
        const callId = options.callId ?? `m${++this.idCount}`
        await this.pass()
        const node = this.to(leg.connection)
        if (node?.user === undefined) throw new PeerError('peer-unreachable')
        node.received.push(method)
        const refused = this.refuse.get(node.nodeId)
        const status = refused ?? (method !== 'MESSAGE' ? 200 : await new Promise<number>((resolve) => {
          node.user?.onMessage({
            from: this.party(from), identity, contentType: 'text/plain', body: options.body ?? new Uint8Array(), callId, cseq: 1, respond: resolve,
          })
        }))
        await this.pass()
        if (method === 'MESSAGE' && this.loseAnswers-- > 0) throw new PeerError('network-timeout')
        return { status, reason: '', headers: [], contentType: '', body: new Uint8Array() }
      },
      subscribe: (leg, options, user) => this.subscribe(from, identity, leg.connection, options.event, options.expiresS, user),
      invite: (leg, options, user) => this.invite(from, identity, leg.connection, options.offer, user),
    }
  }

  private subscribe(from: Node, identity: PeerIdentity, connection: Connection, event: string, expiresS: number, user: ClientSubscriptionUser): { end(): void } {
    let open = true
    const node = this.to(connection)
    const close = (tell?: () => void): void => {
      if (!open) return
      open = false
      node?.severs.delete(sever)
      from.severs.delete(sever)
      if (tell !== undefined) this.later(tell)
    }
    const server: ServerSubscription = {
      event, from: this.party(from), identity, expiresS, user: undefined,
      accept: () => {},
      reject: (status) => { close(() => { user.onTerminated('rejected', status) }) },
      notify: (type, body) => { if (open) this.later(() => { if (open) user.onNotify(type, body, 'active') }) },
      publish: () => { throw new Error('this network carries whole documents only') },
      changed: () => {},
      terminate: (reason) => { close(() => { user.onTerminated(reason) }) },
    }
    const sever = (): void => { close(() => { user.onTerminated('connection lost', 503) }); this.later(() => { server.user?.onEnded() }) }
    node?.severs.add(sever)
    from.severs.add(sever)
    this.later(() => {
      if (node?.user === undefined || !this.nodes.has(node.nodeId)) { sever(); return }
      node.received.push('SUBSCRIBE')
      node.user.onSubscribe(server)
    })
    return { end: () => { close(() => { server.user?.onEnded() }) } }
  }

  private invite(from: Node, identity: PeerIdentity, connection: Connection, offer: string, user: InviteClientUser): InviteClientCall {
    const callId = `c${++this.idCount}`
    const node = this.to(connection)
    let state: 'early' | 'up' | 'over' = 'early'
    const over = (tell: () => void): void => { if (state !== 'over') { state = 'over'; this.later(tell) } }
    const server: InviteServerCall = {
      ...established, callId, from: this.party(from), identity, offer, user: undefined, replaces: undefined, referredBy: undefined,
      ring: (waiting = false) => { this.later(() => { if (state === 'early') user.onProgress(180, 'Ringing', waiting) }) },
      accept: (answer) => {
        if (state !== 'early') return
        state = 'up'
        this.later(() => { user.onAnswered(answer, this.party(node ?? from)); this.later(() => { server.user?.onEstablished() }) })
      },
      reject: (status) => { over(() => { user.onFailed(status, '') }) },
      end: () => { const early = state === 'early'; over(() => { if (early) user.onFailed(480, ''); else user.onEnded({ status: 200, text: 'BYE' }) }) },
    }
    this.later(() => {
      if (node?.user === undefined || !this.nodes.has(node.nodeId)) { over(() => { user.onFailed(503, '') }); return }
      node.received.push('INVITE')
      if (state === 'early') node.user.onInvite(server)
    })
    const sever = (): void => { const early = state === 'early'; over(() => { if (early) user.onFailed(503, ''); else user.onEnded({ status: 503, text: 'lost' }) }) }
    node?.severs.add(sever)
    return {
      ...established, callId,
      end: (reason) => {
        const early = state === 'early'
        over(() => {
          if (early) server.user?.onCancelled(reason?.includes('elsewhere') === true ? 'answered-elsewhere' : 'cancelled')
          else server.user?.onEnded({ status: 200, text: 'BYE' })
        })
        if (early) this.later(() => { user.onFailed(487, '') })
      },
    }
  }
}

/** What this network cannot do: phoneOverSip.test.ts and transfer.test.ts use real user agents for it. */
const established = {
  dialog: undefined,
  reoffer: (_offer: string, user: ReofferUser) => { user.onRefused(488, undefined) },
  inform: () => {},
  refer: (_options: ReferOptions, user: ReferUser) => { user.onFinal(481) },
}

export interface FakeMedia extends MediaPort { users: MediaUser[]; log: string[]; flow: { send: boolean; receive: boolean }; failWith: ErrorCode | undefined }

const sdp = 'v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=fingerprint:sha-256 00\r\n'

/** Sound that connects when both descriptions are there, unless told to fail. */
export function fakeMedia(connects = true): FakeMedia {
  const media: FakeMedia = {
    users: [], log: [], flow: { send: true, receive: true }, failWith: undefined,
    open: (_call, user) => {
      media.users.push(user)
      media.log.push('open')
      const check = (): void => { if (media.failWith !== undefined) throw new PeerError(media.failWith) }
      const both = (): void => { if (connects) queueMicrotask(() => { user.onConnected('opus/48000') }) }
      return {
        engine: 'headless',
        offer: async () => { check(); media.log.push('offer'); return Promise.resolve(sdp) },
        answer: async () => { check(); media.log.push('answer'); both(); return Promise.resolve(sdp) },
        accept: async () => { check(); media.log.push('accept'); both(); return Promise.resolve() },
        setFlow: ({ send, receive }) => { media.flow = { send, receive } },
        sendKeys: (keys) => { media.log.push(`keys ${keys}`) },
        setMuted: (muted) => { media.log.push(muted ? 'mute' : 'unmute') },
        close: () => { media.log.push('close') },
      }
    },
  }
  return media
}
