/**
 * Sends copies of what is held here to other peers (RFC 6940 §7.4.1.1, §10.4): one Store at a time to each target,
 * with the values as they are when their turn comes, in messages of bounded size. A peer that answers that it has
 * newer data is asked for it, and its data is taken over.
 */
import { toHex } from '../../base/bytes.ts'
import { DecodeError, PeerError } from '../../base/errors.ts'
import { decode, encode } from '../../base/presentation.ts'
import { ReloadError, RequestTimeout, type Answer, type RequestDestination, type RequestSender } from '../transaction/exchange.ts'
import { ErrorCode, MessageCode } from '../wire/constants.ts'
import {
  ARRAY_END, decodeStoredValues, encodeSpecifier, encodeStoredValues, fetchAns, fetchReq, storeReq,
  type ModelSpecifier, type StoreKindData,
} from '../wire/storage.ts'
import type { DataModel } from '../wire/kinds.ts'
import type { Areas, HeldValue } from './areas.ts'
import { uniqueCertificates } from './certificates.ts'
import type { Count, Kinds } from './dependencies.ts'
import type { StoreHandler } from './storeHandler.ts'

export interface Copy {
  readonly resourceId: Uint8Array
  readonly kinds: readonly number[]
}

/** Headers, the security block and our own certificates take about this much of a message. */
const overheadBytes = 4096
const smallestBudget = 1024

/** `refused`: the peer answered with an error. `unwanted`: nobody wanted it any more when its turn came. */
export type CopyResult = 'stored' | 'refused' | 'failed' | 'unwanted'

export interface CopyOptions {
  readonly signal?: AbortSignal
  /** Asked when the copy's turn comes: whether it still belongs there. */
  readonly wanted?: () => boolean
}

export class ReplicaSender {
  /** Tails of the queues of each target. */
  private readonly queues = new Map<string, Promise<unknown>>()
  /** Copies that wait for their turn: asking for the same again adds none. */
  private readonly waiting = new Map<string, Promise<CopyResult>>()
  private readonly abort = new AbortController()

  constructor(
    private readonly sender: RequestSender, private readonly areas: Areas, private readonly kinds: Kinds,
    private readonly handler: Pick<StoreHandler, 'merge'>, private readonly maxMessageBytes: () => number, private readonly count: Count,
  ) {}

  /** Copies one resource, after whatever waits for the same target. Never rejects. @param replicaNumber at least 1 */
  send(destination: RequestDestination, replicaNumber: number, copy: Copy, options: CopyOptions = {}): Promise<CopyResult> {
    const target = destination.map((entry) => toHex('node' in entry ? entry.node : entry.resource)).join(' ')
    const name = `${target}/${replicaNumber}/${toHex(copy.resourceId)}/${copy.kinds.join(',')}`
    const same = options.signal === undefined ? this.waiting.get(name) : undefined
    if (same !== undefined) return same
    const signal = options.signal === undefined ? this.abort.signal : AbortSignal.any([this.abort.signal, options.signal])
    const done = (this.queues.get(target) ?? Promise.resolve()).then(() => {
      this.waiting.delete(name)
      return options.wanted?.() === false ? 'unwanted' : this.copy(destination, replicaNumber, copy, signal)
    }).finally(() => { if (this.queues.get(target) === done) this.queues.delete(target) })
    this.queues.set(target, done)
    if (options.signal === undefined) this.waiting.set(name, done)
    return done
  }

  close(): void {
    this.abort.abort(new DOMException('storage is closed', 'AbortError'))
  }

  private async copy(destination: RequestDestination, replicaNumber: number, copy: Copy, signal: AbortSignal): Promise<CopyResult> {
    try {
      let complete = await this.copyOnce(destination, replicaNumber, copy, signal)
      // What was newer there is ours as well now: what is newer here can follow.
      if (!complete) complete = await this.copyOnce(destination, replicaNumber, copy, signal)
      this.count(complete ? 'sent.replica' : 'refused.replica')
      return complete ? 'stored' : 'refused'
    } catch (cause) {
      if (!isExpected(cause, signal)) throw cause
      const result = cause instanceof ReloadError ? 'refused' : 'failed'
      this.count(`${result}.replica`)
      return result
    }
  }

