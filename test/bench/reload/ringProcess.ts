/** Many overlay nodes in one process, as a process: each with its own listening socket, links and certificate. */
import type { Overlay } from '../../../src-main/reload/overlay/overlay.ts'
import { createNodeSecureNetwork } from '../../../src-main/node/secureNetwork.ts'
import { cpuMs, serve } from '../remote.ts'
import { SeededRandom } from '../../support/seededRandom.ts'
import { BENCH_KIND, benchValue, clock, configurationOf, identityOf, latencies, makeNode, makeWorld, never, startNode } from './fixtures.ts'
import { collected } from './memory.ts'

interface Member { readonly node: Overlay; readonly userName: string }
const members: Member[] = []
const chance = new SeededRandom(128)
const pick = <T>(from: readonly T[]): T => from[Math.floor(chance.float() * from.length)] as T

/** Joins `count` peers one after the other, each through one that is there, and waits until the tables are still. */
async function grow(count: number): Promise<{ joinMs: number[]; mibPerPeer: number; heapMibPerPeer: number; rssMib: number; cpuMsPerPeer: number; links: number }> {
  const world = await makeWorld(Array.from({ length: count }, (_, i) => `user${i}`))
  const network = createNodeSecureNetwork(clock)
  const configuration = configurationOf(world.root)
  const identities = world.identities.map(identityOf)
  const before = collected()
  const cpu = cpuMs()
  const joinMs: number[] = []
  for (const identity of identities) {
    const through = members.length === 0 ? null : pick(members).node.status.listen
    const node = makeNode(identity, configuration, through === null ? [] : [through], network)
    const ms = await startNode(node)
    if (through !== null) joinMs.push(ms)
    members.push({ node, userName: identity.userName })
  }
  await new Promise((resolve) => { setTimeout(resolve, 3000) })
  const after = collected()
  return {
    joinMs, mibPerPeer: (after.rss - before.rss) / count, heapMibPerPeer: (after.heap - before.heap) / count, rssMib: after.rss, cpuMsPerPeer: (cpuMs() - cpu) / count,
    links: members.reduce((sum, { node }) => sum + node.neighbours().length, 0) / count,
  }
}

const total = (name: string): number => members.reduce((sum, { node }) => sum + (node.counters[name] ?? 0), 0)

async function measured(count: number, operation: (i: number) => Promise<unknown>): Promise<{ ms: number[]; cpuMs: number; messages: number; failed: number }> {
  const cpu = cpuMs()
  const messages = total('sent.messages')
  let failed = 0
  const ms = await latencies(count, 1, async (i) => {
    await operation(i).catch(() => { failed++ })
  })
  return { ms, cpuMs: (cpuMs() - cpu) / count, messages: (total('sent.messages') - messages) / count, failed }
}

/** Each user writes at the place of his name, so a random one writes at a random place. */
const storeOf = (member: Member, i: number): Promise<void> =>
  member.node.store(member.node.resourceId(member.userName), [{ kind: BENCH_KIND, value: benchValue(i), lifetimeS: 3600 }], never)

serve({
  grow,
  fill: async () => { for (const [i, member] of members.entries()) await storeOf(member, i) },
  store: (count: number) => measured(count, (i) => storeOf(pick(members), i)),
  fetch: (count: number) => measured(count, async () => {
    const { node } = pick(members)
    const [found] = await node.fetch(node.resourceId(pick(members).userName), BENCH_KIND, { model: 'single' }, never)
    if (found?.value.length !== 500) throw new Error('nothing fetched')
  }),
  /** What went wrong anywhere, such as requests that had to be sent again. */
  trouble: () => {
    const sums = new Map<string, number>()
    for (const { node } of members) for (const [name, n] of Object.entries(node.counters)) if (/^dropped|retransmitted|timeout|failed|notAdmitted/.test(name)) sums.set(name, (sums.get(name) ?? 0) + n)
    return [...sums].map(([name, n]) => `${name} ${n}`).join(' ')
  },
  idle: async (ms: number) => {
    const cpu = cpuMs()
    await new Promise((resolve) => { setTimeout(resolve, ms) })
    return (cpuMs() - cpu) / ms
  },
})
