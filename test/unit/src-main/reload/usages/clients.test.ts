import { beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../../src-main/base/errors.ts'
import { decode, encode } from '../../../../../src-main/base/presentation.ts'
import { ReloadError, RequestTimeout, type Answer } from '../../../../../src-main/reload/transaction/exchange.ts'
import { certificateByNodeKind, certificateByUserKind, certificateValues } from '../../../../../src-main/reload/usages/certificateStore.ts'
import type { VerifiedValue } from '../../../../../src-main/reload/usages/fetchClient.ts'
import type { ValueToStore } from '../../../../../src-main/reload/usages/storeClient.ts'
import { ErrorCode, MessageCode } from '../../../../../src-main/reload/wire/constants.ts'
import type { DataModel } from '../../../../../src-main/reload/wire/kinds.ts'
import { noSignature } from '../../../../../src-main/reload/wire/signature.ts'
import { decodeStoredValues, encodeStoredValues, fetchAns, type StoredData } from '../../../../../src-main/reload/wire/storage.ts'
import { array, bytes, dictionary, existing, hash, makeWorld, nodeIdAt, single, TestRing, type TestNode, type World } from '../storage/ring.ts'

let world: World
let ring: TestRing
let alice: TestNode
let bob: TestNode
let here: Uint8Array
const forever = new AbortController().signal
beforeAll(async () => { world = await makeWorld() })
beforeEach(async () => {
  ring = new TestRing(world)
  alice = await ring.node('alice', nodeIdAt(0x40))
  bob = await ring.node('bob', nodeIdAt(0xc0))
  await ring.enter(bob)
  here = hash(alice.user)
})
afterEach(() => { ring.close() })

const put = (value: Partial<ValueToStore> = {}): Promise<unknown> => alice.storeClient.store(here, [{ kind: single, value: bytes('a'), lifetimeS: 100, ...value }], forever)
const get = (reader = bob): Promise<readonly VerifiedValue[]> => reader.fetchClient.fetch(here, single, { model: 'single' }, forever)
const text = (value: Uint8Array | undefined): string => new TextDecoder().decode(value)
/** Changes the values of Fetch answers of one Kind on their way. */
function tamper(model: DataModel, change: (values: readonly StoredData[]) => readonly StoredData[], certificates?: readonly Uint8Array[]): void {
  ring.tamper = (answer: Answer, code) => (code !== MessageCode.fetchReq ? answer : {
    ...answer, ...(certificates !== undefined && { certificates }),
    body: encode(fetchAns, { kindResponses: decode(fetchAns, answer.body).kindResponses.map((r) => ({ ...r, values: encodeStoredValues(change(decodeStoredValues(model, r.values))) })) }),
  })
}

describe('storing', () => {
  it('what one user stores another fetches, with its writer', async () => {
    await put()
    ring.clock.advance(10_000)
    const fetched = await get()
    expect(fetched.map(({ signer }) => signer.der)).toEqual([alice.peer.certificate.der])
    expect(fetched).toMatchObject([{
      kind: single, value: bytes('a'), storageTimeMs: ring.clock.now() - 10_000, lifetimeS: 90, signerUserName: alice.user, signerNodeId: alice.id,
    }])
  })

  it('arrays and dictionaries come back with their indexes and keys', async () => {
    await alice.storeClient.store(here, [
      { kind: array, index: 4, value: bytes('four'), lifetimeS: 9 }, { kind: array, value: bytes('five'), lifetimeS: 9 },
      { kind: dictionary, key: bytes('k'), value: bytes('v'), lifetimeS: 9 },
    ], forever)
    const all = { model: 'array', ranges: [{ first: 0, last: 0xffffffff }] } as const
    expect((await bob.fetchClient.fetch(here, array, all, forever)).map((v) => [v.index, text(v.value)])).toEqual([[4, 'four'], [5, 'five']])
    expect((await bob.fetchClient.fetch(here, dictionary, { model: 'dictionary', keys: [] }, forever)).map((v) => [text(v.key), text(v.value)])).toEqual([['k', 'v']])
  })

  it('storage times rise at each place even within one millisecond', async () => {
    await put({ value: bytes('1') })
    await put({ value: bytes('2') })
    await put({ value: bytes('3') })
    expect((await get()).map((v) => text(v.value))).toEqual(['3'])
    expect(ring.sent.filter((s) => s.code === MessageCode.storeReq).length).toBe(3)
  })

  it('a store that is rejected as too old is redone with a time greater than the stored one', async () => {
    const future = BigInt(ring.clock.now() + 3_600_000)
    alice.store1(bob, here, [{ kind: single, values: [alice.sign(here, single, { model: 'single', data: existing('from a fast clock') }, { time: future })] }])
    await put({ value: bytes('now') })
    const [value] = await get()
    expect(text(value?.value)).toBe('now')
    expect(value?.storageTimeMs).toBe(Number(future) + 1)
  })

  it('a value without content removes what is there', async () => {
    await put()
    await put({ value: undefined })
    expect(await get()).toEqual([])
  })

  it('hands on the error of the storing peer', async () => {
    const mallory = await ring.node('mallory', nodeIdAt(0x41))
    await expect(mallory.storeClient.store(here, [{ kind: single, value: bytes('x'), lifetimeS: 1 }], forever)).rejects.toMatchObject({ code: ErrorCode.forbidden })
    await expect(alice.storeClient.store(here, [{ kind: single, value: bytes('x'), lifetimeS: 1 }], forever, { generations: new Map([[single, 7n]]) })).rejects.toBeInstanceOf(ReloadError)
    bob.up = false
    await expect(put()).rejects.toBeInstanceOf(RequestTimeout)
  })

  it('refuses what does not fit the Kind before anything is sent', async () => {
    await expect(put({ kind: 0xf0000077 })).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(put({ value: new Uint8Array(101) })).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(put({ kind: dictionary })).rejects.toMatchObject({ code: 'invalid-argument' })
    expect(ring.sent).toEqual([])
  })

  it('ends when it is told to', async () => {
    const controller = new AbortController()
    controller.abort(new RangeError('enough'))
    await expect(alice.storeClient.store(here, [{ kind: single, value: bytes('x'), lifetimeS: 1 }], controller.signal)).rejects.toBeInstanceOf(RangeError)
  })
})

describe('fetching: the storing peer is not trusted', () => {
  it('values with invalid signatures are discarded and counted', async () => {
    await put()
    tamper('single', (values) => values.map((v) => ({ ...v, value: { model: 'single', data: existing('forged') } })))
    expect(await get(alice)).toEqual([])
    expect(alice.counted).toEqual(['discarded.value.bad-signature'])
    expect((await alice.fetchClient.fetchStored(here, single, undefined, forever)).discarded).toBe(1)
  })

  it('values whose certificate is missing or expired are discarded', async () => {
    await put()
    tamper('single', (values) => values, [bob.peer.certificate.der])
    expect(await get(alice)).toEqual([])
    expect(alice.counted).toEqual(['discarded.value.no-certificate'])
    ring.tamper = undefined
    await alice.storeClient.store(here, [{ kind: single, value: bytes('long'), lifetimeS: 90 * 86_400 }], forever)
    ring.clock.advance(31 * 86_400_000)
    expect(await get(alice)).toEqual([])
    expect(alice.counted).toContain('discarded.value.expired')
  })

  it('a value of somebody who may not write there is discarded', async () => {
    await put()
    const mallory = await ring.node('mallory', nodeIdAt(0x41))
    tamper('single', () => [mallory.sign(here, single, { model: 'single', data: existing('mine') })], [mallory.peer.certificate.der])
    expect(await get(alice)).toEqual([])
    expect(alice.counted).toEqual(['discarded.value.not-authorised'])
  })

  it('a synthetic value counts only as absence', async () => {
    tamper('single', (values) => values)
    expect(await get(alice)).toEqual([])
    expect(alice.counted).toEqual([])
    tamper('single', () => [{ storageTime: 0n, lifetime: 9, value: { model: 'single', data: existing('made up') }, signature: noSignature }])
    expect(await get(alice)).toEqual([])
    expect(alice.counted).toEqual(['discarded.value.unsigned'])
  })

  it('what was not asked for has no effect', async () => {
    await alice.storeClient.store(here, [{ kind: dictionary, key: bytes('a'), value: bytes('1'), lifetimeS: 9 }, { kind: dictionary, key: bytes('b'), value: bytes('2'), lifetimeS: 9 }], forever)
    let all: readonly StoredData[] = []
    tamper('dictionary', (values) => { all = values; return values })
    await bob.fetchClient.fetch(here, dictionary, { model: 'dictionary', keys: [] }, forever)
    tamper('dictionary', () => all)
    expect((await bob.fetchClient.fetch(here, dictionary, { model: 'dictionary', keys: [bytes('a')] }, forever)).map((v) => text(v.value))).toEqual(['1'])
  })

  it('an answer that goes back to an older value is noticed', async () => {
    await put({ value: bytes('1') })
    let old: readonly StoredData[] = []
    tamper('single', (values) => { old = values; return values })
    await get()
    ring.tamper = undefined
    ring.clock.advance(1)
    await put({ value: bytes('2') })
    await get()
    tamper('single', () => old)
    await get()
    expect(bob.counted.filter((c) => c === 'suspicious.rollback').length).toBe(1)
  })

  it('an answer for other Kinds than asked for, or one that cannot be read, is an error', async () => {
    ring.tamper = (answer) => ({ ...answer, body: encode(fetchAns, { kindResponses: [] }) })
    await expect(get()).rejects.toBeInstanceOf(DecodeError)
    ring.tamper = (answer) => ({ ...answer, body: Uint8Array.of(0, 0, 0, 9, 1) })
    await expect(get()).rejects.toBeInstanceOf(DecodeError)
  })

  it('the selector must be of the Kind\'s data model', async () => {
    await expect(bob.fetchClient.fetch(here, single, { model: 'dictionary', keys: [] }, forever)).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(bob.fetchClient.fetch(here, 0xf0000077, { model: 'single' }, forever)).rejects.toMatchObject({ code: 'invalid-argument' })
  })
})

describe('the certificate store usage (RFC 6940 §8)', () => {
  const publish = async (node: TestNode): Promise<void> => {
    for (const { resourceId, value } of certificateValues({ resourceId: hash }, { userName: node.user, nodeId: node.id, certificate: node.peer.certificate }, 1000)) {
      await node.storeClient.store(resourceId, [value], forever)
    }
  }
  const all = { model: 'array', ranges: [{ first: 0, last: 0xffffffff }] } as const

  it('each node stores its certificate at H(Node-ID) and at H(user name)', async () => {
    await publish(alice)
    expect((await bob.fetchClient.fetch(hash(alice.id), certificateByNodeKind, all, forever)).map((v) => v.value)).toEqual([alice.peer.certificate.der])
    expect((await bob.fetchClient.fetch(here, certificateByUserKind, all, forever)).map((v) => v.value)).toEqual([alice.peer.certificate.der])
  })

  it('a refresh adds no copy; certificates of several devices, and new and old ones, stand side by side', async () => {
    const laptop = await ring.node('alice', nodeIdAt(0x41))
    const renewed = await ring.node('alice', nodeIdAt(0x40))
    for (const node of [alice, laptop, alice, renewed]) { ring.clock.advance(1000); await publish(node) }
    const found = (await bob.fetchClient.fetch(here, certificateByUserKind, all, forever)).map((v) => v.value)
    expect(found.length).toBe(3)
    for (const node of [alice, laptop, renewed]) expect(found).toContainEqual(node.peer.certificate.der)
    expect((await bob.fetchClient.fetch(hash(alice.id), certificateByNodeKind, all, forever)).length).toBe(2)
  })

  it('nobody else may store there', async () => {
    const [byNode, byUser] = certificateValues({ resourceId: hash }, { userName: alice.user, nodeId: alice.id, certificate: alice.peer.certificate }, 1000)
    const mallory = await ring.node('mallory', nodeIdAt(0x42))
    for (const entry of [byNode, byUser]) {
      await expect(mallory.storeClient.store(entry?.resourceId ?? here, [entry?.value as ValueToStore], forever)).rejects.toMatchObject({ code: ErrorCode.forbidden })
    }
  })

  it('what is no certificate is not stored', async () => {
    await expect(alice.storeClient.store(here, [{ kind: certificateByUserKind, index: 0, value: bytes('not DER'), lifetimeS: 9 }], forever)).rejects.toMatchObject({ code: ErrorCode.forbidden })
  })
})
