import { describe, expect, test } from 'vitest'
import { stabilizationMs } from '../../../../../../src-main/reload/topology/selfTuning/stabilizationInterval.ts'

/** One joins and one leaves every so many seconds. */
const seconds = (peers: number, every: number): number => stabilizationMs({ peers, joinRate: 1 / every, failureRate: 1 / (every * peers) }, 15_000, 600_000) / 1000

describe('the stabilisation interval (RFC 7363 §6.6)', () => {
  test('is on the order of the examples of §3.2', () => {
    expect(Math.round(seconds(500, 30))).toBe(93)
    expect(Math.floor(seconds(500, 15))).toBe(46)
    expect(Math.round(seconds(2000, 5))).toBe(42)
  })

  test('is the shorter one of what failures and what joins ask for', () => {
    const rounds = Math.log2(1000) ** 2
    expect(stabilizationMs({ peers: 1000, joinRate: 0, failureRate: 1 / 20_000 }, 15_000, 600_000)).toBeCloseTo(1000 * 10_000 / rounds, 6)
    expect(stabilizationMs({ peers: 1000, joinRate: 0.2, failureRate: 1 / 20_000 }, 15_000, 600_000)).toBeCloseTo(1000 * 5_000 / rounds, 6)
  })

  test('is not below its lower limit, nor above the interval of the configuration document, nobody coming or going', () => {
    expect(stabilizationMs({ peers: 500, joinRate: 50, failureRate: 1 }, 15_000, 600_000)).toBe(15_000)
    for (const peers of [0, 1, 2, 500]) expect(stabilizationMs({ peers, joinRate: 0, failureRate: 0 }, 15_000, 600_000)).toBe(600_000)
  })
})
