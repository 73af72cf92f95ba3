import { beforeEach, describe, expect, test } from 'vitest'
import { compareBytes, fromHex, toHex } from '../../../../../../src-main/base/bytes.ts'
import { decode, encode } from '../../../../../../src-main/base/presentation.ts'
import type { RoutingTable } from '../../../../../../src-main/reload/topology/policy.ts'
import { clockwise } from '../../../../../../src-main/reload/topology/ring.ts'
import { SelfTuningPolicy } from '../../../../../../src-main/reload/topology/selfTuning/selfTuningPolicy.ts'
import type { Answer, RequestDestination, RequestOptions, RequestSender } from '../../../../../../src-main/reload/transaction/exchange.ts'
import { decodeBody, encodeContents } from '../../../../../../src-main/reload/wire/bodies.ts'
import { MessageCode } from '../../../../../../src-main/reload/wire/constants.ts'
import { selfTuningData, type SelfTuningData } from '../../../../../../src-main/reload/wire/extensions.ts'
import type { MessageExtension } from '../../../../../../src-main/reload/wire/message.ts'
import { silentLog } from '../../../../../support/overlayKit.ts'
import { SeededRandom } from '../../../../../support/seededRandom.ts'
import { VirtualClock } from '../../../../../support/virtualClock.ts'

const minute = 60_000
const self = fromHex('80'.padEnd(32, '0'))
/** RFC 7363 §9.1: the registered number. */
const SELF_TUNING_DATA = 3

let clock: VirtualClock
let policy: SelfTuningPolicy
let peersToProbe: number
let asked: { to: string; code: number; wants: readonly number[]; extensions: readonly MessageExtension[] }[]
let answers: SelfTuningData | undefined

const extension = (data: SelfTuningData): MessageExtension => ({ type: SELF_TUNING_DATA, critical: false, extensionContents: encode(selfTuningData, data) })
const dataOf = (extensions: readonly MessageExtension[]): SelfTuningData => decode(selfTuningData, extensions[0]!.extensionContents, 'SelfTuningData')

/** A ring of `count` peers at even distances, seen from one of them with `sizes` of the policy; every 37th is a finger. */
function ring(count: number): RoutingTable {
  const step = (1n << 128n) / BigInt(count)
  const at = (i: number): Uint8Array => fromHex(((BigInt(`0x${toHex(self)}`) + step * BigInt(i)) % (1n << 128n)).toString(16).padStart(32, '0'))
  const others = clockwise(self, Array.from({ length: count - 1 }, (_, i) => at(i + 1)))
  const successors = others.slice(0, policy.sizes.successors), predecessors = others.slice(-policy.sizes.predecessors).reverse()
  const fingers = others.filter((id, i) => i % 37 === 20 && ![...successors, ...predecessors].some((other) => compareBytes(other, id) === 0))
  return { successors, predecessors, fingers, routablePeers: [...predecessors, ...successors, ...fingers] }
}

beforeEach(() => {
  clock = new VirtualClock()
  asked = []
  answers = undefined
  peersToProbe = 4
  const sender: RequestSender = {
    request: ([to]: RequestDestination, code: number, body: Uint8Array, _: AbortSignal, options?: RequestOptions): Promise<Answer> => {
      if (to === undefined || !('node' in to)) throw new Error('not to a node')
      asked.push({ to: toHex(to.node), code, wants: [...decodeBody('probeReq', body).requestedInfo], extensions: options?.extensions ?? [] })
      const answer = encodeContents('probeAns', { probeInfo: [{ type: 'uptime', uptime: 5_000 }] })
      return Promise.resolve({ body: answer.messageBody, extensions: answers === undefined ? [] : [extension(answers)] } as unknown as Answer)
    },
  }
  policy = new SelfTuningPolicy({ clock, random: new SeededRandom(1), log: silentLog, nodeId: self, sender, parameters: () => ({ chordUpdateIntervalS: 600, peersToProbe }) })
})

/** Ends a period, and waits for the answers of its Probes. */
async function stabilize(table: RoutingTable): Promise<void> {
  policy.stabilizing(table)
  await clock.advanceAsync(1)
}

