/**
 * The draft's bootstrap by multicast as DNS-SD over multicast DNS (RFC 6763, RFC 6762): every peer advertises
 * `_reload-config._tcp` with its overlay, and whoever looks for an overlay browses. What is heard is a hint only;
 * certificates decide. Owns the advertisement, the table of what was heard with its expiry, and their bounds.
 */
import type { OverlayHint } from '@shared/model/index.ts'
import { Emitter, type Event } from '../base/event.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import type { SocketAddress } from '../ports/secureStream.ts'
import type { MdnsMessage, MdnsRecord, MulticastDns, OpenMulticastDns } from '../ports/multicastDns.ts'

export const service = '_reload-config._tcp.local'
const ttlS = 120
const maxHeard = 64
const maxAddresses = 4
/** Queries at 0, 1, 3, 7 s and so on, at most a minute apart (RFC 6762 §5.2). */
const firstQueryMs = 1_000, longestQueryMs = 60_000
/** An answer is not repeated on the link within this time (RFC 6762 §6). */
const quietMs = 1_000

/** What a peer says about itself. */
export interface Advertisement {
  readonly overlayName: string
  /** the 32-bit overlay hash of the forwarding header (RFC 6940 §6.3.2) */
  readonly overlayHash: number
  /** SHA-256 of the root's SubjectPublicKeyInfo, lower-case hexadecimal */
  readonly rootFingerprint: string
  readonly open: boolean
  /** where it listens for RELOAD; host '0.0.0.0' lets the receiver take the address it hears it from */
  readonly listen: SocketAddress
  /** port of its HTTPS server for document and enrolment; undefined when it has none */
  readonly configurationPort: number | undefined
}

/** One peer heard on this network. */
export interface HeardPeer {
  /** its DNS-SD instance */
  readonly instance: string
  readonly overlayName: string
  readonly overlayHash: number
  readonly rootFingerprint: string
  readonly open: boolean
  readonly addresses: readonly SocketAddress[]
  readonly configurationUrl: string
}

interface Heard { readonly peer: HeardPeer; readonly expires: number }

const isLoopback = (host: string): boolean => host.startsWith('127.')
const isUnicast = (host: string): boolean => {
  const first = Number(host.split('.')[0])
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(host) && first > 0 && first < 224
}

/** The records of one instance in a response, or undefined when they do not make a peer of ours. */
export function readAdvertisement(records: readonly MdnsRecord[], instance: string, from: SocketAddress): { peer: HeardPeer; ttlS: number } | undefined {
  const srv = records.find((record) => record.type === 'SRV' && record.name === instance)
  const txt = records.find((record) => record.type === 'TXT' && record.name === instance)
  if (srv?.type !== 'SRV' || txt?.type !== 'TXT' || srv.port < 1 || srv.port > 65_535) return undefined
  const { overlay = '', hash = '', root = '', open = '0', cfg } = txt.entries
  if (!/^[a-z0-9.-]{1,200}$/.test(overlay) || !/^[0-9a-f]{8}$/.test(hash) || !/^[0-9a-f]{64}$/.test(root)) return undefined
  const told = records.flatMap((record) => (record.type === 'A' && record.name === srv.target ? [record.address] : []))
  // Loopback is meant only for those who hear it over loopback.
  const hosts = [...new Set(told)].filter((host) => isUnicast(host) && (!isLoopback(host) || isLoopback(from.host))).slice(0, maxAddresses)
  if (told.length > 0 && hosts.length === 0) return undefined
  if (hosts.length === 0) hosts.push(from.host)
  const port = cfg !== undefined && /^\d{1,5}$/.test(cfg) && Number(cfg) > 0 && Number(cfg) < 65_536 ? Number(cfg) : undefined
  return {
    ttlS: Math.min(srv.ttlS, txt.ttlS, 3_600),
    peer: {
      instance, overlayName: overlay, overlayHash: Number.parseInt(hash, 16), rootFingerprint: root, open: open === '1',
      addresses: hosts.map((host) => ({ host, port: srv.port })),
      configurationUrl: port === undefined ? '' : `https://${hosts[0] ?? from.host}:${port}/.well-known/reload-config`,
    },
  }
}

