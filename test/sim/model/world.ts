/**
 * A simulated overlay: whole nodes made by `createOverlay`, over a SimNetwork in virtual time. Starts, stops and
 * crashes them, stores and looks up registrations, and knows the truth that answers are compared with.
 */
import { compareBytes, equalBytes, toHex, utf8Bytes } from '../../../src-main/base/bytes.ts'
import type { Log } from '../../../src-main/ports/log.ts'
import type { SocketAddress } from '../../../src-main/ports/secureStream.ts'
import { newConfiguration, type OverlayConfiguration } from '../../../src-main/reload/config/configuration.ts'
import { signDocument, writeConfiguration } from '../../../src-main/reload/config/writeConfiguration.ts'
import { createOverlay, type NodeIdentity } from '../../../src-main/reload/overlay/createOverlay.ts'
import { CertificateVerifier } from '../../../src-main/reload/security/certificateVerifier.ts'
import { Signer } from '../../../src-main/reload/security/signer.ts'
import { distance } from '../../../src-main/reload/topology/ring.ts'
import { decodeSipRegistration, encodeSipRegistration, sipRegistrationKind } from '../../../src-main/reload/usages/sipRegistration.ts'
import { MemoryResourceStore } from '../../../src-main/store/memory/resourceStore.ts'
import { SeededRandom } from '../../support/seededRandom.ts'
import { VirtualClock } from '../../support/virtualClock.ts'
import { Collusion } from './collusion.ts'
import { EventHash } from './eventHash.ts'
import { SimAuthority, simOverlayName } from './simCrypto.ts'
import { SimNetwork, type SimHost } from './simNetwork.ts'
import { SimPeer } from './simPeer.ts'

const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => silent }
/** One for each request: each listens to its own, and a list of thousands of listeners is slow to leave. */
const never = (): AbortSignal => new AbortController().signal

/** A registration that its writer believes to be stored. */
export interface SimRecord {
  readonly resourceId: Uint8Array
  readonly key: Uint8Array
  readonly writer: SimPeer
  /** Version that was acknowledged last; 0 before the first. */
  version: number
}

export interface Tally { ok: number; failed: number; wrong: number }

export interface WorldOptions {
  readonly seed: number
  readonly configuration?: Partial<OverlayConfiguration>
  /** The overlay has a document, signed by its first peer, which may be replaced (`document`). */
  readonly signed?: boolean
  /** Of the peers but the first: how many collude. */
  readonly colluding?: number
  /** Nodes to log the doings of, to stderr. */
  readonly verbose?: boolean
}

export class World {
  readonly clock = new VirtualClock()
  readonly random: SeededRandom
  readonly hash = new EventHash()
  readonly network: SimNetwork
  /** All that run, in the order they were started. */
  readonly peers = new Set<SimPeer>()
  /** Members, ascending by Node-ID. */
  readonly members: SimPeer[] = []
  readonly records: SimRecord[] = []
  readonly lookups: Tally = { ok: 0, failed: 0, wrong: 0 }
  readonly routed: Tally = { ok: 0, failed: 0, wrong: 0 }
  readonly latenciesMs: number[] = []
  readonly hops: number[] = []
  readonly joinsMs: number[] = []
  readonly notes: string[] = []
  readonly collusion = new Collusion()
  /** Figures of one scenario only. */
  readonly extra: Record<string, unknown> = {}
  storesFailed = 0
  /** Whether look-ups count. */
  measuring = false
  messagesPerPeerPerMinute = 0
  maintenancePerPeerPerMinute = 0
  acknowledgementsPerPeerPerMinute = 0
  readonly maintenanceBy: Record<string, number> = {}
  private countedBefore: ReadonlyMap<string, number> = new Map()
  private readonly countedByEnded = new Map<string, number>()
  private started = 0
  private measuredFrom = { atMs: 0, messages: 0, maintenance: 0, acknowledgements: 0 }
  private readonly authority = new SimAuthority()
  private readonly configuration: OverlayConfiguration
  private readonly verifier: CertificateVerifier
  /** Whose signature the overlay document has, where there is one. */
  private readonly organiser: NodeIdentity | undefined
  private readonly log: Log

  constructor(readonly options: WorldOptions) {
    this.random = new SeededRandom(options.seed)
    this.network = new SimNetwork(this.clock, new SeededRandom(options.seed ^ 0x5bd1e995), this.hash)
    this.organiser = options.signed === true ? this.authority.issue(0, this.random.bytes(16)) : undefined
    const signers = this.organiser === undefined ? [] : [this.organiser.nodeId]
    this.configuration = newConfiguration({
      instanceName: simOverlayName, rootCerts: [this.authority.root.der], noIce: true, chordPingIntervalS: 60, chordUpdateIntervalS: 300,
      configurationSigners: signers, kindSigners: signers, ...options.configuration,
    })
    this.verifier = new CertificateVerifier(this.authority.crypto, this.clock, this.configuration, Infinity)
    this.log = options.verbose === true ? stderrLog('', this.clock) : silent
  }

