/**
 * CHORD-RELOAD (RFC 6940 §10) as a pure machine: neighbour table, fingers, responsibility, next hop, contents of Updates,
 * and what follows from Updates, Leaves, admissions and lost links. It sends nothing: `ChordUser` is told what
 * is to be done. The join procedure (§10.5) is in `reload/overlay/join`.
 */
import { equalBytes, toHex } from '../../base/bytes.ts'
import { BoundedMap } from '../../base/boundedMap.ts'
import type { TopologyPlugin } from '../forwarding/topologyPlugin.ts'
import { isNoNode, isWildcard } from '../wire/identifiers.ts'
import { entryOf, invalidEntries } from './fingerTable.ts'
import { PeerRing } from './peerRing.ts'
import type { Standing, TableSizes } from './policy.ts'
import { compareClockwise, distance, fraction, inRange } from './ring.ts'

export interface ChordUser {
  /** An Attach to it has failed lately: whoever names it, it has no place that another one could have. */
  isGivenUp(id: Uint8Array): boolean
  /** `target` should be a neighbour and is not routable: Attach to it through `via`, who told of it (RFC 6940 §10.6). */
  onWanted(target: Uint8Array, via: Uint8Array): void
  /** The neighbour table changed: Update the whole Connection Table (RFC 6940 §10.7.3). */
  onTablesChanged(change: TableChange): void
  /** No peer fills this entry of the Finger Table any more. */
  onFingerLost(entry: number): void
  /** A member of the ring lost its last routable peer. */
  onIsolated(): void
}

export interface TableChange {
  readonly reason: 'entered' | 'gained' | 'lost'
  readonly range: boolean
  readonly replicas: boolean
  /** Nearer ones have taken their places. */
  readonly pushedOff: readonly Uint8Array[]
}

/** Lists of an Update (RFC 6940 §10.7): nearest first, never ourselves. */
export interface NeighbourLists {
  readonly predecessors: readonly Uint8Array[]
  readonly successors: readonly Uint8Array[]
}

const MAX_CANDIDATES = 64

export class Chord implements TopologyPlugin {
  private state: 'outside' | 'member' = 'outside'
  private readonly connected = new Map<string, Uint8Array>()
  private readonly routable: PeerRing
  /** Known by hearsay: whom to attach to when a place falls vacant, and who said so. */
  private readonly candidates = new BoundedMap<string, { id: Uint8Array; via: Uint8Array }>(MAX_CANDIDATES)
  private predecessorList: readonly Uint8Array[] = []
  private successorList: readonly Uint8Array[] = []
  /** `fill`, of which list of peers: a change makes a new one. */
  private filled: { readonly by: readonly Uint8Array[]; readonly entries: ReadonlyMap<number, number> } = { by: [], entries: new Map() }

  constructor(readonly nodeId: Uint8Array, private readonly user: ChordUser, private readonly sizes: () => TableSizes) {
    this.routable = new PeerRing(nodeId)
  }

  get isMember(): boolean { return this.state === 'member' }
  get predecessors(): readonly Uint8Array[] { return this.predecessorList }
  get successors(): readonly Uint8Array[] { return this.successorList }
  get routablePeers(): readonly Uint8Array[] { return this.routable.all }
  get routableCount(): number { return this.routable.size }
  isRoutable(id: Uint8Array): boolean { return this.routable.has(id) }
  /** The id of a routable peer as the tables hold it; what names it elsewhere need not hold its own. */
  known(id: Uint8Array): Uint8Array | undefined { return this.routable.known(id) }
  isNeighbour(id: Uint8Array): boolean { return hasId(this.predecessorList, id) || hasId(this.successorList, id) }

  standing(id: Uint8Array): Standing {
    const before = placeOf(this.predecessorList, id), after = placeOf(this.successorList, id)
    const nearest = before < 0 ? after : after < 0 ? before : Math.min(before, after)
    return nearest < 0 ? 'other' : nearest === 0 ? 'nearest' : nearest <= this.replicas ? 'near' : 'neighbour'
  }

  /** Routable peers that are no neighbours, in clockwise order. */
  get fingers(): readonly Uint8Array[] { return this.routable.all.filter((id) => !this.isNeighbour(id)) }

  /** Finger Table entries to search a peer for, lowest first. */
  get invalidFingers(): readonly number[] {
    return this.seesAll ? [] : invalidEntries(this.nodeId, this.routable.all, this.successorList.at(-1)).filter((entry) => entry <= this.sizes().entries)
  }

