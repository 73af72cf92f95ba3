import { beforeAll, describe, expect, test } from 'vitest'
import { Counters } from '../../../../../src-main/base/counters.ts'
import { equalBytes, toHex } from '../../../../../src-main/base/bytes.ts'
import { DecodeError } from '../../../../../src-main/base/errors.ts'
import { CertificateVerifier } from '../../../../../src-main/reload/security/certificateVerifier.ts'
import { SignatureVerifier } from '../../../../../src-main/reload/security/signatureVerifier.ts'
import { Signer } from '../../../../../src-main/reload/security/signer.ts'
import type { NodeIdentity } from '../../../../../src-main/reload/overlay/createOverlay.ts'
import { ReloadError, RequestTimeout } from '../../../../../src-main/reload/transaction/exchange.ts'
import { TransactionLayer } from '../../../../../src-main/reload/transaction/transactionLayer.ts'
import { ErrorCode, MessageCode } from '../../../../../src-main/reload/wire/constants.ts'
import { destinationText, toNode, type Destination } from '../../../../../src-main/reload/wire/destination.ts'
import { HeaderView, rewriteHeader } from '../../../../../src-main/reload/wire/forwardingHeader.ts'
import { fragmentMessage } from '../../../../../src-main/reload/wire/fragments.ts'
import { decodeMessage, errorContents, type MessageContents } from '../../../../../src-main/reload/wire/message.ts'
import { crypto } from '../../../../support/certificates.ts'
import { makeIdentity, silentLog, testConfiguration } from '../../../../support/overlayKit.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'
import { settle, VirtualClock } from '../../../../support/virtualClock.ts'

let alice: NodeIdentity, bob: NodeIdentity, eve: NodeIdentity
let configuration: Awaited<ReturnType<typeof testConfiguration>>
beforeAll(async () => {
  [alice, bob, eve] = await Promise.all([makeIdentity('alice', 0), makeIdentity('bob', 1), makeIdentity('eve', 2)])
  configuration = await testConfiguration()
})
const never = new AbortController().signal
const hash = 0x1234_5678
const overlay = { hash, configurationSequence: 1, initialTtl: 100, maxMessageBytes: 8000, reliabilityTimerMs: 3000 }

function setUp(self: NodeIdentity = alice, closest: (signer: Uint8Array) => boolean = () => true): { clock: VirtualClock; layer: TransactionLayer; sent: Uint8Array[]; counters: Counters } {
  const clock = new VirtualClock()
  const sent: Uint8Array[] = []
  const counters = new Counters()
  const layer = new TransactionLayer({
    clock, random: new SeededRandom(1), log: silentLog, nodeId: self.nodeId, overlay, counters, signer: new Signer(crypto, self),
    verifier: new SignatureVerifier(crypto, new CertificateVerifier(crypto, clock, configuration)),
    topology: { mayAnswerFor: closest }, send: (message) => { sent.push(message); return true },
  })
  return { clock, layer, sent, counters }
}

/** A message of another node about the transaction of `request`. */
function from(signer: NodeIdentity, request: Uint8Array, contents: MessageContents, more: { readonly via?: readonly Destination[]; readonly ttl?: number; readonly maxResponseLength?: number; readonly flags?: number } = {}): Uint8Array {
  const { transactionId } = decodeMessage(request).header
  return new Signer(crypto, signer).signMessage({
    overlay: hash, configurationSequence: 1, ttl: more.ttl ?? 98, transactionId, destinationList: [toNode(alice.nodeId)], viaList: more.via ?? [],
    maxResponseLength: more.maxResponseLength ?? 0, options: more.flags === undefined ? [] : [{ type: 99, flags: more.flags, value: new Uint8Array(1) }],
  }, contents)
}
const pong: MessageContents = { messageCode: MessageCode.pingAns, messageBody: Uint8Array.of(1), extensions: [] }
const ping: MessageContents = { messageCode: MessageCode.pingReq, messageBody: Uint8Array.of(2), extensions: [] }
const toAlice = (): Destination => toNode(alice.nodeId)

