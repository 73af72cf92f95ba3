import { beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest'
import { decode } from '../../../../../src-main/base/presentation.ts'
import { DecodeError, PeerError } from '../../../../../src-main/base/errors.ts'
import type { Outcome } from '../../../../../src-main/reload/transaction/exchange.ts'
import { ErrorCode } from '../../../../../src-main/reload/wire/constants.ts'
import { readUnknownKindInfo } from '../../../../../src-main/reload/wire/message.ts'
import { noSignature } from '../../../../../src-main/reload/wire/signature.ts'
import { ARRAY_END, decodeStoredValues, storeAns, type StoredData, type StoredDataValue } from '../../../../../src-main/reload/wire/storage.ts'
import type { DataModel } from '../../../../../src-main/reload/wire/kinds.ts'
import { array, bytes, dictionary, existing, hash, makeWorld, nodeIdAt, overlayName, removed, single, TestRing, type TestNode, type World } from './ring.ts'

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

const one = (text: string): StoredDataValue => ({ model: 'single', data: existing(text) })
const at = (index: number, text: string): StoredDataValue => ({ model: 'array', index, data: existing(text) })
const under = (key: string, text: string): StoredDataValue => ({ model: 'dictionary', key: bytes(key), data: existing(text) })

const modelOf: Readonly<Record<number, DataModel>> = { [single]: 'single', [array]: 'array', [dictionary]: 'dictionary' }
function held(node: TestNode, kind: number, resource = here): { generation: bigint, values: StoredData[] } | undefined {
  const area = node.store.read(resource, kind)
  return area && { generation: area.generation, values: area.entries.map((e) => decodeStoredValues(modelOf[kind] ?? 'dictionary', e.data)[0] as StoredData) }
}
const texts = (kind: number): string[] => held(bob, kind)?.values.map((v) => new TextDecoder().decode(v.value.data.value)) ?? []
function failure(outcome: Outcome): number {
  if (!('error' in outcome)) throw new Error('was stored')
  return outcome.error
}
function generation(outcome: Outcome, kind = single): bigint {
  if ('error' in outcome) throw new Error(`refused with ${outcome.error}: ${String(outcome.info)}`)
  const response = decode(storeAns, outcome.body).kindResponses.find((r) => r.kind === kind)
  if (response === undefined) throw new Error('no response for the Kind')
  return response.generationCounter
}

describe('single-value', () => {
  it('a store of a new element creates it if it does not exist and overwrites any existing value', () => {
    generation(alice.store1(bob, here, [{ kind: single, values: [alice.sign(here, single, one('a'))] }]))
    ring.clock.advance(1)
    generation(alice.store1(bob, here, [{ kind: single, values: [alice.sign(here, single, one('b'))] }]))
    expect(texts(single)).toEqual(['b'])
  })
})

describe('array', () => {
  it('a store of an entry replaces or inserts the value at its index', () => {
    generation(alice.store1(bob, here, [{ kind: array, values: [alice.sign(here, array, at(7, 'seven')), alice.sign(here, array, at(2, 'two'))] }]), array)
    ring.clock.advance(1)
    generation(alice.store1(bob, here, [{ kind: array, values: [alice.sign(here, array, at(7, 'again'))] }]), array)
    expect(texts(array)).toEqual(['two', 'again'])
  })

  it('a store at index 0xffffffff places the value at the end, and it has its real index when fetched', () => {
    for (const text of ['a', 'b']) {
      generation(alice.store1(bob, here, [{ kind: array, values: [alice.sign(here, array, at(ARRAY_END, text))] }]), array)
      ring.clock.advance(1)
    }
    expect(held(bob, array)?.values.map((v) => v.value)).toEqual([at(0, 'a'), at(1, 'b')])
  })

  it('the same appended value again is not appended twice', () => {
    const value = alice.sign(here, array, at(ARRAY_END, 'a'))
    const first = generation(alice.store1(bob, here, [{ kind: array, values: [value] }]), array)
    expect(generation(alice.store1(bob, here, [{ kind: array, values: [value] }]), array)).toBe(first)
    expect(texts(array)).toEqual(['a'])
  })
})

describe('dictionary', () => {
  it('a store of an entry replaces or inserts the value at its key', () => {
    generation(alice.store1(bob, here, [{ kind: dictionary, values: [alice.sign(here, dictionary, under('x', '1')), alice.sign(here, dictionary, under('y', '2'))] }]), dictionary)
    ring.clock.advance(1)
    generation(alice.store1(bob, here, [{ kind: dictionary, values: [alice.sign(here, dictionary, under('x', '3'))] }]), dictionary)
    expect(texts(dictionary)).toEqual(['3', '2'])
  })
})

describe('the peer must check', () => {
  it('that it is responsible for the resource if the replica number is zero', async () => {
    await ring.enter(alice)
    const away = ring.responsible(here) === alice ? bob : alice
    expect(failure(alice.store1(away, here, [{ kind: single, values: [alice.sign(here, single, one('a'))] }]))).toBe(ErrorCode.notFound)
  })

  it('that the Kind-ID is known: Error_Unknown_Kind lists all that are not, and nothing is stored', () => {
    const outcome = alice.store1(bob, here, [
      { kind: 0xf0000077, values: [] }, { kind: single, values: [alice.sign(here, single, one('a'))] }, { kind: 0xf0000078, values: [] },
    ])
    expect(failure(outcome)).toBe(ErrorCode.unknownKind)
    expect(readUnknownKindInfo((outcome as { info: Uint8Array }).info)).toEqual([0xf0000077, 0xf0000078])
    expect(held(bob, single)).toBeUndefined()
  })

  it('that the same Kind-ID is not used twice in a request', () => {
    const values = [alice.sign(here, single, one('a'))]
    expect(failure(alice.store1(bob, here, [{ kind: single, values }, { kind: single, values }]))).toBe(ErrorCode.invalidMessage)
  })

  it('that signatures over each individual data element are valid, else Error_Forbidden', () => {
    const value = alice.sign(here, single, one('a'))
    expect(failure(alice.store1(bob, here, [{ kind: single, values: [{ ...value, value: one('b') }] }]))).toBe(ErrorCode.forbidden)
    expect(failure(alice.store1(bob, here, [{ kind: single, values: [{ ...value, storageTime: value.storageTime + 1n }] }]))).toBe(ErrorCode.forbidden)
    expect(failure(alice.store1(bob, hash('else'), [{ kind: single, values: [value] }]))).toBe(ErrorCode.forbidden)
    expect(failure(alice.store1(bob, here, [{ kind: dictionary, values: [{ ...alice.sign(here, single, under('k', 'a')) }] }]))).toBe(ErrorCode.forbidden)
  })

  it('that the signer has a valid certificate of this overlay, else Error_Forbidden', async () => {
    const forged = await ring.node('alice', nodeIdAt(0x41), { authority: world.stranger })
    expect(failure(forged.store1(bob, here, [{ kind: single, values: [forged.sign(here, single, one('a'))] }]))).toBe(ErrorCode.forbidden)
    const old = await ring.node('alice', nodeIdAt(0x42), { notAfter: ring.clock.now() - 1000 })
    expect(failure(old.store1(bob, here, [{ kind: single, values: [old.sign(here, single, one('a'))] }]))).toBe(ErrorCode.forbidden)
  })

  it('that each element is signed by a credential which is authorized to write this Kind at this Resource-ID, else Error_Forbidden', async () => {
    const mallory = await ring.node('mallory', nodeIdAt(0x41))
    expect(failure(mallory.store1(bob, here, [{ kind: single, values: [mallory.sign(here, single, one('a'))] }]))).toBe(ErrorCode.forbidden)
  })

  it('for original stores, that the StoreReq is signed by a credential which is authorized too, else Error_Forbidden', async () => {
    const mallory = await ring.node('mallory', nodeIdAt(0x41))
    const replayed = alice.sign(here, single, one('a'))
    expect(failure(mallory.store1(bob, here, [{ kind: single, values: [replayed] }], 0, [alice.peer.certificate.der]))).toBe(ErrorCode.forbidden)
  })

  it('that identity_type is not "none" nor the algorithm {0, 0}, else Error_Forbidden', () => {
    const value = { ...alice.sign(here, single, { model: 'single', data: removed }), signature: noSignature }
    expect(failure(alice.store1(bob, here, [{ kind: single, values: [value] }]))).toBe(ErrorCode.forbidden)
  })

  it('that storage times are greater than those of values which would be replaced, else Error_Data_Too_Old', () => {
    generation(alice.store1(bob, here, [{ kind: single, values: [alice.sign(here, single, one('a'), { time: 1000n })] }]))
    for (const time of [999n, 1000n]) {
      expect(failure(alice.store1(bob, here, [{ kind: single, values: [alice.sign(here, single, one('b'), { time })] }]))).toBe(ErrorCode.dataTooOld)
    }
    generation(alice.store1(bob, here, [{ kind: single, values: [alice.sign(here, single, one('c'), { time: 1001n })] }]))
    expect(texts(single)).toEqual(['c'])
  })

  it('that the size and number of the values are within the limits, else Error_Data_Too_Large', () => {
    expect(failure(alice.store1(bob, here, [{ kind: single, values: [alice.sign(here, single, one('x'.repeat(101)))] }]))).toBe(ErrorCode.dataTooLarge)
    const four = ['a', 'b', 'c', 'd'].map((key) => alice.sign(here, dictionary, under(key, '1')))
    expect(failure(alice.store1(bob, here, [{ kind: dictionary, values: four }]))).toBe(ErrorCode.dataTooLarge)
    generation(alice.store1(bob, here, [{ kind: dictionary, values: four.slice(0, 3) }]), dictionary)
    expect(failure(alice.store1(bob, here, [{ kind: dictionary, values: four.slice(3) }]))).toBe(ErrorCode.dataTooLarge)
    expect(texts(dictionary)).toEqual(['1', '1', '1'])
  })

  it('that removed values do not pile up without limit', () => {
    const gone = (key: string): StoredData => alice.sign(here, dictionary, { model: 'dictionary', key: bytes(key), data: removed })
    generation(alice.store1(bob, here, [{ kind: dictionary, values: ['1', '2', '3', '4', '5', '6'].map(gone) }]), dictionary)
    expect(failure(alice.store1(bob, here, [{ kind: dictionary, values: [gone('7')] }]))).toBe(ErrorCode.dataTooLarge)
  })

  it('that the body follows its format', () => {
    expect(() => bob.storage.handleStore(alice.incoming(7, Uint8Array.of(16, 1, 2), { resource: here }))).toThrow(DecodeError)
    expect(failure(alice.store1(bob, new Uint8Array(4), [{ kind: single, values: [] }]))).toBe(ErrorCode.invalidMessage)
  })
})

it('these operations are atomic: if any fails, the state is what it was before the request', () => {
  const outcome = alice.store1(bob, here, [
    { kind: single, values: [alice.sign(here, single, one('a'))] },
    { kind: dictionary, values: [alice.sign(here, dictionary, under('k', 'x'.repeat(101)))] },
  ])
  expect(failure(outcome)).toBe(ErrorCode.dataTooLarge)
  expect(held(bob, single)).toBeUndefined()
  expect(ring.sent).toEqual([])
})

it('a Store that the disk has no room for is refused, and does not end the peer', () => {
  bob.store.transact = () => { throw new PeerError('disk-full') }
  expect(failure(alice.store1(bob, here, [{ kind: single, values: [alice.sign(here, single, one('a'))] }]))).toBe(ErrorCode.dataTooLarge)
  expect(bob.counted).toEqual(['failed.store'])
})

describe('the generation counter', () => {
  it('is 1 or greater, increases when data is changed, and is returned', () => {
    const first = generation(alice.store1(bob, here, [{ kind: single, values: [alice.sign(here, single, one('a'))] }]))
    expect(first >= 1n).toBe(true)
    ring.clock.advance(1)
    const second = generation(alice.store1(bob, here, [{ kind: single, generation: first, values: [alice.sign(here, single, one('b'))] }]))
    expect(second > first).toBe(true)
    expect(held(bob, single)?.generation).toBe(second)
  })

  it('that does not match fails the entire request with a StoreAns of the correct counters and empty replica lists', () => {
    const current = generation(alice.store1(bob, here, [{ kind: single, values: [alice.sign(here, single, one('a'))] }]))
    ring.clock.advance(1)
    for (const wrong of [current - 1n, current + 1n]) {
      const outcome = alice.store1(bob, here, [
        { kind: single, generation: wrong, values: [alice.sign(here, single, one('b'))] },
        { kind: dictionary, values: [alice.sign(here, dictionary, under('k', '1'))] },
      ])
      expect(failure(outcome)).toBe(ErrorCode.generationCounterTooLow)
      expect(decode(storeAns, (outcome as { info: Uint8Array }).info).kindResponses).toEqual([
        { kind: single, generationCounter: current, replicas: [] }, { kind: dictionary, generationCounter: 0n, replicas: [] },
      ])
    }
    expect(texts(single)).toEqual(['a'])
    expect(held(bob, dictionary)).toBeUndefined()
  })

  it('of data that expired and was forgotten does not come back', () => {
    const first = generation(alice.store1(bob, here, [{ kind: single, values: [alice.sign(here, single, one('a'), { lifetime: 10 })] }]))
    ring.clock.advance(120_000)
    expect(bob.store.areas()).toEqual([])
    expect(generation(alice.store1(bob, here, [{ kind: single, values: [alice.sign(here, single, one('b'))] }])) > first).toBe(true)
  })

  it('stays when the same value is stored again, whose unsigned lifetime prolongs nothing', () => {
    const value = alice.sign(here, single, one('a'), { lifetime: 10 })
    const first = generation(alice.store1(bob, here, [{ kind: single, values: [value] }]))
    ring.clock.advance(9_000)
    expect(generation(alice.store1(bob, here, [{ kind: single, values: [{ ...value, lifetime: 1000 }] }]))).toBe(first)
    ring.clock.advance(120_000)
    expect(bob.store.areas()).toEqual([])
  })
})

describe('removing values', () => {
  it('nonexistent values are treated like any other: stored, newer than what they replace, aged out', () => {
    generation(alice.store1(bob, here, [{ kind: dictionary, values: [alice.sign(here, dictionary, under('k', '1'))] }]), dictionary)
    const gone: StoredDataValue = { model: 'dictionary', key: bytes('k'), data: removed }
    expect(failure(alice.store1(bob, here, [{ kind: dictionary, values: [alice.sign(here, dictionary, gone)] }]))).toBe(ErrorCode.dataTooOld)
    ring.clock.advance(1)
    generation(alice.store1(bob, here, [{ kind: dictionary, values: [alice.sign(here, dictionary, gone, { lifetime: 3600 })] }]), dictionary)
    expect(held(bob, dictionary)?.values.map((v) => v.value)).toEqual([gone])
    ring.clock.advance(3_660_000)
    expect(bob.store.areas()).toEqual([])
  })

  it('a nonexistent value with content is malformed', () => {
    const odd: StoredDataValue = { model: 'single', data: { exists: false, value: bytes('x') } }
    expect(failure(alice.store1(bob, here, [{ kind: single, values: [alice.sign(here, single, odd)] }]))).toBe(ErrorCode.invalidMessage)
  })
})

describe('SIP-REGISTRATION (RFC 7904 §3.3)', () => {
  const sip = 1
  const restrict = (enable: boolean, patterns: string[]): void => {
    ring.configuration = { ...ring.configuration, requiredKinds: ring.configuration.requiredKinds.map((k) => (k.id === sip ? { ...k, domainRestriction: { enable, patterns } } : k)) }
  }
  const register = async (): Promise<Outcome> => {
    const { encodeSipRegistration } = await import('../../../../../src-main/reload/usages/sipRegistration.ts')
    const value: StoredDataValue = { model: 'dictionary', key: alice.id, data: { exists: true, value: encodeSipRegistration({ type: 'route', contactPrefs: '', destinationList: [{ node: alice.id }] }) } }
    ring.clock.advance(1)
    return alice.store1(bob, here, [{ kind: sip, values: [alice.sign(here, sip, value)] }])
  }

  it('the certificate contains a Node-ID that is the same as the dictionary key, else Error_Forbidden', async () => {
    expect('body' in await register()).toBe(true)
    const other: StoredDataValue = { model: 'dictionary', key: bob.id, data: removed }
    expect(failure(alice.store1(bob, here, [{ kind: sip, values: [alice.sign(here, sip, other)] }]))).toBe(ErrorCode.forbidden)
  })

  it('the address of record is of a domain that the overlay takes, else Error_Forbidden', async () => {
    restrict(false, [])
    expect('body' in await register()).toBe(true)
    restrict(true, ['.*\\.example\\.org'])
    expect(failure(await register())).toBe(ErrorCode.forbidden)
    restrict(true, ['.*\\.example\\.org', overlayName.replace('.', '\\.')])
    expect('body' in await register()).toBe(true)
  })

  it('a value that is no SipRegistration is not stored', () => {
    const odd: StoredDataValue = { model: 'dictionary', key: alice.id, data: existing('not a registration') }
    expect(failure(alice.store1(bob, here, [{ kind: sip, values: [alice.sign(here, sip, odd)] }]))).toBe(ErrorCode.forbidden)
  })
})
