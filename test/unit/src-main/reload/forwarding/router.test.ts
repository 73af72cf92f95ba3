import { describe, expect, test } from 'vitest'
import { Counters } from '../../../../../src-main/base/counters.ts'
import { fromHex, toHex } from '../../../../../src-main/base/bytes.ts'
import { CompactIds } from '../../../../../src-main/reload/forwarding/compactIds.ts'
import { Router, type RouterDependencies } from '../../../../../src-main/reload/forwarding/router.ts'
import { ErrorCode, MessageCode } from '../../../../../src-main/reload/wire/constants.ts'
import { destinationText, toNode, toResource, type Destination } from '../../../../../src-main/reload/wire/destination.ts'
import { decodeHeader, encodeWithHeader, HeaderView, type HeaderFields } from '../../../../../src-main/reload/wire/forwardingHeader.ts'
import { FragmentSet } from '../../../../../src-main/reload/wire/fragments.ts'
import { encode } from '../../../../../src-main/base/presentation.ts'
import { encodeContents } from '../../../../../src-main/reload/wire/bodies.ts'
import { diagnosticsRequest, type DiagnosticsRequest } from '../../../../../src-main/reload/wire/extensions.ts'
import { messageContents, type MessageContents } from '../../../../../src-main/reload/wire/message.ts'
import { wildcardNodeId } from '../../../../../src-main/reload/wire/identifiers.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'
import { fc } from '../../../../support/properties.ts'

const at = (place: string): Uint8Array => fromHex(`${place}${'0'.repeat(30)}`)
const name = (id: Uint8Array): string => toHex(id).slice(0, 2)
const short = (d: Destination): string => destinationText(d).replace(/^(\w)\w*:(..).*/, '$1$2')
const overlay = 0x9aa32b8d

/** We are 80, own (70, 80], are connected to 20, 70 and 90 and route everything else over 20. */
function setUp({ mtu, ...more }: Partial<RouterDependencies> & { readonly mtu?: number } = {}): { router: Router; sent: string[]; delivered: string[]; rejected: string[]; counters: Counters; last: () => Uint8Array; compactIds: CompactIds } {
  const sent: string[] = []
  const delivered: string[] = []
  const rejected: string[] = []
  const counters = new Counters()
  const compactIds = new CompactIds(new SeededRandom(5))
  let last: Uint8Array = new Uint8Array(0)
  const router = new Router({
    nodeId: at('80'), overlay, initialTtl: 100, counters, compactIds, compactVia: 'datagrams', clock: { now: () => 1_700_000_000_000 },
    topology: {
      isResponsible: (id) => name(id) > '70' && name(id) <= '80', nextHop: () => at('20'),
      replicaSet: () => [], holdsReplica: () => false, mayAnswerFor: () => true,
    },
    links: {
      pathMtu: () => mtu,
      isConnected: (id) => ['20', '70', '78', '90'].includes(name(id)),
      send: (to, message) => {
        last = message
        const header = decodeHeader(message)
        sent.push(`${name(to)} ttl ${header.ttl} via [${header.viaList.map(short).join(' ')}] to [${header.destinationList.map(short).join(' ')}]`)
        return true
      },
    },
    ...more,
  }, {
    onDeliver: (_, previous, destination) => { delivered.push(`${short(destination)} from ${name(previous)}`) },
    onFragment: (_, previous) => { delivered.push(`fragment from ${name(previous)}`) },
    onRejected: (_, previous, error) => { rejected.push(`${error} to ${name(previous)}`) },
  })
  return { router, sent, delivered, rejected, counters, last: () => last, compactIds }
}

const request = Uint8Array.of(0, MessageCode.pingReq, 1, 2, 3)
const answer = Uint8Array.of(0, MessageCode.pingAns, 1, 2, 3)
function message(to: readonly Destination[], more: Partial<HeaderFields> = {}, body: Uint8Array = request): Uint8Array {
  return encodeWithHeader({ overlay, configurationSequence: 0, ttl: 50, transactionId: 7n, destinationList: to, ...more }, body)
}