  /** Fewer peers than wanted, in a ring that has more than our neighbours (RFC 6940 §10.7.4.3). */
  get lacksFingers(): boolean {
    const { successors, wanted } = this.sizes()
    return this.successorList.length === successors && this.routable.size < wanted && !this.seesAll
  }

  /** Whether the link to `id` serves routing: a neighbour, the only peer of its finger entry, or one of few peers. */
  isNeeded(id: Uint8Array): boolean {
    if (!this.routable.has(id)) return false
    if (this.routable.size <= this.sizes().kept || this.isNeighbour(id)) return true
    return this.fill.get(entryOf(this.nodeId, id)) === 1
  }

  /** How many routable peers fill each entry of the Finger Table. Each link is asked about every few seconds, and they change seldom. */
  private get fill(): ReadonlyMap<number, number> {
    const { all } = this.routable
    if (this.filled.by !== all) {
      const entries = new Map<number, number>()
      for (const id of all) {
        const entry = entryOf(this.nodeId, id)
        entries.set(entry, (entries.get(entry) ?? 0) + 1)
      }
      this.filled = { by: all, entries }
    }
    return this.filled.entries
  }

  // TopologyPlugin

  isResponsible(id: Uint8Array): boolean {
    if (equalBytes(id, this.nodeId)) return true
    if (this.state === 'outside') return false
    const predecessor = this.predecessorList[0]
    return predecessor === undefined || inRange(predecessor, id, this.nodeId)
  }

  /**
   * For Resource-IDs and for Node-IDs we are not connected to; the router sends to connected nodes by itself. A
   * connected node that is not routable, such as a client or a peer of another ring, is responsible for nothing.
   */
  nextHop(id: Uint8Array, from?: Uint8Array): Uint8Array | undefined {
    // None strictly between us and the id: the first peer behind it.
    const next = this.routable.lastBefore(id) ?? this.routable.following(1)[0]
    if (next === undefined || from === undefined || !equalBytes(next, from)) return next
    // While the tables of neighbours differ a message could go to and fro between them: it goes on instead.
    const beyond = this.routable.firstFrom(id)
    return beyond === undefined || equalBytes(beyond, from) ? undefined : beyond
  }

  /** Routable peers other than the next hop for `id`, spread over the ring; none where everybody is a neighbour. */
  detours(id: Uint8Array, most: number): readonly Uint8Array[] {
    if (this.seesAll) return []
    const next = this.nextHop(id)
    const others = this.routable.all.filter((peer) => next === undefined || !equalBytes(peer, next))
    const count = Math.min(most, others.length)
    return Array.from({ length: count }, (_, i) => others[Math.floor(i * others.length / count)] as Uint8Array)
  }

  /** Routable peers at or next behind `id`, nearest first: where ours is the part of the ring, who is responsible and its successors. */
  behind(id: Uint8Array, most: number): readonly Uint8Array[] { return this.routable.from(id, most) }

  /** Successors that hold copies. */
  get replicas(): number { return this.sizes().replicas }

  replicaSet(): readonly Uint8Array[] { return this.successorList.slice(0, this.replicas) }

  holdsReplica(resourceId: Uint8Array): boolean {
    if (this.state === 'outside') return false
    if (this.isResponsible(resourceId)) return true
    const edge = this.predecessorList[this.replicas]
    // No more peers than have copies stand between: every peer we know of is in the set.
    return edge === undefined || inRange(edge, resourceId, this.nodeId)
  }

  mayAnswerFor(nodeId: Uint8Array, id: Uint8Array): boolean {
    const isNearest = (peer: Uint8Array): boolean => compareClockwise(id, nodeId, peer) <= 0
    return this.predecessorList.every(isNearest) && this.successorList.every(isNearest)
  }

  // What happens to us

  /** We own our range from now on: as the first node, or because the admitting peer named us its predecessor. */
  enter(): void {
    if (this.state === 'member') return
    this.state = 'member'
    this.recompute('entered')
  }

  /** We are out of the ring and know nobody. */
  reset(): void {
    this.state = 'outside'
    this.routable.clear()
    this.candidates.clear()
    this.predecessorList = this.successorList = []
  }

  /** The sizes of the tables are others now. */
  resized(): void { this.recompute('gained') }

  // What happens to others

  linkUp(id: Uint8Array): void { this.connected.set(toHex(id), id) }

  /** The link to `id` is gone or suspect. */
  linkDown(id: Uint8Array): void {
    const key = toHex(id)
    this.connected.delete(key)
    this.candidates.delete(key)
    if (this.routable.delete(id)) this.afterLoss(id)
  }

