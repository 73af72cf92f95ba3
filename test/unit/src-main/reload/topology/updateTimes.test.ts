/** When Updates go out after changes of the neighbour table, and to whom: `updates.test.ts` has what they say. */
import { beforeEach, describe, expect, test } from 'vitest'
import { equalBytes, fromHex, toHex } from '../../../../../src-main/base/bytes.ts'
import { Counters } from '../../../../../src-main/base/counters.ts'
import type { Connection } from '../../../../../src-main/reload/forwarding/connectionTable.ts'
import { Chord } from '../../../../../src-main/reload/topology/chord.ts'
import type { TopologyPolicy } from '../../../../../src-main/reload/topology/policy.ts'
import { reloadSizes } from '../../../../../src-main/reload/topology/reloadPolicy.ts'
import { Updates } from '../../../../../src-main/reload/topology/updates.ts'
import type { RequestDestination, RequestSender } from '../../../../../src-main/reload/transaction/exchange.ts'
import { decodeBody } from '../../../../../src-main/reload/wire/bodies.ts'
import { silentLog } from '../../../../support/overlayKit.ts'
import { settle, VirtualClock } from '../../../../support/virtualClock.ts'

const at = (place: string): Uint8Array => fromHex(`${place}${'0'.repeat(30)}`)
const place = (id: Uint8Array): string => toHex(id).slice(0, 2)

let clock: VirtualClock
let chord: Chord
let updates: Updates
let linked: Uint8Array[]
/** Linked, but not answering. */
let suspects: Set<string>
/** Whom an Update went to, and what it named. */
let sent: { readonly to: string; readonly names: string }[]
let answers: boolean
let uptimes: number[]
let tells: TopologyPolicy['tells']

beforeEach(() => {
  clock = new VirtualClock()
  linked = []
  suspects = new Set()
  sent = []
  answers = true
  tells = 'all'
  uptimes = []
  chord = new Chord(at('80'), { isGivenUp: () => false, onWanted: () => undefined, onTablesChanged: (change) => { updates.changed(change) }, onFingerLost: () => undefined, onIsolated: () => undefined }, () => reloadSizes)
  const connection = (nodeId: Uint8Array): Connection => ({ nodeId, link: { isSuspect: suspects.has(place(nodeId)) } }) as unknown as Connection
  updates = new Updates({
    clock, log: silentLog, counters: new Counters(), chord, policy: () => ({ tells }), stopped: new AbortController().signal,
    table: { get: (id) => (linked.some((other) => equalBytes(other, id)) ? connection(id) : undefined), all: () => linked.map(connection) },
    sender: {
      request: ([target]: RequestDestination, _: number, body: Uint8Array) => {
        const update = decodeBody('updateReq', body)
        if (target === undefined || !('node' in target)) throw new Error('not to a node')
        uptimes.push(update.uptime)
        sent.push({ to: place(target.node), names: update.type === 'peer_ready' ? 'ready' : [...update.predecessors].reverse().map(place).concat('|', update.successors.map(place)).join(' ') })
        return answers ? Promise.resolve({}) : Promise.reject(new Error('no answer'))
      },
    } as unknown as RequestSender,
  })
})

function link(...others: string[]): void { for (const other of others) { linked.push(at(other)); chord.linkUp(at(other)) } }
function meet(...others: string[]): void { link(...others); for (const other of others) chord.addRoutable(at(other)) }
function lose(other: string): void {
  linked = linked.filter((id) => place(id) !== other)
  updates.forget(at(other))
  chord.linkDown(at(other))
}
const told = (): string[] => sent.map(({ to }) => to).sort()

/** A member with three neighbours on each side, a finger (d0) and a client (c1), all of whom know its tables. */
function settled(): void {
  meet('20', '50', '60', '70', '90', 'a0', 'b0', 'd0')
  link('c1')
  chord.enter()
  clock.advance(600_000)
  sent = []
}