const silentUser = { onDeliver: () => undefined, onFragment: () => undefined, onRejected: () => undefined }
function routerParts(mtu: number, send: (message: Uint8Array) => void): RouterDependencies {
  return {
    nodeId: at('80'), overlay, initialTtl: 100, counters: new Counters(), clock: { now: () => 0 }, compactIds: new CompactIds(new SeededRandom(6)), compactVia: 'datagrams',
    topology: { isResponsible: () => false, nextHop: () => at('20'), replicaSet: () => [], holdsReplica: () => false, mayAnswerFor: () => true },
    links: { isConnected: () => false, pathMtu: () => mtu, send: (_, bytes) => { send(bytes); return true } },
  }
}

describe('a message whose Destination List starts with', () => {
  test('a Resource-ID we are responsible for is delivered', () => {
    const { router, delivered } = setUp()
    router.receive(message([toResource(at('75'))]), at('70'))
    expect(delivered).toEqual(['r75 from 70'])
  })

  test('our Node-ID alone is delivered; with more behind it goes on to the next entry', () => {
    const { router, delivered, sent } = setUp()
    router.receive(message([toNode(at('80'))]), at('70'))
    router.receive(message([toNode(at('80')), toNode(at('90'))]), at('70'))
    expect(delivered).toEqual(['n80 from 70'])
    expect(sent).toEqual(['90 ttl 49 via [n70] to [n90]'])
  })

  test('the wildcard is delivered and never forwarded', () => {
    const { router, delivered, sent } = setUp()
    router.receive(message([toNode(wildcardNodeId)]), at('70'))
    expect([delivered, sent]).toEqual([['nff from 70'], []])
  })

  test('a Node-ID in our range that is not ours is dropped silently, unless it is connected', () => {
    const { router, sent, rejected, counters } = setUp()
    router.receive(message([toNode(at('75'))]), at('70'))
    expect([sent, rejected, counters.get('dropped.notThere')]).toEqual([[], [], 1])
    router.receive(message([toNode(at('78'))]), at('70'))
    expect(sent).toEqual(['78 ttl 49 via [n70] to [n78]'])
  })

  test('somebody else’s id is forwarded: directly if connected, else by the topology', () => {
    const { router, sent } = setUp()
    router.receive(message([toNode(at('90'))]), at('70'))
    router.receive(message([toNode(at('95'))]), at('70'))
    router.receive(message([toResource(at('95'))], { viaList: [toNode(at('60'))] }), at('70'))
    expect(sent).toEqual(['90 ttl 49 via [n70] to [n90]', '20 ttl 49 via [n70] to [n95]', '20 ttl 49 via [n60 n70] to [r95]'])
  })

  test('an opaque ID that we have not made is dropped', () => {
    const { router, counters } = setUp()
    router.receive(message([{ type: 'compact', id: 0x8001 }]), at('70'))
    expect(counters.get('dropped.opaqueId')).toBe(1)
  })

  test('a compact ID of ours goes on to the node it stands for, in both of its forms, and not once its connection is gone', () => {
    const { router, sent, compactIds, counters } = setUp()
    const id = compactIds.of(at('70')) ?? 0
    const behind = { type: 'compact' as const, id: 0xffff }
    router.receive(message([toNode(at('80')), { type: 'compact', id }, behind], {}, answer), at('90'))
    router.receive(message([{ type: 'opaque_id_type', opaqueId: Uint8Array.of(id >> 8, id & 0xff) }], {}, answer), at('90'))
    expect(sent).toEqual(['70 ttl 49 via [] to [n70 cff]', '70 ttl 49 via [] to [n70]'])
    compactIds.release(at('70'))
    compactIds.of(at('70'))
    router.receive(message([toNode(at('80')), { type: 'compact', id }], {}, answer), at('90'))
    expect([sent.length, counters.get('dropped.opaqueId')]).toEqual([2, 1])
  })
})

