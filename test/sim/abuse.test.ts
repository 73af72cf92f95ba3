/**
 * A member of the overlay that misbehaves at one of its peers (RFC 6940 §13): whatever it sends, the peer stays up, keeps
 * its data and its good neighbours, and its counters say what it refused. The member has a valid certificate.
 */
import { describe, expect, test } from 'vitest'
import { utf8Bytes } from '../../src-main/base/bytes.ts'
import type { SecureStream } from '../../src-main/ports/secureStream.ts'
import type { NodeIdentity } from '../../src-main/reload/overlay/createOverlay.ts'
import { Signer } from '../../src-main/reload/security/signer.ts'
import { encodeSipRegistration } from '../../src-main/reload/usages/sipRegistration.ts'
import { encodeData } from '../../src-main/reload/link/framing.ts'
import { encodeContents } from '../../src-main/reload/wire/bodies.ts'
import type { Destination } from '../../src-main/reload/wire/destination.ts'
import type { HeaderFields } from '../../src-main/reload/wire/forwardingHeader.ts'
import { overlayHash } from '../../src-main/reload/wire/identifiers.ts'
import { Kind } from '../../src-main/reload/wire/kinds.ts'
import type { MessageContents } from '../../src-main/reload/wire/message.ts'
import { crypto } from '../support/certificates.ts'
import { makeIdentity, overlayName, Ring, type RingNode } from '../support/overlayKit.ts'

const never = new AbortController().signal
const ping = (padding = 0): MessageContents => encodeContents('pingReq', { padding: new Uint8Array(padding) })

/** A member that speaks to one peer in bytes of its own making. */
class Mallory {
  closed = false
  answers = 0
  private sequence = 0
  private transaction = 1n
  private readonly signer: Signer

  constructor(private readonly ring: Ring, readonly identity: NodeIdentity, readonly victim: RingNode, private readonly stream: SecureStream) {
    this.signer = new Signer(crypto, identity)
    stream.user = { onData: (bytes) => { if (bytes[0] === 128) this.answers++ }, onDrain: () => undefined, onClose: () => { this.closed = true } }
  }

  static async dial(ring: Ring, victim: RingNode, host = '10.0.66.6'): Promise<Mallory> {
    const identity = await makeIdentity('mallory', 3, { nodeId: ring.random.bytes(16) })
    const credentials = { certificate: identity.certificate, chain: [], privateKey: identity.privateKey, acceptPeer: () => undefined }
    return new Mallory(ring, identity, victim, await ring.wait(ring.network.host(host).secure.connect({ host: victim.host, port: 6084 }, credentials, never)))
  }

  /** A message to the victim, signed by this member. */
  message(contents: MessageContents, header: Partial<HeaderFields> = {}): Uint8Array {
    return this.signer.signMessage({
      overlay: overlayHash(crypto, overlayName), configurationSequence: this.victim.overlay.configuration.sequence, ttl: 100,
      transactionId: this.transaction++, destinationList: [{ type: 'node', nodeId: this.victim.identity.nodeId }], ...header,
    }, contents)
  }

  raw(bytes: Uint8Array): void { this.stream.write(bytes) }
  frame(message: Uint8Array): void { this.raw(encodeData(this.sequence++, message)) }

  async send(...messages: readonly Uint8Array[]): Promise<void> {
    for (const message of messages) this.frame(message)
    await this.ring.advance(2_000)
  }
}

interface Scene { readonly ring: Ring; readonly victim: RingNode; readonly mallory: Mallory; readonly at: Uint8Array; counted(name: string): number; unharmed(): Promise<void> }

/** Six peers in a ring, a registration in it, and a member at the door of one that holds it. */
async function scene(seed: number): Promise<Scene> {
  const ring = new Ring(seed)
  await ring.grow(6)
  const writer = ring.nodes[1] as RingNode
  const at = writer.overlay.resourceId(`${writer.name}@${overlayName}`)
  const value = encodeSipRegistration({ type: 'route', contactPrefs: '', destinationList: [{ node: writer.identity.nodeId }] })
  await ring.wait(writer.overlay.store(at, [{ kind: Kind.sipRegistration, key: writer.identity.nodeId, value, lifetimeS: 3600 }], never))
  await ring.advance(2_000)
  const victim = ring.owner(at)
  const neighbours = (): string[] => victim.overlay.neighbours().filter(({ relation }) => relation.includes('successor') || relation.includes('predecessor')).map(({ userName }) => userName).sort()
  const before = neighbours()
  const mallory = await Mallory.dial(ring, victim)
  return {
    ring, victim, mallory, at,
    counted: (name) => victim.overlay.counters[name] ?? 0,
    unharmed: async () => {
      expect(victim.overlay.status.phase).toBe('joined')
      expect(neighbours()).toEqual(before)
      for (const reader of ring.nodes) expect(await ring.wait(reader.overlay.fetch(at, Kind.sipRegistration, { model: 'dictionary', keys: [] }, never))).toHaveLength(1)
      expect(await ring.close()).toBe(0)
    },
  }
}