  /** The overlay's document with changes, signed. */
  document(change: Partial<OverlayConfiguration> = {}): Uint8Array {
    if (this.organiser === undefined) throw new Error('this overlay has no document')
    return utf8Bytes(signDocument(writeConfiguration({ ...this.configuration, ...change }), new Signer(this.authority.crypto, this.organiser)))
  }

  /** Starts one more node; it joins, or as a client attaches, in the background. */
  spawn({ client = false }: { readonly client?: boolean } = {}): SimPeer {
    const index = this.started++
    const host = this.network.addHost(index)
    const identity = index === 0 && this.organiser !== undefined ? this.organiser : this.authority.issue(index, this.random.bytes(16))
    const store = new MemoryResourceStore()
    const { colluding = 0 } = this.options
    const recruited = index > 0 && colluding > 0 && this.random.float() < colluding
      ? this.collusion.recruit(identity.nodeId, store, (id) => this.owner(id)?.index === index) : undefined
    const overlay = createOverlay({
      clock: host.clock, random: new SeededRandom((this.options.seed * 7919 + index) | 0), crypto: this.authority.crypto,
      // What one node has verified the others need not verify again, as long as all have the same configuration.
      ...(this.organiser === undefined ? { certificates: this.verifier } : { document: this.document() }),
      log: this.options.verbose === true ? stderrLog(`${index}`, this.clock) : this.log, identity, configuration: this.configuration,
      linkFactory: (credentials, listen) => {
        const factory = this.network.factory(host, listen.at(-1)?.port === 0 ? 6085 : 6084, credentials)
        return recruited?.wrap(factory) ?? factory
      },
      resourceStore: recruited?.store ?? store, ...(client && { clientMode: true }), bootstrap: { candidates: () => this.bootstrapAddresses(host) },
      listen: { host: host.address, port: 6084 }, firstPeer: index === 0,
    })
    const peer = new SimPeer(index, identity.nodeId, host, this.clock.monotonic(), overlay, store)
    this.peers.add(peer)
    overlay.onStatus(({ phase }) => {
      if ((phase === 'joined' || phase === 'alone') && peer.state === 'joining') {
        peer.state = 'member'
        if (client) return
        this.joinsMs.push(this.clock.monotonic() - peer.startedAt)
        this.members.splice(this.placeOf(peer.id), 0, peer)
        this.hash.add(this.clock.monotonic(), index, -2)
      }
    })
    overlay.start().catch((error: unknown) => { this.notes.push(`start of ${index}: ${String(error)}`) })
    return peer
  }

  async advance(ms: number): Promise<void> { await this.clock.advanceInTurns(ms) }

  /** Counters of all nodes together, since `beginMeasuring`. */
  get counters(): ReadonlyMap<string, number> {
    const sums = this.sumCounters()
    for (const [name, count] of this.countedBefore) sums.set(name, (sums.get(name) ?? 0) - count)
    return sums
  }

  beginMeasuring(): void {
    this.measuring = true
    this.countedBefore = this.sumCounters()
    const { messages, maintenance, acknowledgements, byCode } = this.network.traffic
    byCode.clear()
    this.measuredFrom = { atMs: this.clock.monotonic(), messages, maintenance, acknowledgements }
  }

  endMeasuring(): void {
    this.measuring = false
    const minutes = (this.clock.monotonic() - this.measuredFrom.atMs) / 60_000
    const perPeer = (what: 'messages' | 'maintenance' | 'acknowledgements'): number =>
      (minutes === 0 ? 0 : (this.network.traffic[what] - this.measuredFrom[what]) / minutes / this.members.length)
    this.messagesPerPeerPerMinute = perPeer('messages')
    this.maintenancePerPeerPerMinute = perPeer('maintenance')
    this.acknowledgementsPerPeerPerMinute = perPeer('acknowledgements')
    for (const [code, count] of this.network.traffic.byCode) this.maintenanceBy[code] = Math.round(10 * count / minutes / this.members.length) / 10
  }

  /** Moves time until the condition holds; says whether it came to that within `limitMs`. */
  async until(condition: () => boolean, limitMs: number, stepMs = 250): Promise<boolean> {
    for (let passed = 0; !condition(); passed += stepMs) {
      if (passed >= limitMs) return false
      await this.advance(stepMs)
    }
    return true
  }