describe('a request (RFC 6940 §6.2.1)', () => {
  test('is transmitted five times, 3000 ms apart, with the same bytes, and fails after 15 s', async () => {
    const { clock, layer, sent } = setUp()
    const failed = expect(layer.request([{ node: bob.nodeId }], MessageCode.pingReq, new Uint8Array(0), never)).rejects.toBeInstanceOf(RequestTimeout)
    const counts: number[] = []
    for (let i = 0; i < 5; i++) { counts.push(sent.length); clock.advance(3000) }
    await failed
    expect(counts).toEqual([1, 2, 3, 4, 5])
    expect(new Set(sent.map(toHex)).size).toBe(1)
    expect(clock.pending).toBe(0)
  })

  test('ends with the answer of the Node-ID it was for; hops are counted by the TTL', async () => {
    const { clock, layer, sent } = setUp()
    const answer = layer.request([{ node: bob.nodeId }], MessageCode.pingReq, new Uint8Array(0), never)
    clock.advance(40)
    layer.onDeliver(from(bob, sent[0]!, pong), bob.nodeId, toAlice())
    await expect(answer).resolves.toMatchObject({ code: MessageCode.pingAns, body: Uint8Array.of(1), hops: 3, rttMs: 40, signer: { userName: 'bob@office.example' } })
    expect(clock.pending).toBe(0)
  })

  test('to a Node-ID ignores an answer signed by another node, and goes on', async () => {
    const { clock, layer, sent, counters } = setUp()
    const answer = layer.request([{ node: bob.nodeId }], MessageCode.pingReq, new Uint8Array(0), never)
    layer.onDeliver(from(eve, sent[0]!, pong), eve.nodeId, toAlice())
    expect(counters.get('dropped.wrongSigner')).toBe(1)
    clock.advance(3000)
    expect(sent).toHaveLength(2)
    layer.onDeliver(from(bob, sent[0]!, pong), bob.nodeId, toAlice())
    await expect(answer).resolves.toMatchObject({ hops: 3 })
  })

  test('to a Resource-ID takes an answer only from as close a node as the neighbours are', async () => {
    const { layer, sent, counters } = setUp(alice, (signer) => equalBytes(signer, bob.nodeId))
    const answer = layer.request([{ resource: new Uint8Array(16) }], MessageCode.pingReq, new Uint8Array(0), never)
    layer.onDeliver(from(eve, sent[0]!, pong), eve.nodeId, toAlice())
    expect(counters.get('dropped.wrongSigner')).toBe(1)
    layer.onDeliver(from(bob, sent[0]!, pong), bob.nodeId, toAlice())
    await expect(answer).resolves.toBeDefined()
  })

  test('drops an answer whose signature does not hold', () => {
    const { layer, sent, counters } = setUp()
    layer.request([{ node: bob.nodeId }], MessageCode.pingReq, new Uint8Array(0), never).catch(() => undefined)
    const forged = from(bob, sent[0]!, pong)
    forged[forged.length - 1]! ^= 1
    layer.onDeliver(forged, bob.nodeId, toAlice())
    expect(counters.get('dropped.unverified')).toBe(1)
    layer.close()
  })

  test('fails with the error of its destination', async () => {
    const { layer, sent } = setUp()
    const answer = layer.request([{ node: bob.nodeId }], MessageCode.pingReq, new Uint8Array(0), never)
    layer.onDeliver(from(bob, sent[0]!, errorContents(ErrorCode.notFound, 'nobody')), bob.nodeId, toAlice())
    await expect(answer).rejects.toMatchObject({ name: 'ReloadError', code: ErrorCode.notFound, signer: { userName: 'bob@office.example' } })
  })

  test('takes errors from nodes on the way as hints, but fails at once on an unsupported forwarding option', async () => {
    const { layer, sent, counters } = setUp()
    const answer = layer.request([{ node: bob.nodeId }], MessageCode.pingReq, new Uint8Array(0), never)
    layer.onDeliver(from(eve, sent[0]!, errorContents(ErrorCode.ttlExceeded)), eve.nodeId, toAlice())
    expect([counters.get('hint.Error_TTL_Exceeded'), counters.get('received.Error_TTL_Exceeded')]).toEqual([1, 1])
    layer.onDeliver(from(eve, sent[0]!, errorContents(ErrorCode.forbidden)), eve.nodeId, toAlice())
    expect(counters.get('dropped.wrongSigner')).toBe(1)
    layer.onDeliver(from(eve, sent[0]!, errorContents(ErrorCode.unsupportedForwardingOption)), eve.nodeId, toAlice())
    await expect(answer).rejects.toBeInstanceOf(ReloadError)
  })

  test('for a resource goes on too when a node that might be responsible says that it was misrouted', async () => {
    const { clock, layer, sent, counters } = setUp()
    const answer = layer.request([{ resource: new Uint8Array(16) }], MessageCode.pingReq, new Uint8Array(0), never)
    layer.onDeliver(from(eve, sent[0]!, errorContents(ErrorCode.upstreamMisrouting)), eve.nodeId, toAlice())
    expect(counters.get('hint.Error_Upstream_Misrouting')).toBe(1)
    clock.advance(3000)
    layer.onDeliver(from(bob, sent[1]!, pong), bob.nodeId, toAlice())
    await expect(answer).resolves.toMatchObject({ hints: [{ code: ErrorCode.upstreamMisrouting }] })
  })

  test('that times out says what was said on the way', async () => {
    const { clock, layer, sent } = setUp()
    const failed = expect(layer.request([{ node: bob.nodeId }], MessageCode.pingReq, new Uint8Array(0), never)).rejects.toThrow('no answer; a node on the way said Error_Underlay_Destination_Unreachable')
    layer.onDeliver(from(eve, sent[0]!, errorContents(ErrorCode.underlayDestinationUnreachable)), eve.nodeId, toAlice())
    clock.advance(15_000)
    await failed
  })

  test('that asks where a path breaks ends with the error of the node that knows', async () => {
    const { layer, sent, counters } = setUp()
    const answer = layer.request([{ node: bob.nodeId }], MessageCode.pingReq, new Uint8Array(0), never, { pathErrorsEnd: true })
    layer.onDeliver(from(eve, sent[0]!, errorContents(ErrorCode.forbidden)), eve.nodeId, toAlice())
    layer.onDeliver(from(eve, sent[0]!, errorContents(ErrorCode.loopDetected, 'here')), eve.nodeId, toAlice())
    await expect(answer).rejects.toMatchObject({ code: ErrorCode.loopDetected, signer: { nodeId: eve.nodeId } })
    expect([counters.get('received.Error_Forbidden'), counters.get('received.Error_Loop_Detected')]).toEqual([1, 1])
  })

  test('that was misrouted on its way is answered nevertheless, and told so', async () => {
    const { layer, sent } = setUp()
    const answer = layer.request([{ node: bob.nodeId }], MessageCode.pingReq, new Uint8Array(0), never, { pathErrorsEnd: true })
    layer.onDeliver(from(eve, sent[0]!, errorContents(ErrorCode.upstreamMisrouting, 'by whom')), eve.nodeId, toAlice())
    layer.onDeliver(from(bob, sent[0]!, pong), bob.nodeId, toAlice())
    await expect(answer).resolves.toMatchObject({ hints: [{ code: ErrorCode.upstreamMisrouting, signer: { nodeId: eve.nodeId } }] })
  })

  test('and its answer carry extensions (RFC 6940 §6.3.3)', async () => {
    const extension = { type: 2, critical: false, extensionContents: Uint8Array.of(7, 8) }
    const { layer, sent } = setUp()
    const answer = layer.request([{ node: bob.nodeId }], MessageCode.pingReq, new Uint8Array(0), never, { extensions: [extension] })
    const served = setUp(bob)
    served.layer.handle(MessageCode.pingReq, (request) => ({ body: Uint8Array.of(request.ttl), extensions: request.extensions }))
    served.layer.onDeliver(sent[0]!, alice.nodeId, toNode(bob.nodeId))
    layer.onDeliver(served.sent[0]!, bob.nodeId, toAlice())
    await expect(answer).resolves.toMatchObject({ body: Uint8Array.of(100), extensions: [extension] })
  })

  test('is given up by its signal', async () => {
    const { clock, layer } = setUp()
    const given = new AbortController()
    const answer = layer.request([{ node: bob.nodeId }], MessageCode.pingReq, new Uint8Array(0), given.signal)
    given.abort(new Error('enough'))
    await expect(answer).rejects.toThrow('enough')
    expect(clock.pending).toBe(0)
  })
})

