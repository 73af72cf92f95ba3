/**
 * The three data models (RFC 6940 §7.2): where a value lies, what a Store replaces (§7.4.1.1), and what a Fetch
 * specifier selects (§7.4.2.1), with the synthetic values for what does not exist (§7.4.2.2).
 */
import { equalBytes, toHex } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import { noSignature } from '../wire/signature.ts'
import { ARRAY_END, type ArrayRange, type DataValue, type ModelSpecifier, type StoredData, type StoredDataValue } from '../wire/storage.ts'

/** The place of a value under its Kind: unused fields are 0 and empty. */
export interface Place {
  readonly index: number
  readonly key: Uint8Array
}

const noKey = new Uint8Array(0)

export function placeOf(value: StoredDataValue): Place {
  switch (value.model) {
    case 'single': return { index: 0, key: noKey }
    case 'array': return { index: value.index, key: noKey }
    case 'dictionary': return { index: 0, key: value.key }
  }
}

export function samePlace(a: Place, b: Place): boolean {
  return a.index === b.index && equalBytes(a.key, b.key)
}

/** The first index behind all of these. */
export function endOfArray(values: readonly { readonly data: StoredData }[]): number {
  return values.reduce((end, { data }) => Math.max(end, placeOf(data.value).index + 1), 0)
}

const absent: DataValue = { exists: false, value: new Uint8Array(0) }

/** Stands for what this node knows nothing of: no signer, no time, no lifetime. */
export function synthetic(value: StoredDataValue): StoredData {
  return { storageTime: 0n, lifetime: 0, value, signature: noSignature }
}

export interface Selection<V> {
  readonly found: readonly V[]
  /** For named places without a value. Ranges of an array make none: a sparse array has up to 2^32 gaps. */
  readonly missing: readonly StoredDataValue[]
}

/** @throws DecodeError when ranges run backwards or overlap, or a key is named twice */
export function select<V extends { readonly data: StoredData }>(specifier: ModelSpecifier, values: readonly V[]): Selection<V> {
  switch (specifier.model) {
    case 'single': return { found: values, missing: values.length === 0 ? [{ model: 'single', data: absent }] : [] }
    case 'array': return selectRanges(specifier.indices, values)
    case 'dictionary': return specifier.keys.length === 0 ? { found: values, missing: [] } : selectKeys(specifier.keys, values)
  }
}

function selectRanges<V extends { readonly data: StoredData }>(indices: readonly ArrayRange[], values: readonly V[]): Selection<V> {
  const ordered = [...indices].sort((a, b) => a.first - b.first)
  ordered.forEach((range, i) => {
    if (range.first > range.last) throw new DecodeError('an array range runs backwards')
    const before = ordered[i - 1]
    if (before !== undefined && before.last >= range.first) throw new DecodeError('array ranges overlap')
  })
  const last = endOfArray(values) - 1
  const found: V[] = []
  const missing: StoredDataValue[] = []
  for (const range of ordered) {
    const first = range.first === ARRAY_END ? Math.max(0, last) : range.first
    const upTo = range.last === ARRAY_END ? last : range.last
    const inside = values.filter(({ data }) => { const { index } = placeOf(data.value); return index >= first && index <= upTo })
    // A range that ends early and [last, last] may name the same element.
    for (const value of inside) if (!found.includes(value)) found.push(value)
    if (range.first === range.last && inside.length === 0) missing.push({ model: 'array', index: first, data: absent })
  }
  return { found, missing }
}

function selectKeys<V extends { readonly data: StoredData }>(keys: readonly Uint8Array[], values: readonly V[]): Selection<V> {
  if (new Set(keys.map(toHex)).size !== keys.length) throw new DecodeError('a dictionary key is named twice')
  const found: V[] = []
  const missing: StoredDataValue[] = []
  for (const key of keys) {
    const value = values.find(({ data }) => equalBytes(placeOf(data.value).key, key))
    if (value === undefined) missing.push({ model: 'dictionary', key, data: absent })
    else found.push(value)
  }
  return { found, missing }
}
