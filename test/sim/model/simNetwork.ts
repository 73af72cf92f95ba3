/**
 * The network of a simulation: hosts in a plane, one-way delays by distance with jitter, lost segments that TCP
 * repeats later, hosts that die silently or with a reset, and partitions. It is a LinkFactory for each node; the
 * streams carry whole writes in order, without TLS. Everything that arrives goes into the event log's hash.
 */
import { PeerError } from '../../../src-main/base/errors.ts'
import type { Certificate } from '../../../src-main/ports/crypto.ts'
import type { SecureStream, SecureStreamUser, SocketAddress, StreamCredentials } from '../../../src-main/ports/secureStream.ts'
import type { CandidateSet, LinkFactory, LinkFactoryUser } from '../../../src-main/reload/link/linkFactory.ts'
import type { SeededRandom } from '../../support/seededRandom.ts'
import type { ClockScope, VirtualClock } from '../../support/virtualClock.ts'
import type { EventHash } from './eventHash.ts'
import { Traffic } from './traffic.ts'

export interface NetworkModel {
  /** Least one-way delay, and what the longest distance adds, ms. */
  readonly baseMs: number
  readonly spanMs: number
  /** Of each delay, at most. */
  readonly jitter: number
  /** Of segments; each costs `repeatMs`. */
  readonly loss: number
  readonly repeatMs: number
}

export const internetModel: NetworkModel = { baseMs: 4, spanMs: 70, jitter: 0.1, loss: 0.001, repeatMs: 250 }
const CONNECT_MS = 10_000
const TLS_TCP_FH_NO_ICE = 4

interface Listening { readonly user: LinkFactoryUser; readonly credentials: StreamCredentials }

export class SimHost {
  state: 'up' | 'silent' | 'closed' = 'up'
  /** Hosts of different groups do not hear each other. */
  group = 0
  readonly listening = new Map<number, Listening>()
  readonly streams = new Set<SimStream>()

  constructor(readonly index: number, readonly clock: ClockScope, readonly x: number, readonly y: number) {}

  get address(): string { return `10.${this.index >> 16}.${(this.index >> 8) & 0xff}.${this.index & 0xff}` }
}

export class SimNetwork {
  readonly traffic = new Traffic()
  bytes = 0
  private readonly hosts = new Map<string, SimHost>()

  constructor(readonly clock: VirtualClock, private readonly random: SeededRandom, readonly hash: EventHash, private readonly model: NetworkModel = internetModel) {}

  addHost(index: number): SimHost {
    const host = new SimHost(index, this.clock.scope(), this.random.float(), this.random.float())
    this.hosts.set(host.address, host)
    return host
  }

  /** One factory for each port: of overlay links, and of pipes. */
  factory(host: SimHost, port: number, credentials: StreamCredentials): LinkFactory {
    const address = { host: host.address, port }
    const candidates: CandidateSet = { ufrag: '', password: '', candidates: [{ address, overlayLink: TLS_TCP_FH_NO_ICE, foundation: '1', priority: 2_130_706_431, type: 'host' }] }
    const open = async (to: SocketAddress, accept: (certificate: Certificate) => string | undefined, signal: AbortSignal): Promise<SecureStream> => {
      const stream = await this.connect(host, to, credentials, accept, signal)
      host.listening.get(port)?.user.onStream(stream, true)
      return stream
    }
    return {
      listen: (user) => { host.listening.set(port, { user, credentials }); return Promise.resolve(address) },
      negotiate: (role) => Promise.resolve({
        local: candidates,
        connect: async (remote, accept, signal) => {
          const to = remote.candidates[0]?.address
          if (role === 'passive') return
          if (to === undefined) throw new PeerError('peer-unreachable', 'no usable candidate')
          await open(to, accept, signal)
        },
        close: () => undefined,
      }),
      dial: open,
      close: () => { host.listening.delete(port); return Promise.resolve() },
    }
  }

  /** The host loses its power, or its process is killed and the system resets its connections. */
  crash(host: SimHost, how: 'silent' | 'reset'): void {
    host.clock.stop()
    host.state = how === 'silent' ? 'silent' : 'closed'
    for (const stream of [...host.streams]) {
      if (how === 'reset') stream.other?.ended(new Error('reset'))
    }
    this.retire(host)
  }

  /** The process has ended in order. */
  retire(host: SimHost): void {
    host.clock.stop()
    if (host.state === 'up') host.state = 'closed'
    host.listening.clear()
    // Who has the other ends must not hold the whole node by them.
    for (const stream of [...host.streams]) stream.drop()
  }

  /** After `group` of hosts has changed back: what was held up on living connections arrives. */
  healed(): void {
    for (const host of this.hosts.values()) for (const stream of host.streams) stream.resume()
  }

  passes(a: SimHost, b: SimHost): boolean { return a.group === b.group }

  delay(a: SimHost, b: SimHost): number { return this.delayOf(this.leastDelay(a, b)) }

  /** Without jitter and loss. */
  leastDelay(a: SimHost, b: SimHost): number { return this.model.baseMs + this.model.spanMs * Math.hypot(a.x - b.x, a.y - b.y) / Math.SQRT2 }

  delayOf(leastMs: number): number {
    const { jitter, loss, repeatMs } = this.model
    const lost = loss > 0 && this.random.float() < loss ? repeatMs : 0
    return leastMs * (1 + jitter * this.random.float()) + lost
  }

