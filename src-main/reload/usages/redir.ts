/**
 * Service discovery with ReDiR (RFC 7374): who offers a service registers in the tree of its namespace and does so
 * again at 90 % of its lifetime; who needs one finds the provider that follows a key on the ring. Two procedures
 * over Fetch and Store; owns the refresh timers and the starting levels learnt, nothing else.
 */
import { withTimeout } from '../../base/abort.ts'
import { compareBytes, equalBytes, toHex } from '../../base/bytes.ts'
import { PeerError } from '../../base/errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'
import { Kind } from '../wire/kinds.ts'
import type { ValueSelector, VerifiedValue } from './fetchClient.ts'
import { deepestLevel, encodeProvider, intervalOf, readProvider, redirResourceName, treeNodeOf, type ServiceProvider } from './redirTree.ts'
import type { ValueToStore } from './storeClient.ts'

/** Namespaces that this program knows; RFC 7374 §10.5 registers the first and the third. */
export const redirNamespaces = ['turn-server', 'gateway', 'voice-mail', 'conference'] as const
export type RedirNamespace = (typeof redirNamespaces)[number]

/** The slice of `reload/overlay` needed here. */
export interface RedirOverlay {
  readonly nodeId: Uint8Array
  resourceId(name: Uint8Array | string): Uint8Array
  store(resourceId: Uint8Array, values: readonly ValueToStore[], signal: AbortSignal): Promise<unknown>
  fetch(resourceId: Uint8Array, kind: number, selector: ValueSelector, signal: AbortSignal): Promise<readonly VerifiedValue[]>
}

export interface RedirDependencies {
  readonly overlay: RedirOverlay
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** redir:branching-factor of the configuration in force. */
  branchingFactor(): number
}

export interface Found {
  readonly provider: ServiceProvider
  /** Where the look-up ended, and how many tree nodes were fetched. */
  readonly level: number
  readonly fetches: number
}

const START_LEVEL = 2
const LIFETIME_S = 600
const REFRESH_MS = LIFETIME_S * 900
const RETRY_MS = 30_000
/** Look-ups whose levels decide where the next one starts (§4.2). */
const HISTORY = 16

interface Registered {
  readonly destination: ServiceProvider['destination']
  readonly running: AbortController
  timer: Timer | undefined
  /** Tree nodes with our record, by resource name in hexadecimal. */
  readonly places: Map<string, Uint8Array>
}

export class Redir {
  private readonly registered = new Map<string, Registered>()
  private readonly levels: number[] = []

  constructor(private readonly deps: RedirDependencies) {}

  /**
   * Offers a service until `unregister`. Registers in the background, and again whenever it is time.
   * @param destination how clients reach us; our Node-ID when absent
   */
  register(namespace: string, destination: ServiceProvider['destination'] = [{ node: this.deps.overlay.nodeId }]): void {
    if (this.registered.has(namespace)) return
    const entry: Registered = { destination, running: new AbortController(), timer: undefined, places: new Map() }
    this.registered.set(namespace, entry)
    this.refresh(namespace, entry)
  }

  /** Removes our records from the tree (§4.6), as far as they can be reached. */
  async unregister(namespace: string, signal: AbortSignal): Promise<void> {
    const entry = this.registered.get(namespace)
    if (entry === undefined) return
    this.registered.delete(namespace)
    entry.timer?.cancel()
    entry.running.abort(new PeerError('cancelled'))
    const { overlay, log } = this.deps
    const gone = await Promise.allSettled([...entry.places.values()].map((resource) =>
      overlay.store(resource, [{ kind: Kind.redir, key: overlay.nodeId, value: undefined, lifetimeS: LIFETIME_S }], signal)))
    signal.throwIfAborted()
    const left = gone.filter(({ status }) => status === 'rejected').length
    if (left > 0) log.info('service records not removed', { namespace, left })
  }

  /** Namespaces we are registered in at present. */
  get namespaces(): readonly string[] { return [...this.registered].filter(([, { places }]) => places.size > 0).map(([name]) => name) }

  /**
   * Registers once (§4.3): up from the starting level while we are the lowest or highest of our interval, then
   * down until we are alone in it. @throws as Overlay.store and fetch
   */
  async registerOnce(namespace: string, destination: ServiceProvider['destination'], signal: AbortSignal): Promise<ReadonlyMap<string, Uint8Array>> {
    const { overlay } = this.deps
    const branching = this.deps.branchingFactor()
    const own: ServiceProvider = { nodeId: overlay.nodeId, destination }
    const places = new Map<string, Uint8Array>()
    const store = async (level: number): Promise<void> => {
      const node = treeNodeOf(level, own.nodeId, branching)
      const resource = overlay.resourceId(redirResourceName(namespace, level, node))
      if (places.has(toHex(resource))) return
      await overlay.store(resource, [{ kind: Kind.redir, key: own.nodeId, value: encodeProvider(own, namespace, level, node), lifetimeS: LIFETIME_S }], signal)
      places.set(toHex(resource), resource)
    }
    const start = Math.min(START_LEVEL, deepestLevel(branching))
    const first = this.others(await this.providersAt(namespace, start, own.nodeId, branching, signal), start, branching)
    let others = first
    for (let level = start; ; level--) {
      if (level < start) others = this.others(await this.providersAt(namespace, level, own.nodeId, branching, signal), level, branching)
      await store(level)
      if (level === 0 || !isExtreme(own.nodeId, others)) break
    }
    others = first
    for (let level = start; level <= deepestLevel(branching); level++) {
      if (level > start) others = this.others(await this.providersAt(namespace, level, own.nodeId, branching, signal), level, branching)
      if (isExtreme(own.nodeId, others)) await store(level)
      if (others.length === 0) break
    }
    return places
  }