describe('forwarding', () => {
  test('does no Via List work for responses', () => {
    const { router, sent } = setUp()
    router.receive(message([toNode(at('80')), toNode(at('90')), toNode(at('10'))], {}, answer), at('70'))
    expect(sent).toEqual(['90 ttl 49 via [] to [n90 n10]'])
  })

  test('leaves what stands behind the header as it is', () => {
    const { router, last } = setUp()
    router.receive(message([toNode(at('90'))]), at('70'))
    expect(toHex(last()).endsWith(toHex(request))).toBe(true)
  })

  test('ends at TTL 0, and refuses a TTL above initial-ttl', () => {
    const { router, sent, rejected } = setUp()
    router.receive(message([toNode(at('90'))], { ttl: 0 }), at('70'))
    router.receive(message([toNode(at('90'))], { ttl: 101 }), at('20'))
    expect(sent).toEqual([])
    expect(rejected).toEqual([`${ErrorCode.ttlExceeded} to 70`, `${ErrorCode.ttlExceeded} to 20`])
  })

  test('delivers what is for us with TTL 0', () => {
    const { router, delivered } = setUp()
    router.receive(message([toNode(at('80'))], { ttl: 0 }), at('70'))
    expect(delivered).toHaveLength(1)
  })

  test('refuses a FORWARD_CRITICAL option it does not know', () => {
    const { router, rejected, delivered } = setUp()
    const options = [{ type: 77, flags: 0x01, value: new Uint8Array(2) }]
    router.receive(message([toNode(at('90'))], { options }), at('70'))
    expect(rejected).toEqual([`${ErrorCode.unsupportedForwardingOption} to 70`])
    router.receive(message([toNode(at('80'))], { options }), at('70'))
    expect(delivered).toHaveLength(1)
  })

  test('answers duplicate entries in a Destination List with Error_Invalid_Message', () => {
    const { router, rejected } = setUp()
    router.receive(message([toNode(at('90')), toNode(at('20')), toNode(at('90'))]), at('70'))
    const many = Array.from({ length: 20 }, (_, i) => toNode(at((0x90 + i).toString(16))))
    router.receive(message([...many, toNode(at('90'))]), at('70'))
    expect(rejected).toEqual([`${ErrorCode.invalidMessage} to 70`, `${ErrorCode.invalidMessage} to 70`])
    router.receive(message(many), at('70'))
    expect(rejected).toHaveLength(2)
  })

  test('answers a Destination List that names the Node-ID of zeroes with Error_Invalid_Message: it is nobody’s (RFC 6940 §3)', () => {
    const { router, rejected, sent } = setUp()
    router.receive(message([toNode(new Uint8Array(16))]), at('70'))
    router.receive(message([toNode(at('80')), toNode(new Uint8Array(16))]), at('70'))
    expect([rejected, sent]).toEqual([[`${ErrorCode.invalidMessage} to 70`, `${ErrorCode.invalidMessage} to 70`], []])
  })

  test('answers another overlay’s request, but never its response', () => {
    const { router, rejected, counters } = setUp()
    router.receive(message([toNode(at('90'))], { overlay: 1 }), at('70'))
    router.receive(message([toNode(at('90'))], { overlay: 1 }, answer), at('70'))
    expect(rejected).toEqual([`${ErrorCode.incompatibleWithOverlay} to 70`])
    expect(counters.get('dropped.otherOverlay')).toBe(2)
  })

  test('compact IDs of different nodes may look alike', () => {
    const { router, sent, rejected } = setUp()
    router.receive(message([toNode(at('90')), { type: 'compact', id: 0x8001 }, { type: 'compact', id: 0x8001 }], {}, answer), at('70'))
    expect([sent.length, rejected]).toEqual([1, []])
  })

  test('the previous hop stands in the Via List by its Node-ID, and by a compact ID where the message is too long for a datagram', () => {
    const long = Uint8Array.of(0, MessageCode.pingReq, ...new Uint8Array(400))
    const cases = [[{}, 'n70'], [{ compactVia: 'always' }, 'compact'], [{ mtu: 2000 }, 'n70'], [{ mtu: 480 }, 'compact'], [{ mtu: 300 }, 'compact']] as const
    for (const [options, via] of cases) {
      const { router, sent, compactIds } = setUp(options)
      router.receive(message([toNode(at('90'))], {}, long), at('70'))
      const shown = via === 'n70' ? via : short({ type: 'compact', id: compactIds.of(at('70')) ?? 0 })
      expect(sent).toEqual([`90 ttl 49 via [${shown}] to [n90]`])
    }
  })

  test('is cut for the datagrams of the next link, with room for the Via List to grow, and cut again for smaller ones', () => {
    const body = Uint8Array.from({ length: 4000 }, (_, i) => (i < 2 ? [0, MessageCode.pingReq][i] as number : i))
    const sizes: number[] = []
    const set = new FragmentSet(10_000)
    let whole: Uint8Array | undefined
    const second = new Router({ ...routerParts(700, (part) => { sizes.push(part.length); whole ??= set.add(part) }) }, silentUser)
    const first = new Router({ ...routerParts(1200, (part) => { sizes.push(part.length); second.receive(part, at('20')) }) }, silentUser)
    first.receive(message([toNode(at('90'))], {}, body), at('70'))
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1200 - 32)
    expect(sizes.filter((size) => size <= 700 - 32).length).toBeGreaterThan(6)
    expect(new HeaderView(whole ?? new Uint8Array(0)).body).toEqual(body)
  })

  test('parts of a message are routed like whole ones', () => {
    const { router, sent, delivered } = setUp()
    router.receive(message([toNode(at('90'))], { fragment: { offset: 500, last: false } }), at('70'))
    router.receive(message([toNode(at('80'))], { fragment: { offset: 500, last: false } }), at('70'))
    expect(sent).toEqual(['90 ttl 49 via [n70] to [n90]'])
    expect(delivered).toEqual(['fragment from 70'])
  })

  test('garbage is counted and harms nothing', () => {
    const { router, counters } = setUp()
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => { router.receive(bytes, at('70')) }))
    expect(counters.get('dropped.malformed')).toBe(counters.get('received.messages'))
  })

  test('a valid message with any byte changed never throws', () => {
    const { router } = setUp()
    const valid = message([toNode(at('80')), toNode(at('90')), toResource(at('10'))], { viaList: [toNode(at('60'))], options: [{ type: 3, flags: 4, value: at('01') }] })
    fc.assert(fc.property(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 }), (i, byte) => {
      const broken = valid.slice()
      broken[i] = byte
      router.receive(broken, at('70'))
    }))
  })
})

