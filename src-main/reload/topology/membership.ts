/**
 * The topology methods of CHORD-RELOAD (RFC 6940 §6.4.2, §10): serves Join, Leave and Update, attaches to peers that
 * should be neighbours, admits joining peers with hand-over, lets go of links that serve nothing. What the tables
 * are is decided by `Chord`; how we ourselves join is `reload/overlay/join`.
 */
import { withTimeout } from '../../base/abort.ts'
import { equalBytes, toHex } from '../../base/bytes.ts'
import type { Counters } from '../../base/counters.ts'
import { PeerError } from '../../base/errors.ts'
import { decode, encode } from '../../base/presentation.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'
import type { Attach } from '../attach/attach.ts'
import type { ConnectionTable } from '../forwarding/connectionTable.ts'
import type { HandOver, TopologyUser } from '../forwarding/topologyPlugin.ts'
import type { IncomingRequest, Outcome, RequestSender } from '../transaction/exchange.ts'
import { decodeBody, encodeContents } from '../wire/bodies.ts'
import { ErrorCode, MessageCode } from '../wire/constants.ts'
import { chordLeaveData, type ChordLeaveData } from '../wire/topology.ts'
import { Chord, isListed, type ChordUser, type NeighbourLists, type TableChange } from './chord.ts'
import { FingerSearch } from './fingerSearch.ts'
import type { TopologyPolicy } from './policy.ts'
import { inRange } from './ring.ts'
import { Updates } from './updates.ts'

export { unique } from './chord.ts'

export interface MembershipDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly nodeId: Uint8Array
  readonly sender: RequestSender
  readonly attach: Pick<Attach, 'attach'>
  readonly table: Pick<ConnectionTable, 'get' | 'all'>
  readonly counters: Counters
  /** A client takes note of Updates, but attaches to nobody for them (RFC 6940 §4.2.1). */
  readonly client?: boolean
  /** That of the overlay algorithm the configuration document names. */
  policy(): TopologyPolicy
  /** Storage; told of changes and asked to hand data over. */
  readonly storage: TopologyUser & HandOver
  /** We are a member and have no peer left. */
  onIsolated(): void
  /** Anything about neighbours changed. */
  onChanged(): void
}

const HAND_OVER_MS = 10_000
/** A peer that could not be attached to is left alone this long, whoever names it. */
const FAILED_MS = 30_000
const ATTACH_MS = 20_000
const MAX_ATTACHING = 16
const LEAVE_MS = 1_500
/** A link of ours that nothing needs is kept this long: it may be needed when the tables have settled. */
const UNNEEDED_MS = 15_000
/** Who is linked and joins sends its Update by itself: it is asked for one when that has not come so long. */
const EXPECTED_MS = 1_000
const SMALL_RING = 20
/** Whoever was heard of so lately is not doubted. */
const DOUBT_MS = 2_000
export class Membership implements ChordUser {
  readonly chord: Chord
  private readonly attaching = new Set<string>()
  private readonly failedUntil = new Map<string, number>()
  readonly updates: Updates
  private readonly fingers: FingerSearch
  /** Links we asked for. Others may rely on those that they asked for. */
  private readonly ours = new Set<string>()
  private estimate: number | undefined
  /** Something has changed since it was made. */
  private outdated = true
  /** Linked peers that should be neighbours and have sent no Update yet, and since when. */
  private readonly expected = new Map<string, number>()
  private expecting: Timer | undefined
  /** Neighbours that others miss and that have been asked whether they are there. */
  private readonly doubted = new Set<string>()
  /** Leaves that are not answered yet. */
  private readonly leaving = new Map<string, AbortController>()
  private readonly stopped = new AbortController()
  private admissions: Promise<void> = Promise.resolve()

  constructor(private readonly deps: MembershipDependencies) {
    const { clock, random, log, sender, attach, table, counters } = deps
    this.chord = new Chord(deps.nodeId, this, () => deps.policy().sizes)
    const stopped = this.stopped.signal
    this.updates = new Updates({ clock, log, sender, table, counters, chord: this.chord, policy: deps.policy, stopped })
    this.fingers = new FingerSearch({
      clock, random, log, sender, attach, chord: this.chord, policy: deps.policy, stopped,
      onFound: (nodeId) => { this.wanted(nodeId); this.updates.introduce(nodeId); deps.policy().tuning?.found(nodeId) },
    })
  }

  // Links

  onLinkUp(nodeId: Uint8Array): void {
    this.failedUntil.delete(toHex(nodeId))
    this.chord.linkUp(nodeId)
  }

