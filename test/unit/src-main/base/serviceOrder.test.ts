import { expect, test } from 'vitest'
import { inServiceOrder } from '../../../../src-main/base/serviceOrder.ts'
import { SeededRandom } from '../../../support/seededRandom.ts'

const record = (priority: number, weight: number, name: string): { priority: number; weight: number; name: string } => ({ priority, weight, name })

test('servers of lower priority number come first; within one, weights share the first place (RFC 2782)', () => {
  const random = new SeededRandom(5)
  const records = [record(20, 0, 'last'), record(10, 30, 'a'), record(10, 10, 'b'), record(10, 0, 'none')]
  const first = new Map<string, number>()
  for (let i = 0; i < 2_000; i++) {
    const order = inServiceOrder(records, random).map(({ name }) => name)
    expect([order.length, order.at(-1)]).toEqual([4, 'last'])
    first.set(order[0]!, (first.get(order[0]!) ?? 0) + 1)
  }
  expect((first.get('a') ?? 0) / (first.get('b') ?? 1)).toBeGreaterThan(2.5)
  expect((first.get('a') ?? 0) / (first.get('b') ?? 1)).toBeLessThan(3.6)
  expect(first.get('none') ?? 0).toBeLessThan(10)
})