  /** `id` said that it leaves, and named those beyond it (RFC 6940 §10.9). */
  left(id: Uint8Array, beyond: readonly Uint8Array[]): void {
    const key = toHex(id)
    this.candidates.delete(key)
    const was = this.routable.delete(id)
    this.consider(beyond.map((other) => ({ id: other, via: undefined })))
    if (was) this.afterLoss(id)
  }

  /** `id` is a peer and may be routed through: it sent an Update, or we admit it, or we are joining beside it. */
  addRoutable(id: Uint8Array): void {
    if (this.routable.has(id)) return
    const key = toHex(id)
    // The link's own, since `id` may be a part of a message, all of which would be kept with it.
    const linked = this.connected.get(key)
    if (linked === undefined) return
    this.routable.add(linked)
    this.candidates.delete(key)
    this.recompute('gained')
  }

  /** An Update of `from` over its own link (RFC 6940 §10.7.3). */
  updated(from: Uint8Array, listed: readonly Uint8Array[]): void {
    this.addRoutable(from)
    this.consider(listed.map((id) => ({ id, via: from })))
  }

  /** Neighbours of ours that `from` should know as its own and does not name: they may be gone, or too new for it. */
  doubtful(from: Uint8Array, { predecessors, successors }: NeighbourLists): readonly Uint8Array[] {
    const first = predecessors.at(-1), last = successors.at(-1)
    if (first === undefined || last === undefined) return []
    const isDoubtful = (id: Uint8Array): boolean =>
      !equalBytes(id, from) && !hasId(predecessors, id) && !hasId(successors, id) && (inRange(from, id, last) || inRange(first, id, from))
    return unique([...this.predecessorList.filter(isDoubtful), ...this.successorList.filter(isDoubtful)])
  }

  /** Whether nobody that we know of stands between `id` and us on one side. */
  isNextTo(id: Uint8Array): boolean {
    const [successor] = this.successorList, [predecessor] = this.predecessorList
    return successor === undefined || predecessor === undefined || inRange(this.nodeId, id, successor) || equalBytes(id, predecessor) || inRange(predecessor, id, this.nodeId)
  }

  /** Whether a neighbour of ours stands between `from` and the peer that it takes for the next one on a side. */
  knowsNearer(from: Uint8Array, { predecessors: [predecessor], successors: [successor] }: NeighbourLists): boolean {
    const isNearer = (id: Uint8Array): boolean => !equalBytes(id, from) && (
      (successor !== undefined && !equalBytes(id, successor) && inRange(from, id, successor)) || (predecessor !== undefined && !equalBytes(id, predecessor) && inRange(predecessor, id, from)))
    return this.predecessorList.some(isNearer) || this.successorList.some(isNearer)
  }

  /** Asks again for whom we lack; for the periodic stabilisation. */
  reconsider(): void {
    this.consider([...this.candidates.values()])
  }

  /** An Attach to `id` failed: it is not to be wanted again until somebody names it anew. */
  unreachable(id: Uint8Array): void { this.candidates.delete(toHex(id)) }

  lists(): NeighbourLists { return { predecessors: this.predecessorList, successors: this.successorList } }

  /**
   * Estimated number of peers, ourselves included: exact while the neighbours' own lists reach round the ring,
   * else by how densely the arc they cover is filled.
   * @param listsOf what a neighbour said last
   */
  size(listsOf: (id: Uint8Array) => NeighbourLists | undefined): number {
    if (this.routable.size === 0) return 1
    const lists = [this.lists(), ...[...this.predecessorList, ...this.successorList].flatMap((id) => listsOf(id) ?? [])]
    const known = new Map([this.nodeId, ...this.routable.all, ...lists.flatMap((l) => [...l.predecessors, ...l.successors])].map((id) => [toHex(id), id]))
    const last = this.successorList.at(-1), first = this.predecessorList.at(-1)
    if (first === undefined || last === undefined) return known.size
    // As far as the outermost neighbours see on their side. What one of them said long ago may end before it or with us.
    const behind = listsOf(last)?.successors.at(-1) ?? last, before = listsOf(first)?.predecessors.at(-1) ?? first
    const covered = fraction(distance(this.nodeId, last)) + fraction(distance(last, behind)) + fraction(distance(first, this.nodeId)) + fraction(distance(before, first))
    if (covered >= 1 || this.seesAll) return known.size
    const inside = [...known.values()].filter((id) => inRange(this.nodeId, id, behind) || inRange(before, id, this.nodeId)).length
    return Math.max(known.size, Math.round(inside / covered))
  }

  /** The neighbours of both sides are the same peers: nobody is beyond them. */
  private get seesAll(): boolean {
    const { predecessors, successors } = this.sizes()
    return this.routable.size < predecessors + successors
  }