  /** @param silent it does not answer, instead of having closed the link */
  onLinkDown(nodeId: Uint8Array, silent: boolean): void {
    const { tuning } = this.deps.policy()
    // A finger may close a link that serves neither side; a neighbour has no reason to.
    if (this.chord.isRoutable(nodeId) && (silent || this.chord.isNeighbour(nodeId))) tuning?.failed()
    tuning?.gone(nodeId)
    const key = toHex(nodeId)
    this.leaving.get(key)?.abort(new PeerError('peer-unreachable'))
    this.updates.forget(nodeId)
    this.expected.delete(key)
    if (this.deps.table.get(nodeId) === undefined) this.ours.delete(key)
    this.outdated = true
    this.chord.linkDown(nodeId)
  }

  /** A link to this node was made at our wish: it is ours to close again. */
  wanted(nodeId: Uint8Array): void { this.ours.add(toHex(nodeId)) }

  /** This node has attached to us for our Updates: whoever opened the link, it is not ours alone to close. */
  attached(nodeId: Uint8Array): void {
    this.ours.delete(toHex(nodeId))
    this.sendUpdate(nodeId)
  }

  // ChordUser

  isGivenUp(id: Uint8Array): boolean {
    return this.failedUntil.size > 0 && (this.failedUntil.get(toHex(id)) ?? 0) > this.deps.clock.monotonic()
  }

  onWanted(target: Uint8Array, via: Uint8Array): void {
    if (this.deps.client === true) return
    const key = toHex(target)
    if (this.attaching.has(key) || this.attaching.size >= MAX_ATTACHING || this.stopped.signal.aborted) return
    if (this.deps.table.get(target) !== undefined && this.expects(key)) return
    this.attaching.add(key)
    // Source-routed through whoever told of it (RFC 6940 §10.6).
    const destination = equalBytes(via, target) ? [{ node: target }] : [{ node: via }, { node: target }]
    withTimeout(this.deps.clock, ATTACH_MS, 'peer-unreachable', this.stopped.signal, (signal) => this.deps.attach.attach(destination, signal, { forUpdate: true })).then(
      () => { this.wanted(target); this.updates.introduce(target) },
      (error: unknown) => {
        this.deps.log.debug('neighbour not reached', { peer: key, error: String(error) })
        this.remember(key)
        this.chord.unreachable(target)
      },
    ).finally(() => { this.attaching.delete(key) }).catch((error: unknown) => { this.deps.log.error('attach to neighbour', { error: String(error) }) })
  }

  /** Whether an Update of this linked peer may still come without being asked for. */
  private expects(key: string): boolean {
    const { clock } = this.deps
    const since = this.expected.get(key)
    if (since !== undefined) return clock.monotonic() - since < EXPECTED_MS
    this.expected.set(key, clock.monotonic())
    this.expecting ??= clock.setTimer(EXPECTED_MS, () => { this.expecting = undefined; this.chord.reconsider() })
    return true
  }

  onTablesChanged(change: TableChange): void {
    this.updates.changed(change)
    if (change.range) this.deps.storage.onRangeChanged()
    this.deps.storage.onNeighboursChanged()
    this.changed()
  }

  onFingerLost(entry: number): void { this.fingers.lost(entry) }

  onIsolated(): void { this.deps.onIsolated() }

  // Updates

  /** The stabilisation timer has fired (RFC 6940 §10.7.4.1, RFC 7363 §6). */
  update(): void {
    if (!this.chord.isMember) return
    const policy = this.deps.policy()
    policy.tuning?.stabilizing(this.chord)
    this.chord.resized()
    for (const nodeId of policy.updated(this.chord)) this.sendUpdate(nodeId)
  }

  sendUpdate(to: Uint8Array): void { this.updates.send(to) }

  readonly serveUpdate = (request: IncomingRequest): Outcome => {
    const update = decodeBody('updateReq', request.body)
    const before = this.updates.listsOf(request.signer.nodeId)
    const listed = this.updates.receive(request, update)
    if (listed !== undefined) {
      this.deps.policy().tuning?.heard(request.signer.nodeId, update.uptime)
      const from = request.signer.nodeId
      this.expected.delete(toHex(from))
      this.chord.updated(from, listed)
      const lists = this.updates.listsOf(from)
      if (lists !== undefined && this.chord.isMember) {
        for (const id of this.chord.doubtful(from, lists)) this.check(id)
        this.noteHeir(from, before, lists)
        this.updates.correct(from, lists)
      }
      this.updates.taken(from)
      this.changed()
    }
    return { body: new Uint8Array(0) }
  }

  /** Its range goes further back than it said before: whoever stood there is gone, and its heir may never have got a replica. */
  private noteHeir(heir: Uint8Array, before: NeighbourLists | undefined, now: NeighbourLists): void {
    const was = before?.predecessors[0], is = now.predecessors[0]
    if (was === undefined || is === undefined || equalBytes(was, is) || !inRange(is, was, heir)) return
    this.deps.storage.onTakenOver(heir, is, was)
  }

