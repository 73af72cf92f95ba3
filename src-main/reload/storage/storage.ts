/**
 * Storage of one peer (RFC 6940 §7): the facade that the overlay wires. Register `handleStore`, `handleFetch`,
 * `handleStat` and `handleFind` with the responder for their message codes; call `onTopologyChanged` after each
 * change of the neighbour table (it is safe to call it too often); await `handOver` before the Update that ends
 * the admission of a peer. Owns the sweep of expired values and all sending of replicas.
 */
import { equalBytes } from '../../base/bytes.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Crypto } from '../../ports/crypto.ts'
import type { HandOver, TopologyUser } from '../forwarding/topologyPlugin.ts'
import type { IncomingRequest, Outcome, RequestSender } from '../transaction/exchange.ts'
import { hashToResourceId } from '../wire/identifiers.ts'
import { Areas } from './areas.ts'
import type { Count, DataVerifier, Kinds, StorageTopology, UsageRule } from './dependencies.ts'
import { StorageClock } from './expiry.ts'
import { FetchHandler } from './fetchHandler.ts'
import { ReplicaSender } from './replicaSender.ts'
import { Replication } from './replication.ts'
import type { KindUsage, ResourceStore } from './resourceStore.ts'
import { SharedAccess } from './sharedAccess.ts'
import { StoreHandler, type StoreUser } from './storeHandler.ts'
import { ValueChecks } from './valueChecks.ts'

export interface StorageDependencies {
  readonly clock: Clock
  readonly crypto: Pick<Crypto, 'sha1' | 'sha256'>
  readonly store: ResourceStore
  readonly topology: StorageTopology
  readonly sender: RequestSender
  readonly verifier: DataVerifier
  readonly kinds: Kinds
  /** Rules of usages by Kind-ID; `reload/usages/usageRules` has those of the Kinds that need one. */
  readonly usages: ReadonlyMap<number, UsageRule>
  /** max-message-size of the configuration in force, in bytes. */
  readonly maxMessageBytes: () => number
  readonly count: Count
}

/** Expired values are not answered with from the moment they expire; this only frees their room. */
const sweepIntervalMs = 60_000

export class Storage implements TopologyUser, HandOver {
  private readonly areas: Areas
  private readonly stores: StoreHandler
  private readonly fetches: FetchHandler
  private readonly replicaSender: ReplicaSender
  private readonly replication: Replication
  private sweepTimer: Timer

  constructor(private readonly dependencies: StorageDependencies) {
    const { clock, crypto, store, topology, kinds, verifier, usages, count } = dependencies
    const storageClock = new StorageClock(clock)
    const hash = (name: Uint8Array | string): Uint8Array => hashToResourceId(crypto, name)
    const checks = new ValueChecks(verifier, hash, usages)
    this.areas = new Areas(store, storageClock)
    this.areas.sweep()
    const user: StoreUser = {
      onStored: (resourceId, changed, from) => { this.replication.onStored(resourceId, changed, from) },
      onCopied: (resourceId, from) => { this.replication.onCopied(resourceId, from) },
    }
    this.stores = new StoreHandler(this.areas, storageClock, kinds, checks, topology, new SharedAccess(this.areas, kinds, verifier, hash), user, count)
    this.fetches = new FetchHandler(this.areas, kinds, topology, crypto)
    this.replicaSender = new ReplicaSender(dependencies.sender, this.areas, kinds, this.stores, dependencies.maxMessageBytes, count)
    this.replication = new Replication(this.areas, topology, this.replicaSender, clock)
    this.sweepTimer = this.nextSweep()
  }

  readonly handleStore = (request: IncomingRequest): Outcome => this.stores.handle(request)
  readonly handleFetch = (request: IncomingRequest): Outcome => this.fetches.fetch(request)
  readonly handleStat = (request: IncomingRequest): Outcome => this.fetches.stat(request)
  readonly handleFind = (request: IncomingRequest): Outcome => this.fetches.find(request)

  onTopologyChanged(): void { this.replication.onTopologyChanged() }
  onRangeChanged(): void { this.replication.onTopologyChanged() }
  onNeighboursChanged(): void { this.replication.onTopologyChanged() }
  onTakenOver(heir: Uint8Array, after: Uint8Array, upTo: Uint8Array): void { this.replication.onTakenOver(heir, after, upTo) }

  handOver(joining: Uint8Array, signal: AbortSignal): Promise<void> {
    return this.replication.handOver(joining, signal)
  }

  /** Number of Resource-IDs with something stored here: Probe's num_resources (RFC 6940 §6.4.2.5.1). */
  resourceCount(): number {
    let count = 0
    let last: Uint8Array | undefined
    for (const { resourceId } of this.areas.names()) {
      if (last === undefined || !equalBytes(last, resourceId)) count += 1
      last = resourceId
    }
    return count
  }

  /** How many values of each Kind are stored here, and how large they are (RFC 7851 §5.3). */
  usage(): readonly KindUsage[] { return this.areas.usage() }

  /**
   * A new configuration is in force: Kinds that are known no longer lose their data (RFC 6940 §11.1), and values
   * whose signers are not of the overlay any more are forgotten.
   * @param isValid of the certificates kept with a value, the signer's first
   */
  reconfigured(removedKinds: ReadonlySet<number>, isValid: (certificates: readonly Uint8Array[]) => boolean): void {
    const { removed, values } = this.areas.purge(removedKinds, isValid)
    for (let i = 0; i < removed; i++) this.dependencies.count('dropped.kind')
    for (let i = 0; i < values; i++) this.dependencies.count('dropped.signer')
  }

  /** Idempotent. Ends sending and timers; what is stored stays in the resource store. */
  close(): void {
    this.sweepTimer.cancel()
    this.replication.close()
    this.replicaSender.close()
  }

  private nextSweep(): Timer {
    return this.dependencies.clock.setTimer(sweepIntervalMs, () => {
      if (!this.areas.sweep()) this.dependencies.count('failed.sweep')
      this.replication.retry()
      this.sweepTimer = this.nextSweep()
    })
  }
}
