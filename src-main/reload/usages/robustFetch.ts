/**
 * Fetch for look-ups that matter (RFC 6940 §7.4.2, §13.5.3): a storing peer may withhold values or hand out old ones.
 * When its answer fails its checks, is empty or late, the replicas (its two successors, §10.4) are asked in
 * parallel, and the same is asked by other ways through the overlay, since a peer on the way may drop a request or
 * pose as the responsible one (§13.6.3); of each value the newest that is verified counts. What the responsible peer kept back is counted and
 * logged, also when its answer looked well: one replica is compared behind the asker's back.
 */
import { sleep, withTimeout } from '../../base/abort.ts'
import { equalBytes, toHex } from '../../base/bytes.ts'
import { PeerError } from '../../base/errors.ts'
import { Notifier } from '../../base/notifier.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Count } from '../storage/dependencies.ts'
import { placeOf } from '../storage/dataModels.ts'
import { ringNumber } from '../storage/ringOrder.ts'
import { nextId } from '../topology/ring.ts'
import type { RequestSender } from '../transaction/exchange.ts'
import { encodeContents } from '../wire/bodies.ts'
import { MessageCode } from '../wire/constants.ts'
import type { ModelSpecifier } from '../wire/storage.ts'
import { existingValues, specifierOf, type FetchClient, type FetchResult, type StoredValueRead, type ValueSelector, type VerifiedValue } from './fetchClient.ts'

export interface RobustFetchDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly sender: RequestSender
  readonly fetchClient: Pick<FetchClient, 'fetchStored'>
  readonly count: Count
  /** Estimated number of peers: how far apart they stand. */
  size(): number
  /** Connected peers, at most `count`, over which a request for `id` takes other ways than its usual one. */
  detours(id: Uint8Array, count: number): readonly Uint8Array[]
  /** Connected peers, at most `count`, at or next behind `id`. */
  behind(id: Uint8Array, count: number): readonly Uint8Array[]
}

/** An answer that takes longer than this is late: replicas are asked meanwhile. */
const LATE_MS = 1_500
/** How long replicas may take once they are asked. */
const REPLICAS_MS = 5_000
const REPLICAS = 2
/** Tried behind a Resource-ID whose peer is silent, in halves of the mean distance between peers. */
const GUESSES = [1, 2, 3, 4, 5, 6, 8, 10, 13, 16]
const MAX_GUESSED = 9
/** How many of those found are asked for others behind them. */
const MAX_ASKED_ON = 2
const DETOURS = 4

const pingBody = encodeContents('pingReq', { padding: new Uint8Array(0) }).messageBody

/** How a node is reached: by way of another one, and over the link to a third. */
interface Way { readonly via?: Uint8Array; readonly through?: Uint8Array }
type Found = (node: Uint8Array, way?: Way) => void

interface Asked { readonly resourceId: Uint8Array; readonly kind: number; readonly specifier: ModelSpecifier }

export class RobustFetch {
  private readonly stopped = new AbortController()

  constructor(private readonly deps: RobustFetchDependencies) {}

