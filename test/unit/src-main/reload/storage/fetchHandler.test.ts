import { beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../../src-main/base/errors.ts'
import { decode, encode } from '../../../../../src-main/base/presentation.ts'
import type { Outcome } from '../../../../../src-main/reload/transaction/exchange.ts'
import { ErrorCode, MessageCode } from '../../../../../src-main/reload/wire/constants.ts'
import type { DataModel } from '../../../../../src-main/reload/wire/kinds.ts'
import { readUnknownKindInfo } from '../../../../../src-main/reload/wire/message.ts'
import { noSignature } from '../../../../../src-main/reload/wire/signature.ts'
import {
  ARRAY_END, decodeStoredMetaData, decodeStoredValues, encodeSpecifier, fetchAns, fetchReq, findAns, findReq,
  type ModelSpecifier, type StoredData, type StoredDataValue,
} from '../../../../../src-main/reload/wire/storage.ts'
import { crypto } from '../../../../support/certificates.ts'
import { array, bytes, dictionary, existing, hash, makeWorld, nodeIdAt, removed, single, TestRing, type TestNode, type World } from './ring.ts'

let world: World
let ring: TestRing
let alice: TestNode
let bob: TestNode
let here: Uint8Array
beforeAll(async () => { world = await makeWorld() })
beforeEach(async () => {
  ring = new TestRing(world)
  alice = await ring.node('alice', nodeIdAt(0x40))
  bob = await ring.node('bob', nodeIdAt(0xc0))
  await ring.enter(bob)
  here = hash(alice.user)
})
afterEach(() => { ring.close() })

const modelOf: Readonly<Record<number, DataModel>> = { [single]: 'single', [array]: 'array', [dictionary]: 'dictionary' }
type Specifiers = readonly { kind: number, generation?: bigint, specifier: ModelSpecifier }[]
const query = (specifiers: Specifiers): Uint8Array => encode(fetchReq, {
  resource: here, specifiers: specifiers.map(({ kind, generation, specifier }) => ({ kind, generation: generation ?? 0n, modelSpecifier: encodeSpecifier(specifier) })),
})
const fetch = (...specifiers: Specifiers): Outcome => bob.storage.handleFetch(alice.incoming(MessageCode.fetchReq, query(specifiers), { resource: here }))
function responses(outcome: Outcome): { kind: number, generation: bigint, values: readonly StoredData[] }[] {
  if ('error' in outcome) throw new Error(`refused: ${outcome.error}`)
  return decode(fetchAns, outcome.body).kindResponses.map(({ kind, generation, values }) => ({ kind, generation, values: decodeStoredValues(modelOf[kind] as DataModel, values) }))
}
const values = (outcome: Outcome): readonly StoredDataValue[] => responses(outcome).flatMap((r) => r.values.map((v) => v.value))
function put(kind: number, ...list: StoredDataValue[]): void {
  ring.clock.advance(1)
  const outcome = alice.store1(bob, here, [{ kind, values: list.map((value) => alice.sign(here, kind, value, { lifetime: 100 })) }])
  if ('error' in outcome) throw new Error(`not stored: ${outcome.error}`)
}
const at = (index: number): StoredDataValue => ({ model: 'array', index, data: existing(`v${index}`) })
const under = (key: string): StoredDataValue => ({ model: 'dictionary', key: bytes(key), data: existing(`v${key}`) })
const ranges = (...list: [number, number][]): Specifiers[number] => ({ kind: array, specifier: { model: 'array', indices: list.map(([first, last]) => ({ first, last })) } })
const keys = (...list: string[]): Specifiers[number] => ({ kind: dictionary, specifier: { model: 'dictionary', keys: list.map(bytes) } })
const theSingle: Specifiers[number] = { kind: single, specifier: { model: 'single' } }
const absent = { exists: false, value: new Uint8Array(0) }

describe('Fetch', () => {
  it('answers with one FetchKindResponse for each Kind-ID in the request', () => {
    put(dictionary, under('a'))
    expect(responses(fetch(keys(), theSingle)).map((r) => [r.kind, r.generation > 0n, r.values.length])).toEqual([[dictionary, true, 1], [single, false, 1]])
    expect(() => fetch(keys(), keys('a'))).toThrow(DecodeError)
  })

  it('fails with all unknown Kinds when one is named', () => {
    const outcome = fetch({ kind: 0xf0000077, specifier: { model: 'single' } }, theSingle)
    expect(outcome).toMatchObject({ error: ErrorCode.unknownKind })
    expect(readUnknownKindInfo((outcome as { info: Uint8Array }).info)).toEqual([0xf0000077])
  })

  it('returns no values when the generation counter in the request matches', () => {
    put(single, { model: 'single', data: existing('a') })
    const [first] = responses(fetch(theSingle))
    expect(first?.values.length).toBe(1)
    const generation = first?.generation ?? 0n
    expect(responses(fetch({ ...theSingle, generation }))).toEqual([{ kind: single, generation, values: [] }])
    expect(responses(fetch({ ...theSingle, generation: generation - 1n }))[0]?.values.length).toBe(1)
  })

  it('represents a nonexistent value by a synthetic one: exists false, identity none, algorithm {0, 0}, no signature', () => {
    expect(responses(fetch(theSingle))[0]?.values).toEqual([{ storageTime: 0n, lifetime: 0, value: { model: 'single', data: absent }, signature: noSignature }])
    put(dictionary, under('a'))
    expect(values(fetch(keys('b', 'a')))).toEqual([under('a'), { model: 'dictionary', key: bytes('b'), data: absent }])
    put(array, at(5))
    expect(values(fetch(ranges([4, 4], [5, 5])))).toEqual([at(5), { model: 'array', index: 4, data: absent }])
  })

  it('returns removed values that have not yet expired with the signature of who removed them', () => {
    put(single, { model: 'single', data: removed })
    const value = responses(fetch(theSingle))[0]?.values[0]
    expect(value?.signature.identity.type).toBe('cert_hash')
    expect(value?.value.data.exists).toBe(false)
  })

  it('takes ranges of an array, 0xffffffff being the final element, and makes up nothing inside them', () => {
    put(array, at(3), at(10), at(70000))
    expect(values(fetch(ranges([0, ARRAY_END])))).toEqual([at(3), at(10), at(70000)])
    expect(values(fetch(ranges([4, 11])))).toEqual([at(10)])
    expect(values(fetch(ranges([0, 3], [11, ARRAY_END])))).toEqual([at(3), at(70000)])
    expect(values(fetch(ranges([ARRAY_END, ARRAY_END])))).toEqual([at(70000)])
    expect(values(fetch(ranges()))).toEqual([])
  })

  it('refuses ranges that run backwards or overlap, and a key named twice', () => {
    expect(() => fetch(ranges([4, 3]))).toThrow(DecodeError)
    expect(() => fetch(ranges([0, 5], [5, 9]))).toThrow(DecodeError)
    expect(() => fetch(keys('a', 'a'))).toThrow(DecodeError)
  })

  it('without keys returns all key-value pairs', () => {
    put(dictionary, under('b'), under('a'))
    expect(values(fetch(keys()))).toEqual([under('a'), under('b')])
    expect(values(fetch(keys('b')))).toEqual([under('b')])
  })

  it('carries the certificates of all signers, one copy of each', () => {
    put(dictionary, under('a'), under('b'))
    put(single, { model: 'single', data: existing('a') })
    expect(fetch(keys(), theSingle)).toMatchObject({ certificates: [alice.peer.certificate.der] })
  })

  it('answers with the lifetime that is left, by the monotonic clock, and not at all after it', () => {
    put(single, { model: 'single', data: existing('a') })
    ring.clock.advance(30_500)
    expect(responses(fetch(theSingle))[0]?.values[0]?.lifetime).toBe(70)
    ring.clock.advance(69_499)
    expect(responses(fetch(theSingle))[0]?.values[0]?.lifetime).toBe(1)
    ring.clock.advance(1)
    expect(responses(fetch(theSingle))[0]?.values[0]?.value.data.exists).toBe(false)
  })
})

describe('Stat', () => {
  const stat = (...specifiers: Specifiers): Outcome => bob.storage.handleStat(alice.incoming(MessageCode.statReq, query(specifiers), { resource: here }))

  it('is like Fetch with metadata: the hash is over the value with its length', () => {
    put(dictionary, under('a'))
    const outcome = stat(keys('a', 'b'))
    if ('error' in outcome) throw new Error('refused')
    const response = decode(fetchAns, outcome.body).kindResponses[0]
    const meta = (exists: boolean, text: string): object =>
      ({ exists, valueLength: text.length, hashAlgorithm: 4, hashValue: crypto.sha256(Uint8Array.of(0, 0, 0, text.length, ...bytes(text))) })
    expect(decodeStoredMetaData('dictionary', response?.values ?? new Uint8Array()).map((m) => m.metadata)).toEqual([
      { model: 'dictionary', key: bytes('a'), data: meta(true, 'va') }, { model: 'dictionary', key: bytes('b'), data: meta(false, '') },
    ])
  })

  it('fails for unknown Kinds', () => {
    expect(stat({ kind: 0xf0000077, specifier: { model: 'single' } })).toMatchObject({ error: ErrorCode.unknownKind })
  })
})

describe('Find', () => {
  const find = (resource: Uint8Array, ...kinds: number[]): Outcome => bob.storage.handleFind(alice.incoming(MessageCode.findReq, encode(findReq, { resource, kinds }), { resource }))
  const closest = (resource: Uint8Array, ...kinds: number[]): unknown => {
    const outcome = find(resource, ...kinds)
    if ('error' in outcome) throw new Error(`refused: ${outcome.error}`)
    return decode(findAns, outcome.body).results.map((r) => r.closest)
  }

  it('returns for each Kind the closest Resource-ID, or 0 where there is none', () => {
    put(single, { model: 'single', data: existing('a') })
    expect(closest(here, single, array)).toEqual([here, new Uint8Array(16)])
    expect(closest(nodeIdAt(0), single)).toEqual([here])
    expect(closest(nodeIdAt(0xff), single)).toEqual([here])
  })

  it('takes the next one clockwise', async () => {
    const carol = await ring.node('carol', nodeIdAt(0x77))
    put(single, { model: 'single', data: existing('a') })
    carol.store1(bob, hash(carol.user), [{ kind: single, values: [carol.sign(hash(carol.user), single, { model: 'single', data: existing('c') })] }])
    const [low, high] = [here, hash(carol.user)].sort((a, b) => ((a[0] as number) < (b[0] as number) ? -1 : 1)) as [Uint8Array, Uint8Array]
    const after = (id: Uint8Array): Uint8Array => { const next = id.slice(); next[15] = ((next[15] as number) + 1) & 0xff; return next }
    expect(closest(after(low), single)).toEqual([high])
    expect(closest(after(high), single)).toEqual([low])
  })

  it('leaves out what was removed', () => {
    put(single, { model: 'single', data: removed })
    expect(closest(here, single)).toEqual([new Uint8Array(16)])
  })

  it('answers Error_Not_Found when not responsible for the Resource-ID', async () => {
    await ring.enter(alice)
    expect(find(alice.id, single)).toMatchObject({ error: ErrorCode.notFound })
  })

  it('refuses a Kind named twice and Kinds it does not know', () => {
    expect(() => find(here, single, single)).toThrow(DecodeError)
    expect(find(here, 0xf0000077)).toMatchObject({ error: ErrorCode.unknownKind })
  })
})
