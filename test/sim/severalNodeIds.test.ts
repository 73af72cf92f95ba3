/** Certificates with several Node-IDs in a ring, in virtual time (RFC 6940 §4.2.1, §6.1.2, §6.3.4). */
import { beforeAll, describe, expect, test } from 'vitest'
import { equalBytes } from '../../src-main/base/bytes.ts'
import { decode } from '../../src-main/base/presentation.ts'
import type { NodeIdentity } from '../../src-main/reload/overlay/createOverlay.ts'
import type { AppPipe } from '../../src-main/reload/overlay/overlay.ts'
import { encodeAck, encodeData, FrameDecoder } from '../../src-main/reload/link/framing.ts'
import { nodeIdUri } from '../../src-main/reload/security/overlayCertificate.ts'
import { Signer } from '../../src-main/reload/security/signer.ts'
import { encodeSipRegistration } from '../../src-main/reload/usages/sipRegistration.ts'
import { encodeContents } from '../../src-main/reload/wire/bodies.ts'
import { ErrorCode, MessageCode } from '../../src-main/reload/wire/constants.ts'
import { toNode, toResource, type Destination } from '../../src-main/reload/wire/destination.ts'
import { overlayHash, wildcardNodeId } from '../../src-main/reload/wire/identifiers.ts'
import { Kind } from '../../src-main/reload/wire/kinds.ts'
import { decodeMessage, errorResponse, type Message } from '../../src-main/reload/wire/message.ts'
import { credentialsOf, crypto, makePeer, random } from '../support/certificates.ts'
import { overlayName, Ring, sharedAuthority, sharedKey, type RingNode } from '../support/overlayKit.ts'

const never = new AbortController().signal
const begun = Date.UTC(2025, 11, 1)

/** One certificate with three Node-IDs; nodes may act under any of them. */
async function severalIds(user: string): Promise<readonly NodeIdentity[]> {
  const key = await sharedKey(1)
  const nodeIds = [random.bytes(16), random.bytes(16), random.bytes(16)]
  const { certificate } = await makePeer(await sharedAuthority(), user, overlayName, {
    key, nowMs: begun, notAfter: begun + 300 * 86_400_000,
    altNames: [...nodeIds.map((id) => ({ kind: 'uri' as const, value: nodeIdUri(id, overlayName) })), { kind: 'email', value: `${user}@${overlayName}` }],
  })
  return nodeIds.map((nodeId) => ({ overlayName, nodeId, certificate, chain: [], privateKey: key }))
}
let multi: readonly NodeIdentity[]
beforeAll(async () => { multi = await severalIds('multi') })

const id = (index: number): NodeIdentity => multi[index] as NodeIdentity
const joined = async (ring: Ring, node: RingNode): Promise<void> => {
  await node.overlay.start()
  await ring.until(() => node.overlay.status.phase === 'joined', 30_000)
}
const everybodyPings = async (ring: Ring): Promise<void> => {
  for (const from of ring.live) {
    for (const to of ring.live) {
      const { responder } = await ring.wait(from.overlay.ping([{ node: to.identity.nodeId }], never))
      expect(responder).toEqual(to.identity.nodeId)
    }
  }
}

describe('a peer whose certificate has several Node-IDs', { timeout: 60_000 }, () => {
  test('joins under the one it acts under, is a peer like others, stores and opens pipes', async () => {
    const ring = new Ring(70)
    await ring.grow(5)
    const node = await ring.make({ identity: id(1) })
    await joined(ring, node)
    await ring.advance(5_000)
    await everybodyPings(ring)
    for (const other of ring.live) if (other !== node) expect(other.overlay.neighbours().some(({ nodeId }) => [id(0), id(2)].some((one) => equalBytes(one.nodeId, nodeId)))).toBe(false)
    const at = node.overlay.resourceId(`multi@${overlayName}`)
    await ring.wait(node.overlay.store(at, [{ kind: Kind.sipRegistration, key: id(1).nodeId, value: encodeSipRegistration({ type: 'route', contactPrefs: '', destinationList: node.overlay.route }), lifetimeS: 600 }], never))
    const reader = ring.nodes[2] as RingNode
    const [value] = await ring.wait(reader.overlay.fetch(at, Kind.sipRegistration, { model: 'dictionary', keys: [] }, never))
    expect(value?.signerNodeId).toEqual(id(1).nodeId)
    const accepted: AppPipe[] = []
    node.overlay.acceptApplication(5060)
    node.overlay.onPipe((pipe) => accepted.push(pipe))
    const pipe = await ring.wait(reader.overlay.appAttach([{ node: id(1).nodeId }], 5060, never))
    expect(pipe.peerNodeId).toEqual(id(1).nodeId)
    reader.overlay.acceptApplication(5060)
    expect((await ring.wait(node.overlay.appAttach([{ node: reader.identity.nodeId }], 5060, never))).peerNodeId).toEqual(reader.identity.nodeId)
    expect(await ring.close()).toBe(0)
  })

  test('is found out by a Ping when it is the bootstrap node, and its own dials are followed by an Attach', async () => {
    const ring = new Ring(71)
    const first = await ring.make({ identity: id(2), firstPeer: true })
    await first.overlay.start()
    await ring.until(() => first.overlay.status.phase === 'alone', 10_000)
    await ring.grow(3)
    await joined(ring, await ring.make({ identity: (await severalIds('other'))[1] as NodeIdentity }))
    await ring.advance(5_000)
    await everybodyPings(ring)
    expect(first.overlay.counters['dropped.unattached']).toBeUndefined()
    expect(await ring.close()).toBe(0)
  })

  test('two nodes of one certificate are two peers', async () => {
    const ring = new Ring(72)
    await ring.grow(4)
    await joined(ring, await ring.make({ identity: id(0) }))
    await joined(ring, await ring.make({ identity: id(2) }))
    await ring.advance(30_000)
    expect(ring.live).toHaveLength(6)
    await everybodyPings(ring)
    expect(await ring.close()).toBe(0)
  })

  test('a client of several Node-IDs probes by Ping, attaches, and is reached by its Node-ID', async () => {
    const ring = new Ring(73)
    await ring.grow(5)
    const client = await ring.make({ identity: id(1), clientMode: true })
    await joined(ring, client)
    await ring.advance(2_000)
    for (const peer of ring.live) {
      if (peer !== client) expect((await ring.wait(peer.overlay.ping(client.overlay.route, never))).responder).toEqual(id(1).nodeId)
    }
    expect(await ring.close()).toBe(0)
  })
})

