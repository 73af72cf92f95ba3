import { describe, expect, test } from 'vitest'
import { fromHex } from '../../../../../../src-main/base/bytes.ts'
import { fromWire, percentile75, SharedEstimates, toWire } from '../../../../../../src-main/reload/topology/selfTuning/sharedEstimates.ts'

const at = (place: number): Uint8Array => fromHex(place.toString(16).padStart(32, '0'))
const of = (peers: number): { peers: number; joinRate: number; failureRate: number } => ({ peers, joinRate: peers / 1000, failureRate: peers / 10_000 })

describe('shared estimates (RFC 7363 §6.5)', () => {
  test('what counts is the 75th percentile: the value of rank 0.75 · n, rounded (§2)', () => {
    expect(percentile75([9, 1, 8, 2, 7, 3, 6, 4, 5])).toBe(7)
    expect(percentile75([5, 1, 4, 2])).toBe(4)
    expect(percentile75([1, 2])).toBe(2)
    expect(percentile75([3])).toBe(3)
  })

  test('our own and those received in the period are one data set for each figure', () => {
    const shared = new SharedEstimates()
    for (const [i, peers] of [100, 110, 120, 130, 140, 150, 160, 170].entries()) shared.add(at(i), of(peers))
    expect(shared.close(of(180))).toEqual(of(160))
    // The next period begins with nothing.
    expect(shared.close(of(99))).toEqual(of(99))
  })

  test('two of nine peers that lie change nothing much, and who speaks often counts once', () => {
    const shared = new SharedEstimates()
    for (let i = 0; i < 6; i++) shared.add(at(i), of(100 + i))
    for (let again = 0; again < 50; again++) for (const liar of [98, 99]) shared.add(at(liar), of(0xffffffff))
    expect(shared.close(of(100)).peers).toBe(105)
  })

  test('rates are sent per 24 hours, rounded up', () => {
    expect(toWire({ peers: 500.4, joinRate: 0.123, failureRate: 1 / 600 })).toEqual({ networkSize: 500, joinRate: 10_628, leaveRate: 144 })
    expect(fromWire({ networkSize: 500, joinRate: 10_628, leaveRate: 144 })).toEqual({ peers: 500, joinRate: 10_628 / 86_400, failureRate: 144 / 86_400 })
    expect(toWire({ peers: 1e30, joinRate: 1e30, failureRate: 0 })).toEqual({ networkSize: 0xffffffff, joinRate: 0xffffffff, leaveRate: 0 })
    expect(fromWire({ networkSize: 0, joinRate: 0, leaveRate: 0 })).toBeUndefined()
  })
})
