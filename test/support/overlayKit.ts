/** Rings of whole overlay nodes in one process: real certificates and messages, a network in memory, virtual time. */
import { compareBytes, utf8Bytes } from '../../src-main/base/bytes.ts'
import { createNoIceTlsFactory } from '../../src-main/connectivity/linkFactories/noIceTls.ts'
import type { PrivateKey } from '../../src-main/ports/crypto.ts'
import type { Log } from '../../src-main/ports/log.ts'
import type { SocketAddress } from '../../src-main/ports/secureStream.ts'
import { newConfiguration, type OverlayConfiguration } from '../../src-main/reload/config/configuration.ts'
import { configurationOf, parseOverlayDocument } from '../../src-main/reload/config/overlayDocument.ts'
import { signDocument, writeConfiguration } from '../../src-main/reload/config/writeConfiguration.ts'
import type { BootstrapSource } from '../../src-main/reload/overlay/bootstrapSource.ts'
import { createOverlay, type NodeIdentity } from '../../src-main/reload/overlay/createOverlay.ts'
import type { Overlay } from '../../src-main/reload/overlay/overlay.ts'
import { Signer } from '../../src-main/reload/security/signer.ts'
import { Kind } from '../../src-main/reload/wire/kinds.ts'
import { distance } from '../../src-main/reload/topology/ring.ts'
import { MemoryResourceStore } from '../../src-main/store/memory/resourceStore.ts'
import { crypto, makeAuthority, makePeer, type TestAuthority } from './certificates.ts'
import { MemoryNetwork } from './memoryNetwork.ts'
import { SeededRandom } from './seededRandom.ts'
import { settle, VirtualClock } from './virtualClock.ts'

export const silentLog: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => silentLog }

/** Writes to stderr, for looking at one failing test. */
export function consoleLog(prefix: string, clock: { monotonic(): number }): Log {
  const line = (level: string) => (event: string, fields?: Readonly<Record<string, unknown>>): void => { process.stderr.write(`${clock.monotonic()} ${prefix} ${level} ${event} ${JSON.stringify(fields ?? {})}\n`) }
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error'), child: (area) => consoleLog(`${prefix}/${area}`, clock) }
}

export const overlayName = 'office.example'
const keys: Promise<PrivateKey>[] = []

/** The nodes of a test process share a few, one in four of them of RSA: overlays of both kinds of keys are the rule. */
export function sharedKey(index: number): Promise<PrivateKey> { return keys[index % 4] ??= crypto.generateKey(index % 4 === 1 ? 'rsa' : 'ec') }

let authority: Promise<TestAuthority> | undefined
/** The authority whose certificates hold at the virtual clock's time and now. */
export function sharedAuthority(): Promise<TestAuthority> { return authority ??= makeAuthority('office.example root', Date.UTC(2025, 11, 1)) }

const yearsMs = 10 * 365 * 86_400_000

export async function makeIdentity(user: string, index: number, options: { readonly nodeId?: Uint8Array; readonly authority?: TestAuthority } = {}): Promise<NodeIdentity> {
  const key = await sharedKey(index)
  const peer = await makePeer(options.authority ?? await sharedAuthority(), user, overlayName, {
    key, nowMs: Date.UTC(2025, 11, 1), notAfter: Date.UTC(2025, 11, 1) + yearsMs, ...(options.nodeId === undefined ? {} : { nodeId: options.nodeId }),
  })
  return { overlayName, nodeId: peer.nodeId, certificate: peer.certificate, chain: [], privateKey: key }
}

export async function testConfiguration(more: Partial<OverlayConfiguration> = {}): Promise<OverlayConfiguration> {
  return newConfiguration({ instanceName: overlayName, rootCerts: [(await sharedAuthority()).certificate.der], noIce: true, ...more })
}

/** A document of the test overlay, signed by `signer`, who is its configuration-signer and kind-signer unless `more` says otherwise. */
export async function signedDocument(signer: NodeIdentity, more: Partial<OverlayConfiguration> = {}): Promise<Uint8Array> {
  const configuration = await testConfiguration({ configurationSigners: [signer.nodeId], kindSigners: [signer.nodeId], ...more })
  return utf8Bytes(signDocument(writeConfiguration(configuration), new Signer(crypto, signer)))
}

export interface RingNode {
  readonly name: string
  readonly host: string
  readonly identity: NodeIdentity
  readonly overlay: Overlay
  readonly store: MemoryResourceStore
  /** Addresses it thought worth keeping. */
  readonly remembered: SocketAddress[]
  /** Overlay documents that came into force since it started. */
  readonly documents: Uint8Array[]
  /** Error codes it was excluded with. */
  readonly excluded: string[]
}

export class Ring {
  readonly clock = new VirtualClock()
  readonly network = new MemoryNetwork(this.clock)
  readonly random: SeededRandom
  readonly nodes: RingNode[] = []
  readonly bootstrapAddresses: SocketAddress[] = []
  verbose = false
  private made = 0

  constructor(seed = 1) { this.random = new SeededRandom(seed) }

