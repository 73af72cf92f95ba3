/**
 * A whole overlay in one process (real sockets, TLS, signatures) beside a whole hyperdht in another, with values of
 * the same size; operations of both run in turn, a random node at a time.
 */
import type { KeyType } from '../../../src-main/ports/crypto.ts'
import { ascending, figure, median, quantile, type Figure } from '../measure.ts'
import { Remote } from '../remote.ts'

interface Grown { readonly joinMs: number[]; readonly mibPerPeer: number; readonly heapMibPerPeer: number; readonly rssMib: number; readonly cpuMsPerPeer: number; readonly links?: number }
interface Measured { readonly ms: number[]; readonly cpuMs: number; readonly wallMs: number; readonly messages?: number; readonly failed: number }

export async function ringFigures(peers: number, rounds: number, perRound: number, keyType: KeyType): Promise<readonly Figure[]> {
  const section = `${peers} nodes in one process, 500-byte values, keys ${keyType === 'ec' ? 'on P-256' : 'of RSA-2048'}`
  const overlay = new Remote(new URL('ringProcess.ts', import.meta.url))
  const dht = new Remote(new URL('hyperdhtProcess.ts', import.meta.url))
  try {
    const ours = await overlay.call<Grown>('grow', { count: peers, keyType })
    const trouble = await overlay.call<string>('trouble')
    const theirs = await dht.call<Grown>('grow', { count: peers })
    const late = await overlay.call<{ joinMs: number[]; cpuMs: number }>('joinLate')
    await overlay.call('fill')
    await dht.call('fill')
    const contests = [
      ['Fetch', overlay, 'fetch'], ['hyperdht get, immutable', dht, 'fetch'], ['hyperdht get, signed', dht, 'fetchSigned'],
      ['Store with two replicas', overlay, 'store'], ['hyperdht put, immutable', dht, 'store'], ['hyperdht put, signed', dht, 'storeSigned'],
    ] as const
    const samples = new Map<string, Measured[]>(contests.map(([name]) => [name, []]))
    for (let round = 0; round <= rounds; round++) {
      for (const [name, remote, call] of contests) {
        const sample = await remote.call<Measured>(call, perRound)
        if (round > 0) samples.get(name)?.push(sample)
      }
    }
    const idle = { ours: await overlay.call<number>('idle', 5000), theirs: await dht.call<number>('idle', 5000) }
    const all = (name: string): number[] => ascending((samples.get(name) ?? []).flatMap(({ ms }) => ms))
    const rival: Readonly<Record<string, string>> = { Fetch: 'hyperdht get, immutable', 'Store with two replicas': 'hyperdht put, immutable' }
    const join = (name: string, grown: Grown): Figure => figure(section, `${name}: joining`, grown.joinMs, 'ms', { p99_ms: quantile(ascending(grown.joinMs), 0.99), cpu_ms_a_node: grown.cpuMsPerPeer, ...(grown.links === undefined ? {} : { links_a_peer: grown.links }) })
    const memory = (name: string, grown: Grown): Figure => figure(section, `${name}: memory a node`, [grown.mibPerPeer], 'MiB', { heap_of_it: grown.heapMibPerPeer, rss_MiB: grown.rssMib })
    return [
      ...contests.map(([name]) => {
        const ms = all(name)
        const runs = samples.get(name) ?? []
        const other = rival[name]
        return figure(section, name, runs.map((run) => median(run.ms)), 'ms', {
          p50_ms: quantile(ms, 0.5), p99_ms: quantile(ms, 0.99), cpu_ms_op: median(runs.map((run) => run.cpuMs)),
          // Without what the nodes do meanwhile by themselves.
          cpu_ms_own: median(runs.map((run) => run.cpuMs - run.wallMs * (other === undefined ? idle.theirs : idle.ours))),
          ...(runs[0]?.messages === undefined ? {} : { messages_op: median(runs.map((run) => run.messages ?? 0)) }),
          ...(other === undefined ? {} : { times_hyperdht: quantile(ms, 0.5) / quantile(all(other), 0.5) }),
          failed: runs.reduce((sum, run) => sum + run.failed, 0),
        })
      }),
      { ...join('overlay', ours), more: { ...join('overlay', ours).more, trouble } }, join('hyperdht', theirs),
      figure(section, 'overlay: joining a ring at rest', late.joinMs, 'ms', { p99_ms: quantile(ascending(late.joinMs), 0.99), cpu_ms_with_what_follows: late.cpuMs }), memory('overlay', ours), memory('hyperdht', theirs),
      figure(section, 'overlay: idle processor a node', [(idle.ours * 1000) / peers], 'ms/s'), figure(section, 'hyperdht: idle processor a node', [(idle.theirs * 1000) / peers], 'ms/s'),
    ]
  } finally {
    overlay.close()
    dht.close()
  }
}
