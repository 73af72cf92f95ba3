/**
 * Which copies belong where (RFC 6940 §10.4, §10.5, §10.7): after a Store to our replica set; when the replica set
 * changes; to a peer that takes over a part of our range; and away with what belongs elsewhere. Decides; the sending
 * is `replicaSender`'s.
 */
import { toHex } from '../../base/bytes.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Areas } from './areas.ts'
import type { StorageTopology } from './dependencies.ts'
import type { Copy, ReplicaSender } from './replicaSender.ts'
import { isBetween, stepsTo } from './ringOrder.ts'

/**
 * An owner that has refused our copy as often as this, at each retry, is believed. A successor that has, perhaps of an
 * implementation that holds fewer copies, is asked once a minute only.
 */
const maxRefusals = 10

/**
 * After the loss of a successor its replacement gets replicas only when it has lasted this long. §10.7.1 recommends
 * 30 s; with sessions of minutes that is long enough for the remaining copies to go too, and the Updates that may
 * name a better replacement come within a second or two.
 */
const holdDownMs = 3_000
/** A copy that does not belong here is kept for so many turns of `retry`, one a minute. */
const keptTurns = 5
/** A copy that was refused, by a peer whose tables lag behind ours, or did not arrive is sent again after this. */
const againMs = 5_000
/** How often that time is doubled while the ring stays as it is; `retry` goes on from there. */
const maxDoublings = 3

interface Resource {
  readonly id: Uint8Array
  readonly kinds: readonly number[]
}

export class Replication {
  /** Resources that nobody else is known to answer for: ours, and those still to be handed to their new owner. */
  private readonly owned = new Set<string>()
  /** Being given away: not to be forgotten before it has arrived. */
  private readonly giving = new Set<string>()
  /** How often the owner has refused what we want to give away. */
  private readonly refusals = new Map<string, number>()
  /** The neighbours when they were last looked at. */
  private neighbours: readonly Uint8Array[] = []
  /** The replica set when it was last looked at. */
  private seen: readonly Uint8Array[] = []
  /** Peers that were sent everything of ours; whoever failed to take something is sent it again. */
  private complete = new Set<string>()
  /** Resources that do not belong here, and at how many turns in a row they did not. */
  private foreign: ReadonlyMap<string, number> = new Map()
  /** Resources that do not belong here and have been given to their owner. */
  private assured = new Set<string>()
  /** Who has given us a copy last, or has had one of us: it looks after it while it is of the replica set itself. */
  private keepers = new Map<string, string>()
  private holdDown: Timer | undefined
  private look: Timer | undefined
  /** How often we have looked since the ring has changed. */
  private looks = 0
  /** How often in a row each of the replica set has refused a copy. */
  private readonly refusedBy = new Map<string, number>()
  private closed = false

  constructor(
    private readonly areas: Areas, private readonly topology: StorageTopology, private readonly sender: ReplicaSender,
    private readonly clock: Pick<Clock, 'setTimer'>,
  ) {
    // What an earlier run left behind: its owner may have changed meanwhile.
    for (const { id } of this.resources()) this.owned.add(toHex(id))
  }

  /** Data that we are responsible for was stored or merged. @param from a peer that has it, as it has copied it to us */
  onStored(resourceId: Uint8Array, kinds: readonly number[], from?: Uint8Array): void {
    this.owned.add(toHex(resourceId))
    const others = from === undefined ? undefined : new Set(this.topology.replicaSet().map(toHex).filter((id) => id !== toHex(from)))
    this.replicate({ resourceId, kinds }, others)
  }

  /** A peer has copied to us what it holds. */
  onCopied(resourceId: Uint8Array, from: Uint8Array): void { this.keepers.set(toHex(resourceId), toHex(from)) }

  /** The neighbour table changed. */
  onTopologyChanged(): void {
    if (this.closed || !this.topology.isMember) return
    this.claim()
    this.renewReplicas()
    this.giveAwayAll()
    this.remindHeirs()
    if (this.looks > 0) { this.look?.cancel(); this.look = undefined }
    this.looks = 0
    this.lookAgain()
  }

  /** Sends again what could not be sent before. Called from time to time. */
  retry(): void {
    if (this.closed || !this.topology.isMember) return
    if (this.holdDown === undefined) this.fill()
    this.adoptStrays()
    this.giveAwayAll()
    this.drop()
  }

  /**
   * `heir` is now responsible for (after, upTo]. Neighbours miss the former owner at different times, and until we do,
   * the heir would answer that there is nothing where it came too late for a replica.
   */
  onTakenOver(heir: Uint8Array, after: Uint8Array, upTo: Uint8Array): void {
    if (this.closed || !this.topology.isMember || !this.isNextBehind(heir)) return
    for (const { id, kinds } of this.resources()) {
      if (this.owned.has(toHex(id)) || this.topology.isResponsible(id) || !isBetween(after, id, upTo)) continue
      void this.sender.send([{ node: heir }], 1, { resourceId: id, kinds })
    }
  }

