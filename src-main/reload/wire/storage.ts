/**
 * Stored data and the bodies of Store, Fetch, Stat and Find (RFC 6940 §7). How a value or a specifier is laid out
 * depends on its Kind's data model, which only the configuration knows: requests and answers therefore keep
 * `values` and `modelSpecifier` as bytes, which the functions below read once the model is known. A Kind that is
 * not known can so be answered with Error_Unknown_Kind, as §7.4.1.2 wants.
 */
import { ByteReader, ByteWriter } from '../../base/bytes.ts'
import {
  boolean, decode, encode, len8, len16, len32, lengthed, opaque, readAll, struct, u8, u32, u64, vector, type Codec, type Infer,
} from '../../base/presentation.ts'
import { nodeId, resourceId } from './identifiers.ts'
import type { DataModel } from './kinds.ts'
import { signature, type Signature } from './signature.ts'

/** Appends to an array (§7.4.1.1), and stands for the last element in a range (§7.4.2.1). */
export const ARRAY_END = 0xffffffff

/** §7.2; `exists` false is a removed or absent value. */
export const dataValue = struct({ exists: boolean, value: opaque(len32) })
export type DataValue = Infer<typeof dataValue>

type Entry<V> =
  | { readonly model: 'single', readonly data: V }
  | { readonly model: 'array', readonly index: number, readonly data: V }
  | { readonly model: 'dictionary', readonly key: Uint8Array, readonly data: V }

/** One value with its place: the whole, an index, or a key. `model` is not on the wire. */
export type StoredDataValue = Entry<DataValue>
const dictionaryKey = opaque(len16)

function entry<V>(model: DataModel, data: Codec<V>): Codec<Entry<V>> {
  const tail = struct({ data })
  const array = struct({ index: u32, data })
  const dictionary = struct({ key: dictionaryKey, data })
  return {
    read: (r) => {
      switch (model) {
        case 'single': return { model, ...tail.read(r) } as Entry<V>
        case 'array': return { model, ...array.read(r) } as Entry<V>
        case 'dictionary': return { model, ...dictionary.read(r) } as Entry<V>
      }
    },
    write: (w, v) => {
      if (v.model === 'array') w.u32(v.index)
      if (v.model === 'dictionary') dictionaryKey.write(w, v.key)
      data.write(w, v.data)
    },
  }
}

const perModel = <T>(make: (model: DataModel) => T): Readonly<Record<DataModel, T>> => ({ single: make('single'), array: make('array'), dictionary: make('dictionary') })

const storedDataValues = perModel((model) => entry(model, dataValue))
export function storedDataValue(model: DataModel): Codec<StoredDataValue> { return storedDataValues[model] }

/** §7.1: `storageTime` in milliseconds since 1970 by the writer's clock, `lifetime` in seconds from reception. */
export interface StoredData {
  readonly storageTime: bigint
  readonly lifetime: number
  readonly value: StoredDataValue
  readonly signature: Signature
}

const storedDatas = perModel((model): Codec<StoredData> => lengthed(len32, struct({ storageTime: u64, lifetime: u32, value: storedDataValue(model), signature })))
export function storedData(model: DataModel): Codec<StoredData> { return storedDatas[model] }

/** §7.4.3.2, in place of the value. */
export const metaData = struct({ exists: boolean, valueLength: u32, hashAlgorithm: u8, hashValue: opaque(len8) })
export type MetaData = Infer<typeof metaData>
export type MetaDataValue = Entry<MetaData>

/** §7.4.3.2; its first field is the length of the rest, as in StoredData. */
export interface StoredMetaData {
  readonly storageTime: bigint
  readonly lifetime: number
  readonly metadata: MetaDataValue
}

const storedMetaDatas = perModel((model): Codec<StoredMetaData> => lengthed(len32, struct({ storageTime: u64, lifetime: u32, metadata: entry(model, metaData) })))
export function storedMetaData(model: DataModel): Codec<StoredMetaData> { return storedMetaDatas[model] }

