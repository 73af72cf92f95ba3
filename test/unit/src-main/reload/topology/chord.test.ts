import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../../../../src-main/base/bytes.ts'
import { Chord } from '../../../../../src-main/reload/topology/chord.ts'
import { reloadSizes } from '../../../../../src-main/reload/topology/reloadPolicy.ts'

/** Ids on a ring of 256 places: two hexadecimal digits in front. */
const at = (place: string): Uint8Array => fromHex(`${place}${'0'.repeat(30)}`)
const place = (id: Uint8Array | undefined): string | undefined => (id === undefined ? undefined : toHex(id).slice(0, 2))
const places = (ids: readonly Uint8Array[]): (string | undefined)[] => ids.map(place)

function setUp(self = '80', givenUp: ReadonlySet<string> = new Set()): { chord: Chord; facts: string[]; meet: (...others: string[]) => void } {
  const facts: string[] = []
  const chord = new Chord(at(self), {
    isGivenUp: (id) => givenUp.has(toHex(id).slice(0, 2)), onWanted: (target, via) => { facts.push(`attach ${place(target)} via ${place(via)}`) },
    onTablesChanged: ({ reason, range, replicas }) => { facts.push(`${reason}${range ? ' range' : ''}${replicas ? ' replicas' : ''}`) },
    onFingerLost: (entry) => { facts.push(`finger ${entry} lost`) },
    onIsolated: () => { facts.push('isolated') },
  }, () => reloadSizes)
  return { chord, facts, meet: (...others) => { for (const other of others) { chord.linkUp(at(other)); chord.addRoutable(at(other)) } } }
}

describe('responsibility (RFC 6940 §10.1)', () => {
  test('who has not joined owns its Node-ID only; a lone peer that has owns everything', () => {
    const { chord } = setUp()
    expect([chord.isResponsible(at('80')), chord.isResponsible(at('7f'))]).toEqual([true, false])
    chord.enter()
    expect([at('00'), at('7f'), at('81')].map((id) => chord.isResponsible(id))).toEqual([true, true, true])
  })

  test('a peer owns (nearest predecessor, itself]', () => {
    const { chord, meet } = setUp()
    chord.enter()
    meet('20', '60', 'c0')
    expect(['60', '61', '80', '81', '20'].filter((p) => chord.isResponsible(at(p)))).toEqual(['61', '80'])
  })
})

test('a routable peer is held by its link’s Node-ID, and the message that named it is let go', () => {
  const { chord } = setUp()
  const linked = at('40')
  chord.linkUp(linked)
  chord.addRoutable(new Uint8Array([...at('00'), ...linked]).subarray(16))
  expect(chord.routablePeers[0]).toBe(linked)
})

test('the Node-ID of zeroes and the wildcard are nobody’s: who names them is not believed (RFC 6940 §3)', () => {
  const { chord, facts, meet } = setUp()
  chord.enter()
  meet('40')
  facts.length = 0
  chord.updated(at('40'), [new Uint8Array(16), new Uint8Array(16).fill(0xff), at('90')])
  expect(facts).toEqual(['attach 90 via 40'])
})

describe('routing (RFC 6940 §10.3)', () => {
  test('a Resource-ID never goes to a node that is connected but not routable, even if it is its Node-ID', () => {
    const { chord, meet } = setUp()
    chord.enter()
    meet('c0')
    chord.linkUp(at('f0'))
    expect(place(chord.nextHop(at('f0')))).toBe('c0')
  })

  test('goes to the largest Node-ID strictly between us and the id, else to the smallest behind it', () => {
    const { chord, meet } = setUp()
    chord.enter()
    meet('20', '60', 'a0', 'c0')
    expect(place(chord.nextHop(at('bf')))).toBe('a0')
    expect(place(chord.nextHop(at('10')))).toBe('c0')
    expect(place(chord.nextHop(at('90')))).toBe('a0')
  })

  test('not back to who gave us the message, but on to the peer behind the id', () => {
    const { chord, meet } = setUp()
    chord.enter()
    meet('20', '60', '70', 'c0')
    // 60 does not know 70 yet, and gave us what belongs there.
    expect([place(chord.nextHop(at('68'))), place(chord.nextHop(at('68'), at('60')))]).toEqual(['60', '70'])
    expect(place(chord.nextHop(at('68'), at('20')))).toBe('60')
    chord.linkDown(at('70'))
    expect(chord.nextHop(at('75'), at('60'))).toBeUndefined()
  })

  test('never through a peer that has not sent an Update', () => {
    const { chord } = setUp()
    chord.enter()
    chord.linkUp(at('a0'))
    expect(chord.nextHop(at('b0'))).toBeUndefined()
  })
})

