/** Many overlay nodes in one process, as a process: each with its own listening socket, links and certificate. */
import type { KeyType } from '../../../src-main/ports/crypto.ts'
import type { OverlayConfiguration } from '../../../src-main/reload/config/configuration.ts'
import type { NodeIdentity } from '../../../src-main/reload/overlay/createOverlay.ts'
import type { Overlay } from '../../../src-main/reload/overlay/overlay.ts'
import { createNodeSecureNetwork } from '../../../src-main/node/secureNetwork.ts'
import { cpuMs, serve } from '../remote.ts'
import { SeededRandom } from '../../support/seededRandom.ts'
import { BENCH_KIND, benchValue, clock, configurationOf, identityOf, latencies, makeNode, makeWorld, never, startNode } from './fixtures.ts'
import { collected } from './memory.ts'

type Identity = NodeIdentity & { readonly userName: string }
interface Member { readonly node: Overlay; readonly userName: string }
const members: Member[] = []
/** Peers that join a ring at rest. */
const late: Identity[] = []
const network = createNodeSecureNetwork(clock)
let configuration: OverlayConfiguration | undefined
const chance = new SeededRandom(128)
const LATE = 12
const pick = <T>(from: readonly T[]): T => from[Math.floor(chance.float() * from.length)] as T

const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms) })

/** Joins one peer through any that is there. Milliseconds. */
async function joinOne(identity: Identity): Promise<number> {
  if (configuration === undefined) throw new Error('grow first')
  const through = members.length === 0 ? null : pick(members).node.status.listen
  const node = makeNode(identity, configuration, through === null ? [] : [through], network)
  const ms = await startNode(node)
  members.push({ node, userName: identity.userName })
  return ms
}

/** Joins `count` peers one after the other as fast as that goes, and waits until the tables are still. */
async function grow({ count, keyType }: { count: number; keyType: KeyType }): Promise<{ joinMs: number[]; mibPerPeer: number; heapMibPerPeer: number; rssMib: number; cpuMsPerPeer: number; links: number }> {
  const world = await makeWorld(Array.from({ length: count + LATE }, (_, i) => `user${i}`), [], keyType)
  configuration = configurationOf(world.root)
  const identities = world.identities.map(identityOf)
  late.push(...identities.splice(count))
  const before = collected()
  const cpu = cpuMs()
  const joinMs: number[] = []
  for (const identity of identities) joinMs.push(await joinOne(identity))
  joinMs.shift()
  await pause(3000)
  const after = collected()
  return {
    joinMs, mibPerPeer: (after.rss - before.rss) / count, heapMibPerPeer: (after.heap - before.heap) / count, rssMib: after.rss, cpuMsPerPeer: (cpuMs() - cpu) / count,
    links: members.reduce((sum, { node }) => sum + node.neighbours().length, 0) / count,
  }
}

/** Peers that join a ring at rest, one each second: what one joining is, and all that follows from it in a second. */
async function joinLate(): Promise<{ joinMs: number[]; cpuMs: number }> {
  const joinMs: number[] = []
  const idle = await idleLoad(3000)
  const start = performance.now()
  const cpu = cpuMs()
  for (const identity of late.splice(0)) {
    joinMs.push(await joinOne(identity))
    await pause(1000)
  }
  return { joinMs, cpuMs: (cpuMs() - cpu - idle * (performance.now() - start)) / joinMs.length }
}

/** Processor time of doing nothing, per time. */
async function idleLoad(ms: number): Promise<number> {
  const cpu = cpuMs()
  const start = performance.now()
  await pause(ms)
  return (cpuMs() - cpu) / (performance.now() - start)
}

const total = (name: string): number => members.reduce((sum, { node }) => sum + (node.counters[name] ?? 0), 0)

async function measured(count: number, operation: (i: number) => Promise<unknown>): Promise<{ ms: number[]; cpuMs: number; wallMs: number; messages: number; failed: number }> {
  const cpu = cpuMs()
  const start = performance.now()
  const messages = total('sent.messages')
  let failed = 0
  const ms = await latencies(count, 1, async (i) => {
    await operation(i).catch(() => { failed++ })
  })
  return { ms, cpuMs: (cpuMs() - cpu) / count, wallMs: (performance.now() - start) / count, messages: (total('sent.messages') - messages) / count, failed }
}

/** Each user writes at the place of his name, so a random one writes at a random place. */
const storeOf = (member: Member, i: number): Promise<void> =>
  member.node.store(member.node.resourceId(member.userName), [{ kind: BENCH_KIND, value: benchValue(i), lifetimeS: 3600 }], never)

serve({
  grow, joinLate,
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
  idle: idleLoad,
})