/** The records that say `advertisement`; `lifeS` 0 takes them back (RFC 6762 §10.1). */
export function writeAdvertisement(advertisement: Advertisement, id: string, lifeS: number = ttlS): MdnsMessage {
  const instance = `${id}.${service}`, target = `${id}.local`
  const { overlayName, overlayHash, rootFingerprint, open, listen, configurationPort } = advertisement
  return {
    kind: 'response', questions: [],
    records: [
      { type: 'PTR', name: service, ttlS: lifeS, target: instance },
      { type: 'SRV', name: instance, ttlS: lifeS, target, port: listen.port },
      {
        type: 'TXT', name: instance, ttlS: lifeS,
        entries: {
          overlay: overlayName, hash: overlayHash.toString(16).padStart(8, '0'), root: rootFingerprint, open: open ? '1' : '0',
          ...(configurationPort === undefined ? {} : { cfg: String(configurationPort) }),
        },
      },
      ...(listen.host === '0.0.0.0' || listen.host.includes(':') ? [] : [{ type: 'A' as const, name: target, ttlS: lifeS, address: listen.host }]),
    ],
  }
}

/** Advertises and browses on this network. Nothing is opened before the first use; `stop` takes everything back. */
export class LanDiscovery {
  private socket: MulticastDns | undefined
  private opening: Promise<void> | undefined
  private unsubscribe: (() => void) | undefined
  private advertisement: Advertisement | undefined
  private readonly heard = new Map<string, Heard>()
  private readonly changed = new Emitter<readonly OverlayHint[]>()
  private readonly peerHeard = new Emitter<HeardPeer>()
  private readonly timers = new Map<'query' | 'expiry' | 'announce', Timer>()
  private browsers = 0
  private lastAnswer = -Infinity
  private readonly id: string
  private stopped = false

  /** Every change of `hints`. */
  readonly onHints: Event<readonly OverlayHint[]> = this.changed.event
  /** Every peer heard, again and again as it is. */
  readonly onPeer: Event<HeardPeer> = this.peerHeard.event
  /** Messages that made no sense. */
  ignored = 0

  constructor(private readonly clock: Clock, random: Random, private readonly open: OpenMulticastDns) {
    this.id = `ringway-${Array.from(random.bytes(6), (byte) => byte.toString(16).padStart(2, '0')).join('')}`
  }

  /** Says this from now on, until `stop` or another advertisement. @throws PeerError when there is no multicast here */
  async advertise(advertisement: Advertisement): Promise<void> {
    this.advertisement = advertisement
    await this.ready()
    this.announce(2)
  }

  /** Takes the advertisement back. */
  withdraw(): void {
    if (this.advertisement === undefined) return
    this.socket?.send(writeAdvertisement(this.advertisement, this.id, 0))
    this.advertisement = undefined
    this.cancel('announce')
  }

  /** Asks the network until the returned function is called. @throws PeerError when there is no multicast here */
  async browse(): Promise<() => void> {
    await this.ready()
    this.browsers++
    this.query(firstQueryMs)
    let browsing = true
    return () => {
      if (!browsing) return
      browsing = false
      if (--this.browsers === 0) this.cancel('query')
    }
  }

  /** Peers heard and not expired, this one left out. */
  peers(): readonly HeardPeer[] { return [...this.heard.values()].map(({ peer }) => peer) }

  /** The overlays of those peers: one hint for each name and root. */
  hints(): readonly OverlayHint[] {
    const hints = new Map<string, OverlayHint>()
    for (const peer of this.peers()) {
      const id = `${peer.overlayName} ${peer.rootFingerprint.slice(0, 16)}`
      const known = hints.get(id)
      hints.set(id, {
        id, name: peer.overlayName, open: peer.open, rootFingerprint: peer.rootFingerprint, peers: (known?.peers ?? 0) + 1,
        configurationUrl: known !== undefined && known.configurationUrl !== '' ? known.configurationUrl : peer.configurationUrl,
      })
    }
    return [...hints.values()]
  }

  async stop(): Promise<void> {
    if (this.stopped) return
    this.stopped = true
    await this.opening?.catch(() => { /* told to whoever asked for it */ })
    this.withdraw()
    for (const name of [...this.timers.keys()]) this.cancel(name)
    this.unsubscribe?.()
    await this.socket?.close()
  }

  private ready(): Promise<void> {
    this.opening ??= this.open().then((socket) => {
      this.socket = socket
      this.unsubscribe = socket.onMessage(({ message, from }) => { this.receive(message, from) })
    }).catch((cause: unknown) => {
      this.opening = undefined // the network may come later
      throw cause
    })
    return this.opening
  }