  private connect(from: SimHost, to: SocketAddress, credentials: StreamCredentials, accept: (certificate: Certificate) => string | undefined, signal: AbortSignal): Promise<SecureStream> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) { reject(signal.reason as Error); return }
      const host = this.hosts.get(to.host)
      const onAbort = (): void => { timer.cancel(); reject(signal.reason as Error) }
      const end = (act: () => void): void => { signal.removeEventListener('abort', onAbort); act() }
      const refuse = (why: string): void => { end(() => { reject(new PeerError('peer-unreachable', why)) }) }
      signal.addEventListener('abort', onAbort, { once: true })
      const reachable = host !== undefined && host.state !== 'silent' && this.passes(from, host)
      // TCP and TLS 1.3 take two round trips.
      const timer = from.clock.setTimer(reachable ? 4 * this.delay(from, host) : CONNECT_MS, () => {
        if (host === undefined || !this.passes(from, host) || host.state === 'silent') { refuse('no answer'); return }
        const listening = host.listening.get(to.port)
        if (listening === undefined) { refuse('refused'); return }
        const ours = credentials.acceptPeer(listening.credentials.certificate, []) ?? accept(listening.credentials.certificate)
        if (ours !== undefined) { end(() => { reject(new PeerError('peer-unverified', ours)) }); return }
        const theirs = listening.credentials.acceptPeer(credentials.certificate, [])
        if (theirs !== undefined) { listening.user.onRefused(theirs); refuse('closed during the handshake'); return }
        this.hash.add(this.clock.monotonic(), from.index, host.index, -1)
        const leastMs = this.leastDelay(from, host)
        const client = new SimStream(this, from, listening.credentials.certificate, to, leastMs)
        const server = new SimStream(this, host, credentials.certificate, { host: from.address, port: 1 }, leastMs)
        client.other = server
        server.other = client
        listening.user.onStream(server, false)
        end(() => { resolve(client) })
      })
    })
  }
}

class SimStream implements SecureStream {
  other: SimStream | undefined
  user: SecureStreamUser | undefined
  private open = true
  /** Closed in order: what the other side sends until it knows still arrives. */
  private closing = false
  private lastAt = 0
  /** Written last, and when. */
  private batch: Uint8Array[] | undefined
  private batchAt = 0
  /** Held up by a partition. */
  private held: Uint8Array[] | undefined

  constructor(private readonly network: SimNetwork, private readonly host: SimHost, readonly peerCertificate: Certificate, readonly remote: SocketAddress, private readonly leastMs: number) {
    host.streams.add(this)
  }

  get local(): SocketAddress { return { host: this.host.address, port: 6084 } }

  write(bytes: Uint8Array): boolean {
    const { other, network } = this
    if (!this.open || other === undefined) return true
    network.traffic.count(bytes)
    network.bytes += bytes.length
    const now = network.clock.monotonic()
    // What is written at one moment goes in one segment.
    if (this.batch !== undefined && now === this.batchAt) { this.batch.push(bytes); return true }
    const at = Math.max(this.lastAt, Math.ceil(now + network.delayOf(this.leastMs)))
    const batch = [bytes]
    this.batch = batch
    this.batchAt = now
    this.lastAt = at
    network.clock.setTimer(at - now, () => {
      if (this.batch === batch) this.batch = undefined
      this.arrive(other, batch)
    })
    return true
  }

  close(): void {
    this.closing = this.open
    this.shut(undefined)
  }
  destroy(): void { this.shut(new Error('reset')) }

  /** The other side has ended the connection. */
  ended(cause: Error | undefined): void {
    if (!this.open || this.other === undefined) return
    const { network, host, other } = this
    network.clock.setTimer(network.delayOf(this.leastMs), () => {
      if (!this.open || !network.passes(host, other.host)) return
      const { user } = this
      this.forget()
      if (host.state === 'up') user?.onClose(cause)
      // Now nothing more is sent, and what has been is there at `lastAt`.
      if (other.closing) network.clock.setTimer(this.lastAt - network.clock.monotonic(), () => { other.drop() })
    })
  }

  /** No more goes out. */
  private forget(): void {
    this.open = false
    this.held = undefined
    // What has been sent to one that closed in order still arrives.
    if (this.closing) return
    this.user = undefined
    this.host.streams.delete(this)
  }

  /** Nothing is sent or taken any more. */
  drop(): void {
    this.open = this.closing = false
    this.user = this.held = undefined
    this.host.streams.delete(this)
  }

  resume(): void {
    const { held, other } = this
    this.held = undefined
    if (held !== undefined && other !== undefined) this.network.clock.setTimer(this.network.delayOf(this.leastMs), () => { this.arrive(other, held) })
  }

  private arrive(other: SimStream, batch: readonly Uint8Array[]): void {
    const { network, host } = this
    if (!(other.open || other.closing) || other.host.state !== 'up') return
    if (!network.passes(host, other.host)) { (this.held ??= []).push(...batch); return }
    network.hash.add(network.clock.monotonic(), host.index, other.host.index, batch.length)
    for (const bytes of batch) {
      network.hash.mix(bytes.length)
      other.user?.onData(bytes)
    }
  }

  private shut(cause: Error | undefined): void {
    if (!this.open) return
    // What was written before arrives before the end.
    const { other } = this
    this.forget()
    other?.ended(cause)
  }
}
