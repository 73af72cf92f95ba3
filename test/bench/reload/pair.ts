/**
 * Store and Fetch of 500 bytes between two peers in two processes over TLS on loopback, beside a bare TLS echo of
 * as many bytes each way, in turn.
 */
import { createNodeSecureNetwork } from '../../../src-main/node/secureNetwork.ts'
import type { SecureStream } from '../../../src-main/ports/secureStream.ts'
import { inRange } from '../../../src-main/reload/topology/ring.ts'
import { hashToResourceId } from '../../../src-main/reload/wire/identifiers.ts'
import { ascending, figure, median, quantile, type Figure } from '../measure.ts'
import { cpuMs, Remote } from '../remote.ts'
import { BENCH_KIND, benchValue, clock, configurationOf, countingNetwork, credentialsOf, crypto, identityOf, latencies, makeNode, makeWorld, never, overlayName, random, startNode, type World } from './fixtures.ts'

const SECTION = 'two peers in two processes, 500-byte value, one request under way'

/** A user whose resource the second peer is responsible for. */
function userOf(first: Uint8Array, second: Uint8Array): string {
  for (let i = 0; ; i++) if (inRange(first, hashToResourceId(crypto, `user${i}@${overlayName}`), second)) return `user${i}`
}

export async function pairFigures(rounds: number, perRound: number): Promise<readonly Figure[]> {
  const nodeIds = [random.bytes(16), random.bytes(16)] as const
  const world = await makeWorld([userOf(...nodeIds), 'second'], nodeIds)
  const other = new Remote(new URL('pairProcess.ts', import.meta.url))
  const count = { sent: 0, received: 0 }
  const own = identityOf(world.identities[0] as never)
  const address = await other.call<{ host: string; port: number }>('start', world)
  const node = makeNode(own, configurationOf(world.root), [address], countingNetwork(count))
  try {
    await startNode(node)
    await new Promise((resolve) => { setTimeout(resolve, 500) })
    const resource = node.resourceId(own.userName)
    const store = (i: number): Promise<void> => node.store(resource, [{ kind: BENCH_KIND, value: benchValue(i), lifetimeS: 3600 }], never)
    const fetch = async (): Promise<void> => {
      const [found] = await node.fetch(resource, BENCH_KIND, { model: 'single' }, never)
      if (found?.value.length !== 500) throw new Error('nothing fetched')
    }
    const operations = { Store: store, Fetch: fetch } as const
    // Bytes of one operation each way, acknowledgements included.
    const sizes: Record<string, { sent: number; received: number }> = {}
    for (const [name, operation] of Object.entries(operations)) {
      await latencies(20, 1, operation)
      await new Promise((resolve) => { setTimeout(resolve, 200) })
      const before = { ...count }
      await latencies(40, 1, operation)
      await new Promise((resolve) => { setTimeout(resolve, 200) })
      sizes[name] = { sent: Math.round((count.sent - before.sent) / 40), received: Math.round((count.received - before.received) / 40) }
    }
    const echoes: Record<string, () => Promise<void>> = {}
    for (const [name, size] of Object.entries(sizes)) echoes[name] = await openEcho(world, await other.call('echo', { world, request: size.sent, answer: size.received }), size)
    const times = { Store: [] as number[], Fetch: [] as number[], 'Store echo': [] as number[], 'Fetch echo': [] as number[] }
    const medians = { Store: [] as number[], Fetch: [] as number[], 'Store echo': [] as number[], 'Fetch echo': [] as number[] }
    const cpu = { Store: [] as number[], Fetch: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      for (const name of ['Store', 'Fetch'] as const) {
        const before = cpuMs() + await other.call<number>('cpu')
        const real = await latencies(perRound, 1, operations[name])
        cpu[name].push((cpuMs() + await other.call<number>('cpu') - before) / perRound)
        const bare = await latencies(perRound, 1, echoes[name] as () => Promise<void>)
        times[name].push(...real)
        times[`${name} echo`].push(...bare)
        medians[name].push(median(real))
        medians[`${name} echo`].push(median(bare))
        // The limit on messages of one sender is part of the product: the bucket fills again.
        await new Promise((resolve) => { setTimeout(resolve, 400) })
      }
    }
    const counters = node.counters
    const trouble = Object.entries(counters).filter(([name]) => /retransmitted|timeout|dropped/.test(name)).map(([name, n]) => `${name} ${n}`).join(' ')
    return (['Store', 'Fetch'] as const).flatMap((name) => {
      const sorted = ascending(times[name])
      const bare = ascending(times[`${name} echo`])
      const size = sizes[name] as { sent: number; received: number }
      return [
        figure(SECTION, name, medians[name], 'ms', {
          p99_ms: quantile(sorted, 0.99), per_second: 1000 / (sorted.reduce((a, b) => a + b, 0) / sorted.length), cpu_ms_both: median(cpu[name]),
          times_echo: median(medians[name]) / median(medians[`${name} echo`]), bytes_out: size.sent, bytes_in: size.received, ...(trouble === '' ? {} : { trouble }),
        }),
        figure(SECTION, `bare TLS echo of the bytes of a ${name}`, medians[`${name} echo`], 'ms', { p99_ms: quantile(bare, 0.99), per_second: 1000 / (bare.reduce((a, b) => a + b, 0) / bare.length) }),
      ]
    })
  } finally {
    await node.stop()
    other.close()
  }
}

async function openEcho(world: World, address: { host: string; port: number }, size: { sent: number; received: number }): Promise<() => Promise<void>> {
  const stream: SecureStream = await createNodeSecureNetwork(clock).connect(address, credentialsOf(world.identities[0] as never, world.root), never)
  const message = new Uint8Array(size.sent)
  let got = 0
  let done: (() => void) | undefined
  stream.user = {
    onData: (bytes) => { got += bytes.length; if (got >= size.received) { got -= size.received; done?.() } },
    onDrain: () => undefined, onClose: () => undefined,
  }
  return () => new Promise<void>((resolve) => { done = resolve; stream.write(message) })
}
