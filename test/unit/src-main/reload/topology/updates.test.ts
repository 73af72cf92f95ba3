/** Which Update is sent to whom, and when (RFC 6940 §10.7). */
import { describe, expect, test } from 'vitest'
import { Counters } from '../../../../../src-main/base/counters.ts'
import { fromHex, toHex } from '../../../../../src-main/base/bytes.ts'
import { Chord } from '../../../../../src-main/reload/topology/chord.ts'
import { ReloadPolicy, reloadSizes } from '../../../../../src-main/reload/topology/reloadPolicy.ts'
import { Updates } from '../../../../../src-main/reload/topology/updates.ts'
import type { IncomingRequest } from '../../../../../src-main/reload/transaction/exchange.ts'
import { decodeBody, encodeContents, type BodyOf } from '../../../../../src-main/reload/wire/bodies.ts'
import { MessageCode } from '../../../../../src-main/reload/wire/constants.ts'
import { silentLog } from '../../../../support/overlayKit.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'

const at = (place: string): Uint8Array => fromHex(`${place}${'0'.repeat(30)}`)
const name = (id: Uint8Array): string => toHex(id).slice(0, 2)
const names = (ids: readonly Uint8Array[]): string => ids.map(name).join(' ')

/** We are 80, with three peers on each side, fingers at 00 and e0, and a client at 81. */
function setUp(): { clock: VirtualClock; chord: Chord; updates: Updates; sent: string[]; connect: (place: string) => void } {
  const clock = new VirtualClock()
  const sent: string[] = []
  const chord = new Chord(at('80'), { isGivenUp: () => false, onWanted: () => undefined, onTablesChanged: (change) => { updates.changed(change) }, onFingerLost: () => undefined, onIsolated: () => undefined }, () => reloadSizes)
  const connected = ['50', '60', '70', '90', 'a0', 'b0', '00', 'e0', '81'].map(at)
  const policy = new ReloadPolicy(() => ({ chordUpdateIntervalS: 600, chordPingIntervalS: 3600, chordReactive: true }))
  const updates: Updates = new Updates({
    clock, policy: () => policy, log: silentLog, counters: new Counters(), chord, stopped: new AbortController().signal,
    table: { get: (id: Uint8Array) => connected.find((other) => name(other) === name(id)) as never, all: () => connected.map((nodeId) => ({ nodeId, link: { isSuspect: false } })) as never },
    sender: {
      request: (destination, code, body) => {
        expect(code).toBe(MessageCode.updateReq)
        const update = decodeBody('updateReq', body)
        const [to] = destination
        const lists = update.type === 'peer_ready' ? '' : ` [${names(update.predecessors)}] [${names(update.successors)}]`
        sent.push(`${update.type} to ${'node' in to! ? name(to.node) : '?'}${lists}${update.type === 'full' ? ` [${names(update.fingers)}]` : ''}`)
        return new Promise(() => undefined)
      },
    },
  })
  for (const id of connected) chord.linkUp(id)
  chord.enter()
  for (const id of connected) if (name(id) !== '81') chord.addRoutable(id)
  return { clock, chord, updates, sent, connect: (place) => { connected.push(at(place)); chord.linkUp(at(place)) } }
}

const lists = '[70 60 50] [90 a0 b0]'

function receive(updates: Updates, from: string, update: BodyOf<'updateReq'>): readonly Uint8Array[] | undefined {
  return updates.receive({
    code: MessageCode.updateReq, body: encodeContents('updateReq', update).messageBody, signer: { nodeId: at(from) } as IncomingRequest['signer'], certificates: [],
    previousHop: at(from), destination: { node: at('80') }, transactionId: 1n, extensions: [], ttl: 100, hops: 1,
  } satisfies IncomingRequest, update)
}

describe('an Update', () => {
  test('of type neighbors goes to the whole Connection Table at once when we have joined', () => {
    const { clock, sent } = setUp()
    clock.advance(100)
    // A client, and who may be joining, need to know where responsibility lies: lists, not only that we are there.
    expect(sent).toEqual(['50', '60', '70', '90', 'a0', 'b0', '81', '00', 'e0'].map((to) => `neighbors to ${to} ${lists}`))
  })

  test('names the sender’s own neighbours, nearest first, and never the sender', () => {
    const { clock, updates, sent } = setUp()
    clock.advance(400_000)
    sent.length = 0
    updates.send(at('90'))
    expect(sent).toEqual([`neighbors to 90 ${lists}`])
  })

  test('of type full is for who asked by RouteQuery, with the fingers in ascending order', () => {
    const { clock, updates, sent } = setUp()
    clock.advance(2_000)
    sent.length = 0
    updates.send(at('e0'), 'full')
    expect(sent).toEqual([`full to e0 ${lists} [00 e0]`])
  })

  test('is not sent before we are a member', () => {
    const { clock, chord, updates, sent } = setUp()
    clock.advance(2_000)
    sent.length = 0
    chord.reset()
    updates.send(at('90'))
    expect(sent).toEqual([])
  })

  test('answers one whose sender does not know who stands next to it, and is not repeated', () => {
    const { clock, updates, sent } = setUp()
    clock.advance(400_000)
    updates.forgetAll()
    sent.length = 0
    // Between us and a0 there is 90; beyond us the next one is 70.
    updates.correct(at('a0'), { predecessors: [at('80')], successors: [at('b0')] })
    expect(sent).toEqual([`neighbors to a0 ${lists}`])
    updates.correct(at('a0'), { predecessors: [at('80')], successors: [at('b0')] })
    updates.correct(at('b0'), { predecessors: [at('a0')], successors: [at('c0')] })
    updates.correct(at('60'), { predecessors: [at('50')], successors: [at('70')] })
    expect(sent).toHaveLength(1)
  })

  test('goes at once to who has been pushed out of our table and takes us for the next one still, and to no other', () => {
    const { clock, chord, updates, sent, connect } = setUp()
    clock.advance(400_000)
    receive(updates, '90', { uptime: 1, type: 'neighbors', predecessors: [at('80')], successors: [at('a0')] })
    receive(updates, 'a0', { uptime: 1, type: 'neighbors', predecessors: [at('90')], successors: [at('b0')] })
    receive(updates, 'b0', { uptime: 1, type: 'neighbors', predecessors: [at('a0')], successors: [at('c0')] })
    sent.length = 0
    for (const id of ['84', '86', '88']) connect(id)
    for (const id of ['84', '86', '88']) chord.addRoutable(at(id))
    expect(sent).toEqual(['neighbors to 90 [70 60 50] [84 86 88]'])
  })

  test('of type peer_ready names nobody, and takes nothing back that its sender said before', () => {
    const { updates } = setUp()
    expect(receive(updates, '90', { uptime: 1, type: 'neighbors', predecessors: [at('80')], successors: [at('a0')] })?.map(name)).toEqual(['80', 'a0'])
    expect(receive(updates, '90', { uptime: 2, type: 'peer_ready' })).toEqual([])
    expect(names(updates.listsOf(at('90'))?.successors ?? [])).toBe('a0')
  })
})