test('the error for a message that goes no further goes back over the Via List, that for an answer on to where it was going', () => {
  const { layer, sent } = setUp()
  const carrier = new Signer(crypto, bob).signMessage({ overlay: hash, configurationSequence: 1, ttl: 9, transactionId: 77n, destinationList: [toNode(eve.nodeId)], viaList: [toNode(bob.nodeId)] }, ping)
  layer.onRejected(new HeaderView(carrier), eve.nodeId, ErrorCode.messageExpired, '')
  const late = new Signer(crypto, bob).signMessage({ overlay: hash, configurationSequence: 1, ttl: 9, transactionId: 77n, destinationList: [toNode(alice.nodeId), toNode(eve.nodeId)] }, pong)
  layer.onRejected(new HeaderView(late), bob.nodeId, ErrorCode.messageExpired, '')
  expect(sent.map((bytes) => decodeMessage(bytes).header.destinationList.map(destinationText))).toEqual([
    [toNode(eve.nodeId), toNode(bob.nodeId)].map(destinationText), [toNode(alice.nodeId), toNode(eve.nodeId)].map(destinationText),
  ])
})

describe('a request for us', () => {
  const incoming = (more: Parameters<typeof from>[3] = {}, contents = ping): Uint8Array => {
    const carrier = new Signer(crypto, bob).signMessage({ overlay: hash, configurationSequence: 1, ttl: 9, transactionId: 77n, destinationList: [toNode(alice.nodeId)] }, ping)
    return from(bob, carrier, contents, more)
  }

  test('is answered over the previous hop and the reversed Via List, with a fresh TTL', () => {
    const { layer, sent } = setUp()
    layer.handle(MessageCode.pingReq, (request) => ({ body: Uint8Array.of(request.hops) }))
    const via = [toNode(bob.nodeId), toNode(new Uint8Array(16).fill(5))]
    layer.onDeliver(incoming({ via }), eve.nodeId, toAlice())
    const { header, contents } = decodeMessage(sent[0]!)
    expect(contents).toMatchObject({ messageCode: MessageCode.pingAns, messageBody: Uint8Array.of(3) })
    expect(header).toMatchObject({ ttl: 100, maxResponseLength: 0, viaList: [], transactionId: 77n })
    expect(header.destinationList.map(destinationText)).toEqual([toNode(eve.nodeId), ...[...via].reverse()].map(destinationText))
  })

  test('that comes again within 15 s gets the same answer, and is served once', () => {
    const { clock, layer, sent } = setUp()
    let served = 0
    layer.handle(MessageCode.pingReq, () => ({ body: Uint8Array.of(++served) }))
    const bytes = incoming()
    layer.onDeliver(bytes, eve.nodeId, toAlice())
    clock.advance(14_000)
    layer.onDeliver(bytes, bob.nodeId, toAlice())
    expect(sent.map((m) => decodeMessage(m).contents.messageBody[0])).toEqual([1, 1])
    expect(destinationText(decodeMessage(sent[1]!).header.destinationList[0]!)).toBe(destinationText(toNode(bob.nodeId)))
    clock.advance(2_000)
    layer.onDeliver(bytes, bob.nodeId, toAlice())
    expect(served).toBe(2)
  })

  test('is absorbed while its first copy is still being served', async () => {
    const { layer, sent } = setUp()
    let finish: (outcome: { body: Uint8Array }) => void = () => undefined
    layer.handle(MessageCode.pingReq, () => new Promise((resolve) => { finish = resolve }))
    const bytes = incoming()
    layer.onDeliver(bytes, eve.nodeId, toAlice())
    layer.onDeliver(bytes, eve.nodeId, toAlice())
    expect(sent).toHaveLength(0)
    finish({ body: Uint8Array.of(4) })
    await settle()
    expect(sent).toHaveLength(1)
  })

  const errorOf = (bytes: Uint8Array | undefined): number => { const { messageBody } = decodeMessage(bytes!).contents; return (messageBody[0]! << 8) | messageBody[1]! }

  test('with a body that does not parse is answered with Error_Invalid_Message', () => {
    const { layer, sent } = setUp()
    layer.handle(MessageCode.pingReq, () => { throw new DecodeError('no padding') })
    layer.onDeliver(incoming(), eve.nodeId, toAlice())
    expect(errorOf(sent[0])).toBe(ErrorCode.invalidMessage)
  })

  test('with an unknown critical extension or DESTINATION_CRITICAL option is refused', () => {
    const { layer, sent } = setUp()
    layer.handle(MessageCode.pingReq, () => ({ body: new Uint8Array(0) }))
    layer.onDeliver(incoming({}, { ...ping, extensions: [{ type: 9, critical: true, extensionContents: new Uint8Array(0) }] }), eve.nodeId, toAlice())
    expect(errorOf(sent[0])).toBe(ErrorCode.unknownExtension)
    const other = setUp()
    other.layer.handle(MessageCode.pingReq, () => ({ body: new Uint8Array(0) }))
    other.layer.onDeliver(incoming({ flags: 0x02 }), eve.nodeId, toAlice())
    expect(errorOf(other.sent[0])).toBe(ErrorCode.unsupportedForwardingOption)
  })

  test('has its RESPONSE_COPY options copied, without the flags', () => {
    const { layer, sent } = setUp()
    layer.handle(MessageCode.pingReq, () => ({ body: new Uint8Array(0) }))
    layer.onDeliver(incoming({ flags: 0x04 }), eve.nodeId, toAlice())
    expect(decodeMessage(sent[0]!).header.options).toMatchObject([{ type: 99, flags: 0 }])
  })

  test('whose answer would be longer than max_response_length gets an error instead', () => {
    const { layer, sent } = setUp()
    layer.handle(MessageCode.pingReq, () => ({ body: new Uint8Array(4000) }))
    layer.onDeliver(incoming({ maxResponseLength: 3000 }), eve.nodeId, toAlice())
    expect(errorOf(sent[0])).toBe(ErrorCode.responseTooLarge)
  })

  test('that comes in parts is served when the last of them is there', () => {
    const { layer, sent, counters } = setUp()
    layer.handle(MessageCode.pingReq, (request) => ({ body: Uint8Array.of(request.body.length % 256) }))
    const parts = fragmentMessage(incoming({}, { ...ping, messageBody: new Uint8Array(1500) }), 800)
    expect(parts.length).toBeGreaterThan(2)
    for (const part of [...parts].reverse()) {
      expect(sent).toHaveLength(0)
      layer.onFragment(part, eve.nodeId, toAlice())
    }
    expect(decodeMessage(sent[0]!).contents.messageBody[0]).toBe(1500 % 256)
    layer.onFragment(parts[0]!, eve.nodeId, toAlice())
    expect([sent.length, counters.get('dropped.fragment')]).toEqual([1, 0])
  })

  test('of which a part is missing for 15 s is dropped, and what comes later is not joined to it (RFC 6940 §6.7)', () => {
    const { clock, layer, sent } = setUp()
    layer.handle(MessageCode.pingReq, () => ({ body: new Uint8Array(0) }))
    const parts = fragmentMessage(incoming({}, { ...ping, messageBody: new Uint8Array(1500) }), 800)
    const [first, ...others] = parts
    layer.onFragment(first!, eve.nodeId, toAlice())
    clock.advance(15_001)
    for (const part of others) layer.onFragment(part, eve.nodeId, toAlice())
    expect(sent).toHaveLength(0)
    // Sent again within its time it is whole.
    layer.onFragment(first!, eve.nodeId, toAlice())
    expect(sent).toHaveLength(1)
  })

  test('in parts has room beside 31 others: the oldest that is not complete gives way (RFC 6940 §6.7)', () => {
    const { layer, sent, counters } = setUp()
    layer.handle(MessageCode.pingReq, () => ({ body: new Uint8Array(0) }))
    const split = (transactionId: bigint): readonly Uint8Array[] => fragmentMessage(new Signer(crypto, bob).signMessage(
      { overlay: hash, configurationSequence: 1, ttl: 9, transactionId, destinationList: [toNode(alice.nodeId)] }, { ...ping, messageBody: new Uint8Array(1500) }), 800)
    const all = Array.from({ length: 33 }, (_, i) => split(BigInt(1000 + i)))
    for (const [first] of all) layer.onFragment(first!, eve.nodeId, toAlice())
    expect(counters.get('dropped.fragment')).toBe(1)
    for (const part of all[0]!.slice(1)) layer.onFragment(part, eve.nodeId, toAlice())
    expect(sent).toHaveLength(0)
    for (const part of all[32]!.slice(1)) layer.onFragment(part, eve.nodeId, toAlice())
    expect(sent).toHaveLength(1)
  })

  test('of which parts stay away is dropped after 15 s', () => {
    const { clock, layer, sent, counters } = setUp()
    layer.handle(MessageCode.pingReq, () => ({ body: new Uint8Array(0) }))
    const [first, ...others] = fragmentMessage(incoming({}, { ...ping, messageBody: new Uint8Array(1500) }), 800)
    layer.onFragment(first!, eve.nodeId, toAlice())
    clock.advance(14_999)
    expect(counters.get('dropped.fragment')).toBe(0)
    clock.advance(1)
    expect([counters.get('dropped.fragment'), clock.pending]).toEqual([1, 0])
    for (const part of others) layer.onFragment(part, eve.nodeId, toAlice())
    expect(sent).toHaveLength(0)
    layer.close()
    expect(clock.pending).toBe(0)
  })

  test('whose parts are longer than max-message-size is answered with Error_Message_Too_Large', () => {
    const { layer, sent } = setUp()
    for (const part of fragmentMessage(incoming({}, { ...ping, messageBody: new Uint8Array(9000) }), 2000)) layer.onFragment(part, eve.nodeId, toAlice())
    expect(sent.map(errorOf)).toEqual([ErrorCode.messageTooLarge])
    layer.close()
  })

  test('in parts is answered over the way that the last one came', () => {
    const { layer, sent } = setUp()
    layer.handle(MessageCode.pingReq, () => ({ body: new Uint8Array(0) }))
    const parts = fragmentMessage(incoming({ via: [toNode(eve.nodeId)] }, { ...ping, messageBody: new Uint8Array(1500) }), 800)
    parts.forEach((part, i) => { layer.onFragment(i === parts.length - 1 ? rewriteHeader(part, { viaList: [toNode(eve.nodeId), { type: 'compact', id: 0x8abc }] }) : part, bob.nodeId, toAlice()) })
    expect(decodeMessage(sent[0]!).header.destinationList).toEqual([toNode(bob.nodeId), { type: 'compact', id: 0x8abc }, toNode(eve.nodeId)])
  })

  test('that is not signed by a node of the overlay is dropped', () => {
    const { layer, sent, counters } = setUp()
    layer.handle(MessageCode.pingReq, () => ({ body: new Uint8Array(0) }))
    const bytes = incoming()
    bytes[bytes.length - 3]! ^= 0x10
    layer.onDeliver(bytes, eve.nodeId, toAlice())
    expect([sent.length, counters.get('dropped.unverified')]).toEqual([0, 1])
  })
})
