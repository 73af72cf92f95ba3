/**
 * Updates (RFC 6940 §6.4.2.3, §10.7): what each connected peer said last, and what we tell whom and when. With
 * CHORD-RELOAD neighbours hear of each change at once; fingers and clients soon when our range changed, and else when
 * changes have gathered, since they only need to know that we are there. With CHORD-SELF-TUNING whoever is new in
 * the neighbour table hears that we are there (RFC 7363 §5.2), and stabilisation does the rest.
 */
import { untilAborted } from '../../base/abort.ts'
import { equalBytes, toHex } from '../../base/bytes.ts'
import type { Counters } from '../../base/counters.ts'
import { Notifier } from '../../base/notifier.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { ConnectionTable } from '../forwarding/connectionTable.ts'
import type { IncomingRequest, RequestSender } from '../transaction/exchange.ts'
import { decodeBody, encodeContents } from '../wire/bodies.ts'
import { MessageCode } from '../wire/constants.ts'
import type { ChordUpdate } from '../wire/topology.ts'
import { unique, type Chord, type NeighbourLists } from './chord.ts'
import type { TopologyPolicy } from './policy.ts'

export interface UpdateDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly sender: RequestSender
  readonly table: Pick<ConnectionTable, 'get' | 'all'>
  readonly counters: Counters
  readonly chord: Chord
  readonly policy: Pick<TopologyPolicy, 'tells'>
  readonly stopped: AbortSignal
}

/** Changes within this time go out in one Update. */
const NEAR_MS = 20
const RANGE_MS = 1_000
const FAR_MS = 300_000

export class Updates {
  private readonly last = new Map<string, NeighbourLists>()
  /** Counts changes of our lists, and which of them each peer was told last. */
  private version = 0
  private readonly told = new Map<string, number>()
  private readonly arrived = new Notifier()
  private near: Timer | undefined
  private far: { readonly timer: Timer; readonly dueAt: number } | undefined
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
  changed(range: boolean): void {
    this.version++
    const { clock, policy } = this.deps
    this.near ??= clock.setTimer(NEAR_MS, () => {
      this.near = undefined
      if (policy.tells === 'all') this.toChanged(true)
      else this.toNewcomers()
    })
    if (policy.tells === 'newcomers') return
    const dueAt = clock.monotonic() + (range ? RANGE_MS : FAR_MS)
    if (this.far !== undefined && this.far.dueAt <= dueAt) return
    this.far?.timer.cancel()
    this.far = { dueAt, timer: clock.setTimer(dueAt - clock.monotonic(), () => { this.far = undefined; this.toChanged(false) }) }
  }

  /** What is to go out goes no more. */
  cancel(): void {
    this.near?.cancel()
    this.far?.timer.cancel()
    this.near = this.far = undefined
  }

  /** Who has been told already, as a part of getting to know each other, is not told again. */
  private toChanged(near: boolean): void {
    const { chord, table } = this.deps
    for (const { nodeId } of table.all()) {
      if (chord.isNeighbour(nodeId) === near && this.told.get(toHex(nodeId)) !== this.version) this.send(nodeId)
    }
  }

  /** Neighbours that have heard nothing of us over their present link. */
  private toNewcomers(): void {
    const { predecessors, successors } = this.deps.chord
    for (const nodeId of unique([...predecessors, ...successors])) if (!this.told.has(toHex(nodeId))) this.introduce(nodeId)
  }

  /** We have attached to `to` for our tables: it is to have a chance to take us into its own. */
  introduce(to: Uint8Array): void { this.send(to, this.deps.policy.tells === 'all' ? 'neighbors' : 'peer_ready') }

  /**
   * Only members send Updates: who has not joined must not look routable.
   * @param type 'full', with our fingers, for who asked by RouteQuery (RFC 6940 §10.7)
   */
  send(to: Uint8Array, type: ChordUpdate['type'] = 'neighbors'): void {
    const { chord, table, sender, counters, log, stopped } = this.deps
    if (!chord.isMember || table.get(to) === undefined) return
    this.told.set(toHex(to), this.version)
    const uptime = this.uptimeS
    const update: ChordUpdate = type === 'full' ? { type, uptime, ...chord.lists(), fingers: ascending(chord.fingers) }
      : type === 'neighbors' ? { type, uptime, ...chord.lists() } : { type, uptime }
    sender.request([{ node: to }], MessageCode.updateReq, encodeContents('updateReq', update).messageBody, stopped).catch((error: unknown) => {
      if (!stopped.aborted) counters.add('update.failed')
      log.debug('update failed', { peer: toHex(to), error: String(error) })
    })
  }

  /** Takes an Update in; returns all peers it names, or undefined when it did not come over its sender's own link. */
  receive(request: IncomingRequest): readonly Uint8Array[] | undefined {
    const update = decodeBody('updateReq', request.body)
    const from = request.signer.nodeId
    // Routing over a link needs the link: what comes round about says nothing about it.
    if (!equalBytes(request.previousHop, from) || this.deps.table.get(from) === undefined) return undefined
    if (update.type === 'peer_ready') return []
    const copy = (ids: readonly Uint8Array[]): readonly Uint8Array[] => ids.map((id) => id.slice())
    const lists = { predecessors: copy(update.predecessors), successors: copy(update.successors) }
    this.last.set(toHex(from), lists)
    return [...lists.predecessors, ...lists.successors, ...(update.type === 'full' ? copy(update.fingers) : [])]
  }

  /** The tables have taken the Update in: lets who waits in `from` look. Of a mere finger the lists are of no more use. */
  taken(from: Uint8Array): void {
    const { chord } = this.deps
    const lists = this.listsOf(from)
    const namesUs = lists !== undefined && [...lists.predecessors, ...lists.successors].some((id) => equalBytes(id, chord.nodeId))
    if (chord.isMember && !namesUs && !chord.isNeighbour(from)) this.last.delete(toHex(from))
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

/** "The Finger Table of the Updating peer, in numerically ascending order" (RFC 6940 §10.7). */
function ascending(ids: readonly Uint8Array[]): readonly Uint8Array[] {
  return ids.map((id) => ({ id, hex: toHex(id) })).sort((a, b) => (a.hex < b.hex ? -1 : 1)).map(({ id }) => id)
}