  private afterLoss(id: Uint8Array): void {
    this.recompute('lost')
    const entry = entryOf(this.nodeId, id)
    if (this.state === 'member' && this.invalidFingers.includes(entry)) this.user.onFingerLost(entry)
  }

  /** Peers that somebody named, all at once: which of them are wanted depends on the others. */
  private consider(named: readonly { readonly id: Uint8Array; readonly via: Uint8Array | undefined }[]): void {
    const candidates = named.flatMap(({ id, via }) => {
      if (equalBytes(id, this.nodeId) || this.routable.has(id) || isNoNode(id) || isWildcard(id) || this.user.isGivenUp(id)) return []
      const key = toHex(id)
      if (!this.belongs(id)) { this.candidates.delete(key); return [] }
      const through = via ?? this.nextHop(id)
      // Nearer ones must not be pushed out; the turn of the others comes when those turn out to be gone.
      if (through === undefined || (this.candidates.size >= MAX_CANDIDATES && !this.candidates.has(key) && !this.isAmongNearest(id))) return []
      const candidate = { id, via: through }
      this.candidates.set(key, candidate)
      return [candidate]
    })
    // Also over a link that is there: its Update is what makes it routable.
    for (const { id, via } of candidates) if (this.isAmongNearest(id)) this.user.onWanted(id, via)
  }

  /** Whether `id` would have a place in the neighbour table. */
  private belongs(id: Uint8Array): boolean {
    const { predecessors, successors } = this.sizes()
    const lastSuccessor = this.successorList[successors - 1]
    const lastPredecessor = this.predecessorList[predecessors - 1]
    return lastSuccessor === undefined || lastPredecessor === undefined ||
      inRange(this.nodeId, id, lastSuccessor) || inRange(lastPredecessor, id, this.nodeId)
  }

  /**
   * Whether it would have one if all candidates were there. While the table has gaps, or a far peer in the last place,
   * everybody that anybody names would belong to it for a moment.
   */
  private isAmongNearest(id: Uint8Array): boolean {
    const { predecessors, successors } = this.sizes()
    let ahead = 0, behind = 0
    for (const other of this.successorList) if (inRange(this.nodeId, other, id)) ahead++
    for (const other of this.predecessorList) if (inRange(id, other, this.nodeId)) behind++
    for (const { id: other } of this.candidates.values()) {
      if (equalBytes(other, id)) continue
      if (inRange(this.nodeId, other, id)) ahead++
      else behind++
    }
    return ahead < successors || behind < predecessors
  }

  private recompute(reason: TableChange['reason']): void {
    const before = { predecessors: this.predecessorList, successors: this.successorList }
    const { predecessors, successors } = this.sizes()
    this.successorList = kept(before.successors, this.routable.following(successors))
    this.predecessorList = kept(before.predecessors, this.routable.preceding(predecessors))
    if (this.state === 'outside') return
    const range = reason === 'entered' || !sameId(before.predecessors[0], this.predecessorList[0])
    const replicas = reason === 'entered' || !sameList(before.successors.slice(0, this.replicas), this.replicaSet())
    if (range || replicas || before.predecessors !== this.predecessorList || before.successors !== this.successorList) {
      const pushedOff = reason === 'lost' ? [] : [...before.predecessors, ...before.successors].filter((id) => this.routable.has(id) && !this.isNeighbour(id))
      this.user.onTablesChanged({ reason, range, replicas, pushedOff })
    }
    if (this.routable.size === 0 && before.successors.length > 0) this.user.onIsolated()
  }
}

export function unique(ids: readonly Uint8Array[]): readonly Uint8Array[] {
  return ids.filter((id, i) => ids.findIndex((other) => equalBytes(other, id)) === i)
}

export function isListed({ predecessors, successors }: NeighbourLists, id: Uint8Array): boolean { return hasId(predecessors, id) || hasId(successors, id) }

function hasId(list: readonly Uint8Array[], id: Uint8Array): boolean { return placeOf(list, id) >= 0 }

/** -1 when it is not there. */
function placeOf(list: readonly Uint8Array[], id: Uint8Array): number {
  for (let i = 0; i < list.length; i++) if (equalBytes(list[i] as Uint8Array, id)) return i
  return -1
}

function sameId(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined ? b === undefined : b !== undefined && equalBytes(a, b)
}

export function sameList(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((id, i) => sameId(id, b[i]))
}

/** The list there was, if the new one is the same. */
function kept(before: readonly Uint8Array[], now: readonly Uint8Array[]): readonly Uint8Array[] { return sameList(before, now) ? before : now }
