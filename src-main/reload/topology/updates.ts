/**
 * Updates (RFC 6940 §6.4.2.3, §10.7): what each connected peer said last, and what we tell whom and when. With
 * CHORD-RELOAD each change goes to the whole Connection Table; what changes within a time goes in one Update, and
 * nobody is told again what was told last. Neighbours hear of a loss at once and of new peers soon, since those tell
 * them themselves; clients soon when our range changed or a peer that they may hang on next was lost; fingers when
 * changes have gathered, since they only need to know that we are there. With CHORD-SELF-TUNING whoever is new in the
 * neighbour table hears that we are there (RFC 7363 §5.2), and stabilisation does the rest.
 */
import { untilAborted } from '../../base/abort.ts'
import { equalBytes, toHex } from '../../base/bytes.ts'
import type { Counters } from '../../base/counters.ts'
import { Notifier } from '../../base/notifier.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { ConnectionTable } from '../forwarding/connectionTable.ts'
import type { IncomingRequest, RequestSender } from '../transaction/exchange.ts'
import { encodeContents } from '../wire/bodies.ts'
import { MessageCode } from '../wire/constants.ts'
import type { ChordUpdate } from '../wire/topology.ts'
import { isListed, sameList, type Chord, type NeighbourLists, type TableChange } from './chord.ts'
import type { TopologyPolicy } from './policy.ts'

export interface UpdateDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly sender: RequestSender
  readonly table: Pick<ConnectionTable, 'get' | 'all'>
  readonly counters: Counters
  readonly chord: Chord
  policy(): Pick<TopologyPolicy, 'tells'>
  readonly stopped: AbortSignal
}

/** Whom a change is told by when: neighbours, other peers of the Routing Table, and attached nodes such as clients. */
type Audience = 'neighbours' | 'fingers' | 'attached'
/** Changes within this time go out in one Update. */
const AT_ONCE_MS = 20
const SOON_MS = 1_000
const GATHERED_MS = 300_000

/** What a peer is told that hears only that we are there. */
const NO_LISTS: NeighbourLists = { predecessors: [], successors: [] }

export class Updates {
  private readonly last = new Map<string, NeighbourLists>()
  /** Our lists as each peer was told them last. */
  private readonly told = new Map<string, NeighbourLists>()
  private readonly arrived = new Notifier()
  private readonly planned = new Map<Audience, { readonly timer: Timer; readonly dueAt: number }>()
  private readonly startedAt: number

  constructor(private readonly deps: UpdateDependencies) { this.startedAt = deps.clock.monotonic() }

  /** Seconds since this node started. */
  get uptimeS(): number { return Math.floor((this.deps.clock.monotonic() - this.startedAt) / 1000) >>> 0 }

  /** The lists that `id` sent last over its present link. */
  listsOf(id: Uint8Array): NeighbourLists | undefined { return this.last.get(toHex(id)) }

  forget(id: Uint8Array): void {
    this.last.delete(toHex(id))
    this.told.delete(toHex(id))
  }

  forgetAll(): void {
    this.last.clear()
    this.told.clear()
  }

  /** The neighbour table changed: whom the policy names is to know. */
  changed({ reason, range, pushedOff }: Omit<TableChange, 'replicas'>): void {
    // Where several have come at once, such a peer may take us for the next one still.
    for (const id of pushedOff) {
      const lists = this.listsOf(id)
      if (lists !== undefined) this.correct(id, lists)
    }
    const all = this.deps.policy().tells === 'all'
    this.plan('neighbours', all && reason === 'gained' ? SOON_MS : AT_ONCE_MS)
    // Clients take no part in stabilisation, and follow the responsible peer by what they are told.
    this.plan('attached', reason === 'entered' ? AT_ONCE_MS : range || reason === 'lost' ? SOON_MS : GATHERED_MS)
    if (all) this.plan('fingers', reason === 'entered' ? AT_ONCE_MS : GATHERED_MS)
    // Who takes over for one that is gone may have no copy of what that held: the next peer behind it has.
    else if (reason === 'lost' && range) this.tellNext()
  }

  private tellNext(): void {
    const [next] = this.deps.chord.successors
    if (next !== undefined) this.send(next)
  }

  /** What is to go out goes no more. */
  cancel(): void {
    for (const { timer } of this.planned.values()) timer.cancel()
    this.planned.clear()
  }

  private plan(audience: Audience, ms: number): void {
    const { clock, policy, stopped } = this.deps
    if (stopped.aborted) return
    const before = this.planned.get(audience)
    const dueAt = clock.monotonic() + ms
    if (before !== undefined && before.dueAt <= dueAt) return
    before?.timer.cancel()
    const timer = clock.setTimer(ms, () => {
      this.planned.delete(audience)
      if (audience === 'neighbours' && policy().tells === 'newcomers') this.toNewcomers()
      else this.tell(audience)
    })
    this.planned.set(audience, { dueAt, timer })
  }