describe('Updates after changes of the neighbour table (RFC 6940 §10.7.1, §10.7.3)', () => {
  test('who enters tells its whole Connection Table at once', () => {
    meet('70', '90', 'd0')
    link('c1')
    chord.enter()
    clock.advance(20)
    expect(told()).toEqual(['70', '90', 'c1', 'd0'])
  })

  test('who does not answer is not told; it hears when it answers again', () => {
    settled()
    suspects.add('c1')
    lose('70')
    clock.advance(20_000)
    expect(told()).not.toContain('c1')
    suspects.clear()
    sent = []
    lose('90')
    clock.advance(1_000)
    expect(told()).toContain('c1')
  })

  test('a loss is told to all neighbours at once, in one Update for losses of one moment', () => {
    settled()
    lose('a0')
    lose('60')
    clock.advance(20)
    expect(sent.map(({ to }) => to).sort()).toEqual(['20', '50', '70', '90', 'b0', 'd0'])
    expect(new Set(sent.map(({ names }) => names))).toEqual(new Set(['20 50 70 | 90 b0 d0']))
    // A client may hang on one of them next.
    clock.advance(1_000)
    expect(sent.at(-1)).toEqual({ to: 'c1', names: '20 50 70 | 90 b0 d0' })
  })

  test('peers that come shortly after one another are told in one Update', () => {
    settled()
    meet('68')
    clock.advance(500)
    meet('a8')
    clock.advance(499)
    expect(sent).toEqual([])
    clock.advance(1)
    expect(told()).toEqual(['60', '68', '70', '90', 'a0', 'a8'])
    expect(new Set(sent.map(({ names }) => names))).toEqual(new Set(['60 68 70 | 90 a0 a8']))
    sent = []
    clock.advance(10_000)
    expect(sent).toEqual([])
  })

  test('clients hear within a second that the range changed, fingers when changes have gathered', () => {
    settled()
    meet('78')
    clock.advance(1_000)
    expect(told()).toEqual(['60', '70', '78', '90', 'a0', 'b0', 'c1'])
    sent = []
    meet('98')
    clock.advance(1_000)
    expect(told()).not.toContain('c1')
    sent = []
    clock.advance(300_000)
    expect(told()).toEqual(['20', '50', 'b0', 'c1', 'd0'])
    expect(sent[0]?.names).toBe('60 70 78 | 90 98 a0')
  })

  test('nobody is told again what it was told last', () => {
    settled()
    meet('78')
    for (const other of ['78', '70', '90']) updates.send(at(other))
    sent = []
    clock.advance(1_000)
    expect(told()).toEqual(['60', 'a0', 'b0', 'c1'])
    sent = []
    lose('78')
    clock.advance(5)
    meet('78')
    clock.advance(1_000)
    // It went and came back before anybody heard of it; only its new link is told.
    expect(told()).toEqual(['78'])
  })

  test('an Update that failed does not count as told', async () => {
    settled()
    answers = false
    meet('78')
    clock.advance(1_000)
    await settle()
    answers = true
    sent = []
    meet('98')
    lose('98')
    clock.advance(20)
    expect(told()).toEqual(['60', '70', '78', '90', 'a0', 'b0'])
  })

  test('before it has joined a node sends none', () => {
    meet('70', '90')
    updates.send(at('70'))
    clock.advance(600_000)
    expect(sent).toEqual([])
  })
})

describe('Updates of CHORD-SELF-TUNING (RFC 7363 §5.2)', () => {
  beforeEach(() => { tells = 'newcomers' })

  test('after a new peer has been added to the predecessor or successor list it is sent a peer_ready, and other peers nothing', () => {
    settled()
    meet('68')
    clock.advance(600_000)
    expect(sent.filter(({ to }) => to !== 'c1')).toEqual([{ to: '68', names: 'ready' }])
  })

  test('who has come to stand next to us is told our lists with it', () => {
    settled()
    meet('78')
    clock.advance(600_000)
    expect(sent.filter(({ to }) => to !== 'c1')).toEqual([{ to: '78', names: '60 70 78 | 90 a0 b0' }])
  })

  test('who has been sent an Update by then, as its Attach asked for, is not sent another', () => {
    settled()
    link('78')
    updates.send(at('78'))
    chord.addRoutable(at('78'))
    clock.advance(600_000)
    expect(sent.filter(({ to }) => to !== 'c1').map(({ to }) => to)).toEqual(['78'])
  })

  test('who enters tells every peer of its Routing Table that it is there, fingers too: else they could not route through it', () => {
    meet('20', '50', '60', '70', '90', 'a0', 'b0', 'd0')
    chord.enter()
    clock.advance(20)
    expect(told()).toEqual(['20', '50', '60', '70', '90', 'a0', 'b0', 'd0'])
    expect(sent.filter(({ names }) => names !== 'ready').map(({ to }) => to).sort()).toEqual(['70', '90'])
    clock.advance(600_000)
    expect(sent).toHaveLength(8)
  })

  test('who has become responsible for more by a loss tells its first successor, which may hold what it lacks', () => {
    settled()
    lose('70')
    clock.advance(20)
    expect(sent.filter(({ names }) => names !== 'ready')).toEqual([{ to: '90', names: '20 50 60 | 90 a0 b0' }])
  })

  test('another loss is told to no peer; a client, which takes no part in stabilisation, hears of it', () => {
    settled()
    lose('90')
    clock.advance(20)
    // Who moves up in our lists hears that we are there; it was a finger until now.
    expect(sent.filter(({ names }) => names !== 'ready')).toEqual([])
    clock.advance(1_000)
    expect(sent.filter(({ names }) => names !== 'ready')).toEqual([{ to: 'c1', names: '50 60 70 | a0 b0 d0' }])
  })
})

test.each(['all', 'newcomers'] as const)('every Update, whatever its type, says how many seconds we have been there (RFC 7363 §5.1): %s', (who) => {
  tells = who
  meet('70', '90')
  chord.enter()
  clock.advance(77_900)
  uptimes = []
  for (const type of ['peer_ready', 'neighbors', 'full'] as const) updates.send(at('90'), type)
  expect(uptimes).toEqual([77, 77, 77])
})
