/**
 * One forwarding hop over TLS, beside a bare TLS echo of the same size: 64 links to a node in another process, on
 * each one message under way; the node forwards what one peer sends to the next peer, or echoes it.
 */
import { Counters } from '../../../src-main/base/counters.ts'
import { createNodeSecureNetwork } from '../../../src-main/node/secureNetwork.ts'
import type { SecureStream, SocketAddress } from '../../../src-main/ports/secureStream.ts'
import { Link } from '../../../src-main/reload/link/link.ts'
import { Signer } from '../../../src-main/reload/security/signer.ts'
import { encodeContents } from '../../../src-main/reload/wire/bodies.ts'
import { toNode } from '../../../src-main/reload/wire/destination.ts'
import { overlayHash } from '../../../src-main/reload/wire/identifiers.ts'
import { figure, median, type Figure } from '../measure.ts'
import { Remote } from '../remote.ts'
import { clock, credentialsOf, crypto, identityOf, makeWorld, never, overlayName, type World } from './fixtures.ts'

const PEERS = 64
const SECTION = 'one hop over TLS, two processes, 64 links with one message under way each'

/** Counts messages for a while. */
class Run {
  count = 0
  running = true
}

export async function hopFigures(rounds: number, seconds: number): Promise<readonly Figure[]> {
  const world = await makeWorld(['middle', ...Array.from({ length: PEERS }, (_, i) => `peer${i}`)])
  const middle = new Remote(new URL('hopProcess.ts', import.meta.url))
  try {
    const links = await openLinks(world, await middle.call('router', world))
    const size = links.message(0).length + 8
    const streams = await openEcho(world, await middle.call('echo', { world, request: size, answer: size }))
    const rate = { hop: [] as number[], echo: [] as number[] }
    const cpu = { hop: [] as number[], echo: [] as number[] }
    for (let round = 0; round <= rounds; round++) {
      for (const name of ['hop', 'echo'] as const) {
        const run = new Run()
        const before = await middle.call<number>('cpu')
        const start = performance.now()
        if (name === 'hop') links.start(run)
        else streams.start(run, size)
        await new Promise((resolve) => { setTimeout(resolve, seconds * 1000) })
        run.running = false
        const ms = performance.now() - start
        const used = await middle.call<number>('cpu') - before
        await new Promise((resolve) => { setTimeout(resolve, 100) })
        if (round === 0) continue
        rate[name].push((run.count * 1000) / ms)
        cpu[name].push((used * 1000) / run.count)
      }
    }
    links.close()
    streams.close()
    return [
      figure(SECTION, 'forwarded by the router', rate.hop, 'message/s', { ratio_to_echo: median(rate.hop) / median(rate.echo), bytes: size }),
      figure(SECTION, 'bare TLS echo', rate.echo, 'message/s', { bytes: size }),
      figure(SECTION, 'forwarded by the router, processor time there', cpu.hop, 'µs/message', { ratio_to_echo: median(cpu.hop) / median(cpu.echo), per_cpu_second: 1e6 / median(cpu.hop) }),
      figure(SECTION, 'bare TLS echo, processor time there', cpu.echo, 'µs/message', { per_cpu_second: 1e6 / median(cpu.echo) }),
    ]
  } finally {
    middle.close()
  }
}

interface Links { message(i: number): Uint8Array; start(run: Run): void; close(): void }

async function openLinks(world: World, address: SocketAddress): Promise<Links> {
  const network = createNodeSecureNetwork(clock)
  const limits = { maxMessageBytes: 16_384, maxQueuedBytes: 8_000_000, messagesPerSecond: 1e9, messageBurst: 1e9 }
  const peers = world.identities.slice(1)
  let current = new Run()
  // To the next peer, with a body such as a Store of 500 bytes has; whoever forwards does not verify it.
  const messages = peers.map((peer, i) => new Signer(crypto, identityOf(peer)).signMessage(
    { overlay: overlayHash(crypto, overlayName), configurationSequence: 0, ttl: 100, transactionId: BigInt(i), destinationList: [toNode((peers[(i + 1) % PEERS] as { nodeId: Uint8Array }).nodeId)] },
    encodeContents('pingReq', { padding: new Uint8Array(500) }),
  ))
  const links: Link[] = []
  for (const [i, peer] of peers.entries()) {
    const stream: SecureStream = await network.connect(address, credentialsOf(peer, world.root), never)
    const link = new Link(peer.nodeId, stream, true, clock, limits, new Counters(), {
      onMessage: () => {
        current.count++
        if (current.running) link.send(messages[i] as Uint8Array)
      },
      onSuspect: () => undefined, onRecovered: () => undefined, onTooLarge: () => undefined, onClosed: () => undefined,
    })
    link.start()
    links.push(link)
  }
  return {
    message: (i) => messages[i] as Uint8Array,
    start: (run) => { current = run; for (const [i, link] of links.entries()) link.send(messages[i] as Uint8Array) },
    close: () => { for (const link of links) link.destroy('done') },
  }
}

async function openEcho(world: World, address: SocketAddress): Promise<{ start(run: Run, size: number): void; close(): void }> {
  const network = createNodeSecureNetwork(clock)
  const streams: SecureStream[] = []
  for (const peer of world.identities.slice(1)) streams.push(await network.connect(address, credentialsOf(peer, world.root), never))
  return {
    start: (run, size) => {
      const message = new Uint8Array(size)
      for (const stream of streams) {
        let got = 0
        stream.user = {
          onData: (bytes) => { for (got += bytes.length; got >= size; got -= size) { run.count++; if (run.running) stream.write(message) } },
          onDrain: () => undefined, onClose: () => undefined,
        }
        stream.write(message)
      }
    },
    close: () => { for (const stream of streams) stream.destroy() },
  }
}
