/** Look-ups that matter, against storing peers that withhold, forge, roll back or are silent (RFC 6940 §13.5.3). */
import { describe, expect, test } from 'vitest'
import { Kind } from '../../src-main/reload/wire/kinds.ts'
import { encodeSipRegistration } from '../../src-main/reload/usages/sipRegistration.ts'
import { overlayName, Ring, type RingNode } from '../support/overlayKit.ts'

const never = new AbortController().signal
const all = { model: 'dictionary', keys: [] } as const

/** A ring in which `writer` is registered; the one responsible for it and a reader that holds nothing of it. */
async function registered(seed: number, count = 9): Promise<{ ring: Ring; writer: RingNode; owner: RingNode; reader: RingNode; at: Uint8Array; register(note: string): Promise<void> }> {
  const ring = new Ring(seed)
  await ring.grow(count)
  const candidates = ring.nodes.flatMap((writer) => {
    const at = writer.overlay.resourceId(`${writer.name}@${overlayName}`)
    const owner = ring.owner(at)
    return owner === writer ? [] : [{ writer, owner, at }]
  })
  const { writer, owner, at } = candidates[0]!
  const register = async (note: string): Promise<void> => {
    const value = encodeSipRegistration({ type: 'route', contactPrefs: note, destinationList: [{ node: writer.identity.nodeId }] })
    await ring.wait(writer.overlay.store(at, [{ kind: Kind.sipRegistration, key: writer.identity.nodeId, value, lifetimeS: 3600 }], never))
    await ring.advance(1_000)
  }
  await register('one')
  const reader = ring.nodes.find((node) => node !== writer && node !== owner && node.store.read(at, Kind.sipRegistration) === undefined)!
  return { ring, writer, owner, reader, at, register }
}
const robust = (ring: Ring, reader: RingNode, at: Uint8Array): Promise<readonly string[]> =>
  ring.wait(reader.overlay.fetch(at, Kind.sipRegistration, all, never, { robust: true })).then((values) => values.map(({ value }) => new TextDecoder().decode(value).match(/one|two/)?.[0] ?? ''))
const suspicion = (node: RingNode, what: string): number => node.overlay.counters[`suspicious.${what}`] ?? 0

describe('a robust look-up', { timeout: 30_000 }, () => {
  test('asks only the responsible peer when its answer is sound, and compares one replica without waiting', async () => {
    const { ring, reader, at } = await registered(1)
    expect(await robust(ring, reader, at)).toEqual(['one'])
    await ring.advance(6_000)
    expect(reader.overlay.counters['request.sent.fetchReq']).toBe(2)
    expect([suspicion(reader, 'withheld'), suspicion(reader, 'stale')]).toEqual([0, 0])
    expect(await ring.close()).toBe(0)
  })

  test('finds at the replicas what the responsible peer withholds, and notices', async () => {
    const { ring, reader, owner, at } = await registered(2)
    owner.store.replace(at, Kind.sipRegistration, undefined)
    expect(await ring.wait(reader.overlay.fetch(at, Kind.sipRegistration, all, never))).toEqual([])
    expect(await robust(ring, reader, at)).toEqual(['one'])
    expect(suspicion(reader, 'withheld')).toBe(1)
    expect(await ring.close()).toBe(0)
  })

  test('finds at the replicas the value that the responsible peer has forged', async () => {
    const { ring, reader, owner, at } = await registered(3)
    const area = owner.store.read(at, Kind.sipRegistration)!
    owner.store.replace(at, Kind.sipRegistration, { ...area, entries: area.entries.map((entry) => ({ ...entry, data: entry.data.map((byte, i) => (i === entry.data.length - 1 ? byte ^ 1 : byte)) })) })
    expect(await robust(ring, reader, at)).toEqual(['one'])
    expect(reader.overlay.counters['discarded.value.bad-signature']).toBeGreaterThan(0)
    expect(await ring.close()).toBe(0)
  })

  test('takes the newest value when the responsible peer hands out an older one that was seen newer before', async () => {
    const { ring, reader, owner, at, register } = await registered(4)
    const old = owner.store.read(at, Kind.sipRegistration)!
    await register('two')
    expect(await robust(ring, reader, at)).toEqual(['two'])
    owner.store.replace(at, Kind.sipRegistration, old)
    expect(await robust(ring, reader, at)).toEqual(['two'])
    expect([suspicion(reader, 'rollback') > 0, suspicion(reader, 'stale') > 0]).toEqual([true, true])
    expect(await ring.close()).toBe(0)
  })

  test('notices an older value that it cannot know to be old, by the replica it compares', async () => {
    const { ring, reader, owner, at, register } = await registered(5)
    const old = owner.store.read(at, Kind.sipRegistration)!
    await register('two')
    owner.store.replace(at, Kind.sipRegistration, old)
    expect(await robust(ring, reader, at)).toEqual(['one'])
    await ring.advance(6_000)
    expect(suspicion(reader, 'stale')).toBe(1)
    // From now on it knows better.
    expect(await robust(ring, reader, at)).toEqual(['two'])
    expect(await ring.close()).toBe(0)
  })

  test.each([6, 7, 8, 10, 11, 12])('does not wait for a responsible peer that says nothing (seed %i)', async (seed) => {
    const { ring, reader, owner, at } = await registered(seed, 12)
    for (const node of ring.nodes) if (node !== owner) ring.network.sever(node.host, owner.host)
    const before = ring.clock.monotonic()
    expect(await robust(ring, reader, at)).toEqual(['one'])
    expect(ring.clock.monotonic() - before).toBeLessThan(5_000)
    ring.network.heal()
    expect(await ring.close()).toBe(0)
  })

  test('of what is nowhere finds nothing, in time', async () => {
    const { ring, reader } = await registered(9)
    const before = ring.clock.monotonic()
    expect(await robust(ring, reader, ring.random.bytes(16))).toEqual([])
    expect(ring.clock.monotonic() - before).toBeLessThan(1_000)
    expect(await ring.close()).toBe(0)
  })
})
