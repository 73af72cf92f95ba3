/**
 * `npm run sim -- --peers N --minutes M --scenario NAME --seed S [--json]`: a whole overlay of
 * N real nodes in one process under virtual time. The last line of stdout is one JSON object.
 */
import { parseArgs } from 'node:util'
import type { TopologyPluginName } from '../../src-main/reload/config/configuration.ts'
import { orUsage } from '../support/usage.ts'
import { reportOf } from './model/report.ts'
import { runScenario, scenarioNames, worldOptions, type ScenarioName } from './model/scenarios.ts'
import { World } from './model/world.ts'

const usage = `usage: npm run sim -- --peers N --minutes M --scenario ${scenarioNames.join('|')} --seed S [--plugin reload|self-tuning] [--session MINUTES] [--lookups PER-PEER-AND-MINUTE] [--clients SHARE] [--colluding SHARE] [--json] [--verbose] [--counters]`
const { values } = orUsage(usage, () => parseArgs({
  options: {
    peers: { type: 'string', default: '100' }, minutes: { type: 'string', default: '5' }, scenario: { type: 'string', default: 'steady' },
    seed: { type: 'string', default: '1' }, session: { type: 'string', default: '30' }, lookups: { type: 'string', default: '1' },
    colluding: { type: 'string', default: '0.2' }, clients: { type: 'string', default: '0.25' },
    plugin: { type: 'string', default: 'reload' },
    json: { type: 'boolean', default: false }, verbose: { type: 'boolean', default: false }, counters: { type: 'boolean', default: false },
  },
}))

const scenario = scenarioNames.find((name) => name === values.scenario)
const numbers = [values.peers, values.minutes, values.seed, values.session, values.lookups, values.colluding, values.clients].map(Number)
const plugin = { reload: 'CHORD-RELOAD', 'self-tuning': 'CHORD-SELF-TUNING' }[values.plugin] as TopologyPluginName | undefined
if (scenario === undefined || plugin === undefined || numbers.some((n) => !Number.isFinite(n) || n < 0)) {
  process.stderr.write(`${usage}\n`)
  process.exit(2)
}
await run(scenario, plugin)

async function run(name: ScenarioName, topologyPlugin: TopologyPluginName): Promise<void> {
  const startedAt = performance.now()
  const heap = (): number => {
    // What the first collection frees outside of the heap is counted off by the second.
    for (let i = 0; i < 2; i++) globalThis.gc?.()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const before = heap()
  const [peers = 0, minutes = 0, seed = 0, meanSessionMinutes = 0, lookupsPerPeerPerMinute = 0, colluding = 0, clientShare = 0] = numbers
  const world = new World({ ...worldOptions(name, colluding, topologyPlugin), seed, verbose: values.verbose })
  const progress = values.json ? undefined : setInterval(() => {
    process.stderr.write(`${Math.round((performance.now() - startedAt) / 1000)} s: virtual ${Math.round(world.clock.monotonic() / 1000)} s, ${world.members.length} members, ${world.hash.events} events, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB\n`)
  }, 5000)
  await runScenario(world, name, { peers, minutes, meanSessionMinutes, lookupsPerPeerPerMinute, clientShare })
  clearInterval(progress)
  const wallS = (performance.now() - startedAt) / 1000
  const rssMiB = process.memoryUsage().rss / 2 ** 20
  const kilobytesPerPeer = Math.round((heap() - before) / Math.max(1, world.members.length) / 100) / 10
  if (!values.json) for (const note of world.notes) process.stderr.write(`${note}\n`)
  if (values.counters) {
    process.stderr.write(`${[...world.counters].sort(([a], [b]) => (a < b ? -1 : 1)).map(([counter, count]) => `${counter} ${count}`).join('\n')}\n`)
  }
  process.stdout.write(`${JSON.stringify({ ...reportOf(world, { wallS, rssMiB }), scenario: name, topologyPlugin, seed, kilobytesPerPeer })}\n`)
}
