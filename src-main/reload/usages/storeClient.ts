/**
 * The writing side of Store (RFC 6940 §7.4.1): signs values, keeps storage times rising at each place, and does a
 * Store again with a later time when the storing peer has a newer one (§7).
 */
import { BoundedMap } from '../../base/boundedMap.ts'
import { toHex } from '../../base/bytes.ts'
import { PeerError } from '../../base/errors.ts'
import { decode, encode } from '../../base/presentation.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Signer } from '../security/signer.ts'
import type { Kinds, KindRules } from '../storage/dependencies.ts'
import { placeOf } from '../storage/dataModels.ts'
import { ReloadError, type RequestSender } from '../transaction/exchange.ts'
import { ErrorCode, MessageCode } from '../wire/constants.ts'
import { ARRAY_END, encodeStoredValues, storeAns, storeReq, type DataValue, type StoreKindData, type StoreKindResponse, type StoredData, type StoredDataValue } from '../wire/storage.ts'
import type { FetchClient } from './fetchClient.ts'

/** A value to write; `value` undefined removes it (RFC 6940 §7.4.1.3). */
export interface ValueToStore {
  readonly kind: number
  /** Index for arrays; 0xffffffff, or none, appends. */
  readonly index?: number
  /** Key for dictionaries. */
  readonly key?: Uint8Array
  readonly value: Uint8Array | undefined
  readonly lifetimeS: number
}

export interface StoreOptions {
  /** By Kind-ID: the Store fails with Error_Generation_Counter_Too_Low unless this is the current counter. */
  readonly generations?: ReadonlyMap<number, bigint>
}

const maxAttempts = 3
const rememberedPlaces = 1024

export class StoreClient {
  /** The last storage time used at each place, so that two writes within a millisecond keep their order. */
  private readonly lastTimes = new BoundedMap<string, bigint>(rememberedPlaces)

  constructor(
    private readonly sender: RequestSender, private readonly signer: Pick<Signer, 'signStoredData'>, private readonly kinds: Kinds,
    private readonly clock: Pick<Clock, 'now'>, private readonly fetchClient: Pick<FetchClient, 'fetchStored'>,
  ) {}

  /**
   * Writes values of one resource in one atomic request.
   * @returns the generation counter and the replicas of each Kind
   * @throws ReloadError, RequestTimeout, PeerError 'invalid-argument' for a value that does not fit its Kind, or the
   *   signal's reason
   */
  async store(resourceId: Uint8Array, values: readonly ValueToStore[], signal: AbortSignal, options: StoreOptions = {}): Promise<readonly StoreKindResponse[]> {
    for (let attempt = 1; ; attempt++) {
      const body = encode(storeReq, { resource: resourceId, replicaNumber: 0, kindData: this.kindData(resourceId, values, options) })
      try {
        const answer = await this.sender.request([{ resource: resourceId }], MessageCode.storeReq, body, signal)
        return decode(storeAns, answer.body, 'the StoreAns').kindResponses
      } catch (cause) {
        if (!(cause instanceof ReloadError) || cause.code !== ErrorCode.dataTooOld || attempt === maxAttempts) throw cause
        await this.learnTimes(resourceId, values, signal)
      }
    }
  }

  private kindData(resourceId: Uint8Array, values: readonly ValueToStore[], options: StoreOptions): readonly StoreKindData[] {
    const byKind = new Map<number, StoredData[]>()
    for (const value of values) byKind.set(value.kind, [...(byKind.get(value.kind) ?? []), this.sign(resourceId, value)])
    return [...byKind].map(([kind, data]) => ({ kind, generationCounter: options.generations?.get(kind) ?? 0n, values: encodeStoredValues(data) }))
  }

  private sign(resourceId: Uint8Array, toStore: ValueToStore): StoredData {
    const value = placed(this.rules(toStore.kind), toStore)
    const storageTime = this.nextTime(resourceId, toStore.kind, value)
    const signature = this.signer.signStoredData({ resourceId, kind: toStore.kind, storageTime, value })
    return { storageTime, lifetime: toStore.lifetimeS, value, signature }
  }

  private nextTime(resourceId: Uint8Array, kind: number, value: StoredDataValue): bigint {
    const now = BigInt(Math.floor(this.clock.now()))
    const name = placeName(resourceId, kind, value)
    const last = this.lastTimes.get(name) ?? 0n
    const time = now > last ? now : last + 1n
    this.lastTimes.set(name, time)
    return time
  }

  /** After Error_Data_Too_Old: what is stored has a time; ours must be greater (§7). */
  private async learnTimes(resourceId: Uint8Array, values: readonly ValueToStore[], signal: AbortSignal): Promise<void> {
    for (const kind of new Set(values.map((value) => value.kind))) {
      const { stored } = await this.fetchClient.fetchStored(resourceId, kind, undefined, signal)
      for (const { data } of stored) {
        const name = placeName(resourceId, kind, data.value)
        const last = this.lastTimes.get(name) ?? 0n
        if (data.storageTime > last) this.lastTimes.set(name, data.storageTime)
      }
    }
  }

  private rules(kind: number): KindRules {
    const rules = this.kinds.kind(kind)
    if (rules === undefined) throw new PeerError('invalid-argument', `Kind ${kind} is not one of this overlay`)
    return rules
  }
}

function placed({ dataModel, maxSize, id }: KindRules, { index, key, value }: ValueToStore): StoredDataValue {
  if (value !== undefined && value.length > maxSize) throw new PeerError('invalid-argument', `Kind ${id} holds at most ${maxSize} bytes`)
  const data: DataValue = value === undefined ? { exists: false, value: new Uint8Array(0) } : { exists: true, value }
  switch (dataModel) {
    case 'single': return { model: 'single', data }
    case 'array': return { model: 'array', index: index ?? ARRAY_END, data }
    case 'dictionary':
      if (key === undefined) throw new PeerError('invalid-argument', `Kind ${id} is a dictionary: a key is needed`)
      return { model: 'dictionary', key, data }
  }
}

function placeName(resourceId: Uint8Array, kind: number, value: StoredDataValue): string {
  const { index, key } = placeOf(value)
  return `${toHex(resourceId)}/${kind}/${index}/${toHex(key)}`
}