  private tell(audience: Audience): void {
    const { chord, table } = this.deps
    const lists = chord.lists()
    for (const { nodeId, link } of table.all()) {
      // Who does not answer is told when it is there again.
      if (link.isSuspect) continue
      const is: Audience = chord.isNeighbour(nodeId) ? 'neighbours' : chord.isRoutable(nodeId) ? 'fingers' : 'attached'
      if (is !== audience) continue
      const told = this.told.get(toHex(nodeId))
      if (told === undefined || !sameLists(told, lists)) this.send(nodeId)
    }
  }

  /** Peers of the Routing Table that have heard nothing of us over their present link; all of them when we have just become a member. */
  private toNewcomers(): void {
    for (const nodeId of this.deps.chord.routablePeers) if (!this.told.has(toHex(nodeId))) this.introduce(nodeId)
  }

  /**
   * We have attached to `to` for our tables: it is to have a chance to take us into its own. Who stands next to us is told
   * our neighbours with it, since rings that have met again close up by that, peer after peer (RFC 6940 §10.7.4.4).
   */
  introduce(to: Uint8Array): void { this.send(to, this.deps.policy().tells === 'all' || this.deps.chord.isNextTo(to) ? 'neighbors' : 'peer_ready') }

  /** Answers an Update of somebody who does not know of a peer next to it; not with what it was told last. */
  correct(from: Uint8Array, lists: NeighbourLists): void {
    const { chord } = this.deps
    const told = this.told.get(toHex(from))
    if (chord.knowsNearer(from, lists) && (told === undefined || !sameLists(told, chord.lists()))) this.send(from)
  }

  /**
   * Only members send Updates: who has not joined must not look routable.
   * @param type 'full', with our fingers, for who asked by RouteQuery (RFC 6940 §10.7)
   */
  send(to: Uint8Array, type: ChordUpdate['type'] = 'neighbors'): void {
    const { chord, table, sender, counters, log, stopped } = this.deps
    if (!chord.isMember || table.get(to) === undefined) return
    const key = toHex(to)
    const lists = type === 'peer_ready' ? NO_LISTS : chord.lists()
    this.told.set(key, lists)
    const uptime = this.uptimeS
    const update: ChordUpdate = type === 'full' ? { type, uptime, ...lists, fingers: ascending(chord.fingers) }
      : type === 'neighbors' ? { type, uptime, ...lists } : { type, uptime }
    sender.request([{ node: to }], MessageCode.updateReq, encodeContents('updateReq', update).messageBody, stopped).catch((error: unknown) => {
      if (this.told.get(key) === lists) this.told.delete(key)
      if (!stopped.aborted) counters.add('update.failed')
      log.debug('update failed', { peer: key, error: String(error) })
    })
  }

  /** Takes an Update in; returns all peers it names, or undefined when it did not come over its sender's own link. */
  receive(request: IncomingRequest, update: ChordUpdate): readonly Uint8Array[] | undefined {
    const from = request.signer.nodeId
    // Routing over a link needs the link: what comes round about says nothing about it.
    if (!equalBytes(request.previousHop, from) || this.deps.table.get(from) === undefined) return undefined
    if (update.type === 'peer_ready') return []
    // What the tables hold is not held twice; else a copy, since the message is not kept.
    const copy = (ids: readonly Uint8Array[]): readonly Uint8Array[] => ids.map((id) => this.deps.chord.known(id) ?? id.slice())
    const lists = { predecessors: copy(update.predecessors), successors: copy(update.successors) }
    this.last.set(toHex(from), lists)
    return [...lists.predecessors, ...lists.successors, ...(update.type === 'full' ? copy(update.fingers) : [])]
  }

  /** The tables have taken the Update in: lets who waits in `from` look. Of a mere finger the lists are of no more use. */
  taken(from: Uint8Array): void {
    const { chord } = this.deps
    const lists = this.listsOf(from)
    if (chord.isMember && lists !== undefined && !isListed(lists, chord.nodeId) && !chord.isNeighbour(from)) this.last.delete(toHex(from))
    this.arrived.notify()
  }

  /** The newest lists `from` sent over its present link that satisfy `test`; waits for them. @throws the signal's reason */
  async from(from: Uint8Array, test: (lists: NeighbourLists) => boolean, signal: AbortSignal): Promise<NeighbourLists> {
    for (;;) {
      signal.throwIfAborted()
      const lists = this.listsOf(from)
      if (lists !== undefined && test(lists)) return lists
      await untilAborted(this.arrived.wait(), signal)
    }
  }
}

function sameLists(a: NeighbourLists, b: NeighbourLists): boolean {
  return a === b || (sameList(a.predecessors, b.predecessors) && sameList(a.successors, b.successors))
}

/** "The Finger Table of the Updating peer, in numerically ascending order" (RFC 6940 §10.7). */
function ascending(ids: readonly Uint8Array[]): readonly Uint8Array[] {
  return ids.map((id) => ({ id, hex: toHex(id) })).sort((a, b) => (a.hex < b.hex ? -1 : 1)).map(({ id }) => id)
}