const nodes = (count: number): Destination[] => Array.from({ length: count }, (_, i) => ({ type: 'node', nodeId: new Uint8Array(16).fill(1 + i % 250) }))

describe('a peer', { timeout: 60_000 }, () => {
  test('answers a member who behaves (what the others are compared with)', async () => {
    const { mallory, unharmed } = await scene(90)
    await mallory.send(mallory.message(ping()))
    expect(mallory.answers).toBe(1)
    await unharmed()
  })

  test('closes a link that carries garbage', async () => {
    const { ring, mallory, counted, unharmed } = await scene(91)
    mallory.raw(ring.random.bytes(5_000).map((byte, i) => (i === 0 ? 3 : byte)))
    await ring.advance(1_000)
    expect([mallory.closed, counted('link.malformed')]).toEqual([true, 1])
    await unharmed()
  })

  test('drops frames whose message is garbage, and hears the next one', async () => {
    const { ring, mallory, counted, unharmed } = await scene(92)
    for (const length of [0, 1, 37, 38, 500, 4_000]) await mallory.send(ring.random.bytes(length))
    expect(counted('dropped.malformed')).toBe(6)
    await mallory.send(mallory.message(ping()))
    expect(mallory.answers).toBe(1)
    await unharmed()
  })

  test('closes a link that announces a message over max-message-size', async () => {
    const { ring, mallory, victim, counted, unharmed } = await scene(93)
    mallory.raw(encodeData(0, new Uint8Array(victim.overlay.configuration.maxMessageSize + 1)))
    await ring.advance(1_000)
    expect([mallory.closed, counted('link.messageTooLarge')]).toEqual([true, 1])
    await unharmed()
  })

  test('serves a replayed request once', async () => {
    const { mallory, counted, unharmed } = await scene(94)
    const message = mallory.message(ping())
    await mallory.send(...Array.from({ length: 20 }, () => message))
    expect(counted('request.received.pingReq')).toBe(1)
    expect(counted('request.repeated')).toBe(19)
    await unharmed()
  })

  test('drops what is signed badly, or by somebody whose certificate does not come along', async () => {
    const { mallory, counted, unharmed } = await scene(95)
    const message = mallory.message(ping())
    const forged = message.map((byte, i) => (i === message.length - 5 ? byte ^ 1 : byte))
    await mallory.send(forged)
    // The body is changed after signing.
    const body = mallory.message(ping(8))
    const at = Buffer.from(body).indexOf(Buffer.alloc(8), 38)
    await mallory.send(body.map((byte, i) => (i === at + 3 ? 1 : byte)))
    expect(mallory.answers).toBe(0)
    expect(counted('dropped.unverified')).toBe(2)
    await unharmed()
  })

  test('admits nobody who joins in the name of another Node-ID', async () => {
    const { mallory, counted, unharmed } = await scene(96)
    await mallory.send(mallory.message(encodeContents('joinReq', { joiningPeerId: new Uint8Array(16).fill(9), overlaySpecificData: new Uint8Array(0) })))
    expect([mallory.answers, counted('sent.Error_Forbidden'), counted('join.admitted')]).toEqual([1, 1, counted('join.admitted')])
    await unharmed()
  })

  test('stores nothing under the name of somebody else', async () => {
    const { ring, mallory, at, counted, unharmed, victim } = await scene(97)
    const value = encodeSipRegistration({ type: 'route', contactPrefs: 'stolen', destinationList: [{ node: mallory.identity.nodeId }] })
    const guest = await ring.make({ identity: mallory.identity, clientMode: true, host: '10.0.66.7' })
    await guest.overlay.start()
    await ring.until(() => guest.overlay.status.phase === 'joined', 20_000)
    await expect(ring.wait(guest.overlay.store(at, [{ kind: Kind.sipRegistration, key: mallory.identity.nodeId, value, lifetimeS: 60 }], never))).rejects.toThrow()
    expect(counted('sent.Error_Forbidden')).toBeGreaterThan(0)
    expect(victim.store.read(at, Kind.sipRegistration)?.entries).toHaveLength(1)
    await unharmed()
  })

  test('does not follow lists of enormous length, with repetitions, or back to itself', async () => {
    const { mallory, victim, counted, unharmed } = await scene(98)
    const forwarded = counted('forwarded')
    const own: Destination = { type: 'node', nodeId: victim.identity.nodeId }
    await mallory.send(
      mallory.message(ping(), { destinationList: nodes(200) }),
      mallory.message(ping(), { viaList: nodes(200) }),
      mallory.message(ping(), { destinationList: [own, own] }),
    )
    const refused = ['dropped.destinationList', 'dropped.viaList', 'sent.Error_Invalid_Message'].map(counted)
    expect(refused.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(3)
    expect(counted('forwarded')).toBe(forwarded)
    await unharmed()
  })

  test('drops a TTL above initial-ttl, another overlay, another version', async () => {
    const { mallory, counted, unharmed } = await scene(99)
    await mallory.send(mallory.message(ping(), { ttl: 255 }), mallory.message(ping(), { overlay: 7 }), mallory.message(ping(), { version: 0x0b }))
    expect(counted('request.received.pingReq')).toBe(0)
    expect(counted('sent.Error_TTL_Exceeded')).toBe(1)
    expect(counted('dropped.otherOverlay') + counted('sent.Error_Incompatible_with_Overlay')).toBeGreaterThanOrEqual(1)
    await unharmed()
  })

  test('takes no answer that it did not ask for', async () => {
    const { mallory, counted, unharmed } = await scene(100)
    await mallory.send(mallory.message(encodeContents('pingAns', { responseId: 1n, time: 1n })))
    expect(counted('dropped.unexpectedAnswer')).toBe(1)
    await unharmed()
  })

  test('serves a flood at its own rate, and the others meanwhile', async () => {
    const { ring, mallory, victim, counted, unharmed } = await scene(101)
    const messages = Array.from({ length: 50 }, () => mallory.message(ping()))
    for (let i = 0; i < 3_000; i++) mallory.frame(messages[i % messages.length] as Uint8Array)
    const other = ring.nodes.find((node) => node !== victim) as RingNode
    expect((await ring.wait(other.overlay.ping([{ node: victim.identity.nodeId }], never))).responder).toEqual(victim.identity.nodeId)
    await ring.advance(2_000)
    expect(counted('link.droppedFlood')).toBeGreaterThan(900)
    expect(counted('request.received.pingReq')).toBeLessThan(60)
    await unharmed()
  })

  test('routes nothing through a member that has not become a peer', async () => {
    const { ring, mallory, victim, unharmed } = await scene(102)
    await mallory.send(mallory.message(ping()))
    const heard = mallory.answers
    // Its place in the ring lies between the others: without an Update from it nobody routes there.
    for (const node of ring.nodes) await ring.wait(node.overlay.ping([{ resource: mallory.identity.nodeId }], never))
    expect(mallory.answers).toBe(heard)
    expect(victim.overlay.neighbours().find(({ userName }) => userName.startsWith('mallory'))?.routable).toBe(false)
    await unharmed()
  })

  test('gives up a neighbour that stops reading, and what waits for it stays bounded', async () => {
    const { ring, mallory, victim, unharmed } = await scene(103)
    // It asks and asks, and never takes an answer: the stream's user is silent, and so are its acknowledgements.
    for (let i = 0; i < 40; i++) { mallory.frame(mallory.message(ping(1_000))); await ring.advance(500) }
    await ring.advance(60_000)
    expect(mallory.closed).toBe(true)
    expect(victim.overlay.neighbours().some(({ userName }) => userName.startsWith('mallory'))).toBe(false)
    await unharmed()
  })

  test('keeps its data when a member sends nonsense for every message code', async () => {
    const { ring, mallory, unharmed, counted } = await scene(104)
    const codes = Array.from({ length: 0x29 }, (_, code) => code)
    await mallory.send(...codes.flatMap((messageCode) => [ring.random.bytes(40), utf8Bytes('')].map((messageBody) => mallory.message({ messageCode, messageBody, extensions: [] }))))
    await mallory.send(mallory.message({ messageCode: 0xffff, messageBody: new Uint8Array(0), extensions: [] }))
    expect(counted('sent.Error_Invalid_Message')).toBeGreaterThanOrEqual(8)
    expect(mallory.closed).toBe(false)
    await unharmed()
  })
})
