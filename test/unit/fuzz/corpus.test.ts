import { describe, expect, it } from 'vitest'
import { corpusFolders, readCorpus } from '../../fuzz/corpus.ts'
import { Mutator } from '../../fuzz/mutate.ts'
import { check, Violation, type FuzzTarget } from '../../fuzz/target.ts'
import { targets } from '../../fuzz/targets.ts'
import { SeededRandom } from '../../support/seededRandom.ts'

describe.each(targets.map((target) => [target.name, target] as const))('fuzz target %s', (name, target) => {
  it('takes its seeds, most of them valid', () => {
    const outcomes = target.seeds().map((seed) => check(target, seed))
    expect(outcomes.flatMap(({ finding }) => finding ?? [])).toEqual([])
    expect(outcomes.filter(({ behaviour }) => behaviour.startsWith('ok')).length).toBeGreaterThan(outcomes.length / 3)
  })

  it('refuses or takes every input of the corpus: DecodeError only, in bounded time, encoded again alike', () => {
    const findings = readCorpus(name).flatMap((file) => check(target, file.bytes).finding?.replace(/^/, `${file.name}: `) ?? [])
    expect(findings).toEqual([])
  })

  it('finds nothing in some hundred fresh mutations', () => {
    const corpus = [...target.seeds(), ...readCorpus(name).map(({ bytes }) => bytes)]
    const mutator = new Mutator(new SeededRandom(20), corpus, target.dictionary ?? [], target.maxLength ?? 16_384)
    const findings = Array.from({ length: 150 }, () => mutator.next()).flatMap((bytes) => check(target, bytes).finding ?? [])
    expect(findings).toEqual([])
  })
})

it('has no corpus of a target that does not exist', () => {
  expect(corpusFolders().filter((folder) => !targets.some(({ name }) => name === folder))).toEqual([])
})

describe('the oracle', () => {
  const target = (run: FuzzTarget['run']): FuzzTarget => ({ name: 'x', seeds: () => [], run })
  const input = Uint8Array.of(1, 2, 3)

  it('reports what is not a DecodeError', () => { expect(check(target(() => { throw new RangeError('boom') }), input).finding).toContain('RangeError: boom') })
  it('reports what does not hold', () => { expect(check(target(() => { throw new Violation('not alike') }), input).finding).toContain('not alike') })
  it('reports output out of proportion', () => { expect(check(target(() => 1_000_000), input).finding).toContain('1000000 bytes') })
  it('reports an input that was changed', () => { expect(check(target((bytes) => { bytes[0] = 9; return 0 }), input).finding).toBe('the input was changed') })
  it('reports slowness, but only when it is so again and again', () => {
    const busy = (ms: number): void => { for (const end = performance.now() + ms; performance.now() < end;); }
    expect(check(target(() => { busy(260); return 0 }), input).finding).toMatch(/^took \d+ ms/)
    let first = true
    expect(check(target(() => { if (first) busy(260); first = false; return 0 }), input).finding).toBeUndefined()
  })
})