  /** @throws what FetchClient.fetch throws, when no replica has anything either */
  async fetch(resourceId: Uint8Array, kind: number, selector: ValueSelector, signal: AbortSignal): Promise<readonly VerifiedValue[]> {
    const asked = { resourceId, kind, specifier: specifierOf(selector) }
    const scope = new AbortController()
    const until = AbortSignal.any([signal, this.stopped.signal, scope.signal])
    const results: FetchResult[] = []
    const changed = new Notifier()
    let primary: { readonly result: FetchResult } | { readonly error: unknown } | undefined
    this.deps.fetchClient.fetchStored(resourceId, kind, asked.specifier, until).then(
      (result) => { primary = { result }; results.push(result); changed.notify() },
      (error: unknown) => { primary = { error }; changed.notify() },
    )
    try {
      const late = sleep(this.deps.clock, LATE_MS, until)
      late.catch(() => undefined)
      await Promise.race([changed.wait(), late])
      if (primary !== undefined && 'result' in primary && isSound(primary.result)) {
        this.compare(asked, primary.result)
        return existingValues(kind, primary.result.stored)
      }
      const first = primary as { readonly result?: FetchResult; readonly error?: unknown } | undefined
      // A selector that does not fit its Kind fails here and nowhere else.
      if (first?.error instanceof PeerError) throw first.error
      this.deps.count(first === undefined ? 'robust.late' : first.error === undefined ? 'robust.unsound' : 'robust.failed')
      let asking = true
      this.askReplicas(asked, first?.result?.responder, until, (result) => { results.push(result); changed.notify() })
        .finally(() => { asking = false; changed.notify() }).catch((cause: unknown) => { this.deps.log.debug('replicas not asked', { cause: String(cause) }) })
      while (!results.some(isSound) && (asking || primary === undefined)) {
        signal.throwIfAborted()
        await changed.wait()
      }
      signal.throwIfAborted()
      // Who was only guessed to hold a copy knows nothing of what it does not have.
      if (primary !== undefined && 'error' in primary && results.every(({ stored }) => stored.length === 0)) throw primary.error
      const answered = primary !== undefined && 'result' in primary ? primary.result : undefined
      if (answered !== undefined) for (const other of results) this.notice(asked, answered, other)
      return existingValues(kind, newest(results))
    } finally {
      scope.abort(new PeerError('cancelled'))
    }
  }

  close(): void { this.stopped.abort(new PeerError('cancelled', 'stopped')) }

  /** In parallel, each told when it comes. Resolves when all have answered or time is over. */
  private async askReplicas(asked: Asked, responder: Uint8Array | undefined, signal: AbortSignal, onResult: (result: FetchResult) => void): Promise<void> {
    await withTimeout(this.deps.clock, REPLICAS_MS, 'network-timeout', signal, async (until) => {
      const ask = async (node: Uint8Array, way: Way): Promise<void> => {
        onResult(await this.deps.fetchClient.fetchStored(asked.resourceId, asked.kind, asked.specifier, until, { node, transmissions: 2, ...way }))
      }
      const asking: Promise<void>[] = []
      const found: Found = (node, way = {}) => {
        const one = ask(node, way)
        one.catch((cause: unknown) => { this.deps.log.debug('replica does not answer', { node: toHex(node), cause: String(cause) }) })
        asking.push(one)
      }
      await Promise.all([
        responder === undefined ? this.guessHolders(asked.resourceId, until, found) : this.successorsOf(responder, REPLICAS, until, found),
        this.goOtherWays(asked, responder, until, onResult, found),
      ])
      await Promise.allSettled(asking)
    })
  }

  /** Whoever else turns out to be responsible is asked for its replica too: it may itself withhold. */
  private async goOtherWays(asked: Asked, responder: Uint8Array | undefined, signal: AbortSignal, onResult: (result: FetchResult) => void, found: Found): Promise<void> {
    const known = new Set(responder === undefined ? [] : [toHex(responder)])
    await Promise.all(this.deps.detours(asked.resourceId, DETOURS).map(async (through) => {
      try {
        const result = await this.deps.fetchClient.fetchStored(asked.resourceId, asked.kind, asked.specifier, signal, { through, transmissions: 1 })
        onResult(result)
        if (known.has(toHex(result.responder))) return
        known.add(toHex(result.responder))
        this.deps.count('robust.otherResponder')
        if (!isSound(result)) await this.successorsOf(result.responder, REPLICAS, signal, found, { through })
      } catch (cause) {
        signal.throwIfAborted()
        this.deps.log.debug('no answer by another way', { through: toHex(through), cause: String(cause) })
      }
    }))
  }

  private async successorsOf(node: Uint8Array, count: number, signal: AbortSignal, found: Found, way: Way = {}): Promise<void> {
    let last = node
    for (let i = 0; i < count; i++) {
      const next = await this.whoAnswers(nextId(last), signal, way)
      if (next === undefined || equalBytes(next, node) || equalBytes(next, last)) return
      found(next, way)
      last = next
    }
  }

