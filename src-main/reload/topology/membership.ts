/**
 * The topology methods of CHORD-RELOAD (RFC 6940 §6.4.2, §10): serves Join, Leave and Update, sends Updates when
 * the tables change, attaches to peers that should be neighbours, admits joining peers with hand-over. What the
 * tables are is decided by `Chord`; how we ourselves join is `reload/overlay/join`.
 */
import { untilAborted, withTimeout } from '../../base/abort.ts'
import { equalBytes, toHex } from '../../base/bytes.ts'
import type { Counters } from '../../base/counters.ts'
import { PeerError } from '../../base/errors.ts'
import { Notifier } from '../../base/notifier.ts'
import { decode, encode } from '../../base/presentation.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Attach } from '../attach/attach.ts'
import type { ConnectionTable } from '../forwarding/connectionTable.ts'
import type { HandOver, TopologyUser } from '../forwarding/topologyPlugin.ts'
import type { IncomingRequest, Outcome, RequestSender } from '../transaction/exchange.ts'
import { decodeBody, encodeContents } from '../wire/bodies.ts'
import { ErrorCode, MessageCode } from '../wire/constants.ts'
import { chordLeaveData, type ChordLeaveData, type ChordUpdate } from '../wire/topology.ts'
import { Chord, type ChordOptions, type ChordUser, type NeighbourLists } from './chord.ts'

export interface MembershipDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly nodeId: Uint8Array
  readonly sender: RequestSender
  readonly attach: Pick<Attach, 'attach'>
  readonly table: Pick<ConnectionTable, 'get' | 'all'>
  readonly counters: Counters
  readonly options?: ChordOptions
  /** Storage; told of changes and asked to hand data over. */
  readonly storage: TopologyUser & HandOver
  /** We are a member and have no peer left. */
  onIsolated(): void
  /** Anything about neighbours changed. */
  onChanged(): void
}

/** Changes within this time go out in one Update. */
const GATHER_MS = 20
const HAND_OVER_MS = 10_000
/** A peer that could not be attached to is left alone this long, whoever names it. */
const FAILED_MS = 30_000
const ATTACH_MS = 20_000
const MAX_ATTACHING = 16
const LEAVE_MS = 1_500

export class Membership implements ChordUser {
  readonly chord: Chord
  private readonly attaching = new Set<string>()
  private readonly failedUntil = new Map<string, number>()
  private readonly lastUpdates = new Map<string, NeighbourLists>()
  private readonly updated = new Notifier()
  /** Leaves that are not answered yet. */
  private readonly leaving = new Map<string, AbortController>()
  private readonly stopped = new AbortController()
  private admissions: Promise<void> = Promise.resolve()
  private gathering: Timer | undefined
  private readonly startedAt: number

  constructor(private readonly deps: MembershipDependencies) {
    this.chord = new Chord(deps.nodeId, this, deps.options)
    this.startedAt = deps.clock.monotonic()
  }

  // Links

  onLinkUp(nodeId: Uint8Array): void {
    this.failedUntil.delete(toHex(nodeId))
    this.chord.linkUp(nodeId)
  }

  onLinkDown(nodeId: Uint8Array): void {
    this.lastUpdates.delete(toHex(nodeId))
    this.leaving.get(toHex(nodeId))?.abort(new PeerError('peer-unreachable'))
    this.chord.linkDown(nodeId)
  }

  // ChordUser

  onWanted(target: Uint8Array, via: Uint8Array): void {
    const key = toHex(target)
    if (this.attaching.has(key) || this.attaching.size >= MAX_ATTACHING || this.stopped.signal.aborted) return
    if ((this.failedUntil.get(key) ?? 0) > this.deps.clock.monotonic()) return
    this.attaching.add(key)
    // Source-routed through whoever told of it (RFC 6940 §10.6).
    const destination = equalBytes(via, target) ? [{ node: target }] : [{ node: via }, { node: target }]
    withTimeout(this.deps.clock, ATTACH_MS, 'peer-unreachable', this.stopped.signal, (signal) => this.deps.attach.attach(destination, signal, { forUpdate: true })).then(
      () => { if (this.chord.isMember) this.sendUpdate(target) },
      (error: unknown) => {
        this.deps.log.debug('neighbour not reached', { peer: key, error: String(error) })
        this.remember(key)
        this.chord.unreachable(target)
      },
    ).finally(() => { this.attaching.delete(key) }).catch((error: unknown) => { this.deps.log.error('attach to neighbour', { error: String(error) }) })
  }