  /** Another peer has lost this neighbour, it seems: a Ping shows it to us within seconds too (RFC 6940 §10.7.1). */
  private check(id: Uint8Array): void {
    const connection = this.deps.table.get(id)
    const key = toHex(id)
    const standing = this.chord.standing(id)
    // Those that share copies with us are watched so closely that their silence is noticed nearly as soon.
    const sureMs = standing === 'nearest' || standing === 'near' ? this.deps.policy().silentMs(standing) : DOUBT_MS
    if (connection === undefined || connection.link.silentMs < sureMs || this.doubted.has(key)) return
    this.doubted.add(key)
    const body = encodeContents('pingReq', { padding: new Uint8Array(0) }).messageBody
    this.deps.sender.request([{ node: id }], MessageCode.pingReq, body, this.stopped.signal, { through: id, transmissions: 1 })
      .catch((error: unknown) => { this.deps.log.debug('neighbour does not answer', { peer: key, error: String(error) }) })
      .finally(() => { this.doubted.delete(key) })
  }

  /** As `Updates.from`. */
  updateFrom(from: Uint8Array, test: (lists: NeighbourLists) => boolean, signal: AbortSignal): Promise<NeighbourLists> { return this.updates.from(from, test, signal) }

  /** What `from` said last over its present link. */
  listsOf(from: Uint8Array): NeighbourLists | undefined { return this.updates.listsOf(from) }

  /** Before joining anew: nothing said so far counts. */
  forget(): void {
    this.chord.reset()
    this.updates.forgetAll()
    this.fingers.stop()
    this.failedUntil.clear()
    this.expected.clear()
  }

  /** Our join is complete, or we stand alone. */
  enter(): void {
    this.deps.policy().tuning?.entered(this.size)
    this.chord.enter()
    this.recall()
    this.fingers.start()
  }

  /** What neighbours named while we joined, when our tables had less room, may have a place there now. */
  private recall(): void {
    for (const id of this.chord.routablePeers) {
      const lists = this.updates.listsOf(id)
      if (lists !== undefined) this.chord.updated(id, [...lists.predecessors, ...lists.successors])
    }
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
    this.updates.forget(leavingPeerId)
    // Others may still name it for a while.
    this.remember(key)
    if (this.chord.isRoutable(leavingPeerId)) this.deps.policy().tuning?.failed()
    this.chord.left(leavingPeerId, data.type === 'from_succ' ? data.successors : data.predecessors)
    return { body: new Uint8Array(0) }
  }

  /**
   * Tells our neighbours and our clients that we go (RFC 6940 §10.9); of a mere finger the closed link says as much.
   * Resolves when they know or 1.5 s have passed; never rejects.
   */
  async leave(): Promise<void> {
    if (!this.chord.isMember) return
    const { predecessors, successors } = this.chord.lists()
    const isSuccessor = (id: Uint8Array): boolean => successors.some((other) => equalBytes(other, id)) && !predecessors.slice(0, 1).some((other) => equalBytes(other, id))
    const deadline = new AbortController()
    const timer = this.deps.clock.setTimer(LEAVE_MS, () => { deadline.abort(new PeerError('timeout')) })
    this.updates.cancel()
    const told = this.deps.table.all().filter(({ nodeId }) => this.chord.isNeighbour(nodeId) || !this.chord.isRoutable(nodeId))
    await Promise.allSettled(told.map(({ nodeId }) => {
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
    if (!this.chord.isMember) return
    if (this.outdated) this.estimate = undefined
    this.outdated = false
    this.chord.reconsider()
    this.trim()
  }

  /** Estimated number of peers, this one included. */
  get size(): number { return this.estimate ??= this.chord.size((id) => this.updates.listsOf(id)) }

  /** Closes links that we asked for and that serve neither us nor, as far as we know, the other side. */
  private trim(): void {
    const now = this.deps.clock.monotonic()
    for (const { nodeId, link } of this.deps.table.all()) {
      if (now - link.openedAt < UNNEEDED_MS || this.chord.isNeeded(nodeId) || !this.ours.has(toHex(nodeId))) continue
      const lists = this.updates.listsOf(nodeId)
      if (lists !== undefined && isListed(lists, this.deps.nodeId)) continue
      this.deps.counters.add('link.unneeded')
      link.retire()
    }
  }

  private changed(): void {
    // In a large ring it is a rough estimate, and costly: good enough until the next turn of stabilisation.
    this.outdated = true
    if (this.estimate !== undefined && this.estimate <= SMALL_RING) this.estimate = undefined
    this.deps.onChanged()
  }

  close(): void {
    this.stopped.abort(new PeerError('cancelled', 'stopped'))
    this.updates.cancel()
    this.expecting?.cancel()
    this.fingers.stop()
  }

  private remember(key: string): void {
    if (this.failedUntil.size >= 256) this.failedUntil.clear()
    this.failedUntil.set(key, this.deps.clock.monotonic() + FAILED_MS)
  }
}
