/**
 * From start to stop of a client (RFC 6940 §4.2): attaches to the peer responsible for its Node-ID, or to any while
 * that one is not reached, follows when the responsibility moves, and keeps a link to the next peer, which takes
 * over when its own dies. Never joins, stores nothing, routes nothing. Owns the phase that users see and the route
 * that others reach it by.
 */
import { sleep, withTimeout } from '../../base/abort.ts'
import { equalBytes, toHex } from '../../base/bytes.ts'
import { PeerError } from '../../base/errors.ts'
import { Emitter } from '../../base/event.ts'
import { Notifier } from '../../base/notifier.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { SocketAddress } from '../../ports/secureStream.ts'
import type { Attach } from '../attach/attach.ts'
import type { ConnectionTable } from '../forwarding/connectionTable.ts'
import { unique, type Membership } from '../topology/membership.ts'
import { clockwise, inRange, nextId } from '../topology/ring.ts'
import { findWaysIn, type SearchDependencies } from './bootstrapSearch.ts'
import type { NodeLifecycle } from './lifecycle.ts'
import type { Maintenance } from './maintenance.ts'
import type { OverlayPhase, OverlayStatus } from './overlay.ts'

export interface ClientDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly nodeId: Uint8Array
  readonly attach: Pick<Attach, 'attach'>
  readonly table: Pick<ConnectionTable, 'get' | 'all'>
  readonly membership: Pick<Membership, 'updateFrom' | 'listsOf' | 'size'>
  readonly maintenance: Pick<Maintenance, 'start' | 'stop'>
  readonly search: SearchDependencies
}

const ROUND_MS = 10_000
const UPDATE_MS = 5_000
const ATTACH_MS = 8_000
const RETRY_MS = { first: 1_000, most: 15_000 } as const
/** Without news from the peer, whether all is as it should be is looked at this often. */
const LOOK_MS = 30_000

export class ClientLifecycle implements NodeLifecycle {
  private readonly statusEvent = new Emitter<OverlayStatus>()
  private readonly routeEvent = new Emitter<void>()
  readonly onStatus = this.statusEvent.event
  readonly onRoute = this.routeEvent.event
  private current: OverlayStatus = { phase: 'stopped', step: null, listen: null, size: 0 }
  /** The peer we are attached to. */
  private home: Uint8Array | undefined
  private told: readonly Uint8Array[]
  private readonly changed = new Notifier()
  private readonly stopped = new AbortController()

  constructor(private readonly deps: ClientDependencies) { this.told = [deps.nodeId] }

  get status(): OverlayStatus { return this.current }
  /** Attached, and so able to ask. */
  get isMember(): boolean { return this.home !== undefined && this.deps.table.get(this.home) !== undefined }

  /** How others reach us: by our Node-ID while our peer is the responsible one, else by way of it. */
  get route(): readonly Uint8Array[] {
    const { home } = this
    return home === undefined || this.isResponsible(home) ? [this.deps.nodeId] : [home, this.deps.nodeId]
  }

  starting(): void { this.set('starting', 'listen') }

  run(listen: SocketAddress): void {
    this.current = { ...this.current, listen }
    this.deps.maintenance.start()
    this.live(this.stopped.signal).catch((error: unknown) => {
      if (!this.stopped.signal.aborted) this.deps.log.error('client lifecycle ended', { error: String(error) })
    })
  }

  /** An Update came, or a link went. */
  refresh(): void { this.changed.notify() }

  stop(): void {
    this.stopped.abort(new PeerError('cancelled', 'stopped'))
    this.deps.maintenance.stop()
    this.home = undefined
    this.current = { ...this.current, listen: null }
    this.set('stopped', null)
  }

  private async live(signal: AbortSignal): Promise<void> {
    for (let retryMs: number = RETRY_MS.first; ;) {
      if (!await this.attachToAny(signal)) {
        this.set('offline', null)
        await sleep(this.deps.clock, retryMs, signal)
        retryMs = Math.min(2 * retryMs, RETRY_MS.most)
        continue
      }
      retryMs = RETRY_MS.first
      while (this.isMember || this.moveToSpare()) {
        this.set('joined', null)
        // What comes while we follow must not be missed.
        const news = this.changed.wait()
        await this.follow(signal)
        this.tellRoute()
        if (this.isMember) await this.until(news, signal)
      }
      this.home = undefined
      this.deps.log.info('the peer of this client is gone')
    }
  }

  /** Through the links there are and the addresses that are known. @throws the signal's reason */
  private async attachToAny(signal: AbortSignal): Promise<boolean> {
    this.set('joining', 'bootstrap')
    for await (const node of findWaysIn(this.deps.search, ROUND_MS, signal)) if (await this.attachThrough(node, signal)) return true
    signal.throwIfAborted()
    return false
  }

