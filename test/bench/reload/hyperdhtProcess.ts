/** Many nodes of hyperdht in one process, as a process: what the overlay's figures stand beside. */
import { createRequire } from 'node:module'
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { cpuMs, serve } from '../remote.ts'
import { SeededRandom } from '../../support/seededRandom.ts'
import { latencies, VALUE_BYTES } from './fixtures.ts'
import { collected } from './memory.ts'

interface KeyPair { readonly publicKey: Buffer; readonly secretKey: Buffer }
interface Node {
  fullyBootstrapped(): Promise<void>
  address(): { host: string; port: number }
  immutablePut(value: Buffer): Promise<{ hash: Buffer }>
  immutableGet(hash: Buffer): Promise<{ value: Buffer } | null>
  mutablePut(keyPair: KeyPair, value: Buffer, options: { seq: number }): Promise<unknown>
  mutableGet(publicKey: Buffer): Promise<{ value: Buffer } | null>
}
interface HyperDht {
  new(options: object): Node
  bootstrapper(port: number, host: string): Node
  keyPair(): KeyPair
}

const Dht = createRequire(import.meta.url)('hyperdht') as HyperDht
const nodes: Node[] = []
const chance = new SeededRandom(128)
const pick = <T>(from: readonly T[]): T => from[Math.floor(chance.float() * from.length)] as T
const immutable: Buffer[] = []
const mutable: { readonly keyPair: KeyPair; seq: number }[] = []
const host = '127.0.0.1'

/** hyperdht wants to be told the first node's port. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    socket.on('error', reject)
    socket.bind(0, host, () => { const { port } = socket.address(); socket.close(() => { resolve(port) }) })
  })
}

async function grow({ count }: { count: number }): Promise<{ joinMs: number[]; mibPerPeer: number; heapMibPerPeer: number; rssMib: number; cpuMsPerPeer: number }> {
  const before = collected()
  const cpu = cpuMs()
  const first = Dht.bootstrapper(await freePort(), host)
  await first.fullyBootstrapped()
  nodes.push(first)
  const joinMs: number[] = []
  while (nodes.length < count) {
    const start = performance.now()
    const node = new Dht({ bootstrap: [{ host, port: first.address().port }], host, ephemeral: false, firewalled: false })
    await node.fullyBootstrapped()
    joinMs.push(performance.now() - start)
    nodes.push(node)
  }
  await new Promise((resolve) => { setTimeout(resolve, 3000) })
  const after = collected()
  return { joinMs, mibPerPeer: (after.rss - before.rss) / count, heapMibPerPeer: (after.heap - before.heap) / count, rssMib: after.rss, cpuMsPerPeer: (cpuMs() - cpu) / count }
}

async function measured(count: number, operation: (i: number) => Promise<unknown>): Promise<{ ms: number[]; cpuMs: number; wallMs: number; failed: number }> {
  const cpu = cpuMs()
  const start = performance.now()
  let failed = 0
  const ms = await latencies(count, 1, async (i) => { await operation(i).catch(() => { failed++ }) })
  return { ms, cpuMs: (cpuMs() - cpu) / count, wallMs: (performance.now() - start) / count, failed }
}

const putImmutable = async (): Promise<void> => { immutable.push((await pick(nodes).immutablePut(randomBytes(VALUE_BYTES))).hash) }
const putMutable = async (entry: (typeof mutable)[number]): Promise<void> => { await pick(nodes).mutablePut(entry.keyPair, randomBytes(VALUE_BYTES), { seq: entry.seq++ }) }

serve({
  grow,
  fill: async () => {
    for (let i = 0; i < 32; i++) {
      mutable.push({ keyPair: Dht.keyPair(), seq: 0 })
      await putImmutable()
      await putMutable(mutable[i] as never)
    }
  },
  store: (count: number) => measured(count, () => putImmutable()),
  fetch: (count: number) => measured(count, async () => { if ((await pick(nodes).immutableGet(pick(immutable)))?.value.length !== VALUE_BYTES) throw new Error('nothing found') }),
  storeSigned: (count: number) => measured(count, () => putMutable(pick(mutable))),
  fetchSigned: (count: number) => measured(count, async () => { if ((await pick(nodes).mutableGet(pick(mutable).keyPair.publicKey))?.value.length !== VALUE_BYTES) throw new Error('nothing found') }),
  idle: async (ms: number) => {
    const cpu = cpuMs()
    const start = performance.now()
    await new Promise((resolve) => { setTimeout(resolve, ms) })
    return (cpuMs() - cpu) / (performance.now() - start)
  },
})