describe('the neighbour table (RFC 6940 §10.7)', () => {
  test('holds the three nearest on each side, nearest first', () => {
    const { chord, meet } = setUp()
    chord.enter()
    meet('10', '30', '50', '70', '90', 'b0', 'd0', 'f0')
    expect(places(chord.successors)).toEqual(['90', 'b0', 'd0'])
    expect(places(chord.predecessors)).toEqual(['70', '50', '30'])
    expect(places(chord.replicaSet())).toEqual(['90', 'b0'])
  })

  test('in a small ring a peer is predecessor and successor at once', () => {
    const { chord, meet } = setUp()
    chord.enter()
    meet('90')
    expect([places(chord.successors), places(chord.predecessors)]).toEqual([['90'], ['90']])
  })

  test('a change is told once with what it means; no change is not told', () => {
    const { chord, facts, meet } = setUp()
    chord.enter()
    meet('90')
    facts.length = 0
    meet('70')
    chord.updated(at('70'), [at('80'), at('90')])
    expect(facts).toEqual(['gained range replicas'])
    meet('10', '30', 'f0', 'd0')
    facts.length = 0
    meet('f8')
    expect(facts).toEqual([])
  })

  test('wants listed peers that belong into the table, through who told of them, and never itself', () => {
    const { chord, facts, meet } = setUp()
    chord.enter()
    meet('90', 'a0', 'b0', '70', '60', '50')
    facts.length = 0
    chord.updated(at('90'), [at('80'), at('a8'), at('f0'), at('90')])
    expect(facts).toEqual(['attach a8 via 90'])
  })

  test('wants of those that would all have a place for lack of better ones as many as there are places', () => {
    const { chord, facts, meet } = setUp()
    chord.enter()
    meet('40')
    facts.length = 0
    chord.updated(at('40'), [at('d0'), at('c0'), at('b0'), at('a0'), at('90'), at('f0'), at('10'), at('20'), at('30')])
    expect(facts).toEqual(['attach b0 via 40', 'attach a0 via 40', 'attach 90 via 40', 'attach 20 via 40', 'attach 30 via 40'])
    // One of them is gone: the next one known has its place.
    facts.length = 0
    chord.unreachable(at('a0'))
    chord.reconsider()
    expect(facts).toEqual(['attach c0 via 40', 'attach b0 via 40', 'attach 90 via 40', 'attach 20 via 40', 'attach 30 via 40'])
  })

  test('who could not be attached to takes no place from another, however often it is named', () => {
    const { chord, facts, meet } = setUp('80', new Set(['88', '89', '8a']))
    chord.enter()
    meet('40')
    facts.length = 0
    chord.updated(at('40'), [at('88'), at('89'), at('8a'), at('90')])
    expect(facts).toEqual(['attach 90 via 40'])
  })

  test('a lost neighbour is replaced by the best known, and the last one lost is told', () => {
    const { chord, facts, meet } = setUp()
    chord.enter()
    meet('70', '90')
    facts.length = 0
    chord.linkDown(at('70'))
    expect(facts).toEqual(['lost range replicas'])
    expect(places(chord.predecessors)).toEqual(['90'])
    chord.linkDown(at('90'))
    expect(facts.at(-1)).toBe('isolated')
  })

  test('a peer that leaves names those beyond it', () => {
    const { chord, facts, meet } = setUp()
    chord.enter()
    meet('90', '70', '60')
    facts.length = 0
    chord.left(at('90'), [at('a0'), at('80')])
    expect(facts[0]).toBe('attach a0 via 60')
    expect(places(chord.successors)).toEqual(['60', '70'])
  })

  test('a node that has not joined tells nobody', () => {
    const { facts, meet } = setUp()
    meet('90', '70')
    expect(facts).toEqual([])
  })
})