  /** Starts nodes as fast as the ring takes them, until `count` are members. */
  async grow(count: number, share = 0.04): Promise<void> {
    const target = this.members.length + count
    let started = 0
    for (let turns = 0; this.members.length < target; turns++) {
      const joining = (): number => started - (this.members.length + count - target)
      const room = Math.max(1, Math.floor(this.members.length * share))
      while (started < count && joining() < room && (this.members.length > 0 || started === 0)) { this.spawn(); started++ }
      await this.advance(100)
      if (turns > 200_000) throw new Error(`only ${this.members.length} of ${target} have joined`)
    }
  }

  crash(peer: SimPeer, how: 'silent' | 'reset'): void {
    this.remove(peer)
    this.network.crash(peer.host, how)
    this.end(peer)
    this.hash.add(this.clock.monotonic(), peer.index, how === 'silent' ? -3 : -4)
  }

  /** The peer is in the overlay no more, though it runs: nothing is expected of it or of what it stored. */
  exclude(peer: SimPeer): void {
    this.remove(peer)
    this.hash.add(this.clock.monotonic(), peer.index, -5)
    for (let at = this.records.length - 1; at >= 0; at--) if (this.records[at]?.writer === peer) this.records.splice(at, 1)
  }

  leave(peer: SimPeer): void {
    this.remove(peer)
    peer.state = 'leaving'
    peer.overlay.stop().catch((error: unknown) => { this.notes.push(`stop of ${peer.index}: ${String(error)}`) })
      .finally(() => { this.network.retire(peer.host); this.end(peer) })
  }

  /** Registers a peer as a phone does, or refreshes it. */
  async register(peer: SimPeer, record: SimRecord = this.recordOf(peer), lifetimeS = 4 * 3600): Promise<void> {
    const version = record.version + 1
    const value = encodeSipRegistration({ type: 'route', contactPrefs: `v${version}`, destinationList: peer.overlay.route })
    try {
      await this.network.traffic.ofUser(() => peer.overlay.store(record.resourceId, [{ kind: sipRegistrationKind, key: record.key, value, lifetimeS }], never()))
      if (record.version === 0) this.records.push(record)
      record.version = version
    } catch (error) {
      if (peer.state !== 'member') return
      this.storesFailed++
      if (this.notes.length < 50) this.notes.push(`${Math.round(this.clock.monotonic())} store of ${peer.index}: ${String(error)}`)
    }
  }

  recordOf(peer: SimPeer): SimRecord {
    return { resourceId: peer.overlay.resourceId(this.authority.userName(peer.index)), key: peer.id, writer: peer, version: 0 }
  }

  /** Fetches a record from somewhere, robustly as a phone looks up whom it calls, and compares it with what was stored last. */
  async lookUp(from: SimPeer, record: SimRecord): Promise<void> {
    const version = record.version
    const startedAt = this.clock.monotonic()
    const counted = this.measuring
    const count = (result: keyof Tally, why = ''): void => {
      // Who has gone meanwhile does not care any more.
      if (!counted || from.state !== 'member') return
      this.lookups[result]++
      this.hash.add(this.clock.monotonic(), from.index, record.writer.index, result === 'ok' ? 1 : result === 'failed' ? 2 : 3)
      if (result === 'ok') this.latenciesMs.push(this.clock.monotonic() - startedAt)
      else if (this.notes.length < 50) this.notes.push(`${Math.round(startedAt)} lookup ${from.index} of ${record.writer.index} at ${toHex(record.resourceId).slice(0, 8)}: ${result} ${why}`)
    }
    try {
      const values = await this.network.traffic.ofUser(() => from.overlay.fetch(record.resourceId, sipRegistrationKind, { model: 'dictionary', keys: [] }, never(), { robust: true }))
      const value = values.find(({ key }) => key !== undefined && equalBytes(key, record.key))
      const registration = value === undefined ? undefined : decodeSipRegistration(value.value)
      const found = registration?.type === 'route' ? Number(registration.contactPrefs.slice(1)) : 0
      if (found >= version) count('ok')
      else count('wrong', `version ${found} instead of ${version}, ${this.whereabouts(record)}`)
    } catch (error) {
      count('failed', String(error))
    }
  }