describe('before it has attached', { timeout: 60_000 }, () => {
  /** A bare link to the ring's first node, with the certificate of several Node-IDs. */
  async function bareLink(ring: Ring): Promise<{ readonly ask: (destination: Destination, code: 'pingReq' | 'routeQueryReq', via?: readonly Destination[]) => Promise<Message | undefined> }> {
    const { secure } = ring.network.host('10.9.9.9')
    const identity = id(1)
    const peer = { certificate: identity.certificate, key: identity.privateKey, nodeId: identity.nodeId, userName: '' }
    const stream = await ring.wait(secure.connect({ host: '10.0.0.1', port: 6084 }, credentialsOf(peer, await sharedAuthority()), never))
    const decoder = new FrameDecoder({ maxMessageBytes: 70_000 }), answers: Message[] = []
    stream.user = {
      onDrain: () => undefined, onClose: () => undefined,
      onData: (bytes) => {
        for (const frame of decoder.push(bytes)) {
          if (frame.type !== 'data') continue
          stream.write(encodeAck(frame.sequence, 0))
          answers.push(decodeMessage(frame.message))
        }
      },
    }
    const signer = new Signer(crypto, identity)
    let sequence = 0
    return {
      ask: async (destination, code, via = []) => {
        const contents = code === 'pingReq' ? encodeContents('pingReq', { padding: new Uint8Array(0) })
          : encodeContents('routeQueryReq', { sendUpdate: false, destination, overlaySpecificData: new Uint8Array(0) })
        stream.write(encodeData(sequence++, signer.signMessage({ overlay: overlayHash(crypto, overlayName), configurationSequence: 0, ttl: 100, transactionId: BigInt(sequence), viaList: via, destinationList: [destination], maxResponseLength: 0 }, contents)))
        await ring.advance(200)
        return answers.splice(0)[0]
      },
    }
  }
  const errorOf = (message: Message | undefined): number | undefined => (message?.contents.messageCode === MessageCode.error ? decode(errorResponse, message.contents.messageBody, 'error').errorCode : undefined)

  test('a Ping is answered and forwarded, to the Node-ID it is signed under; anything else is Error_Forbidden', async () => {
    const ring = new Ring(74)
    await ring.grow(4)
    const link = await bareLink(ring)
    const far = ring.nodes.find((node) => node !== ring.nodes[0]) as RingNode
    for (const destination of [toNode(wildcardNodeId), toNode(far.identity.nodeId)]) {
      const answer = await link.ask(destination, 'pingReq')
      expect(answer?.contents.messageCode).toBe(MessageCode.pingAns)
      expect(answer?.header.destinationList).toEqual([toNode(id(1).nodeId)])
    }
    expect(errorOf(await link.ask(toNode(wildcardNodeId), 'routeQueryReq'))).toBe(ErrorCode.forbidden)
    expect(errorOf(await link.ask(toResource(random.bytes(16)), 'routeQueryReq'))).toBe(ErrorCode.forbidden)
    // Messages of others are not its own.
    expect(errorOf(await link.ask(toNode(far.identity.nodeId), 'pingReq', [toNode(random.bytes(16))]))).toBe(ErrorCode.forbidden)
    expect(ring.nodes[0]?.overlay.counters['dropped.unattached']).toBe(3)
    expect(ring.nodes[0]?.overlay.neighbours().some(({ nodeId }) => equalBytes(nodeId, id(1).nodeId))).toBe(false)
    expect(await ring.close()).toBe(0)
  })
})