  onTablesChanged(change: { readonly range: boolean; readonly replicas: boolean }): void {
    this.gathering ??= this.deps.clock.setTimer(GATHER_MS, () => { this.gathering = undefined; this.updateAll() })
    if (change.range) this.deps.storage.onRangeChanged()
    this.deps.storage.onNeighboursChanged()
    this.deps.onChanged()
  }

  onIsolated(): void { this.deps.onIsolated() }

  // Updates

  /** Updates every node of the Connection Table (RFC 6940 §10.7.3). */
  updateAll(): void { for (const { nodeId } of this.deps.table.all()) this.sendUpdate(nodeId) }

  /** Updates the neighbours only, as stabilisation does (RFC 6940 §10.7.4.1). */
  updateNeighbours(): void {
    for (const nodeId of unique([...this.chord.predecessors, ...this.chord.successors])) this.sendUpdate(nodeId)
  }

  /** Only members send Updates: who has not joined must not look routable. */
  sendUpdate(to: Uint8Array): void {
    if (!this.chord.isMember || this.deps.table.get(to) === undefined) return
    const uptime = Math.floor((this.deps.clock.monotonic() - this.startedAt) / 1000) >>> 0
    const body = encodeContents('updateReq', { uptime, type: 'neighbors', ...this.chord.lists() }).messageBody
    this.deps.sender.request([{ node: to }], MessageCode.updateReq, body, this.stopped.signal).catch((error: unknown) => {
      if (!this.stopped.signal.aborted) this.deps.counters.add('update.failed')
      this.deps.log.debug('update failed', { peer: toHex(to), error: String(error) })
    })
  }

  readonly serveUpdate = (request: IncomingRequest): Outcome => {
    const update = decodeBody('updateReq', request.body)
    const from = request.signer.nodeId
    // Routing over a link needs the link: what comes round about says nothing about it.
    if (equalBytes(request.previousHop, from) && this.deps.table.get(from) !== undefined) {
      const lists = listsOf(update)
      if (lists !== undefined) this.lastUpdates.set(toHex(from), lists)
      this.chord.updated(from, lists === undefined ? [] : [...lists.predecessors, ...lists.successors, ...(update.type === 'full' ? update.fingers : [])])
      this.updated.notify()
      this.deps.onChanged()
    }
    return { body: new Uint8Array(0) }
  }

  /** The newest lists `from` sent over its present link that satisfy `test`; waits for them. @throws the signal's reason */
  async updateFrom(from: Uint8Array, test: (lists: NeighbourLists) => boolean, signal: AbortSignal): Promise<NeighbourLists> {
    for (;;) {
      signal.throwIfAborted()
      const lists = this.lastUpdates.get(toHex(from))
      if (lists !== undefined && test(lists)) return lists
      await untilAborted(this.updated.wait(), signal)
    }
  }

  /** Before joining anew: nothing said so far counts. */
  forget(): void {
    this.chord.reset()
    this.lastUpdates.clear()
    this.failedUntil.clear()
  }

  // Join of others (RFC 6940 §10.5 steps 5 to 8)

  readonly serveJoin = (request: IncomingRequest): Outcome => {
    const { joiningPeerId } = decodeBody('joinReq', request.body)
    if (!equalBytes(joiningPeerId, request.signer.nodeId) || !equalBytes(joiningPeerId, request.previousHop)) return { error: ErrorCode.forbidden, info: 'a peer joins for itself, over its own link' }
    if (!this.chord.isMember) return { error: ErrorCode.notFound, info: 'not a member' }
    // Who joins is not in the ring, whatever we thought.
    this.chord.left(joiningPeerId, [])
    if (!this.chord.isResponsible(joiningPeerId)) return { error: ErrorCode.notFound, info: 'another peer is responsible' }
    this.admissions = this.admissions.then(() => this.admit(joiningPeerId)).catch((error: unknown) => {
      this.deps.counters.add('join.notAdmitted')
      this.deps.log.info('peer not admitted', { peer: toHex(joiningPeerId), error: String(error) })
    })
    return { body: encodeContents('joinAns', { overlaySpecificData: new Uint8Array(0) }).messageBody }
  }