  /** Pings whoever is responsible for an id: the number of hops, and whether it is the right one. */
  async route(from: SimPeer, id: Uint8Array, strict: boolean): Promise<void> {
    const before = this.owner(id)
    const counted = this.measuring
    try {
      const { hops, responder } = await this.network.traffic.ofUser(() => from.overlay.ping([{ resource: id }], never()))
      if (!counted || from.state !== 'member') return
      this.hops.push(hops)
      const right = [before, this.owner(id)].some((peer) => peer !== undefined && equalBytes(peer.id, responder))
      this.routed[right || !strict ? 'ok' : 'wrong']++
      if (!right && strict && this.notes.length < 50) this.notes.push(`${Math.round(this.clock.monotonic())} ping of ${from.index} to ${toHex(id).slice(0, 8)}: answered by ${toHex(responder).slice(0, 8)} not ${before?.index ?? -1}`)
    } catch (error) {
      if (!counted || from.state !== 'member') return
      this.routed.failed++
      if (this.notes.length < 50) this.notes.push(`${Math.round(this.clock.monotonic())} ping of ${from.index} to ${toHex(id).slice(0, 8)}, owner ${before?.index ?? -1}: ${String(error)}`)
    }
  }

  /** For the notes: who should hold a record, in order, and who does. */
  private whereabouts({ resourceId }: SimRecord): string {
    const at = this.placeOf(resourceId)
    const set = [0, 1, 2].map((i) => this.members[(at + i) % this.members.length])
    const since = (peer: SimPeer): string => `${peer.index} of ${Math.round((this.clock.monotonic() - peer.startedAt) / 1000)} s`
    const holders = this.members.filter(({ store }) => store.areas(resourceId).length > 0)
    return `belongs to ${set.map((peer) => (peer === undefined ? '' : since(peer))).join(', ')}; is at ${holders.map(since).join(', ')}`
  }

  /** Who must be responsible: the member at or next clockwise after `id` (RFC 6940 §10.1). */
  owner(id: Uint8Array): SimPeer | undefined { return this.members[this.placeOf(id) % Math.max(1, this.members.length)] }

  randomMember(): SimPeer | undefined { return this.members[Math.floor(this.random.float() * this.members.length)] }

  /** Members whose nearest neighbours are not those they should have. */
  misplaced(): readonly SimPeer[] {
    return this.members.filter((peer, i) => {
      if (this.members.length === 1) return false
      const next = this.members[(i + 1) % this.members.length] as SimPeer
      const previous = this.members[(i + this.members.length - 1) % this.members.length] as SimPeer
      return !this.isNearest(peer, next, 'successor') || !this.isNearest(peer, previous, 'predecessor')
    })
  }

  /** Stored records that no living node holds. */
  lostRecords(): readonly SimRecord[] {
    const held = new Set<string>()
    for (const { store } of this.members) for (const { resourceId } of store.areas()) held.add(toHex(resourceId))
    return this.records.filter(({ resourceId }) => !held.has(toHex(resourceId)))
  }

  private sumCounters(): Map<string, number> {
    const sums = new Map(this.countedByEnded)
    for (const { overlay } of this.peers) addTo(sums, overlay.counters)
    return sums
  }

  private end(peer: SimPeer): void {
    if (this.peers.delete(peer)) addTo(this.countedByEnded, peer.end())
  }

  private isNearest(peer: SimPeer, other: SimPeer, relation: 'successor' | 'predecessor'): boolean {
    const steps = (id: Uint8Array): Uint8Array => (relation === 'successor' ? distance(peer.id, id) : distance(id, peer.id))
    let best: Uint8Array | undefined
    for (const neighbour of peer.overlay.neighbours()) {
      if (neighbour.relation.includes(relation) && (best === undefined || compareBytes(steps(neighbour.nodeId), steps(best)) < 0)) best = neighbour.nodeId
    }
    return best !== undefined && equalBytes(best, other.id)
  }

  private remove(peer: SimPeer): void {
    const at = this.members.indexOf(peer)
    if (at >= 0) this.members.splice(at, 1)
    peer.state = 'gone'
  }

  private placeOf(id: Uint8Array): number {
    let low = 0, high = this.members.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (compareBytes((this.members[middle] as SimPeer).id, id) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /** A few members, as a cache of an earlier run or a list of well-known nodes would give. */
  private async *bootstrapAddresses(host: SimHost): AsyncGenerator<SocketAddress> {
    await Promise.resolve()
    for (let i = 0; i < 3; i++) {
      const member = this.randomMember()
      if (member !== undefined && member.host !== host) yield { host: member.host.address, port: 6084 }
    }
  }
}

function addTo(sums: Map<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) sums.set(name, (sums.get(name) ?? 0) + count)
}

export function stderrLog(prefix: string, clock: { monotonic(): number }): Log {
  const line = (level: string) => (event: string, fields?: Readonly<Record<string, unknown>>): void => { process.stderr.write(`${Math.round(clock.monotonic())} ${prefix} ${level} ${event} ${JSON.stringify(fields ?? {})}\n`) }
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error'), child: (area) => stderrLog(`${prefix}/${area}`, clock) }
}