  private announce(times: number): void {
    if (this.stopped || this.advertisement === undefined) return
    this.lastAnswer = this.clock.monotonic()
    this.socket?.send(writeAdvertisement(this.advertisement, this.id))
    // Twice a second apart, then often enough that nobody who only listens forgets us.
    this.arm('announce', times > 1 ? 1_000 : ttlS * 500, () => { this.announce(times - 1) })
  }

  private query(delayMs: number): void {
    if (this.stopped || this.browsers === 0) return
    this.socket?.send({ kind: 'query', questions: [{ name: service, type: 'PTR' }], records: [] })
    this.arm('query', delayMs, () => { this.query(Math.min(delayMs * 2, longestQueryMs)) })
  }

  private receive(message: MdnsMessage, from: SocketAddress): void {
    if (message.kind === 'query') {
      const asked = message.questions.some(({ name, type }) => name.toLowerCase() === service && (type === 'PTR' || type === 'ANY'))
      if (!asked || this.advertisement === undefined) return
      const wait = Math.max(0, this.lastAnswer + quietMs - this.clock.monotonic())
      if (wait === 0) this.announce(1)
      else this.arm('announce', wait, () => { this.announce(1) })
      return
    }
    for (const record of message.records) {
      if (record.type !== 'PTR' || record.name.toLowerCase() !== service) continue
      if (record.target !== `${this.id}.${service}`) this.hear(message.records, record.target, record.ttlS, from)
    }
  }

  private hear(records: readonly MdnsRecord[], instance: string, lifeS: number, from: SocketAddress): void {
    if (lifeS === 0) {
      if (this.heard.delete(instance)) this.changed.emit(this.hints())
      return
    }
    const read = instance.length <= 200 && instance.endsWith(`.${service}`) ? readAdvertisement(records, instance, from) : undefined
    if (read === undefined || (!this.heard.has(instance) && this.heard.size >= maxHeard)) { this.ignored++; return }
    const before = this.heard.get(instance)?.peer
    this.heard.set(instance, { peer: merged(before, read.peer), expires: this.clock.monotonic() + Math.min(lifeS, read.ttlS) * 1_000 })
    this.armExpiry()
    this.peerHeard.emit(read.peer)
    if (JSON.stringify(before) !== JSON.stringify(this.heard.get(instance)?.peer)) this.changed.emit(this.hints())
  }

  private armExpiry(): void {
    const next = Math.min(...[...this.heard.values()].map(({ expires }) => expires))
    if (!Number.isFinite(next)) { this.cancel('expiry'); return }
    this.arm('expiry', Math.max(0, next - this.clock.monotonic()), () => {
      const now = this.clock.monotonic()
      for (const [instance, { expires }] of this.heard) if (expires <= now) this.heard.delete(instance)
      this.armExpiry()
      this.changed.emit(this.hints())
    })
  }

  private arm(name: 'query' | 'expiry' | 'announce', delayMs: number, fire: () => void): void {
    this.cancel(name)
    this.timers.set(name, this.clock.setTimer(delayMs, () => { this.timers.delete(name); fire() }))
  }

  private cancel(name: 'query' | 'expiry' | 'announce'): void {
    this.timers.get(name)?.cancel()
    this.timers.delete(name)
  }
}

/** The same instance heard over several links has several addresses. */
function merged(before: HeardPeer | undefined, now: HeardPeer): HeardPeer {
  if (before === undefined || before.overlayName !== now.overlayName || before.rootFingerprint !== now.rootFingerprint) return now
  const seen = new Map([...before.addresses, ...now.addresses].map((address) => [`${address.host} ${address.port}`, address]))
  const port = now.addresses[0]?.port
  const addresses = [...seen.values()].filter((address) => address.port === port).slice(0, maxAddresses)
  return { ...now, addresses, configurationUrl: before.configurationUrl !== '' && now.configurationUrl !== '' ? sticky(before, now) : now.configurationUrl }
}

/** Keeps the address that was given out first while the port is the same, so that a hint does not flicker. */
const sticky = (before: HeardPeer, now: HeardPeer): string =>
  (/:(\d+)\//.exec(before.configurationUrl)?.[1] === /:(\d+)\//.exec(now.configurationUrl)?.[1] ? before.configurationUrl : now.configurationUrl)
