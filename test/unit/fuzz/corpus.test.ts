import { describe, expect, it } from 'vitest'
import { corpusFolders, readCorpus } from '../../fuzz/corpus.ts'
import { Mutator } from '../../fuzz/mutate.ts'
import { check, Violation, type FuzzTarget, type Outcome } from '../../fuzz/target.ts'
import { targets } from '../../fuzz/targets.ts'
import { SeededRandom } from '../../support/seededRandom.ts'

describe.each(targets.map((target) => [target.name, target] as const))('fuzz target %s', (name, target) => {
  const checked = async (inputs: readonly Uint8Array[]): Promise<Outcome[]> => {
    const outcomes: Outcome[] = []
    for (const input of inputs) outcomes.push(await check(target, input))
    return outcomes
  }

  it('takes its seeds, most of them valid', async () => {
    const outcomes = await checked(target.seeds())
    expect(outcomes.flatMap(({ finding }) => finding ?? [])).toEqual([])
    expect(outcomes.filter(({ behaviour }) => behaviour.startsWith('ok')).length).toBeGreaterThan(outcomes.length / 3)
  })

  it('refuses or takes every input of the corpus: DecodeError only, in bounded time, encoded again alike', async () => {
    const files = readCorpus(name), outcomes = await checked(files.map(({ bytes }) => bytes))
    expect(outcomes.flatMap(({ finding }, i) => finding?.replace(/^/, `${files[i]?.name ?? ''}: `) ?? [])).toEqual([])
  })

  it('finds nothing in some hundred fresh mutations', async () => {
    const corpus = [...target.seeds(), ...readCorpus(name).map(({ bytes }) => bytes)]
    const mutator = new Mutator(new SeededRandom(20), corpus, target.dictionary ?? [], target.maxLength ?? 16_384)
    const outcomes = await checked(Array.from({ length: 150 }, () => mutator.next()))
    expect(outcomes.flatMap(({ finding }) => finding ?? [])).toEqual([])
  })
})

it('has no corpus of a target that does not exist', () => {
  expect(corpusFolders().filter((folder) => !targets.some(({ name }) => name === folder))).toEqual([])
})

describe('the oracle', () => {
  const target = (run: FuzzTarget['run']): FuzzTarget => ({ name: 'x', seeds: () => [], run })
  const input = Uint8Array.of(1, 2, 3)

  it('reports what is not a DecodeError', async () => { expect((await check(target(() => { throw new RangeError('boom') }), input)).finding).toContain('RangeError: boom') })
  it('reports what does not hold', async () => { expect((await check(target(() => { throw new Violation('not alike') }), input)).finding).toContain('not alike') })
  it('reports output out of proportion', async () => { expect((await check(target(() => 1_000_000), input)).finding).toContain('1000000 bytes') })
  it('reports an input that was changed', async () => { expect((await check(target((bytes) => { bytes[0] = 9; return 0 }), input)).finding).toBe('the input was changed') })
  it('reports slowness, but only when it is so again and again', async () => {
    const busy = (ms: number): void => { for (const end = performance.now() + ms; performance.now() < end;); }
    expect((await check(target(() => { busy(260); return 0 }), input)).finding).toMatch(/^took \d+ ms/)
    let first = true
    expect((await check(target(() => { if (first) busy(260); first = false; return 0 }), input)).finding).toBeUndefined()
  })
})
