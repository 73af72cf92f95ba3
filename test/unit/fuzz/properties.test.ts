import { describe, expect, it } from 'vitest'
import { fc, runs } from '../../support/properties.ts'

describe('property tests', () => {
  const { RINGWAY_PROPERTY_SEED: seed, RINGWAY_PROPERTY_RUNS: factor } = process.env

  it('have a seed that is fixed, or the one that the environment names', () => {
    expect(fc.readConfigureGlobal().seed).toBe(Number(seed ?? 6940))
    const drawn = (): number[] => { const out: number[] = []; fc.assert(fc.property(fc.nat(), (n) => { out.push(n) })); return out }
    expect(drawn()).toEqual(drawn())
  })

  it('try a hundred inputs, or the number they ask for, times what the environment says', () => {
    const times = Number(factor ?? 1)
    let tried = 0
    fc.assert(fc.property(fc.nat(), () => { tried++ }))
    expect(tried).toBe(100 * times)
    expect(runs(7)).toEqual({ numRuns: 7 * times })
  })
})