  private async attachThrough(bootstrap: Uint8Array, signal: AbortSignal): Promise<boolean> {
    const { attach, nodeId, log } = this.deps
    this.set('joining', 'attach')
    try {
      this.home = await this.reached(signal, async (until) => (await attach.attach([{ resource: nextId(nodeId) }], until, { through: bootstrap, forUpdate: true })).nodeId)
      return true
    } catch (error) {
      signal.throwIfAborted()
      log.info('the responsible peer is not reached', { through: toHex(bootstrap), error: String(error) })
    }
    try {
      this.home = await this.reached(signal, async (until) => (await attach.attach([{ node: bootstrap }], until, { forUpdate: true })).nodeId)
      return true
    } catch (error) {
      signal.throwIfAborted()
      log.info('attach failed', { to: toHex(bootstrap), error: String(error) })
      return false
    }
  }

  /** A node that is attached to and has sent its Update. */
  private async reached(signal: AbortSignal, attach: (signal: AbortSignal) => Promise<Uint8Array>): Promise<Uint8Array> {
    const { clock, membership } = this.deps
    const node = await withTimeout(clock, ATTACH_MS, 'peer-unreachable', signal, attach)
    await withTimeout(clock, UPDATE_MS, 'peer-unreachable', signal, (until) => membership.updateFrom(node, () => true, until))
    return node
  }

  /** Goes where the responsibility has gone, and sees to the spare link. */
  private async follow(signal: AbortSignal): Promise<void> {
    for (let steps = 0; steps < 8; steps++) {
      const { home } = this
      if (home === undefined || !this.isMember) return
      const [nearest, spare] = this.known(home)
      if (nearest === undefined) return
      const moves = !equalBytes(nearest, home)
      if (!await this.ensure(moves ? nearest : spare, home, signal)) return
      if (!moves) {
        this.closeOthers(home, spare)
        return
      }
      this.deps.log.info('client moves', { to: toHex(nearest) })
      this.home = nearest
    }
  }

  private async ensure(node: Uint8Array | undefined, via: Uint8Array, signal: AbortSignal): Promise<boolean> {
    if (node === undefined || equalBytes(node, via)) return true
    if (this.deps.table.get(node) !== undefined && this.deps.membership.listsOf(node) !== undefined) return true
    try {
      await this.reached(signal, async (until) => (await this.deps.attach.attach([{ node: via }, { node }], until, { through: via, forUpdate: true })).nodeId)
      return true
    } catch (error) {
      signal.throwIfAborted()
      this.deps.log.debug('peer not reached', { peer: toHex(node), error: String(error) })
      return false
    }
  }

  /** Peers that our own one knows of, itself among them: the responsible one first, then those behind it. */
  private known(home: Uint8Array): readonly Uint8Array[] {
    const { nodeId, membership } = this.deps
    const lists = membership.listsOf(home)
    const all = unique([home, ...lists?.predecessors ?? [], ...lists?.successors ?? []]).filter((id) => !equalBytes(id, nodeId))
    return clockwise(nodeId, all)
  }

  private isResponsible(peer: Uint8Array): boolean {
    const predecessor = this.deps.membership.listsOf(peer)?.predecessors[0]
    return predecessor === undefined || inRange(predecessor, this.deps.nodeId, peer)
  }

  /** Our peer is gone: the one behind it is responsible now. */
  private moveToSpare(): boolean {
    const { table, membership, nodeId } = this.deps
    const [next] = clockwise(nodeId, table.all().map((connection) => connection.nodeId).filter((id) => table.get(id) !== undefined && membership.listsOf(id) !== undefined))
    if (next === undefined) return false
    this.deps.log.info('client moves to its spare peer', { to: toHex(next) })
    this.home = next
    return true
  }

  private closeOthers(home: Uint8Array, spare: Uint8Array | undefined): void {
    for (const { nodeId, link } of this.deps.table.all()) {
      if (!equalBytes(nodeId, home) && (spare === undefined || !equalBytes(nodeId, spare))) link.close()
    }
  }

  private async until(news: Promise<void>, signal: AbortSignal): Promise<void> {
    const early = new AbortController()
    news.then(() => { early.abort(new PeerError('cancelled')) }, () => undefined)
    await sleep(this.deps.clock, LOOK_MS, AbortSignal.any([signal, early.signal])).catch((error: unknown) => {
      if (!early.signal.aborted || signal.aborted) throw error
    })
  }

  private tellRoute(): void {
    const { route, told } = this
    if (route.length === told.length && route.every((id, i) => equalBytes(id, told[i] as Uint8Array))) return
    this.told = route
    this.routeEvent.emit()
  }

  private set(phase: OverlayPhase, step: OverlayStatus['step']): void {
    // A client is none of the peers.
    const size = phase === 'stopped' ? 0 : phase === 'joined' ? Math.max(1, this.deps.membership.size - 1) : 1
    const { current } = this
    if (current.phase === phase && current.step === step && current.size === size) return
    this.current = { phase, step, listen: current.listen, size }
    this.deps.log.info('client', { phase, step, size })
    this.statusEvent.emit(this.current)
  }
}