/** @throws DecodeError */
export function decodeStoredValues(model: DataModel, values: Uint8Array): readonly StoredData[] { return readAll(new ByteReader(values), storedData(model)) }
export function encodeStoredValues(values: readonly StoredData[]): Uint8Array {
  const w = new ByteWriter(512)
  for (const value of values) storedData(value.value.model).write(w, value)
  return w.finish()
}

/** @throws DecodeError */
export function decodeStoredMetaData(model: DataModel, values: Uint8Array): readonly StoredMetaData[] { return readAll(new ByteReader(values), storedMetaData(model)) }
export function encodeStoredMetaData(values: readonly StoredMetaData[]): Uint8Array {
  const w = new ByteWriter(256)
  for (const value of values) storedMetaData(value.metadata.model).write(w, value)
  return w.finish()
}

/** §7.4.1: `replicaNumber` 0 is the writer's own Store. `values` hold StoredData of the Kind's model. */
export const storeKindData = struct({ kind: u32, generationCounter: u64, values: opaque(len32) })
export const storeReq = struct({ resource: resourceId, replicaNumber: u8, kindData: vector(len32, storeKindData) })
export const storeKindResponse = struct({ kind: u32, generationCounter: u64, replicas: vector(len16, nodeId) })
export const storeAns = struct({ kindResponses: vector(len16, storeKindResponse) })
export type StoreKindData = Infer<typeof storeKindData>
export type StoreReq = Infer<typeof storeReq>
export type StoreKindResponse = Infer<typeof storeKindResponse>
export type StoreAns = Infer<typeof storeAns>

/** §7.4.2.1; indexes are unsigned here, since 0xFFFFFFFF is the last element. */
export const arrayRange = struct({ first: u32, last: u32 })
export type ArrayRange = Infer<typeof arrayRange>

/** What to fetch of a Kind: the single value, ranges of an array, keys of a dictionary (none: all). */
export type ModelSpecifier =
  | { readonly model: 'single' }
  | { readonly model: 'array', readonly indices: readonly ArrayRange[] }
  | { readonly model: 'dictionary', readonly keys: readonly Uint8Array[] }

const arraySpecifier = struct({ indices: vector(len16, arrayRange) })
const dictionarySpecifier = struct({ keys: vector(len16, dictionaryKey) })

/** @throws DecodeError */
export function decodeSpecifier(model: DataModel, modelSpecifier: Uint8Array): ModelSpecifier {
  switch (model) {
    case 'single': new ByteReader(modelSpecifier).expectEnd('the specifier of a single value'); return { model }
    case 'array': return { model, ...decode(arraySpecifier, modelSpecifier) }
    case 'dictionary': return { model, ...decode(dictionarySpecifier, modelSpecifier) }
  }
}

export function encodeSpecifier(specifier: ModelSpecifier): Uint8Array {
  switch (specifier.model) {
    case 'single': return new Uint8Array(0)
    case 'array': return encode(arraySpecifier, specifier)
    case 'dictionary': return encode(dictionarySpecifier, specifier)
  }
}

export const storedDataSpecifier = struct({ kind: u32, generation: u64, modelSpecifier: opaque(len16) })
export const fetchReq = struct({ resource: resourceId, specifiers: vector(len16, storedDataSpecifier) })
/** `values` hold StoredData in a FetchAns and StoredMetaData in a StatAns. */
export const fetchKindResponse = struct({ kind: u32, generation: u64, values: opaque(len32) })
export const fetchAns = struct({ kindResponses: vector(len32, fetchKindResponse) })
export type StoredDataSpecifier = Infer<typeof storedDataSpecifier>
export type FetchReq = Infer<typeof fetchReq>
export type FetchKindResponse = Infer<typeof fetchKindResponse>
export type FetchAns = Infer<typeof fetchAns>

/** §7.4.3. */
export const statReq = fetchReq
export const statAns = fetchAns

/** §7.4.4. */
export const findReq = struct({ resource: resourceId, kinds: vector(len8, u32) })
export const findKindData = struct({ kind: u32, closest: resourceId })
export const findAns = struct({ results: vector(len16, findKindData) })
export type FindReq = Infer<typeof findReq>
export type FindAns = Infer<typeof findAns>
