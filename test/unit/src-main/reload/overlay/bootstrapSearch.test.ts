import { describe, expect, it } from 'vitest'
import { untilAborted } from '../../../../../src-main/base/abort.ts'
import { Notifier } from '../../../../../src-main/base/notifier.ts'
import type { SecureStream, SocketAddress } from '../../../../../src-main/ports/secureStream.ts'
import type { Connection } from '../../../../../src-main/reload/forwarding/connectionTable.ts'
import type { LinkFactory } from '../../../../../src-main/reload/link/linkFactory.ts'
import { findNodes, findWaysIn, type SearchDependencies } from '../../../../../src-main/reload/overlay/bootstrapSearch.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'
import { silentLog } from '../../../../support/overlayKit.ts'

const at = (port: number): SocketAddress => ({ host: '192.0.2.1', port })
const linkTo = (port: number, initiatedByUs: boolean, isSuspect = false): Connection => ({ link: { initiatedByUs, isSuspect, stream: { remote: at(port) } } }) as Connection

describe('looking for nodes (RFC 6940 §11.4)', () => {
  it('dials each address but those that a sound link of ours goes to', async () => {
    const dialled: number[] = []
    const factory = { dial: ({ port }: SocketAddress) => { dialled.push(port); return Promise.reject(new Error('nobody')) } } as unknown as LinkFactory
    const links = [linkTo(1, true), linkTo(2, false), linkTo(3, true, true)]
    const nodes = findNodes({
      clock: new VirtualClock(), log: silentLog, nodeId: new Uint8Array(16), factory, nodeIdsOf: () => [], introduce: () => Promise.resolve(undefined),
      source: { async *candidates() { yield* await Promise.resolve([at(1), at(2), at(3), at(4)]) } }, table: { all: () => links, get: () => undefined, whenChanged: () => new Promise(() => undefined) },
    }, 1000, new AbortController().signal)
    expect(await nodes.next()).toEqual({ done: true, value: undefined })
    expect(dialled).toEqual([2, 3, 4])
  })
})

interface Surroundings { readonly deps: SearchDependencies; readonly clock: VirtualClock; up(name: number): void; down(name: number): void; readonly asked: string[] }

/** Addresses that answer after a time of their own as the node of their port; `up` is a link that the other end has opened. */
function surroundings(answersAfterMs: Readonly<Record<number, number>>): Surroundings {
  const clock = new VirtualClock(), changed = new Notifier()
  const node = (name: number): Uint8Array => new Uint8Array(16).fill(name)
  const links = new Map<number, Connection>()
  const up = (name: number): void => { links.set(name, { nodeId: node(name), link: { initiatedByUs: false, isSuspect: false, stream: { remote: at(50_000) } } } as Connection); changed.notify() }
  const dial = ({ port }: SocketAddress, accept: (certificate: never) => string | undefined, signal: AbortSignal): Promise<SecureStream> => new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => { reject(signal.reason as Error) })
    clock.setTimer(answersAfterMs[port] ?? 0, () => {
      const refused = accept({ port } as never)
      if (refused === undefined) { up(port); resolve({ remote: at(port) } as SecureStream) } else reject(new Error(refused))
    })
  })
  const asked: string[] = []
  return {
    clock, asked, up, down: (name) => { links.delete(name) },
    deps: {
      clock, log: silentLog, nodeId: node(0), factory: { dial } as unknown as LinkFactory,
      nodeIdsOf: (certificate) => [node((certificate as unknown as { port: number }).port)],
      introduce: (stream) => Promise.resolve(node(stream.remote.port)),
      source: {
        async *candidates(signal) {
          yield* Object.keys(answersAfterMs).map((port) => at(Number(port)))
          await untilAborted(new Promise(() => undefined), signal) // as one that keeps listening
        },
      },
      table: {
        all: () => [...links.values()], get: (nodeId) => links.get(nodeId[0] as number),
        whenChanged: (signal) => untilAborted(changed.wait(), signal),
      },
    },
  }
}

/** Asks whoever is found; nobody is of use. */
async function askAll({ clock, asked }: Surroundings, nodes: AsyncIterable<Uint8Array>): Promise<void> {
  const start = clock.monotonic()
  for await (const [name] of nodes) asked.push(`${String(name)} at ${clock.monotonic() - start}`)
  asked.push(`end at ${clock.monotonic() - start}`)
}

describe('looking for a way in', () => {
  it('asks a node that has opened a link to us meanwhile, though dialling it shows that it is connected already', async () => {
    const around = surroundings({ 1: 400 })
    const done = askAll(around, findWaysIn(around.deps, 1_000, new AbortController().signal))
    await around.clock.advanceAsync(300)
    around.up(1)
    await around.clock.advanceAsync(1_000)
    await done
    expect(around.asked).toEqual(['1 at 300', '1 at 800', 'end at 1000'])
  })
  it('asks again after half a second, one, two and so on, as long as the node is there', async () => {
    const around = surroundings({})
    around.up(7)
    const done = askAll(around, findWaysIn(around.deps, 10_000, new AbortController().signal))
    await around.clock.advanceAsync(4_000)
    around.down(7)
    await around.clock.advanceAsync(4_500)
    around.up(7)
    await around.clock.advanceAsync(2_000)
    await done
    expect(around.asked).toEqual(['7 at 0', '7 at 500', '7 at 1500', '7 at 3500', '7 at 8500', 'end at 10000'])
  })
  it('does not give up a slow one because a near one is of no use', async () => {
    const around = surroundings({ 1: 5, 2: 3_000 })
    const done = askAll(around, findWaysIn(around.deps, 5_000, new AbortController().signal))
    await around.clock.advanceAsync(5_000)
    await done
    expect(around.asked).toContain('2 at 3005')
  })
  it('leaves out who is connected when it is strangers that are looked for', async () => {
    const around = surroundings({ 1: 0, 2: 0 })
    around.up(1)
    const done = askAll(around, findNodes(around.deps, 1_000, new AbortController().signal))
    await around.clock.advanceAsync(1_000)
    await done
    expect(around.asked).toEqual(['2 at 0', 'end at 1000'])
  })
  it('leaves no timer behind', async () => {
    const around = surroundings({ 1: 0 })
    around.up(7)
    const nodes = findWaysIn(around.deps, 10_000, new AbortController().signal)
    await nodes.next()
    const second = nodes.next()
    await around.clock.advanceAsync(100)
    await second
    await nodes.return(undefined)
    expect(around.clock.pending).toBe(0)
  })
})
