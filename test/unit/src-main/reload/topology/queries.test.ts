import { describe, expect, test } from 'vitest'
import { Counters } from '../../../../../src-main/base/counters.ts'
import { fromHex, toHex } from '../../../../../src-main/base/bytes.ts'
import { decode, encode } from '../../../../../src-main/base/presentation.ts'
import { configurationDefaults } from '../../../../../src-main/reload/config/configuration.ts'
import { Chord } from '../../../../../src-main/reload/topology/chord.ts'
import { Membership } from '../../../../../src-main/reload/topology/membership.ts'
import { TopologyQueries } from '../../../../../src-main/reload/topology/queries.ts'
import { ReloadPolicy, reloadSizes } from '../../../../../src-main/reload/topology/reloadPolicy.ts'
import type { Updates } from '../../../../../src-main/reload/topology/updates.ts'
import type { IncomingRequest, Outcome } from '../../../../../src-main/reload/transaction/exchange.ts'
import { bodies, decodeBody, encodeContents, type BodyName, type BodyOf } from '../../../../../src-main/reload/wire/bodies.ts'
import { ErrorCode, MessageCode } from '../../../../../src-main/reload/wire/constants.ts'
import type { Destination } from '../../../../../src-main/reload/wire/destination.ts'
import { chordLeaveData } from '../../../../../src-main/reload/wire/topology.ts'
import { silentLog } from '../../../../support/overlayKit.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'

/** Ids on a ring of 256 places: two hexadecimal digits in front. */
const at = (place: string): Uint8Array => fromHex(`${place}${'0'.repeat(30)}`)

function request<N extends BodyName>(name: N, body: BodyOf<N>, signer: Uint8Array, previousHop = signer): IncomingRequest {
  return {
    code: MessageCode[name], body: encodeContents(name, body).messageBody, signer: { nodeId: signer } as IncomingRequest['signer'], certificates: [], previousHop,
    destination: { node: at('80') }, transactionId: 1n, extensions: [], ttl: 100, hops: 1,
  }
}

const errorOf = (outcome: Outcome): number | undefined => ('error' in outcome ? outcome.error : undefined)

function setUp(): { queries: TopologyQueries; updated: string[] } {
  const chord = new Chord(at('80'), { isGivenUp: () => false, onWanted: () => undefined, onTablesChanged: () => undefined, onFingerLost: () => undefined, onIsolated: () => undefined }, () => reloadSizes)
  chord.enter()
  for (const peer of ['40', 'c0']) { chord.linkUp(at(peer)); chord.addRoutable(at(peer)) }
  const updated: string[] = []
  const updates = { send: (to: Uint8Array) => { updated.push(toHex(to).slice(0, 2)) }, uptimeS: 77 } as unknown as Updates
  const client = at('90')
  const table = { get: (id: Uint8Array) => (toHex(id) === toHex(client) ? ({} as never) : undefined) }
  return { queries: new TopologyQueries(chord, updates, table, () => 5, () => ({})), updated }
}

describe('RouteQuery (RFC 6940 §6.4.2.4, §10.8)', () => {
  const ask = (destination: Destination, sendUpdate = false, previousHop = at('40')): { next: string | number | undefined; updated: string[] } => {
    const { queries, updated } = setUp()
    const outcome = queries.serveRouteQuery(request('routeQueryReq', { sendUpdate, destination, overlaySpecificData: new Uint8Array(0) }, at('40'), previousHop))
    return { next: 'body' in outcome ? toHex(decodeBody('routeQueryAns', outcome.body).nextPeer).slice(0, 2) : outcome.error, updated }
  }

  test('is answered with the next hop; the responsible peer names itself', () => {
    expect(ask({ type: 'resource', resourceId: at('d0') }).next).toBe('c0')
    expect(ask({ type: 'resource', resourceId: at('70') }).next).toBe('80')
  })
  test('a connected node is its own next hop', () => { expect(ask({ type: 'node', nodeId: at('90') }).next).toBe('90') })
  test('opaque IDs are not resolved for others', () => { expect(ask({ type: 'opaque_id_type', opaqueId: at('70') }).next).toBe(ErrorCode.forbidden) })
  test('is followed by an Update if that is wanted, over the link of who wants it only', () => {
    expect(ask({ type: 'resource', resourceId: at('d0') }).updated).toEqual([])
    expect(ask({ type: 'resource', resourceId: at('d0') }, true).updated).toEqual(['40'])
    expect(ask({ type: 'resource', resourceId: at('d0') }, true, at('c0')).updated).toEqual([])
  })
})