  /** Looks again soon whether everything is where it belongs. */
  private lookAgain(): void {
    if (this.closed || this.looks > maxDoublings) return
    this.look ??= this.clock.setTimer(againMs * 2 ** this.looks, () => {
      this.look = undefined
      this.looks += 1
      if (!this.topology.isMember) return // what belongs where shows when we are one again
      this.adoptStrays()
      this.giveAwayAll()
    })
  }

  /**
   * Sees to it that the owner has what does not belong here any more, unless the peer that we have it from is still near
   * enough to do so. The owner has it nearly always; but where several peers have come between at once, one of
   * them may have missed it, and the copy here be one of the last.
   */
  private adoptStrays(): void {
    const held = new Map(this.resources().map(({ id }) => [toHex(id), id]))
    const strays = [...held].filter(([name, id]) => !this.giving.has(name) && !this.topology.holdsReplica(id))
    for (const [name, id] of strays) if (!this.assured.has(name) && !this.isKept(name, id)) this.owned.add(name)
    this.assured = new Set(strays.flatMap(([name]) => (this.assured.has(name) ? [name] : [])))
    for (const name of this.keepers.keys()) if (!held.has(name)) this.keepers.delete(name)
  }

  /** Is whom we have it from, or who has it from us, among those that it belongs to? */
  private isKept(name: string, id: Uint8Array): boolean {
    const keeper = this.keepers.get(name)
    if (keeper === undefined) return false
    const { predecessors, successors } = this.topology
    const nearest = [...predecessors, ...successors].sort((a, b) => (stepsTo(id, a) < stepsTo(id, b) ? -1 : 1))
    return nearest.slice(0, 1 + this.topology.replicaSet().length).some((peer) => toHex(peer) === keeper)
  }

  private giveAwayAll(): void {
    for (const { id, kinds } of this.resources()) {
      if (this.owned.has(toHex(id)) && !this.giving.has(toHex(id)) && !this.topology.isResponsible(id)) this.giveAway(id, kinds)
    }
  }

  /**
   * Copies to `joining` what is its own once it is in the ring (§10.5 step 6): what no node we know of is closer to.
   * Resolves when all is sent, whether or not each copy was taken.
   */
  async handOver(joining: Uint8Array, signal: AbortSignal): Promise<void> {
    const others = [this.topology.nodeId, ...this.topology.predecessors, ...this.topology.successors].filter((id) => toHex(id) !== toHex(joining))
    const theirs = this.resources().filter(({ id }) => others.every((other) => stepsTo(id, joining) < stepsTo(id, other)))
    await Promise.all(theirs.map(async ({ id, kinds }) => {
      const name = toHex(id)
      // What is stored here from now on makes it ours again, and is given away when the joining peer has its place.
      const given = this.owned.delete(name)
      this.giving.add(name)
      const result = await this.sender.send([{ node: joining }], 1, { resourceId: id, kinds }, { signal })
      this.giving.delete(name)
      if (result === 'stored') { this.keepers.set(name, toHex(joining)); return }
      if (given) this.owned.add(name)
      this.lookAgain()
    }))
  }

  close(): void {
    this.closed = true
    this.holdDown?.cancel()
    this.look?.cancel()
  }

  /** What we hold and have become responsible for needs a full set of replicas, since its former owner is gone. */
  private claim(): void {
    for (const { id, kinds } of this.resources()) {
      if (this.owned.has(toHex(id)) || this.giving.has(toHex(id)) || !this.topology.isResponsible(id)) continue
      this.owned.add(toHex(id))
      this.replicate({ resourceId: id, kinds })
    }
  }

  /**
   * Whoever takes the place of an owner that is gone may have come so late that the owner gave it no replica: the
   * next holder makes sure that it has what it is now responsible for.
   */
  private remindHeirs(): void {
    const { predecessors, successors } = this.topology
    const before = this.neighbours
    this.neighbours = [...predecessors, ...successors]
    const known = new Set(this.neighbours.map(toHex))
    if (before.every((id) => known.has(toHex(id)))) return
    for (const { id, kinds } of this.resources()) {
      if (this.owned.has(toHex(id)) || this.topology.isResponsible(id)) continue
      const owner = nearest(id, before)
      const heir = nearest(id, this.neighbours)
      if (owner === undefined || heir === undefined || known.has(toHex(owner)) || !this.isNextBehind(heir)) continue
      void this.sender.send([{ node: heir }], 1, { resourceId: id, kinds }, { wanted: () => toHex(nearest(id, this.neighbours) ?? id) === toHex(heir) })
    }
  }

  /** Of all that hold copies the one next behind an heir sees to it that the heir has them. */
  private isNextBehind(heir: Uint8Array): boolean {
    const [predecessor] = this.topology.predecessors
    return predecessor !== undefined && toHex(predecessor) === toHex(heir)
  }

