/** The other peer of two, as a process: a whole overlay node, the overlay's first. */
import type { SocketAddress } from '../../../src-main/ports/secureStream.ts'
import type { Overlay } from '../../../src-main/reload/overlay/overlay.ts'
import { createNodeSecureNetwork } from '../../../src-main/node/secureNetwork.ts'
import { cpuMs, serve } from '../remote.ts'
import { clock, configurationOf, credentialsOf, identityOf, makeNode, startNode, type World } from './fixtures.ts'

let node: Overlay | undefined
const network = createNodeSecureNetwork(clock)

async function start({ root, identities }: World): Promise<SocketAddress> {
  const own = identities[1]
  if (own === undefined) throw new Error('no identity')
  node = makeNode(identityOf(own), configurationOf(root), [], network)
  await startNode(node)
  if (node.status.listen === null) throw new Error('it does not listen')
  return node.status.listen
}

/** A bare echo: `answer` bytes for each `request` bytes. */
async function echo({ world, request, answer }: { world: World; request: number; answer: number }): Promise<SocketAddress> {
  const own = world.identities[1]
  if (own === undefined) throw new Error('no identity')
  const reply = new Uint8Array(answer)
  const listener = await network.listen({ host: '127.0.0.1', port: 0 }, credentialsOf(own, world.root), (stream) => {
    let got = 0
    stream.user = {
      onData: (bytes) => { for (got += bytes.length; got >= request; got -= request) stream.write(reply) },
      onDrain: () => undefined, onClose: () => undefined,
    }
  })
  return listener.address
}

serve({ start, echo, cpu: () => cpuMs(), counters: () => node?.counters ?? {}, stop: () => node?.stop() })