describe('Probe (RFC 6940 §6.4.2.5)', () => {
  test('is answered with what was asked for and is known, in that order, and with nothing else', () => {
    const probe = (...requestedInfo: number[]): unknown => {
      const outcome = setUp().queries.serveProbe(request('probeReq', { requestedInfo }, at('40')))
      return 'body' in outcome ? decode(bodies.probeAns, outcome.body).probeInfo.map((info) => info.type) : outcome.error
    }
    expect(probe(3, 1)).toEqual(['uptime', 'responsible_set'])
    expect(probe(2, 99)).toEqual(['num_resources'])
    expect(probe()).toEqual([])
  })
  test('tells the part of the ring in parts per billion', () => {
    const outcome = setUp().queries.serveProbe(request('probeReq', { requestedInfo: [1, 2, 3] }, at('40')))
    expect('body' in outcome && decode(bodies.probeAns, outcome.body).probeInfo).toEqual([
      { type: 'responsible_set', responsiblePpb: 250_000_000 }, { type: 'num_resources', numResources: 5 }, { type: 'uptime', uptime: 77 },
    ])
  })
})

describe('a neighbour that becomes responsible for more (RFC 6940 §10.7.1)', () => {
  const takenOver = (first: string[], then: string[]): readonly string[] => {
    const out: string[] = []
    const place = (id: Uint8Array): string => toHex(id).slice(0, 2)
    const membership = new Membership({
      clock: new VirtualClock(), random: new SeededRandom(1), log: silentLog, nodeId: at('80'), counters: new Counters(), policy: () => new ReloadPolicy(() => configurationDefaults),
      sender: { request: () => new Promise(() => undefined) }, attach: { attach: () => new Promise(() => undefined) }, table: { get: () => ({ link: { silentMs: 0 } }) as never, all: () => [] },
      storage: {
        onRangeChanged: () => undefined, onNeighboursChanged: () => undefined, handOver: () => Promise.resolve(),
        onTakenOver: (heir, after, upTo) => { out.push(`${place(heir)} has (${place(after)}, ${place(upTo)}]`) },
      },
      onIsolated: () => undefined, onChanged: () => undefined,
    })
    membership.enter()
    membership.onLinkUp(at('70'))
    for (const predecessors of [first, then]) membership.serveUpdate(request('updateReq', { type: 'neighbors', uptime: 1, predecessors: predecessors.map(at), successors: [at('80')] }, at('70')))
    membership.close()
    return out
  }

  test('is noted when its first predecessor is farther away than before', () => { expect(takenOver(['60', '50'], ['50', '40'])).toEqual(['70 has (50, 60]']) })
  test('is not one that has a new predecessor between', () => { expect(takenOver(['50', '40'], ['60', '50'])).toEqual([]) })
  test('is not one whose other predecessors changed', () => { expect(takenOver(['60', '50'], ['60', '40'])).toEqual([]) })
})