  /** New members of the replica set get everything of ours (§10.7.3). */
  private renewReplicas(): void {
    const before = this.seen
    this.seen = this.topology.replicaSet()
    if (before.length === this.seen.length && before.every((id, i) => toHex(id) === toHex(this.seen[i] as Uint8Array))) return
    if (before.some((id) => this.isLost(id))) {
      this.fillLater(holdDownMs)
    } else if (this.holdDown === undefined) {
      this.fill()
    }
  }

  /** Was a successor, and is none any more though no nearer ones have pushed it off the table? */
  private isLost(id: Uint8Array): boolean {
    const { nodeId, successors } = this.topology
    const last = successors.at(-1)
    return last !== undefined && stepsTo(nodeId, id) < stepsTo(nodeId, last) && !successors.some((each) => toHex(each) === toHex(id))
  }

  private fillLater(ms: number): void {
    this.holdDown ??= this.clock.setTimer(ms, () => { this.holdDown = undefined; this.fill() })
  }

  /** Copies everything of ours to members of the replica set that do not have it. */
  private fill(): void {
    const set = this.topology.replicaSet()
    const lacking = new Set(set.map(toHex).filter((id) => !this.complete.has(id)))
    this.complete = new Set(set.map(toHex))
    for (const id of this.refusedBy.keys()) if (!this.complete.has(id)) this.refusedBy.delete(id)
    if (lacking.size === 0) return
    for (const { id, kinds } of this.resources()) {
      if (this.topology.isResponsible(id)) this.replicate({ resourceId: id, kinds }, lacking)
    }
  }

  private replicate(copy: Copy, only?: ReadonlySet<string>): void {
    for (const [i, node] of this.topology.replicaSet().entries()) {
      const name = toHex(node)
      if (only !== undefined && !only.has(name)) continue
      const wanted = (): boolean => this.topology.replicaSet().some((id) => toHex(id) === name)
      void this.sender.send([{ node }], i + 1, copy, { wanted }).then((result) => {
        if (result === 'stored') { this.refusedBy.delete(name); return }
        this.complete.delete(name)
        if (result === 'unwanted' || this.closed || this.holdDown !== undefined) return
        const refusals = result === 'refused' ? (this.refusedBy.get(name) ?? 0) + 1 : 0
        this.refusedBy.set(name, refusals)
        if (refusals < maxRefusals) this.fillLater(againMs)
      })
    }
  }

  /** Stores a copy at whoever is responsible now (§6.4.2.3). */
  private giveAway(id: Uint8Array, kinds: readonly number[]): void {
    const name = toHex(id)
    this.owned.delete(name)
    this.giving.add(name)
    void this.sender.send([{ resource: id }], 1, { resourceId: id, kinds }).then((result) => {
      this.giving.delete(name)
      const refusals = result === 'refused' ? (this.refusals.get(name) ?? 0) + 1 : 0
      if (result === 'stored' || refusals === maxRefusals) {
        this.refusals.delete(name)
        this.assured.add(name)
      } else {
        this.refusals.set(name, refusals)
        this.owned.add(name)
        this.lookAgain()
      }
    })
  }

  /**
   * Forgets what we are neither responsible for nor a replica of, once its owner has it (§10.7.3), and has not belonged
   * here for some minutes: a peer that stands between may be gone already, and when those that hold copies
   * vanish together, as some do where sessions are short, ours is the last one.
   */
  private drop(): void {
    const kept = (name: string): boolean => this.owned.has(name) || this.giving.has(name)
    const foreign = this.areas.names().filter(({ resourceId }) => !kept(toHex(resourceId)) && !this.topology.holdsReplica(resourceId))
    const before = this.foreign
    this.foreign = new Map(foreign.map(({ resourceId }) => [toHex(resourceId), (before.get(toHex(resourceId)) ?? 0) + 1]))
    this.areas.forgetAll(foreign.filter(({ resourceId }) => (this.foreign.get(toHex(resourceId)) ?? 0) > keptTurns))
  }

  private resources(): readonly Resource[] {
    const byId = new Map<string, { id: Uint8Array, kinds: number[] }>()
    for (const { resourceId, kind } of this.areas.names()) {
      const known = byId.get(toHex(resourceId))
      if (known === undefined) byId.set(toHex(resourceId), { id: resourceId, kinds: [kind] })
      else known.kinds.push(kind)
    }
    return [...byId.values()]
  }
}

/** The peer that is first at or behind `id`. */
function nearest(id: Uint8Array, peers: readonly Uint8Array[]): Uint8Array | undefined {
  let best: Uint8Array | undefined
  for (const peer of peers) if (best === undefined || stepsTo(id, peer) < stepsTo(id, best)) best = peer
  return best
}