describe('CHORD-SELF-TUNING (RFC 7363)', () => {
  test('recovery is periodic: no change is told at once, nobody is searched for at once, newcomers of the neighbour table apart (§5, §5.2)', () => {
    expect([policy.tells, policy.searchesLost]).toEqual(['newcomers', false])
  })

  test('the periodic Update goes to the first predecessor and the first successor, and to nobody else (§5.2)', () => {
    const table = ring(100)
    expect(policy.updated(table)).toEqual([table.predecessors[0], table.successors[0]])
    const [only] = ring(2).successors
    expect(policy.updated(ring(2))).toEqual([only])
  })

  test('the estimated size makes the tables (§6.1, §6.2), at joining and at the end of each period', async () => {
    policy.entered(90)
    expect(policy.sizes).toMatchObject({ predecessors: 7, successors: 7, entries: 16 })
    await stabilize(ring(500))
    expect(policy.sizes).toMatchObject({ predecessors: 9, successors: 9, entries: 16 })
    await stabilize(ring(5))
    expect(policy.sizes).toMatchObject({ predecessors: 4, successors: 4 })
  })

  test('the interval is made anew at the end of each period, of failures and ages (§6.3, §6.4, §6.6)', async () => {
    policy.entered(500)
    const table = ring(500)
    // Everybody has been here for ten hours, and we too by and by.
    for (const peer of table.routablePeers) policy.heard(peer, 36_000)
    await clock.advanceAsync(100 * minute)
    const joins = 100 * 60 + 36_000
    await stabilize(table)
    const failures = table.routablePeers.length * 100 * 60
    expect(policy.stabilizeMs).toBeCloseTo(1000 * Math.min(failures / 2, joins) / Math.log2(500) ** 2, -2)
    // Half a routing table fails within minutes.
    for (let i = 0; i < 12; i++) { await clock.advanceAsync(minute / 4); policy.failed() }
    const before = policy.stabilizeMs
    await stabilize(table)
    expect(policy.stabilizeMs).toBeLessThan(before / 2)
    expect(policy.stabilizeMs).toBeGreaterThanOrEqual(15_000)
  })

  test('while nobody comes or goes the chord-update-interval of the document is the upper bound', async () => {
    policy.entered(4)
    const table = ring(4)
    for (const peer of table.routablePeers) policy.heard(peer, 10_000_000)
    await clock.advanceAsync(24 * 60 * minute)
    await stabilize(table)
    expect(policy.stabilizeMs).toBe(600_000)
  })

  test('number-of-peers-to-probe random fingers are probed at each stabilisation, with our estimates, not critical (§6.5)', async () => {
    policy.entered(500)
    const table = ring(500)
    await stabilize(table)
    expect(asked.length).toBe(4)
    expect(new Set(asked.map(({ to }) => to)).size).toBe(4)
    const fingers = table.fingers.map(toHex)
    for (const { to, code, wants, extensions } of asked) {
      expect(fingers).toContain(to)
      expect([code, wants]).toEqual([MessageCode.probeReq, [3]])
      expect(extensions).toMatchObject([{ type: SELF_TUNING_DATA, critical: false }])
      expect(dataOf(extensions).networkSize).toBe(500)
    }
    peersToProbe = 6
    await stabilize(table)
    expect(asked.length).toBe(10)
  })

  test('a new finger is probed for its uptime at once (§5.3), and its age counts from then on', async () => {
    const table = ring(500)
    policy.found(table.fingers[0]!)
    expect(asked).toMatchObject([{ to: toHex(table.fingers[0]!), code: MessageCode.probeReq, wants: [3] }])
    await clock.advanceAsync(1)
    policy.entered(500)
    for (const peer of table.routablePeers.slice(0, 2)) policy.heard(peer, 10)
    await clock.advanceAsync(60_000)
    peersToProbe = 0
    policy.stabilizing(table)
    // Ages 70, 70 and 5,060: the second one is the median, of which the join rate follows.
    expect(dataOf(policy.probed(self, [])).joinRate).toBe(Math.ceil(500 / 70 * 86_400))
  })

  test('estimates of requests and answers count at the end of the period, as 75th percentiles (§6.5)', async () => {
    policy.entered(500)
    const table = ring(500)
    answers = { networkSize: 3000, joinRate: 1, leaveRate: 1 }
    await stabilize(table)
    // Four answers of 3,000 and our own 500: rank 4 of 5.
    await stabilize(table)
    expect(policy.sizes.predecessors).toBe(12)
    answers = undefined
    for (let i = 0; i < 3; i++) policy.probed(table.fingers[i]!, [extension({ networkSize: 100_000, joinRate: 1, leaveRate: 1 })])
    // The four answers of the last period, three requests, ours: rank 6 of 8.
    await stabilize(table)
    expect(policy.sizes.predecessors).toBe(17)
  })

  test('the answer to a Probe carries our latest estimates; what cannot be read in a request is passed over', async () => {
    policy.entered(500)
    peersToProbe = 0
    await stabilize(ring(500))
    const answer = policy.probed(self, [{ type: SELF_TUNING_DATA, critical: false, extensionContents: new Uint8Array(3) }, { type: 9, critical: false, extensionContents: new Uint8Array(12) }])
    expect(answer).toMatchObject([{ type: SELF_TUNING_DATA, critical: false }])
    expect(dataOf(answer).networkSize).toBe(500)
    // uint32 network_size, join_rate, leave_rate.
    expect(answer[0]!.extensionContents.length).toBe(12)
  })

  test('a node is asked by a Ping only after 2·Tr of silence, Tr being 15 s, those with copies of our data sooner; keep-alives come before (§6.3.1)', () => {
    expect(policy.silentMs('other')).toBe(30_000)
    expect(policy.silentMs('near')).toBeLessThan(30_000)
    for (const standing of ['nearest', 'near'] as const) expect(policy.keepAliveMs(standing)).toBeLessThanOrEqual(policy.silentMs(standing) - 2_000)
    for (const standing of ['neighbour', 'other'] as const) expect(policy.keepAliveMs(standing)).toBeLessThanOrEqual(policy.silentMs(standing) / 2 - 2_500)
  })
})