  private async admit(joining: Uint8Array): Promise<void> {
    await withTimeout(this.deps.clock, HAND_OVER_MS, 'timeout', this.stopped.signal, (signal) => this.deps.storage.handOver(joining, signal)).catch((error: unknown) => {
      this.deps.log.warn('hand-over incomplete', { peer: toHex(joining), error: String(error) })
      this.stopped.signal.throwIfAborted()
    })
    if (this.deps.table.get(joining) === undefined) throw new PeerError('peer-unreachable', 'gone before it was admitted')
    // Another one may have been admitted between it and us: our Update tells it to go there.
    if (this.chord.isMember && this.chord.isResponsible(joining)) {
      this.chord.addRoutable(joining)
      this.deps.counters.add('join.admitted')
    }
    this.sendUpdate(joining)
  }

  // Leave

  readonly serveLeave = (request: IncomingRequest): Outcome => {
    const { leavingPeerId, overlaySpecificData } = decodeBody('leaveReq', request.body)
    if (!equalBytes(leavingPeerId, request.signer.nodeId) || !equalBytes(leavingPeerId, request.previousHop)) return { error: ErrorCode.forbidden, info: 'a peer leaves for itself, over its own link' }
    const data: ChordLeaveData = decode(chordLeaveData, overlaySpecificData, 'ChordLeaveData')
    const key = toHex(leavingPeerId)
    this.lastUpdates.delete(key)
    // Others may still name it for a while.
    this.remember(key)
    this.chord.left(leavingPeerId, data.type === 'from_succ' ? data.successors : data.predecessors)
    return { body: new Uint8Array(0) }
  }

  /** Tells everybody connected that we go (RFC 6940 §10.9). Resolves when they know or 1.5 s have passed; never rejects. */
  async leave(): Promise<void> {
    if (!this.chord.isMember) return
    const { predecessors, successors } = this.chord.lists()
    const isSuccessor = (id: Uint8Array): boolean => successors.some((other) => equalBytes(other, id)) && !predecessors.slice(0, 1).some((other) => equalBytes(other, id))
    const deadline = new AbortController()
    const timer = this.deps.clock.setTimer(LEAVE_MS, () => { deadline.abort(new PeerError('timeout')) })
    this.gathering?.cancel()
    await Promise.allSettled(this.deps.table.all().map(({ nodeId }) => {
      const data: ChordLeaveData = isSuccessor(nodeId) ? { type: 'from_pred', predecessors } : { type: 'from_succ', successors }
      const body = encodeContents('leaveReq', { leavingPeerId: this.deps.nodeId, overlaySpecificData: encode(chordLeaveData, data) }).messageBody
      const gone = new AbortController()
      this.leaving.set(toHex(nodeId), gone)
      return this.deps.sender.request([{ node: nodeId }], MessageCode.leaveReq, body, AbortSignal.any([deadline.signal, gone.signal]))
    }))
    timer.cancel()
  }

  /** A turn of stabilisation: looks again for neighbours that are missing. */
  stabilize(): void {
    const now = this.deps.clock.monotonic()
    for (const [key, until] of [...this.failedUntil]) if (until <= now) this.failedUntil.delete(key)
    if (this.chord.isMember) this.chord.reconsider()
  }

  /** Estimated number of peers, this one included. */
  get size(): number { return this.chord.size((id) => this.lastUpdates.get(toHex(id))) }

  close(): void {
    this.stopped.abort(new PeerError('cancelled', 'stopped'))
    this.gathering?.cancel()
    this.gathering = undefined
  }

  private remember(key: string): void {
    if (this.failedUntil.size >= 256) this.failedUntil.clear()
    this.failedUntil.set(key, this.deps.clock.monotonic() + FAILED_MS)
  }
}

function listsOf(update: ChordUpdate): NeighbourLists | undefined {
  return update.type === 'peer_ready' ? undefined : { predecessors: update.predecessors.map((id) => id.slice()), successors: update.successors.map((id) => id.slice()) }
}

export function unique(ids: readonly Uint8Array[]): readonly Uint8Array[] {
  return [...new Map(ids.map((id) => [toHex(id), id])).values()]
}
