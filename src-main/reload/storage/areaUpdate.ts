/**
 * What a Store does to the values of one Kind (RFC 6940 §7.4.1.1): a new list from the old one and the values
 * sent, or the error that fails the whole request. Pure: nothing is written here.
 */
import { equalBytes } from '../../base/bytes.ts'
import { encode } from '../../base/presentation.ts'
import { ErrorCode } from '../wire/constants.ts'
import { signature } from '../wire/signature.ts'
import { ARRAY_END, storedDataValue, type StoredData } from '../wire/storage.ts'
import type { HeldValue } from './areas.ts'
import { endOfArray, placeOf, samePlace } from './dataModels.ts'
import type { KindRules } from './dependencies.ts'

export interface AreaUpdate {
  readonly values: readonly HeldValue[]
  readonly changed: boolean
}

export interface StoreError {
  readonly error: number
  readonly info: string
}

/** Removed values are kept until they expire; so many more than existing ones may be. */
const tombstonesPerValue = 2

/**
 * @param onOlder what a value that is not newer than the one it would replace does: 'fail' the request, as a Store;
 *   or be passed over, as when the copies of two partitions are merged in the order of their storage times
 */
export function updateArea(rules: KindRules, held: readonly HeldValue[], sent: readonly HeldValue[], onOlder: 'fail' | 'skip'): AreaUpdate | StoreError {
  const values = [...held]
  let changed = false
  for (const value of sent) {
    const problem = checkSize(rules, value.data)
    if (problem !== undefined) return problem
    const placed = place(value, values)
    if (placed === undefined) return { error: ErrorCode.dataTooLarge, info: 'the array has no index left' }
    const at = values.findIndex((other) => samePlace(placeOf(other.data.value), placeOf(placed.data.value)))
    const old = values[at]
    if (old === undefined) values.push(placed)
    // The same value again is a retransmission or a refreshed replica. Its lifetime is not signed: it must not prolong.
    else if (sameValue(old.data, placed.data)) continue
    else if (placed.data.storageTime > old.data.storageTime) values[at] = placed
    else if (onOlder === 'skip') continue
    else return { error: ErrorCode.dataTooOld, info: `storage_time must be greater than ${old.data.storageTime}` }
    changed = true
  }
  return checkCount(rules, values) ?? { values, changed }
}

/** Gives an appended value its index; one that is in the array already keeps the index it has. */
function place(value: HeldValue, values: readonly HeldValue[]): HeldValue | undefined {
  const { data } = value
  if (data.value.model !== 'array' || data.value.index !== ARRAY_END) return value
  const again = values.find((other) => sameValue(other.data, data))
  if (again !== undefined) return again
  const index = endOfArray(values)
  return index >= ARRAY_END ? undefined : { ...value, data: { ...data, value: { ...data.value, index } } }
}

function checkSize(rules: KindRules, { value }: StoredData): StoreError | undefined {
  if (!value.data.exists && value.data.value.length > 0) return { error: ErrorCode.invalidMessage, info: 'a nonexistent value is not empty' }
  if (value.data.value.length <= rules.maxSize) return undefined
  return { error: ErrorCode.dataTooLarge, info: `${value.data.value.length} bytes, the Kind allows ${rules.maxSize}` }
}

function checkCount(rules: KindRules, values: readonly HeldValue[]): StoreError | undefined {
  if (rules.dataModel === 'single') return undefined
  const existing = values.filter(({ data }) => data.value.data.exists).length
  if (existing <= rules.maxCount && values.length - existing <= tombstonesPerValue * rules.maxCount) return undefined
  return { error: ErrorCode.dataTooLarge, info: `the Kind allows ${rules.maxCount} values at one resource` }
}

/** Same signature over the same value: everything but the lifetime, and the index of an array, is the same. */
function sameValue(a: StoredData, b: StoredData): boolean {
  const signed = (data: StoredData): Uint8Array =>
    encode(storedDataValue(data.value.model), data.value.model === 'array' ? { ...data.value, index: 0 } : data.value)
  return a.storageTime === b.storageTime && equalBytes(encode(signature, a.signature), encode(signature, b.signature)) && equalBytes(signed(a), signed(b))
}