  /**
   * Who stands next behind the id of those we know ourselves, and some mean distances behind it. What is meant for the
   * silent peer's successor goes through that peer, but what is meant for the next one behind does not: it is most likely
   * among those who answer. Where even our own way there leads through the silent peer, those farther behind know another one.
   */
  private async guessHolders(resourceId: Uint8Array, signal: AbortSignal, found: Found): Promise<void> {
    const half = (1n << 127n) / BigInt(Math.max(2, Math.round(this.deps.size())))
    const known = new Set<string>()
    let askedOn = 0
    for (const node of this.deps.behind(resourceId, 1 + REPLICAS)) {
      known.add(toHex(node))
      found(node)
    }
    const guess = async (way: Way): Promise<void> => {
      await Promise.all(GUESSES.map(async (halves) => {
        const node = await this.whoAnswers(idOf(ringNumber(resourceId) + BigInt(halves) * half), signal, way)
        if (node === undefined || known.has(toHex(node)) || known.size >= MAX_GUESSED) return
        known.add(toHex(node))
        found(node, way)
        if (way.via === undefined && askedOn++ < MAX_ASKED_ON) await guess({ via: node })
      }))
    }
    await guess({})
  }

  private async whoAnswers(id: Uint8Array, signal: AbortSignal, { via, through }: Way): Promise<Uint8Array | undefined> {
    try {
      return (await this.deps.sender.request([...(via === undefined ? [] : [{ node: via }]), { resource: id }], MessageCode.pingReq, pingBody, signal, { transmissions: 2, ...(through !== undefined && { through }) })).signer.nodeId
    } catch (cause) {
      signal.throwIfAborted()
      this.deps.log.debug('no peer found', { id: toHex(id), cause: String(cause) })
      return undefined
    }
  }

  /** Behind the asker's back: the next replica, against an answer that looked well. */
  private compare(asked: Asked, answered: FetchResult): void {
    withTimeout(this.deps.clock, REPLICAS_MS, 'network-timeout', this.stopped.signal, async (signal) => {
      const nodes: Uint8Array[] = []
      await this.successorsOf(answered.responder, 1, signal, (node) => { nodes.push(node) })
      const [node] = nodes
      if (node === undefined) return
      this.notice(asked, answered, await this.deps.fetchClient.fetchStored(asked.resourceId, asked.kind, asked.specifier, signal, { node, transmissions: 1 }))
    }).catch((cause: unknown) => { this.deps.log.debug('replica not compared', { cause: String(cause) }) })
  }

  private notice(asked: Asked, answered: FetchResult, other: FetchResult): void {
    if (other === answered) return
    const given = new Map(answered.stored.map((value) => [placeName(value), value.data.storageTime]))
    const why = new Set<string>()
    for (const value of other.stored) {
      const time = given.get(placeName(value))
      if (time === undefined ? value.data.value.data.exists : time < value.data.storageTime) why.add(time === undefined ? 'withheld' : 'stale')
    }
    for (const what of why) {
      this.deps.count(`suspicious.${what}`)
      this.deps.log.warn('a storing peer’s answer lacks what its replica has', {
        what, peer: toHex(answered.responder), replica: toHex(other.responder), resource: toHex(asked.resourceId), kind: asked.kind,
      })
    }
  }
}

function isSound({ discarded, rolledBack, stored }: FetchResult): boolean {
  return discarded === 0 && rolledBack === 0 && stored.some(({ data }) => data.value.data.exists)
}

function placeName({ data }: StoredValueRead): string {
  const { index, key } = placeOf(data.value)
  return `${index}/${toHex(key)}`
}

/** Of each place the latest; a later removal hides an earlier value. */
function newest(results: readonly FetchResult[]): readonly StoredValueRead[] {
  const best = new Map<string, StoredValueRead>()
  for (const value of results.flatMap(({ stored }) => stored)) {
    const name = placeName(value)
    const before = best.get(name)
    if (before === undefined || before.data.storageTime < value.data.storageTime) best.set(name, value)
  }
  return [...best.values()]
}

function idOf(number: bigint): Uint8Array {
  const bytes = new Uint8Array(16)
  let rest = number & ((1n << 128n) - 1n)
  for (let i = 15; i >= 0; i--) { bytes[i] = Number(rest & 0xffn); rest >>= 8n }
  return bytes
}
