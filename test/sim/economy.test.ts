/** What joining and staying cost a whole overlay node in links and requests, in virtual time. */
import { describe, expect, test } from 'vitest'
import { Ring, type RingNode } from '../support/overlayKit.ts'
import { worldOptions } from './model/scenarios.ts'
import { World } from './model/world.ts'

const count = (node: RingNode, name: string): number => node.overlay.counters[name] ?? 0
const sum = (nodes: readonly RingNode[], name: string): number => nodes.reduce((all, node) => all + count(node, name), 0)

describe('a peer that joins', { timeout: 60_000 }, () => {
  test('attaches once to each neighbour; those ask it for no Update, which comes by itself', async () => {
    const ring = new Ring(60)
    ring.network.latencyMs = 20
    await ring.grow(7)
    await ring.advance(30_000)
    const before = sum(ring.nodes, 'request.sent.attachReq')
    const others = [...ring.nodes]
    await ring.grow(1)
    await ring.advance(10_000)
    const fresh = ring.nodes.at(-1)!
    // To who is responsible for its place, and to the five beside that one.
    expect(count(fresh, 'request.sent.attachReq')).toBeLessThanOrEqual(6 + 1)
    expect(sum(others, 'request.sent.attachReq')).toBe(before)
    for (const { overlay } of ring.nodes) expect(overlay.neighbours().filter((n) => n.routable).length).toBeGreaterThanOrEqual(6)
    expect(await ring.close()).toBe(0)
  })

  test('dials its bootstrap nodes one after the other, and no other when the first lets it in', async () => {
    const ring = new Ring(61)
    await ring.grow(4)
    const fresh = await ring.make({ bootstrap: ring.nodes.map(({ host }) => ({ host, port: 6084 })) })
    await fresh.overlay.start()
    await ring.until(() => fresh.overlay.status.phase === 'joined', 5_000)
    expect(sum(ring.nodes, 'link.glare') + count(fresh, 'link.opened') + count(fresh, 'link.accepted')).toBe(4)
    expect(await ring.close()).toBe(0)
  })

  test('does not wait for a bootstrap node that does not answer', async () => {
    const ring = new Ring(62)
    await ring.grow(3)
    const [first, second] = ring.nodes
    const fresh = await ring.make({ bootstrap: [first!, second!].map(({ host }) => ({ host, port: 6084 })) })
    ring.network.sever(fresh.host, first!.host)
    await fresh.overlay.start()
    await ring.until(() => fresh.overlay.neighbours().length > 0, 1_000)
    expect(await ring.close()).toBe(0)
  })
})

describe.each(['CHORD-RELOAD', 'CHORD-SELF-TUNING'] as const)('a ring that grows by %s', (plugin) => {
  test('makes few links that turn out not to be needed: who is near is learned from neighbours, not by walking the ring', { timeout: 60_000 }, async () => {
    const world = new World({ ...worldOptions('join', 0, plugin), seed: 21 })
    await world.grow(80)
    await world.advance(30_000)
    const mean = (name: string): number => world.members.reduce((all, { overlay }) => all + (overlay.counters[name] ?? 0), 0) / world.members.length
    expect(mean('link.unneeded')).toBeLessThan(2)
    expect(mean('link.opened')).toBeLessThan(plugin === 'CHORD-RELOAD' ? 11 : 15)
    expect(mean('request.sent.attachReq')).toBeLessThan(plugin === 'CHORD-RELOAD' ? 11 : 15)
    expect(world.misplaced()).toEqual([])
  })
})

describe('a ring at rest', { timeout: 60_000 }, () => {
  test('hears of those it shares copies with by acknowledgements repeated, pings others seldom, and says no more than that', async () => {
    const ring = new Ring(63)
    await ring.grow(8)
    await ring.advance(60_000)
    const before = { pings: sum(ring.nodes, 'request.sent.pingReq'), updates: sum(ring.nodes, 'request.sent.updateReq'), writes: ring.network.traffic.writes }
    await ring.advance(120_000)
    // 8 peers have 4 others near, and hear nothing of them but keep-alives, every 3 to 4 s; 12 other pairs at most every 45 s, and a look for a partition.
    expect(ring.network.traffic.writes - before.writes).toBeGreaterThan(8 * 4 * 28)
    expect(sum(ring.nodes, 'request.sent.pingReq') - before.pings).toBeLessThanOrEqual(12 * 3 + 3 * 8)
    expect(sum(ring.nodes, 'request.sent.updateReq') - before.updates).toBeLessThanOrEqual(8)
    expect(await ring.close()).toBe(0)
  })

  test('misses a peer that vanishes within ten seconds, though nobody pings it meanwhile', async () => {
    const ring = new Ring(64)
    await ring.grow(8)
    await ring.advance(60_000)
    const victim = ring.nodes[3]!
    const others = ring.nodes.filter((node) => node !== victim)
    const near = (): number => others.filter((node) => node.overlay.neighbours().some(({ userName, relation }) => userName.startsWith(`${victim.name}@`) && relation.some((each) => each === 'predecessor' || each === 'successor'))).length
    expect(near()).toBeGreaterThanOrEqual(6)
    for (const other of others) ring.network.sever(victim.host, other.host)
    await ring.until(() => near() === 0, 10_000)
    expect(await ring.close()).toBe(0)
  })
})
