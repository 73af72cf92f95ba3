/** The simulator itself, bounded for every run of the tests: a small ring grows, churns, falls apart and heals, the same way each time. */
import { describe, expect, test } from 'vitest'
import { reportOf, type SimReport } from './model/report.ts'
import { runScenario, type ScenarioName, type ScenarioOptions } from './model/scenarios.ts'
import { World } from './model/world.ts'

async function simulate(scenario: ScenarioName, seed: number, options: Partial<ScenarioOptions> = {}): Promise<SimReport & { readonly notes: readonly string[] }> {
  const world = new World({ seed })
  await runScenario(world, scenario, { peers: 64, minutes: 1, meanSessionMinutes: 10, lookupsPerPeerPerMinute: 2, ...options })
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

  test('two halves that did not hear each other become one ring again', async () => {
    const report = await simulate('partition-heal', 3, { minutes: 5, lookupsPerPeerPerMinute: 1 })
    expect(report.oneRingAgainS).toBeLessThanOrEqual(300)
    expect(report).toMatchObject({ misplaced: 0, recordsLost: 0, lookups: { failed: 0, wrong: 0 } })
  })
})
