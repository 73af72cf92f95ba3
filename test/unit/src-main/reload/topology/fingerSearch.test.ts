import { beforeEach, describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../../../../src-main/base/bytes.ts'
import type { Attach } from '../../../../../src-main/reload/attach/attach.ts'
import { Chord } from '../../../../../src-main/reload/topology/chord.ts'
import { FingerSearch } from '../../../../../src-main/reload/topology/fingerSearch.ts'
import { entryOf } from '../../../../../src-main/reload/topology/fingerTable.ts'
import { reloadSizes } from '../../../../../src-main/reload/topology/reloadPolicy.ts'
import type { RequestDestination, RequestSender } from '../../../../../src-main/reload/transaction/exchange.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'
import { silentLog } from '../../../../support/overlayKit.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'

const at = (place: string): Uint8Array => fromHex(`${place}${'0'.repeat(30)}`)
const us = at('80')
/** Beyond our neighbours; entry 2 is [c0, ff], 3 [a0, bf], 4 [90, 9f], 5 [88, 8f], 6 [84, 87]. */
const others = ['ff', 'a7', '99', '8b'].map(at)
const neighbours = ['82', '84', '86', '70', '72', '74'].map(at)

let clock: VirtualClock
let chord: Chord
let search: FingerSearch
let pinged: Uint8Array[]
let attached: Uint8Array[]
let found: string[]
let living: Uint8Array[]
let reactive: boolean

beforeEach(() => {
  clock = new VirtualClock()
  pinged = []
  attached = []
  found = []
  living = others
  reactive = true
  chord = new Chord(us, { isGivenUp: () => false, onWanted: () => undefined, onTablesChanged: () => undefined, onFingerLost: (entry) => { search.lost(entry) }, onIsolated: () => undefined }, () => reloadSizes)
  chord.enter()
  for (const id of neighbours) { chord.linkUp(id); chord.addRoutable(id) }
  const responsible = (id: Uint8Array): Uint8Array => [...living, ...neighbours, us].sort((a, b) => (toHex(a) < toHex(b) ? -1 : 1)).find((peer) => toHex(peer) >= toHex(id)) ?? at('70')
  search = new FingerSearch({
    clock, random: new SeededRandom(4), log: silentLog, chord, policy: () => ({ searchMs: 60_000, searchesLost: reactive }), stopped: new AbortController().signal,
    sender: {
      request: (destination: RequestDestination) => {
        const [target] = destination
        if (target === undefined || !('resource' in target)) throw new Error('not to a resource')
        pinged.push(target.resource)
        return Promise.resolve({ signer: { nodeId: responsible(target.resource) } })
      },
    } as unknown as RequestSender,
    attach: {
      attach: ([target]: RequestDestination) => {
        if (target === undefined) throw new Error('to nobody')
        if ('resource' in target) attached.push(target.resource)
        const nodeId = 'resource' in target ? responsible(target.resource) : target.node
        chord.linkUp(nodeId)
        chord.addRoutable(nodeId)
        return Promise.resolve({ nodeId })
      },
    } as unknown as Pick<Attach, 'attach'>,
    onFound: (id) => { found.push(toHex(id).slice(0, 2)) },
  })
})

describe('searching fingers (RFC 6940 §10.5, §10.7.2, §10.7.4)', () => {
  test('after joining finger i is who is responsible for n + 2^(128-i)', async () => {
    search.start()
    await clock.advanceAsync(100)
    expect(attached.map(toHex).map((hex) => hex.slice(0, 2)).sort()).toEqual(['a0', 'c0'])
    // Those near the neighbours may have nobody in their range: who would answer is asked first.
    expect(pinged.map(toHex).map((hex) => hex.slice(0, 2)).sort()).toEqual(['88', '90'])
    expect(found.sort()).toEqual(['8b', '99', 'a7', 'ff'])
    expect(chord.invalidFingers).toEqual([])
  })

  test('a finger that fails is searched for anew at a random place of its range', async () => {
    search.start()
    await clock.advanceAsync(100)
    attached = []
    living = [at('bf'), ...others]
    chord.linkDown(at('a7'))
    await clock.advanceAsync(1_500)
    expect(attached.map((id) => entryOf(us, id))).toEqual([3])
    expect(chord.invalidFingers).toEqual([])
  })

  test('without reactive recovery the regular search fills it, more likely the far ones', async () => {
    search.start()
    await clock.advanceAsync(100)
    reactive = false
    attached = []
    chord.linkDown(at('ff'))
    await clock.advanceAsync(30_000)
    expect([attached, chord.invalidFingers]).toEqual([[], [2]])
    await clock.advanceAsync(600_000)
    expect(chord.invalidFingers).toEqual([])
  })

  test('a range without peers is not searched again and again', async () => {
    living = others.slice(1)
    search.start()
    await clock.advanceAsync(100)
    const searches = pinged.length
    expect(attached.map((id) => entryOf(us, id))).toContain(2)
    for (let i = 0; i < 20; i++) search.lost(2)
    await clock.advanceAsync(5_000)
    expect(pinged.length).toBe(searches)
  })

  test('regular searches are not more frequent than chord-ping-interval', async () => {
    living = []
    search.start()
    await clock.advanceAsync(59_000)
    const first = pinged.length
    await clock.advanceAsync(120_000)
    expect(pinged.length - first).toBeLessThanOrEqual(2 * 5)
    search.stop()
    await clock.advanceAsync(300_000)
    expect(clock.pending).toBe(0)
  })
})
