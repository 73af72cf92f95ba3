/**
 * The node in the middle, as a process: the router of an overlay node over real links, and on another port a bare
 * TLS echo of messages of one size. The limits on floods are lifted: what is measured is the work.
 */
import { Counters } from '../../../src-main/base/counters.ts'
import { createNodeSecureNetwork } from '../../../src-main/node/secureNetwork.ts'
import type { SocketAddress } from '../../../src-main/ports/secureStream.ts'
import { ConnectionTable } from '../../../src-main/reload/forwarding/connectionTable.ts'
import { Router } from '../../../src-main/reload/forwarding/router.ts'
import { CertificateVerifier } from '../../../src-main/reload/security/certificateVerifier.ts'
import { overlayHash } from '../../../src-main/reload/wire/identifiers.ts'
import { cpuMs, serve } from '../remote.ts'
import { clock, configurationOf, credentialsOf, crypto, overlayName, type World } from './fixtures.ts'

const network = createNodeSecureNetwork(clock)

async function router({ root, identities }: World): Promise<SocketAddress> {
  const own = identities[0]
  if (own === undefined) throw new Error('no identity')
  const verifier = new CertificateVerifier(crypto, clock, configurationOf(root))
  const counters = new Counters()
  const limits = { maxMessageBytes: 16_384, maxQueuedBytes: 8_000_000, messagesPerSecond: 1e9, messageBurst: 1e9 }
  const table: ConnectionTable = new ConnectionTable({
    clock, nodeId: own.nodeId, limits, maxLinks: 256, counters,
    identify: (certificate) => {
      const verified = verifier.verifyParsed(certificate)
      return typeof verified === 'string' ? undefined : { nodeIds: verified.nodeIds, userName: '' }
    },
    signedAs: () => undefined,
  }, { onUp: () => undefined, onDown: () => undefined, onTooLarge: () => undefined, onMessage: (message, from) => { forwarding.receive(message, from) } })
  const forwarding = new Router({
    nodeId: own.nodeId, overlay: overlayHash(crypto, overlayName), initialTtl: 100, clock, counters,
    topology: { isResponsible: () => false, nextHop: () => undefined, replicaSet: () => [], holdsReplica: () => false, mayAnswerFor: () => false },
    links: { isConnected: (peer) => table.reaches(peer), send: (peer, message) => table.send(peer, message), pathMtu: (peer) => table.pathMtu(peer) },
    compactIds: { of: () => undefined, nodeOf: () => undefined }, compactVia: 'datagrams',
  }, { onDeliver: () => undefined, onFragment: () => undefined, onRejected: () => { throw new Error('a message was rejected') } })
  return (await network.listen({ host: '127.0.0.1', port: 0 }, credentialsOf(own, root), (stream) => { table.admit(stream, false) })).address
}

/** Sends back `answer` bytes for each `request` bytes. */
async function echo({ world, request, answer }: { world: World; request: number; answer: number }): Promise<SocketAddress> {
  const own = world.identities[0]
  if (own === undefined) throw new Error('no identity')
  const reply = new Uint8Array(answer)
  return (await network.listen({ host: '127.0.0.1', port: 0 }, credentialsOf(own, world.root), (stream) => {
    let got = 0
    stream.user = {
      onData: (bytes) => { for (got += bytes.length; got >= request; got -= request) stream.write(reply) },
      onDrain: () => undefined, onClose: () => undefined,
    }
  })).address
}

serve({ router, echo, cpu: () => cpuMs() })
