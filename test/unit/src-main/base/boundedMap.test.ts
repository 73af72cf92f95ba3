import { describe, expect, it } from 'vitest'
import { BoundedMap } from '../../../../src-main/base/boundedMap.ts'
import { SeededRandom } from '../../../support/seededRandom.ts'

describe('a bounded map', () => {
  it.each([1, 2, 7, 50])('of %i entries evicts what was not used for the longest time, whatever is read, written and deleted meanwhile', (limit) => {
    const evicted: number[] = [], expected: number[] = []
    const map = new BoundedMap<number, string>(limit, (key) => { evicted.push(key) })
    const model: [number, string][] = [] // oldest first
    const take = (key: number): [number, string] | undefined => {
      const at = model.findIndex(([each]) => each === key)
      return at < 0 ? undefined : model.splice(at, 1)[0]
    }
    const random = new SeededRandom(limit)
    for (let i = 0; i < 6000; i++) {
      const [what = 0, key = 0] = random.bytes(2)
      // long stretches of reading alone, and of writing alone
      const reads = i % 700 < 300 ? 250 : 60
      if (what < reads) {
        const found = take(key % (2 * limit + 1))
        if (found !== undefined) model.push(found)
        expect(map.get(key % (2 * limit + 1))).toBe(found?.[1])
      } else if (what < 250) {
        take(key)
        model.push([key, String(i)])
        map.set(key, String(i))
        if (model.length > limit) expected.push((model.shift() as [number, string])[0])
      } else if (what < 255) expect(map.delete(key)).toBe(take(key) !== undefined)
      else { map.clear(); model.length = 0 }
      expect([...map]).toEqual(model)
    }
    expect(evicted).toEqual(expected)
    expect(evicted.length).toBeGreaterThan(100)
  })

  it('without a limit holds everything', () => {
    const evicted: number[] = []
    const map = new BoundedMap<number, number>(Infinity, (key) => { evicted.push(key) })
    for (let i = 0; i < 3000; i++) { map.set(i, i); map.get(i >> 1) }
    expect([map.size, map.get(0), map.get(2999), evicted]).toEqual([3000, 0, 2999, []])
  })
})
