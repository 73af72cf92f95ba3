/** The simulator itself, bounded for every run of the tests: a small ring grows, churns, falls apart and heals, the same way each time. */
import { describe, expect, test } from 'vitest'
import { reportOf, type SimReport } from './model/report.ts'
import { runScenario, worldOptions, type ScenarioName, type ScenarioOptions } from './model/scenarios.ts'
import type { TopologyPluginName } from '../../src-main/reload/config/configuration.ts'
import { World } from './model/world.ts'

async function simulate(scenario: ScenarioName, seed: number, { plugin = 'CHORD-RELOAD', ...options }: Partial<ScenarioOptions> & { readonly plugin?: TopologyPluginName } = {}): Promise<SimReport & { readonly notes: readonly string[] }> {
  const world = new World({ ...worldOptions(scenario, 0.2, plugin), seed })
  await runScenario(world, scenario, { peers: 64, minutes: 1, meanSessionMinutes: 10, lookupsPerPeerPerMinute: 2, clientShare: 0.25, ...options })
  return { ...reportOf(world, { wallS: 0, rssMiB: 0 }), notes: world.notes }
}

describe('a simulated overlay', { timeout: 120_000 }, () => {
  test('the same seed gives the same events, another seed others', async () => {
    const hashes = []
    for (const seed of [7, 7, 8]) hashes.push((await simulate('steady', seed, { peers: 12 })).hash)
    expect(hashes[0]).toBe(hashes[1])
    expect(hashes[2]).not.toBe(hashes[0])
  })

  test('64 peers join; each look-up reaches the responsible peer within log2 N + 2 hops', async () => {
    const report = await simulate('steady', 1)
    expect(report.notes).toEqual([])
    expect(report).toMatchObject({ peers: 64, misplaced: 0, recordsLost: 0, storesFailed: 0, lookups: { failed: 0, wrong: 0 } })
    expect(report.lookups.ok).toBeGreaterThan(200)
    expect(report.hops.p99).toBeLessThanOrEqual(8)
    expect(report.hops.mean).toBeLessThanOrEqual(4)
  })

  test('peers come and go, half of them without a word: look-ups succeed and nothing is lost', async () => {
    const report = await simulate('churn', 2, { minutes: 2 })
    expect(report).toMatchObject({ recordsLost: 0, lookups: { wrong: 0 } })
    expect(report.lookups.failed).toBeLessThanOrEqual(report.lookups.ok / 100)
  })

  test('one peer, or two that stand beside each other, lose their power: the ring closes and nothing is lost', async () => {
    const report = await simulate('crash-neighbours', 9, { peers: 48, minutes: 2 })
    expect(report).toMatchObject({ misplaced: 0, recordsLost: 0, lookups: { wrong: 0 } })
    expect(report.lookups.failed).toBeLessThanOrEqual(report.lookups.ok / 100)
  })

  test('as many join at one moment as there are: all are admitted, to the right places, and nothing is lost', async () => {
    const world = new World({ seed: 10 })
    await world.grow(24)
    for (const peer of world.members) void world.register(peer)
    await world.until(() => world.records.length === 24, 30_000)
    for (let i = 0; i < 24; i++) world.spawn()
    expect(await world.until(() => world.members.length === 48 && world.misplaced().length === 0, 60_000)).toBe(true)
    await world.advance(15_000)
    const { lookups } = world
    world.measuring = true
    for (const record of world.records) void world.lookUp(world.randomMember()!, record)
    await world.advance(16_000)
    expect({ ...lookups, lost: world.lostRecords().length }).toEqual({ ok: 24, failed: 0, wrong: 0, lost: 0 })
    // Who has become a neighbour by the others' joining is linked, and whoever is none any more let go.
    for (const { overlay } of world.members) {
      const relations = overlay.neighbours().flatMap(({ relation }) => relation)
      expect(relations.filter((relation) => relation === 'successor')).toHaveLength(3)
      expect(relations.filter((relation) => relation === 'predecessor')).toHaveLength(3)
    }
  })

  test('of a peer that has ended only its counters are kept', async () => {
    const world = new World({ seed: 11 })
    await world.grow(8)
    const [one, two, three] = world.members
    const before = world.counters
    world.crash(one!, 'silent')
    world.crash(two!, 'reset')
    world.leave(three!)
    await world.until(() => three!.state === 'gone', 10_000)
    expect([world.peers.size, world.members.length]).toEqual([5, 5])
    for (const peer of [one!, two!, three!]) {
      expect(() => peer.overlay).toThrow('has ended')
      expect(peer.host.streams.size).toBe(0)
    }
    for (const [name, count] of before) expect(world.counters.get(name)).toBeGreaterThanOrEqual(count)
    expect(await world.until(() => world.misplaced().length === 0, 60_000)).toBe(true)
  })

  test.each(['CHORD-RELOAD', 'CHORD-SELF-TUNING'] as const)('two halves that did not hear each other become one ring again within seconds (%s)', async (plugin) => {
    const report = await simulate('partition-heal', 3, { peers: 120, minutes: 5, lookupsPerPeerPerMinute: 1, plugin })
    expect(report.oneRingAgainS).toBeLessThanOrEqual(20)
    expect(report).toMatchObject({ misplaced: 0, recordsLost: 0, lookups: { failed: 0, wrong: 0 } })
  })

  test('everybody writes while others read: the newest is always found', async () => {
    const report = await simulate('store-heavy', 4, { peers: 32 })
    expect(report).toMatchObject({ recordsLost: 0, storesFailed: 0, lookups: { failed: 0, wrong: 0 } })
    expect(report.stores).toBeGreaterThan(100)
  })

  test('a new document is everywhere within two seconds, and a revoked peer has no link left within five', async () => {
    const report = await simulate('config-update', 5, { peers: 32 })
    expect(report).toMatchObject({ recordsLost: 0, misplaced: 0, lookups: { failed: 0, wrong: 0 }, rollOutMs: { missed: 0 }, lateComerCaughtUp: true, revoked: { peers: 1 } })
    const { rollOutMs, revoked } = report as unknown as { rollOutMs: { max: number }, revoked: { noLinkLeftMs: number | null } }
    expect(rollOutMs.max).toBeLessThan(2_000)
    expect(revoked.noLinkLeftMs ?? Infinity).toBeLessThanOrEqual(5_000)
  })

  test('clients stay attached and are reached while peers die under them', async () => {
    const report = await simulate('clients', 6, { peers: 32, minutes: 2 })
    expect(report).toMatchObject({ recordsLost: 0, lookups: { wrong: 0 }, clients: { count: 8, attached: 8, reached: { failed: 0 } } })
    expect((report as unknown as { clients: { reached: { ok: number } } }).clients.reached.ok).toBeGreaterThan(15)
  })

  test('a fifth of the peers colludes: what they withhold is found at replicas and noticed, and no look-up believes them', async () => {
    const report = await simulate('sybil-eclipse', 7, { peers: 48, minutes: 4 })
    expect(report.lookups.wrong).toBe(0)
    const of = (phase: string): Record<'plain' | 'robust', Record<'found' | 'hidden' | 'failed', number>> & { noticed: number } => report[phase] as never
    expect(of('good')).toMatchObject({ plain: { hidden: 0, failed: 0 }, robust: { hidden: 0, failed: 0 }, noticed: 0 })
    expect(of('withhold').plain.hidden).toBeGreaterThan(0)
    expect(of('withhold').noticed).toBeGreaterThan(0)
    expect(of('withhold').robust).toMatchObject({ hidden: 0, failed: 0 })
    for (const phase of ['drop', 'usurp']) expect(of(phase).robust.found).toBeGreaterThan(of(phase).plain.found)
  })
})