  /**
   * The provider whose Node-ID follows `key` most closely (§4.5), or one of the root's when none follows; undefined
   * when nobody offers the service. @throws as Overlay.fetch
   */
  async lookUp(namespace: string, key: Uint8Array, signal: AbortSignal): Promise<Found | undefined> {
    const branching = this.deps.branchingFactor()
    const seen = new Map<string, ServiceProvider>()
    const visited = new Set<number>()
    let level = Math.min(this.startLevel(), deepestLevel(branching))
    let providers: readonly ServiceProvider[] = []
    const done = (provider: ServiceProvider): Found => {
      this.levels.push(level)
      if (this.levels.length > HISTORY) this.levels.shift()
      return { provider, level, fetches: visited.size }
    }
    while (level >= 0 && level <= deepestLevel(branching) && !visited.has(level)) {
      visited.add(level)
      providers = await this.providersAt(namespace, level, key, branching, signal)
      for (const provider of providers) seen.set(toHex(provider.nodeId), provider)
      const successor = nearestAfter(providers, key)
      if (successor === undefined) { level--; continue }
      const mine = providers.filter(({ nodeId }) => intervalOf(level, nodeId, branching) === intervalOf(level, key, branching))
      const inside = mine.some(({ nodeId }) => compareBytes(nodeId, key) < 0) && mine.some(({ nodeId }) => compareBytes(nodeId, key) > 0)
      if (!inside || level === deepestLevel(branching) || equalBytes(successor.nodeId, key)) return done(successor)
      level++
    }
    // The walk went back to where it had been: records were changing under it. What was seen answers as well.
    const cached = nearestAfter([...seen.values()], key)
    level = Math.max(0, Math.min(level, deepestLevel(branching)))
    if (cached !== undefined) return done(cached)
    const [byte = 0] = this.deps.random.bytes(1)
    const any = [...seen.values()]
    const picked = any[Math.floor((byte / 256) * any.length)]
    return picked === undefined ? undefined : done(picked)
  }

  /** Removes all our records if that can be done within `graceMs`, and ends. Never rejects. */
  async stop(graceMs: number): Promise<void> {
    const names = [...this.registered.keys()]
    if (names.length > 0) {
      await withTimeout(this.deps.clock, graceMs, 'network-timeout', new AbortController().signal, (signal) => Promise.all(names.map((name) => this.unregister(name, signal))))
        .catch((cause: unknown) => { this.deps.log.info('service records left behind', { cause: String(cause) }) })
    }
    this.close()
  }

  /** Ends refreshing; the records run out by themselves. */
  close(): void {
    for (const { timer, running } of this.registered.values()) { timer?.cancel(); running.abort(new PeerError('cancelled')) }
    this.registered.clear()
  }

  /** The level at which most of the last look-ups ended (§4.2). */
  private startLevel(): number {
    const counts = new Map<number, number>()
    for (const level of this.levels) counts.set(level, (counts.get(level) ?? 0) + 1)
    let best: number | undefined
    for (const [level, count] of counts) if (best === undefined || count > (counts.get(best) ?? 0)) best = level
    return best ?? START_LEVEL
  }

  private refresh(namespace: string, entry: Registered): void {
    const { clock, log } = this.deps
    this.registerOnce(namespace, entry.destination, entry.running.signal).then(
      (places) => {
        for (const [name, resource] of places) entry.places.set(name, resource)
        return REFRESH_MS
      },
      (cause: unknown) => {
        if (!entry.running.signal.aborted) log.info('service not registered', { namespace, cause: String(cause) })
        return RETRY_MS
      },
    ).then((afterMs) => {
      if (!entry.running.signal.aborted) entry.timer = clock.setTimer(afterMs, () => { this.refresh(namespace, entry) })
    }).catch((cause: unknown) => { log.error('service registration', { cause: String(cause) }) })
  }

  /** All records of the tree node at `level` that covers `key`. */
  private async providersAt(namespace: string, level: number, key: Uint8Array, branching: number, signal: AbortSignal): Promise<readonly ServiceProvider[]> {
    const { overlay } = this.deps
    const node = treeNodeOf(level, key, branching)
    const values = await overlay.fetch(overlay.resourceId(redirResourceName(namespace, level, node)), Kind.redir, { model: 'dictionary', keys: [] }, signal)
    return values.flatMap(({ key: owner, value }) => owner === undefined ? [] : readProvider(owner, value, namespace, level, node) ?? [])
  }

  /** Other providers in our interval. */
  private others(providers: readonly ServiceProvider[], level: number, branching: number): readonly ServiceProvider[] {
    const { nodeId } = this.deps.overlay
    const interval = intervalOf(level, nodeId, branching)
    return providers.filter((provider) => !equalBytes(provider.nodeId, nodeId) && intervalOf(level, provider.nodeId, branching) === interval)
  }
}

function isExtreme(nodeId: Uint8Array, others: readonly ServiceProvider[]): boolean {
  return others.every((other) => compareBytes(other.nodeId, nodeId) > 0) || others.every((other) => compareBytes(other.nodeId, nodeId) < 0)
}

/** The lowest Node-ID that is not below the key. */
function nearestAfter(providers: readonly ServiceProvider[], key: Uint8Array): ServiceProvider | undefined {
  let best: ServiceProvider | undefined
  for (const provider of providers) {
    if (compareBytes(provider.nodeId, key) < 0) continue
    if (best === undefined || compareBytes(provider.nodeId, best.nodeId) < 0) best = provider
  }
  return best
}
