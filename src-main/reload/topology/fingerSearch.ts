/**
 * Filling the Finger Table (RFC 6940 §10.5, §10.7.2, §10.7.4.2, §10.7.4.3): Attach to n + 2^(128-i) for each entry
 * after joining; when an entry falls vacant, and from time to time for vacant ones, one to a random place in its range.
 * Near entries are pinged first, and who answers is attached to: their ranges are often empty, and who answers is a
 * neighbour then. Owns what is under way; the table itself is `Chord`'s.
 */
import { withTimeout } from '../../base/abort.ts'
import { equalBytes, toHex } from '../../base/bytes.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'
import type { Attach } from '../attach/attach.ts'
import type { RequestDestination, RequestSender } from '../transaction/exchange.ts'
import { encodeContents } from '../wire/bodies.ts'
import { MessageCode } from '../wire/constants.ts'
import type { Chord } from './chord.ts'
import { entryOf, entryStart, entryTarget } from './fingerTable.ts'
import type { TopologyPolicy } from './policy.ts'

export interface FingerSearchDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly sender: RequestSender
  readonly attach: Pick<Attach, 'attach'>
  readonly chord: Chord
  policy(): Pick<TopologyPolicy, 'searchMs' | 'searchesLost'>
  readonly stopped: AbortSignal
  /** A link to this peer was made for a finger. */
  onFound(nodeId: Uint8Array): void
}

/** Searches at once; each costs a few messages on other peers. */
const MAX_SEARCHES = 3
const SEARCH_MS = 20_000
/** An entry for which nobody was found is not searched for again reactively before this. */
const EMPTY_MS = 60_000
/** So many entries before the last successor's may be empty. */
const NEAR_ENTRIES = 2
/** Losses come in groups: a search waits a little, so that it is not lost with the same peers. */
const REACT_MS = 1_000

export class FingerSearch {
  private readonly searching = new Set<number>()
  private readonly waiting = new Map<number, 'first' | 'again'>()
  private readonly emptyUntil = new Map<number, number>()
  private regular: Timer | undefined
  private reaction: Timer | undefined

  constructor(private readonly deps: FingerSearchDependencies) {}

  /** We have joined: fills the whole table, and keeps filling it. */
  start(): void {
    this.stop()
    this.emptyUntil.clear()
    for (const entry of this.deps.chord.invalidFingers) this.waiting.set(entry, 'first')
    this.next()
    this.schedule()
  }

  stop(): void {
    this.regular?.cancel()
    this.reaction?.cancel()
    this.regular = this.reaction = undefined
    this.waiting.clear()
  }

  /** Nobody fills this entry any more. */
  lost(entry: number): void {
    if (!this.deps.policy().searchesLost || this.deps.stopped.aborted || (this.emptyUntil.get(entry) ?? 0) > this.deps.clock.monotonic()) return
    this.waiting.set(entry, 'again')
    this.reaction ??= this.deps.clock.setTimer(REACT_MS, () => { this.reaction = undefined; this.next() })
  }

  /** Exponentially weighted towards the far entries (RFC 6940 §10.7.4.2); one more finger when there are few. */
  private choose(): void {
    const { chord, random } = this.deps
    const invalid = chord.invalidFingers
    const chance = random.bytes(invalid.length + 1)
    const now = this.deps.clock.monotonic()
    invalid.forEach((entry, i) => { if ((chance[i] ?? 0) < 128 && (this.emptyUntil.get(entry) ?? 0) <= now) this.waiting.set(entry, 'again') })
    // Half of all places belong to entry 1, a quarter to entry 2, and so on.
    if (invalid.length === 0 && chord.lacksFingers) this.waiting.set(Math.clz32((chance[0] ?? 0) << 24) + 1, 'again')
    this.next()
  }

  private schedule(): void {
    const [byte = 0] = this.deps.random.bytes(1)
    this.regular = this.deps.clock.setTimer(this.deps.policy().searchMs * (1 + byte / 1280), () => {
      if (this.deps.chord.isMember) this.choose()
      this.schedule()
    })
  }

  private next(): void {
    for (const [entry, kind] of this.waiting) {
      if (this.searching.size >= MAX_SEARCHES || this.deps.stopped.aborted) return
      this.waiting.delete(entry)
      if (this.searching.has(entry) || !this.deps.chord.isMember) continue
      this.searching.add(entry)
      this.search(entry, kind).catch((error: unknown) => {
        this.deps.log.debug('no finger found', { entry, error: String(error) })
      }).finally(() => { this.searching.delete(entry); this.next() }).catch((error: unknown) => { this.deps.log.error('finger search', { error: String(error) }) })
    }
  }

  private async search(entry: number, kind: 'first' | 'again'): Promise<void> {
    const { clock, random, chord, stopped } = this.deps
    const { nodeId } = chord
    const vacant = chord.invalidFingers.includes(entry)
    // Meanwhile it may have been filled by somebody who chose us as finger.
    if (!vacant && (kind === 'first' || !chord.lacksFingers)) return
    const target = kind === 'first' ? entryStart(nodeId, entry) : entryTarget(nodeId, entry, random.bytes(16))
    const last = chord.successors.at(-1)
    const isNear = last === undefined || entry + NEAR_ENTRIES >= entryOf(nodeId, last)
    const found = await withTimeout(clock, SEARCH_MS, 'peer-unreachable', stopped, (signal) => (vacant && !isNear ? this.meet({ resource: target }, signal) : this.reach(target, signal)))
    if (entryOf(nodeId, found) !== entry) this.emptyUntil.set(entry, clock.monotonic() + EMPTY_MS)
    else this.emptyUntil.delete(entry)
  }

  /** Finds who is responsible for `target`, and attaches to it unless it is connected. @throws as a request does */
  private async reach(target: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { sender, chord } = this.deps
    const answer = await sender.request([{ resource: target }], MessageCode.pingReq, pingBody, signal)
    const found = answer.signer.nodeId
    return equalBytes(found, chord.nodeId) || chord.isRoutable(found) ? found : this.meet({ node: found }, signal)
  }

  /** @throws as `Attach.attach` */
  private async meet(destination: RequestDestination[number], signal: AbortSignal): Promise<Uint8Array> {
    const { nodeId } = await this.deps.attach.attach([destination], signal, { forUpdate: true })
    this.deps.log.debug('finger', { peer: toHex(nodeId) })
    this.deps.onFound(nodeId)
    return nodeId
  }
}

const pingBody = encodeContents('pingReq', { padding: new Uint8Array(0) }).messageBody