  /** False when the peer had newer data of some Kind, which was then taken over. */
  private async copyOnce(destination: RequestDestination, replicaNumber: number, copy: Copy, signal: AbortSignal): Promise<boolean> {
    let complete = true
    for (const message of this.messages(copy)) {
      signal.throwIfAborted()
      const body = encode(storeReq, { resource: copy.resourceId, replicaNumber, kindData: message.kindData })
      const refused = await this.tryStore(destination, body, message.certificates, signal)
      if (refused === undefined) continue
      complete = false
      for (const { kind } of message.kindData) await this.takeOver(refused, copy.resourceId, kind, signal)
    }
    return complete
  }

  /** undefined when it is stored; where to fetch from when the peer has newer data. */
  private async tryStore(destination: RequestDestination, body: Uint8Array, certificates: readonly Uint8Array[], signal: AbortSignal): Promise<RequestDestination | undefined> {
    try {
      await this.sender.request(destination, MessageCode.storeReq, body, signal, { certificates })
      return undefined
    } catch (cause) {
      if (!(cause instanceof ReloadError)) throw cause
      if (cause.code !== ErrorCode.dataTooOld && cause.code !== ErrorCode.generationCounterTooLow) throw cause
      return cause.signer === undefined ? destination : [{ node: cause.signer.nodeId }]
    }
  }

  /** Fetches what `from` holds and merges it into ours (§7.4.1.1). */
  private async takeOver(from: RequestDestination, resourceId: Uint8Array, kind: number, signal: AbortSignal): Promise<void> {
    const rules = this.kinds.kind(kind)
    if (rules === undefined) return
    const body = encode(fetchReq, { resource: resourceId, specifiers: [{ kind, generation: 0n, modelSpecifier: encodeSpecifier(everything(rules.dataModel)) }] })
    const answer: Answer = await this.sender.request(from, MessageCode.fetchReq, body, signal)
    const response = decode(fetchAns, answer.body, 'the FetchAns').kindResponses.find((r) => r.kind === kind)
    if (response === undefined) return
    this.handler.merge(resourceId, kind, response.generation, decodeStoredValues(rules.dataModel, response.values), answer.certificates)
  }

  /** The values of the copy, cut into Stores that fit a message. */
  private messages({ resourceId, kinds }: Copy): readonly { readonly kindData: readonly StoreKindData[], readonly certificates: readonly Uint8Array[] }[] {
    const budget = Math.max(smallestBudget, this.maxMessageBytes() - overheadBytes)
    const messages: { kindData: StoreKindData[], certificates: readonly Uint8Array[] }[] = []
    for (const kind of kinds) {
      const rules = this.kinds.kind(kind)
      const area = rules && this.areas.read(resourceId, kind, rules.dataModel)
      if (area === undefined || area.generation === 0n || area.values.length === 0) continue
      for (const values of this.split(area.values, budget)) {
        messages.push({
          kindData: [{ kind, generationCounter: area.generation, values: encodeStoredValues(values.map((value) => this.areas.outgoing(value))) }],
          certificates: uniqueCertificates(values.flatMap((value) => value.certificates)),
        })
      }
    }
    return messages
  }

  private split(values: readonly HeldValue[], budget: number): readonly (readonly HeldValue[])[] {
    const groups: HeldValue[][] = []
    let group: HeldValue[] = []
    for (const value of values) {
      if (group.length > 0 && size([...group, value]) > budget) {
        groups.push(group)
        group = []
      }
      group.push(value)
    }
    return group.length === 0 ? groups : [...groups, group]
  }
}

function size(values: readonly HeldValue[]): number {
  const certificates = uniqueCertificates(values.flatMap((value) => value.certificates))
  return certificates.reduce((sum, der) => sum + der.length + 3, encodeStoredValues(values.map((v) => v.data)).length)
}

/** The specifier that selects all values of a Kind. */
export function everything(model: DataModel): ModelSpecifier {
  switch (model) {
    case 'single': return { model }
    case 'array': return { model, indices: [{ first: 0, last: ARRAY_END }] }
    case 'dictionary': return { model, keys: [] }
  }
}

function isExpected(cause: unknown, signal: AbortSignal): boolean {
  return cause instanceof ReloadError || cause instanceof RequestTimeout || cause instanceof DecodeError || cause instanceof PeerError || signal.aborted
}