describe('replicas and answers', () => {
  test('we hold what fewer than three peers stand between us and it', () => {
    const { chord, meet } = setUp()
    chord.enter()
    meet('70', '60', '50', '40')
    expect(['75', '65', '55', '45'].map((p) => chord.holdsReplica(at(p)))).toEqual([true, true, true, false])
  })

  test('an answer counts from a signer at least as close as every neighbour (RFC 6940 §6.3.4)', () => {
    const { chord, meet } = setUp()
    chord.enter()
    meet('90', 'a0', '70')
    expect([chord.mayAnswerFor(at('a0'), at('98')), chord.mayAnswerFor(at('9c'), at('98')), chord.mayAnswerFor(at('b0'), at('98'))]).toEqual([true, true, false])
  })

  test('the size is exact while the neighbours’ lists reach round the ring', () => {
    const { chord, meet } = setUp()
    chord.enter()
    expect(chord.size(() => undefined)).toBe(1)
    meet('90', '70', 'a0')
    expect(chord.size(() => undefined)).toBe(4)
    const all = ['10', '30', '50', '70', '80', '90', 'b0', 'd0', 'f0']
    meet(...all.filter((p) => p !== '80'))
    const around = (own: string) => {
      const i = all.indexOf(own)
      return i < 0 ? undefined : { successors: [1, 2, 3].map((n) => at(all[(i + n) % 9]!)), predecessors: [1, 2, 3].map((n) => at(all[(i + 9 - n) % 9]!)) }
    }
    expect(chord.size((id) => around(place(id)!))).toBe(10)
    // What the outermost ones said while they knew nobody but us.
    const own = [at('80')]
    expect(chord.size((id) => (['b0', '30', 'd0', '50'].includes(place(id)!) ? { successors: own, predecessors: own } : around(place(id)!)))).toBe(10)
  })
})

describe('fingers (RFC 6940 §10.7.2, §10.7.4)', () => {
  const ring = ['82', '84', '86', '70', '72', '74']

  test('entries beyond the last successor that no routable peer fills are to be searched for', () => {
    const { chord, meet } = setUp()
    chord.enter()
    meet(...ring)
    // 70, 72 and 74 stand in [80 + 40 + 20 + ..., 80 + ff]: entry 1 is [00, 7f], 2 is [c0, ff], 3 [a0, bf], 4 [90, 9f], 5 [88, 8f], 6 [84, 87].
    expect(chord.invalidFingers).toEqual([2, 3, 4, 5])
    meet('c4', '95')
    expect(chord.invalidFingers).toEqual([3, 5])
    expect(places(chord.fingers)).toEqual(['95', 'c4'])
  })

  test('a finger that is lost is removed everywhere and told of when nobody else fills its entry', () => {
    const { chord, facts, meet } = setUp()
    chord.enter()
    meet(...ring, 'c4', 'c8', 'a1')
    facts.length = 0
    chord.linkDown(at('c4'))
    expect(facts).toEqual([])
    chord.linkDown(at('c8'))
    expect(facts).toEqual(['finger 2 lost'])
    expect(place(chord.nextHop(at('f0')))).toBe('a1')
    chord.left(at('a1'), [])
    expect(facts).toEqual(['finger 2 lost', 'finger 3 lost'])
  })

  test('up to 16 peers are kept; beyond, those that fill no entry alone serve nothing', () => {
    const { chord, meet } = setUp()
    chord.enter()
    meet(...ring, ...Array.from({ length: 9 }, (_, i) => (0xc0 + i).toString(16)))
    expect([chord.isNeeded(at('c3')), chord.lacksFingers]).toEqual([true, true])
    // A bootstrap node that is no peer of ours serves nothing once we have joined.
    chord.linkUp(at('d7'))
    expect(chord.isNeeded(at('d7'))).toBe(false)
    meet('cf')
    expect([chord.isNeeded(at('c3')), chord.lacksFingers]).toEqual([true, false])
    meet('a1')
    expect([chord.isNeeded(at('c3')), chord.isNeeded(at('a1')), chord.isNeeded(at('82'))]).toEqual([false, true, true])
  })

  test('who knows all peers lacks no fingers', () => {
    const { chord, meet } = setUp()
    chord.enter()
    meet('90', 'a0', 'b0')
    expect(chord.lacksFingers).toBe(false)
    meet('20', '30', '40', '50')
    expect(chord.lacksFingers).toBe(true)
  })
})

describe('neighbours that others have lost (RFC 6940 §10.7.1)', () => {
  const said = (predecessors: string[], successors: string[]): { predecessors: Uint8Array[]; successors: Uint8Array[] } => ({ predecessors: predecessors.map(at), successors: successors.map(at) })

  test('are those that a neighbour stands beside and does not name', () => {
    const { chord, meet } = setUp()
    chord.enter()
    meet('50', '60', '70', '90', 'a0', 'b0')
    expect(places(chord.doubtful(at('60'), said(['50', '40', '30'], ['80', '90', 'a0'])))).toEqual(['70'])
    expect(places(chord.doubtful(at('60'), said(['50', '40', '30'], ['70', '80', '90'])))).toEqual([])
    // Beyond the ends of its lists it says nothing.
    expect(places(chord.doubtful(at('70'), said(['60', '50', '40'], ['80', 'a0', 'a8'])))).toEqual(['90'])
    expect(places(chord.doubtful(at('70'), said([], [])))).toEqual([])
  })
})