  /** Makes a node without starting it. The first one may stand alone. */
  async make(options: { readonly identity?: NodeIdentity; readonly firstPeer?: boolean; readonly configuration?: OverlayConfiguration; readonly document?: Uint8Array; readonly clientMode?: boolean; readonly bootstrap?: readonly SocketAddress[]; readonly candidates?: BootstrapSource['candidates']; readonly host?: string; readonly compactVia?: 'always' } = {}): Promise<RingNode> {
    const index = this.made++
    const name = `user${index}`
    const host = options.host ?? `10.0.0.${index + 1}`
    const identity = options.identity ?? await makeIdentity(name, index, { nodeId: this.random.bytes(16) })
    const { secure, interfaces } = this.network.host(host)
    const addresses = options.bootstrap ?? this.bootstrapAddresses
    const remembered: SocketAddress[] = []
    const source: BootstrapSource = {
      candidates: options.candidates ?? (async function* () { yield* await Promise.resolve([...addresses]) }),
      remember: (address) => { remembered.push(address) },
    }
    const store = new MemoryResourceStore()
    const overlay = createOverlay({
      clock: this.clock, random: new SeededRandom(1000 + index), crypto, log: this.verbose ? consoleLog(name, this.clock) : silentLog, identity,
      configuration: options.document === undefined ? options.configuration ?? await testConfiguration() : configurationOf(parseOverlayDocument(options.document), overlayName).configuration,
      ...(options.document !== undefined && { document: options.document }),
      linkFactory: (credentials, listen) => createNoIceTlsFactory({ clock: this.clock, random: this.random, network: secure, interfaces, credentials, listen }),
      resourceStore: store, bootstrap: source, listen: { host, port: 6084 }, firstPeer: options.firstPeer ?? index === 0, ...(options.clientMode === true && { clientMode: true }), ...(options.compactVia !== undefined && { compactVia: options.compactVia }),
    })
    const documents: Uint8Array[] = []
    overlay.onDocument((document) => { documents.push(document) })
    const excluded: string[] = []
    overlay.onExcluded(({ code }) => { excluded.push(code) })
    const node = { name, host, identity, overlay, store, remembered, documents, excluded }
    this.nodes.push(node)
    if (index === 0) this.bootstrapAddresses.push({ host, port: 6084 })
    return node
  }

  /** Makes and starts nodes one after the other, each joined before the next. */
  async grow(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const node = await this.make()
      await node.overlay.start()
      await this.until(() => node.overlay.status.phase === 'joined' || node.overlay.status.phase === 'alone', 30_000)
    }
    await this.advance(500)
  }

  async advance(ms: number): Promise<void> { await this.clock.advanceAsync(ms) }

  /** Moves time until the condition holds; throws after `limitMs` of virtual time. */
  async until(condition: () => boolean, limitMs: number, stepMs = 20): Promise<void> {
    for (let passed = 0; !condition(); passed += stepMs) {
      if (passed >= limitMs) throw new Error(`not so after ${limitMs} ms: ${this.describe()}`)
      await this.clock.advanceAsync(stepMs)
    }
  }

  /** Moves time until the promise settles. */
  async wait<T>(promise: Promise<T>, limitMs = 30_000): Promise<T> {
    let done = false
    const guarded = promise.finally(() => { done = true })
    guarded.catch(() => undefined)
    await settle()
    await this.until(() => done, limitMs)
    return guarded
  }

  get live(): readonly RingNode[] { return this.nodes.filter(({ overlay }) => overlay.status.phase === 'joined' || overlay.status.phase === 'alone') }

  /** The node that must be responsible for `id`: the first at or clockwise after it (RFC 6940 §10.1). */
  owner(id: Uint8Array): RingNode {
    const [nearest] = [...this.live].sort((a, b) => compareBytes(distance(id, a.identity.nodeId), distance(id, b.identity.nodeId)))
    if (nearest === undefined) throw new Error('nobody is a member')
    return nearest
  }

  /** Fetches from whoever is responsible for `id`, from `from`, and says who answered. */
  async answerer(from: RingNode, id: Uint8Array): Promise<string> {
    const served = (): number[] => this.nodes.map(({ overlay }) => overlay.counters['request.received.fetchReq'] ?? 0)
    const before = served()
    await this.wait(from.overlay.fetch(id, Kind.sipRegistration, { model: 'dictionary', keys: [] }, new AbortController().signal), 20_000)
    const after = served()
    return this.nodes.filter((_, i) => after[i] !== before[i]).map(({ name }) => name).join('+')
  }

  /** Stops everything and returns how many timers are left. */
  async close(): Promise<number> {
    await this.wait(Promise.all(this.nodes.map(({ overlay }) => overlay.stop())))
    await this.advance(60_000)
    return this.clock.pending
  }

  describe(): string { return this.nodes.map(({ name, overlay }) => `${name}:${overlay.status.phase}/${overlay.status.step ?? '-'}/${overlay.neighbours().length}`).join(' ') }
}