test('a neighbour that others miss is pinged once, however many of them miss it, unless it was heard lately or its silence is watched for (RFC 6940 §10.7.1)', () => {
  const pinged: string[] = []
  let silentMs = 0
  const membership = new Membership({
    clock: new VirtualClock(), random: new SeededRandom(1), log: silentLog, nodeId: at('80'), counters: new Counters(), policy: () => new ReloadPolicy(() => configurationDefaults),
    sender: { request: ([to], code) => { if (code === MessageCode.pingReq && to !== undefined && 'node' in to) pinged.push(toHex(to.node).slice(0, 2)); return new Promise(() => undefined) } },
    attach: { attach: () => new Promise(() => undefined) }, table: { get: () => ({ link: { silentMs } }) as never, all: () => [] },
    storage: { onRangeChanged: () => undefined, onNeighboursChanged: () => undefined, onTakenOver: () => undefined, handOver: () => Promise.resolve() }, onIsolated: () => undefined, onChanged: () => undefined,
  })
  membership.enter()
  const says = (from: string, predecessors: string[], successors: string[]): void => {
    membership.serveUpdate(request('updateReq', { type: 'neighbors', uptime: 1, predecessors: predecessors.map(at), successors: successors.map(at) }, at(from)))
  }
  for (const peer of ['50', '60', '70']) membership.onLinkUp(at(peer))
  says('50', ['40'], ['60', '70', '80'])
  says('70', ['60', '50'], ['80'])
  says('60', ['50', '40'], ['70', '80'])
  expect(pinged).toEqual([])
  const missed = (): void => {
    says('60', ['40', '30'], ['80'])
    says('70', ['60', '40'], ['80'])
    says('50', ['40'], ['60', '80'])
  }
  // All three share copies with us, and are asked by ourselves after 5.5 s.
  silentMs = 5_000
  missed()
  expect(pinged).toEqual([])
  silentMs = 6_000
  missed()
  expect(pinged.sort()).toEqual(['50', '70'])
  membership.close()
})

describe('a peer joins and leaves for itself, over its own link (RFC 6940 §6.4.2.1, §6.4.2.2)', () => {
  const membership = (): Membership => new Membership({
    clock: new VirtualClock(), random: new SeededRandom(1), log: silentLog, nodeId: at('80'), counters: new Counters(), policy: () => new ReloadPolicy(() => configurationDefaults),
    sender: { request: () => new Promise(() => undefined) }, attach: { attach: () => new Promise(() => undefined) }, table: { get: () => undefined, all: () => [] },
    storage: { onRangeChanged: () => undefined, onNeighboursChanged: () => undefined, onTakenOver: () => undefined, handOver: () => Promise.resolve() }, onIsolated: () => undefined, onChanged: () => undefined,
  })
  const join = (joining: Uint8Array, signer: Uint8Array, hop: Uint8Array): number | undefined =>
    errorOf(membership().serveJoin(request('joinReq', { joiningPeerId: joining, overlaySpecificData: new Uint8Array(0) }, signer, hop)))
  const leave = (leaving: Uint8Array, signer: Uint8Array, hop: Uint8Array): number | undefined => errorOf(membership().serveLeave(request('leaveReq', {
    leavingPeerId: leaving, overlaySpecificData: encode(chordLeaveData, { type: 'from_succ', successors: [] }),
  }, signer, hop)))

  test('a Join for another Node-ID than the signer’s is forbidden', () => { expect(join(at('70'), at('60'), at('60'))).toBe(ErrorCode.forbidden) })
  test('a Join that came round about is forbidden', () => { expect(join(at('70'), at('70'), at('60'))).toBe(ErrorCode.forbidden) })
  test('a node that has not joined admits nobody', () => { expect(join(at('70'), at('70'), at('70'))).toBe(ErrorCode.notFound) })
  test('a Leave for another Node-ID than the signer’s is forbidden', () => { expect(leave(at('70'), at('60'), at('60'))).toBe(ErrorCode.forbidden) })
  test('a Leave that came round about is forbidden', () => { expect(leave(at('70'), at('70'), at('60'))).toBe(ErrorCode.forbidden) })
  test('a Leave of one’s own is answered', () => { expect(leave(at('70'), at('70'), at('70'))).toBeUndefined() })
})
