import { beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest'
import { toHex } from '../../../../../src-main/base/bytes.ts'
import { decode } from '../../../../../src-main/base/presentation.ts'
import { ErrorCode, MessageCode } from '../../../../../src-main/reload/wire/constants.ts'
import { decodeStoredValues, storeReq, type StoredData, type StoredDataValue } from '../../../../../src-main/reload/wire/storage.ts'
import { settle } from '../../../../support/virtualClock.ts'
import { bytes, dictionary, existing, hash, makeWorld, nodeIdAt, removed, single, TestRing, type TestNode, type World } from './ring.ts'

let world: World
let ring: TestRing
/** Peers at 0x10, 0x30, 0x50, …; users write from outside of the ring. */
let peers: TestNode[]
let alice: TestNode
let here: Uint8Array
const forever = new AbortController().signal
beforeAll(async () => { world = await makeWorld() })
beforeEach(async () => {
  ring = new TestRing(world)
  peers = []
  for (let i = 0; i < 6; i++) peers.push(await ring.node(`peer${i}`, nodeIdAt(0x10 + 0x20 * i)))
  alice = await ring.node('alice', nodeIdAt(0x01))
  here = hash(alice.user)
})
afterEach(() => { ring.close() })

const one = (text: string): StoredDataValue => ({ model: 'single', data: existing(text) })
const under = (key: string, text: string): StoredDataValue => ({ model: 'dictionary', key: bytes(key), data: existing(text) })
/** Peers in the order of their distance from the resource: the responsible one first. */
function order(): TestNode[] {
  const first = ring.members.indexOf(ring.responsible(here) as TestNode)
  return [...ring.members.slice(first), ...ring.members.slice(0, first)]
}
const nth = (i: number): TestNode => order()[i] as TestNode
/** Who is responsible once it has joined, being right behind the resource. */
function nextOwner(): Promise<TestNode> {
  const nodeId = here.slice()
  nodeId[15] = ((nodeId[15] as number) + 1) & 0xff
  return ring.node('joiner', nodeId)
}
function read(node: TestNode, kind = single): string[] {
  return (node.store.read(here, kind)?.entries ?? []).map((e) => new TextDecoder().decode((decodeStoredValues(kind === single ? 'single' : 'dictionary', e.data)[0] as StoredData).value.data.value))
}
const store = async (text: string, kind = single, value = one(text)): Promise<void> => {
  ring.clock.advance(1)
  await alice.storeClient.store(here, [{ kind, ...(value.model === 'dictionary' && { key: value.key }), value: value.data.exists ? value.data.value : undefined, lifetimeS: 1000 }], forever)
  await settle()
}
const stores = (): { to: string, replica: number, kinds: readonly number[] }[] => ring.sent.filter((s) => s.code === MessageCode.storeReq).map(({ to, body }) => {
  const { replicaNumber, kindData } = decode(storeReq, body)
  return { to: to === undefined ? '' : toHex(to.id), replica: replicaNumber, kinds: kindData.map((k) => k.kind) }
})

describe('after a Store (RFC 6940 §10.4)', () => {
  it('the responsible peer stores at its successor with replica number 1 and at that peer\'s successor with 2', async () => {
    await ring.enter(...peers)
    await store('a')
    expect(stores()).toEqual([
      { to: toHex(nth(0).id), replica: 0, kinds: [single] },
      { to: toHex(nth(1).id), replica: 1, kinds: [single] },
      { to: toHex(nth(2).id), replica: 2, kinds: [single] },
    ])
    expect(order().map((node) => read(node))).toEqual([['a'], ['a'], ['a'], [], [], []])
  })

  it('the StoreAns names the peers where the data is replicated', async () => {
    await ring.enter(...peers)
    const [response] = await alice.storeClient.store(here, [{ kind: single, value: bytes('a'), lifetimeS: 10 }], forever)
    expect(response?.replicas.map(toHex)).toEqual([toHex(nth(1).id), toHex(nth(2).id)])
  })

  it('replicas take over the generation counter of the message', async () => {
    await ring.enter(...peers)
    await store('a')
    await store('b')
    const generation = nth(0).store.read(here, single)?.generation
    expect(nth(1).store.read(here, single)?.generation).toBe(generation)
    expect(nth(2).store.read(here, single)?.generation).toBe(generation)
  })

  it('the lifetime is reduced by the time the value was held', async () => {
    await ring.enter(...peers.slice(0, 1))
    await store('a')
    ring.clock.advance(400_000)
    await ring.enter(peers[1] as TestNode)
    await settle()
    ring.clock.advance(599_000)
    const other = ring.members.find((m) => m !== ring.responsible(here)) as TestNode
    const remaining = (other.store.read(here, single)?.entries[0]?.expiresAtMs ?? 0) - ring.clock.now()
    expect(remaining).toBeGreaterThan(0)
    expect(remaining).toBeLessThanOrEqual(2000)
  })

  it('removed values are replicated like any other', async () => {
    await ring.enter(...peers)
    await store('a', dictionary, under('k', 'a'))
    await store('', dictionary, { model: 'dictionary', key: bytes('k'), data: removed })
    expect(order().slice(0, 4).map((node) => read(node, dictionary))).toEqual([[''], [''], [''], []])
  })
})

describe('a replica Store', () => {
  const send = (from: TestNode, to: TestNode, generation = 5n): unknown =>
    from.store1(to, here, [{ kind: single, generation, values: [alice.sign(here, single, one('a'))] }], 1, [alice.peer.certificate.der])

  it('is taken from a node in the replica set', async () => {
    await ring.enter(...peers)
    expect(send(nth(0), nth(1))).toMatchObject({ body: expect.any(Uint8Array) as Uint8Array })
    expect(nth(1).store.read(here, single)?.generation).toBe(5n)
  })

  it('is refused by a peer that does not expect to be a replica', async () => {
    await ring.enter(...peers)
    expect(send(nth(0), nth(3))).toMatchObject({ error: ErrorCode.forbidden })
  })

  it('is refused from a node that is neither in the replica set nor closer than one of it', async () => {
    await ring.enter(...peers)
    expect(send(nth(4), nth(1))).toMatchObject({ error: ErrorCode.forbidden })
    expect(send(alice, nth(1))).toMatchObject(order()[0] === alice ? {} : { error: ErrorCode.forbidden })
  })

  it('from a peer that was responsible before several others came between is merged by who is, without its generation', async () => {
    await ring.enter(...peers)
    const stranger = await ring.node('stranger', nodeIdAt(0x02))
    expect(send(stranger, nth(0), 2n ** 64n - 1n)).toMatchObject({ body: expect.any(Uint8Array) as Uint8Array })
    await settle()
    expect(order().slice(0, 4).map((node) => read(node))).toEqual([['a'], ['a'], ['a'], []])
    expect(nth(0).store.read(here, single)?.generation).toBeLessThan(2n ** 63n)
    const forged = { ...alice.sign(here, single, one('a')), value: one('b') }
    stranger.store1(nth(0), here, [{ kind: single, generation: 5n, values: [forged] }], 1, [alice.peer.certificate.der])
    expect(read(nth(0))).toEqual(['a'])
  })

  it('that comes to the owner late does not turn its counter back', async () => {
    await ring.enter(...peers)
    await store('a')
    const generation = nth(0).store.read(here, single)?.generation ?? 0n
    ring.clock.advance(1)
    expect(send(nth(1), nth(0))).toMatchObject({ body: expect.any(Uint8Array) as Uint8Array })
    expect(nth(0).store.read(here, single)?.generation).toBe(generation + 1n)
  })

  it('must not use a generation counter of 0, nor one that has nothing after it', async () => {
    await ring.enter(...peers)
    for (const generation of [0n, 2n ** 63n, 2n ** 64n - 1n]) expect(send(nth(0), nth(1), generation)).toMatchObject({ error: ErrorCode.invalidMessage })
  })

  it('with the greatest counter does not keep the next one from being stored and copied', async () => {
    await ring.enter(...peers)
    expect(send(nth(1), nth(0), 2n ** 63n - 1n)).toMatchObject({ body: expect.any(Uint8Array) as Uint8Array })
    await store('b')
    await settle()
    expect(order().slice(0, 3).map((node) => read(node))).toEqual([['b'], ['b'], ['b']])
    expect(nth(2).store.read(here, single)?.generation).toBeLessThan(2n ** 62n)
  })

  it('still needs values signed by their writer', async () => {
    await ring.enter(...peers)
    const forged = { ...alice.sign(here, single, one('a')), value: one('b') }
    expect(nth(0).store1(nth(1), here, [{ kind: single, generation: 5n, values: [forged] }], 1, [alice.peer.certificate.der])).toMatchObject({ error: ErrorCode.forbidden })
    const missing = alice.sign(here, single, one('a'))
    expect(nth(0).store1(nth(1), here, [{ kind: single, generation: 5n, values: [missing] }], 1)).toMatchObject({ error: ErrorCode.forbidden })
  })
})

describe('a peer joins (§10.5)', () => {
  it('the admitting peer stores at the joining node what it will own, and nothing else, before it is responsible', async () => {
    const [first, second, ...others] = peers as [TestNode, TestNode, ...TestNode[]]
    await ring.enter(...others)
    await store('a')
    const bobs = hash('bob')
    const responsible = nth(0)
    ring.sent.length = 0
    const joining = [first, second].find((node) => responsible.storage !== node.storage) as TestNode
    // Put the joining node where it will own the resource: just behind it.
    const admitted = await nextOwner()
    expect(toHex(bobs)).not.toBe(toHex(here))
    await responsible.storage.handOver(admitted.id, forever)
    expect(stores()).toEqual([{ to: toHex(admitted.id), replica: 1, kinds: [single] }])
    expect(read(admitted)).toEqual(['a'])
    ring.sent.length = 0
    await responsible.storage.handOver(joining.id, forever)
    const theirs = ring.responsible(here) === joining
    expect(stores().length).toBe(theirs ? 1 : 0)
  })

  it('having taken over, it replicates onwards; who stands outside of the replica set now forgets the data', async () => {
    await ring.enter(...peers)
    await store('a')
    const before = order()
    const admitted = await nextOwner()
    await nth(0).storage.handOver(admitted.id, forever)
    await ring.enter(admitted)
    await settle()
    expect(nth(0)).toBe(admitted)
    ring.clock.advance(10_000) // by then the third one has made sure that its owner has it
    await settle()
    // Not at once: should the peers between vanish together, the third one has the last copy.
    for (let i = 0; i < 5; i++) { expect(before.map((node) => read(node))).toEqual([['a'], ['a'], ['a'], [], [], []]); ring.clock.advance(60_000); await settle() }
    ring.clock.advance(60_000)
    await settle()
    expect(before.map((node) => read(node))).toEqual([['a'], ['a'], [], [], [], []])
    expect(read(admitted)).toEqual(['a'])
  })

  it('newer data that the joining node still holds is taken over, and what is newer here follows', async () => {
    await ring.enter(...peers)
    await store('1', dictionary, under('x', 'x-old'))
    await store('1', dictionary, under('y', 'y-old'))
    const admitted = await nextOwner()
    ring.clock.advance(1)
    const newer = alice.sign(here, dictionary, under('x', 'x-new'))
    expect(nth(0).store1(admitted, here, [{ kind: dictionary, generation: 9n, values: [newer] }], 1, [alice.peer.certificate.der])).toHaveProperty('body')
    await nth(0).storage.handOver(admitted.id, forever)
    expect(read(nth(0), dictionary)).toEqual(['x-new', 'y-old'])
    expect(read(admitted, dictionary)).toEqual(['x-new', 'y-old'])
  })

  it('a table that changes while data is handed over causes no second round of copies', async () => {
    await ring.enter(...peers)
    await store('a')
    const admitted = await nextOwner()
    ring.sent.length = 0
    const handed = nth(0).storage.handOver(admitted.id, forever)
    nth(0).storage.onTopologyChanged()
    await handed
    expect(stores()).toEqual([{ to: toHex(admitted.id), replica: 1, kinds: [single] }])
  })

  it('a Store that the admitting peer takes between hand-over and the end of its responsibility is not lost', async () => {
    await ring.enter(...peers)
    await store('a')
    const admitted = await nextOwner()
    await nth(0).storage.handOver(admitted.id, forever)
    await store('b')
    expect(read(admitted)).toEqual(['a'])
    await ring.enter(admitted)
    await settle()
    expect(read(admitted)).toEqual(['b'])
  })
})

describe('a peer fails (§10.7.1)', () => {
  it('the next one, now responsible, makes a full set of replicas', async () => {
    await ring.enter(...peers)
    await store('a')
    const set = order()
    await ring.leave(set[0] as TestNode)
    await settle()
    ring.clock.advance(30_000)
    await settle()
    expect(set.slice(1).map((node) => read(node))).toEqual([['a'], ['a'], ['a'], [], []])
  })

  it('its heir that never got a replica gets one from the others', async () => {
    await ring.enter(...peers)
    await store('a')
    const set = order()
    const heir = set[1] as TestNode
    for (const { resourceId, kind } of heir.store.areas()) heir.store.replace(resourceId, kind, undefined)
    await ring.leave(set[0] as TestNode)
    await settle()
    expect(read(heir)).toEqual(['a'])
  })

  it('an heir that misses it first gets what it lacks from a holder that does not miss it yet', async () => {
    await ring.enter(...peers)
    await store('a')
    const [owner, heir, holder] = order() as [TestNode, TestNode, TestNode]
    for (const { resourceId, kind } of heir.store.areas()) heir.store.replace(resourceId, kind, undefined)
    ring.sent.length = 0
    holder.storage.onTakenOver(heir.id, nth(5).id, owner.id)
    // What is not of the range that was taken over it knows already.
    holder.storage.onTakenOver(heir.id, owner.id, heir.id)
    await settle()
    expect(stores()).toEqual([{ to: toHex(heir.id), replica: 1, kinds: [single] }])
    expect(read(heir)).toEqual(['a'])
  })

  it('replicas on a replacement successor are made when it has lasted 3 s', async () => {
    await ring.enter(...peers)
    await store('a')
    const set = order()
    await ring.leave(set[1] as TestNode)
    await ring.changed()
    ring.clock.advance(2_999)
    await settle()
    expect(read(set[3] as TestNode)).toEqual([])
    ring.clock.advance(1)
    await settle()
    expect(read(set[3] as TestNode)).toEqual(['a'])
  })

  it('two adjacent failures at once lose nothing', async () => {
    await ring.enter(...peers)
    await store('a')
    const set = order()
    await ring.leave(set[0] as TestNode, set[1] as TestNode)
    await settle()
    ring.clock.advance(30_000)
    await settle()
    expect(set.slice(2).map((node) => read(node))).toEqual([['a'], ['a'], ['a'], []])
  })

  it('a successor that goes on refusing its copy is asked less and less, and has it soon after it takes one', async () => {
    await ring.enter(...peers)
    const stubborn = nth(1)
    stubborn.refuses = true
    await store('a')
    const asked = (): number => ring.sent.filter(({ to, code }) => to === stubborn && code === MessageCode.storeReq).length
    for (let i = 0; i < 24; i++) { ring.clock.advance(5_000); await settle() }
    expect(asked()).toBeGreaterThanOrEqual(10)
    ring.sent.length = 0
    for (let i = 0; i < 120; i++) { ring.clock.advance(5_000); await settle() }
    expect(asked()).toBe(10)
    stubborn.refuses = false
    ring.clock.advance(60_000)
    await settle()
    expect(read(stubborn)).toEqual(['a'])
  })

  it('a replica that could not be stored is stored later', async () => {
    await ring.enter(...peers)
    const lame = nth(1)
    lame.up = false
    await store('a')
    expect(read(lame)).toEqual([])
    lame.up = true
    ring.clock.advance(60_000)
    await settle()
    expect(read(lame)).toEqual(['a'])
  })
})

describe('a partition heals', () => {
  it('merges as if all values were stored in the order of their storage times', async () => {
    // Two halves took different writes of the same user.
    const [a, b] = peers as [TestNode, TestNode]
    await ring.enter(a)
    await store('1', dictionary, under('x', 'x-old'))
    await store('1', dictionary, under('y', 'y-old'))
    await ring.leave(a)
    await ring.enter(b)
    await store('2', dictionary, under('x', 'x-new'))
    await store('2', dictionary, under('z', 'z-new'))
    await ring.leave(b)
    a.up = b.up = true
    await ring.enter(a, b)
    for (let i = 0; i < 4; i++) { ring.clock.advance(60_000); await settle() }
    expect(read(a, dictionary)).toEqual(['x-new', 'y-old', 'z-new'])
    expect(read(b, dictionary)).toEqual(['x-new', 'y-old', 'z-new'])
    expect(a.store.read(here, dictionary)?.generation).toBe(b.store.read(here, dictionary)?.generation)
    ring.sent.length = 0
    ring.clock.advance(600_000)
    await settle()
    expect(stores()).toEqual([])
  })

  it('what a peer holds and is not responsible for is stored where it belongs, then forgotten', async () => {
    const lone = peers[0] as TestNode
    await ring.enter(lone)
    await store('a')
    await ring.leave(lone)
    lone.up = true
    await ring.enter(...peers)
    for (let i = 0; i < 8; i++) { ring.clock.advance(60_000); await settle() }
    expect(order().slice(0, 3).map((node) => read(node))).toEqual([['a'], ['a'], ['a']])
    expect(order().slice(3).map((node) => read(node))).toEqual([[], [], []])
  })
})

describe('a copy that does not belong where it is (§10.7.3)', () => {
  /** The fourth peer has what the three that it belongs to have missed. */
  const stray = async (): Promise<TestNode> => {
    await ring.enter(...peers)
    await store('a')
    const holder = nth(3)
    holder.store.replace(here, single, nth(0).store.read(here, single))
    for (const node of order().slice(0, 3)) node.store.replace(here, single, undefined)
    return holder
  }

  it('is brought to its owner some seconds after the ring has changed', async () => {
    await stray()
    await ring.enter(await ring.node('late', nodeIdAt(0xf0)))
    ring.clock.advance(4_000)
    await settle()
    expect(order().slice(0, 3).map((node) => read(node))).toEqual([[], [], []])
    ring.clock.advance(1_000)
    await settle()
    expect(order().slice(0, 3).map((node) => read(node))).toEqual([['a'], ['a'], ['a']])
  })

  it('is brought there again, later each time, while it is not taken', async () => {
    const holder = await stray()
    await ring.enter(await ring.node('late', nodeIdAt(0xf0)))
    nth(0).up = false
    ring.sent.length = 0
    ring.clock.advance(5_000)
    await settle()
    ring.clock.advance(40_000)
    await settle()
    expect(read(nth(0))).toEqual([])
    nth(0).up = true
    for (let i = 0; i < 4; i++) { ring.clock.advance(15_000); await settle() }
    expect(read(nth(0))).toEqual(['a'])
    expect(read(holder)).toEqual(['a'])
  })

  it('causes nothing while the peer that it came from is near enough to see to it', async () => {
    await ring.enter(...peers)
    await store('a')
    const admitted = await nextOwner()
    await nth(0).storage.handOver(admitted.id, forever)
    await ring.enter(admitted)
    await settle()
    ring.sent.length = 0
    for (let i = 0; i < 8; i++) { ring.clock.advance(60_000); await settle() }
    expect(stores()).toEqual([])
    expect(order().map((node) => read(node))).toEqual([['a'], ['a'], ['a'], [], [], [], []])
  })
})

describe('housekeeping', () => {
  it('values too large for one message are replicated in several', async () => {
    ring.configuration = { ...ring.configuration, maxMessageSize: 5000 }
    const more: TestNode[] = []
    for (let i = 0; i < 3; i++) more.push(await ring.node('alice', nodeIdAt(0x02 + i)))
    await ring.enter(...peers)
    for (const [i, device] of more.entries()) {
      device.store1(nth(0), here, [{ kind: dictionary, values: [device.sign(here, dictionary, under(`k${i}`, 'x'.repeat(100)))] }])
    }
    await settle()
    ring.sent.length = 0
    const fresh = await ring.node('fresh', here.map((b, i) => (i === 15 ? (b + 1) & 0xff : b)))
    await nth(0).storage.handOver(fresh.id, forever)
    expect(read(fresh, dictionary).length).toBe(3)
    expect(stores().length).toBeGreaterThan(1)
  })

  it('leaves no timer behind', async () => {
    await ring.enter(...peers)
    await store('a')
    await ring.leave(nth(1))
    ring.close()
    expect(ring.clock.pending).toBe(0)
  })

  it('counts each Resource-ID once', async () => {
    await ring.enter(peers[0] as TestNode)
    await store('a')
    await store('a', dictionary, under('k', 'v'))
    expect((peers[0] as TestNode).storage.resourceCount()).toBe(1)
  })
})
