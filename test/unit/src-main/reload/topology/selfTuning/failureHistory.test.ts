import { describe, expect, test } from 'vitest'
import { FailureHistory } from '../../../../../../src-main/reload/topology/selfTuning/failureHistory.ts'
import { SeededRandom } from '../../../../../support/seededRandom.ts'

const minute = 60_000

describe('the failure rate (RFC 7363 §6.3)', () => {
  test('the time of joining is the first entry, and a history that is not full counts as if there was a failure now', () => {
    const history = new FailureHistory(0)
    // k / (M · Tk), one failure of 20 peers in ten minutes.
    expect(history.rate(20, 10 * minute)).toBeCloseTo(1 / (20 * 600), 12)
    history.failed(4 * minute)
    expect(history.rate(20, 10 * minute)).toBeCloseTo(2 / (20 * 600), 12)
  })

  test('a full history, a quarter of the routing table, reaches from its first failure to its last', () => {
    const history = new FailureHistory(0)
    for (const at of [10, 11, 12, 13, 14]) history.failed(at * minute)
    // Five of them for 20 peers, in four minutes; the joining is forgotten.
    expect(history.rate(20, 14 * minute)).toBeCloseTo(5 / (20 * 240), 12)
  })

  test('peers that went at once do not count for ever', () => {
    const history = new FailureHistory(0)
    for (let i = 0; i < 5; i++) history.failed(10 * minute + i)
    expect(history.rate(20, 10 * minute + 5)).toBeGreaterThan(1 / 20)
    expect(history.rate(20, 70 * minute)).toBeCloseTo(6 / (20 * 3600), 7)
  })

  test('is within 17 % of the true rate in the median', () => {
    const random = new SeededRandom(3)
    const estimates: number[] = []
    for (let run = 0; run < 300; run++) {
      // 28 peers that stay ten minutes on average, each replaced by another.
      const history = new FailureHistory(0)
      let now = 0
      while (now < 60 * minute) {
        now += -Math.log(1 - random.float()) * 10 * minute / 28
        history.failed(now)
      }
      estimates.push(history.rate(28, now + random.float() * 10 * minute / 28))
    }
    const mean = estimates.reduce((a, b) => a + b, 0) / estimates.length
    expect(Math.abs(mean * 600 - 1)).toBeLessThan(0.35)
    expect(Math.abs((estimates.sort((a, b) => a - b)[150] ?? 0) * 600 - 1)).toBeLessThan(0.17)
  })

  test('nothing is infinite, with no peers and at the moment of joining neither', () => {
    expect(new FailureHistory(5).rate(0, 5)).toBeLessThanOrEqual(1)
  })
})