describe('a diagnostic message on its way (RFC 7851 §6.2)', () => {
  const now = 1_700_000_000_000
  const asked = (expiration = now + 1_000): DiagnosticsRequest => ({ expiration: BigInt(expiration), timestampInitiated: BigInt(now), dMFlags: 0n, diagnosticExtensionsList: [] })
  const bytesOf = (contents: MessageContents): Uint8Array => encode(messageContents, contents)
  const pathTrack = (expiration?: number): Uint8Array => bytesOf(encodeContents('pathTrackReq', { destination: toNode(at('95')), request: asked(expiration) }))
  const ping = (expiration?: number): Uint8Array => bytesOf(encodeContents('pingReq', { padding: new Uint8Array(0) }, [
    { type: 3, critical: false, extensionContents: new Uint8Array(12) }, { type: 2, critical: false, extensionContents: encode(diagnosticsRequest, asked(expiration)) },
  ]))
  const plain = bytesOf(encodeContents('pingReq', { padding: new Uint8Array(20) }))
  const pathTrackAns = (expiration: number): Uint8Array => bytesOf(encodeContents('pathTrackAns', {
    nextHop: toNode(at('95')), response: { expiration: BigInt(expiration), timestampInitiated: 0n, timestampReceived: 0n, hopCounter: 3, diagnosticInfoList: [] },
  }))

  test('is forwarded like any other', () => {
    const { router, sent } = setUp()
    for (const body of [pathTrack(), ping(), pathTrackAns(now + 1)]) router.receive(message([toNode(at('90'))], {}, body), at('70'))
    expect(sent).toEqual(['90 ttl 49 via [n70] to [n90]', '90 ttl 49 via [n70] to [n90]', '90 ttl 49 via [] to [n90]'])
  })

  test('goes no further when it has expired: Error_Message_Expired, also for an answer', () => {
    const { router, sent, rejected, counters } = setUp()
    for (const body of [pathTrack(now), ping(now), pathTrackAns(now)]) router.receive(message([toNode(at('90'))], {}, body), at('70'))
    expect([sent, rejected, counters.get('dropped.diagnostic')]).toEqual([[], Array(3).fill(`${ErrorCode.messageExpired} to 70`), 3])
  })

  test('at TTL 0 is Error_TTL_Hops_Exceeded, where others are Error_TTL_Exceeded', () => {
    const { router, rejected } = setUp()
    for (const body of [pathTrack(), ping(), plain]) router.receive(message([toNode(at('90'))], { ttl: 0 }, body), at('70'))
    expect(rejected).toEqual([`${ErrorCode.ttlHopsExceeded} to 70`, `${ErrorCode.ttlHopsExceeded} to 70`, `${ErrorCode.ttlExceeded} to 70`])
  })

  test('whose Via List names us has come in a loop: Error_Loop_Detected', () => {
    const { router, rejected, sent } = setUp()
    const viaList = [toNode(at('60')), toNode(at('80')), toNode(at('20'))]
    router.receive(message([toNode(at('95'))], { viaList }, pathTrack()), at('70'))
    expect([rejected, sent]).toEqual([[`${ErrorCode.loopDetected} to 70`], []])
    router.receive(message([toNode(at('95'))], { viaList }, plain), at('70'))
    expect(sent).toHaveLength(1)
  })

  test('from a peer that breaks the rules of routing is Error_Upstream_Misrouting, and goes on', () => {
    const looked: string[] = []
    const { router, rejected, sent } = setUp({ misroutes: (from, id, before) => { looked.push([from, id, ...before].map(name).join(' ')); return name(from) === '20' } })
    router.receive(message([toResource(at('95'))], { viaList: [toNode(at('60'))] }, ping()), at('20'))
    router.receive(message([toResource(at('95'))], {}, ping()), at('70'))
    router.receive(message([toResource(at('95'))], {}, plain), at('20'))
    expect([looked, rejected, sent.length]).toEqual([['20 95 60', '70 95'], [`${ErrorCode.upstreamMisrouting} to 20`], 3])
  })

  test('that finds no link to the next peer is Error_Underlay_Destination_Unreachable', () => {
    const { router, rejected } = setUp({ links: { isConnected: () => true, send: () => false, pathMtu: () => undefined } })
    router.receive(message([toNode(at('90'))], {}, pathTrack()), at('70'))
    router.receive(message([toNode(at('90'))], {}, plain), at('70'))
    expect(rejected).toEqual([`${ErrorCode.underlayDestinationUnreachable} to 70`])
  })
})

describe('what we originate', () => {
  test('goes to a connected node, else where the topology says, else comes to ourselves', () => {
    const { router, sent, delivered } = setUp()
    expect(router.originate(message([toNode(at('70'))], { ttl: 100 }))).toBe(true)
    expect(router.originate(message([toResource(at('10'))], { ttl: 100 }))).toBe(true)
    expect(router.originate(message([toResource(at('79'))], { ttl: 100 }))).toBe(true)
    expect(sent).toEqual(['70 ttl 100 via [] to [n70]', '20 ttl 100 via [] to [r10]'])
    expect(delivered).toEqual(['r79 from 80'])
  })

  test('takes the link it is told to', () => {
    const { router, sent } = setUp()
    router.originate(message([toResource(at('79'))], { ttl: 100 }), at('90'))
    expect(sent).toEqual(['90 ttl 100 via [] to [r79]'])
  })
})
