import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { page, problemsOf, readItems, render, stateOf, type RfcItem } from '../../rfc/coverage.ts'

describe('coverage of the RFCs', () => {
  it('each item has tests that exist, or a reason why not', () => { expect(problemsOf(readItems())).toEqual([]) })

  it('the page is up to date: npm run coverage:rfc', () => { expect(existsSync(page) ? readFileSync(page, 'utf8') : '').toBe(render(readItems())) })
})

describe('the check', () => {
  const items = readItems()
  const known = problemsOf(items)
  /** What a change of the list brings, whatever is wrong with it already. */
  const fresh = (list: readonly RfcItem[]): readonly string[] => problemsOf(list).filter((problem) => !known.includes(problem))
  const changed = (id: string, change: Partial<RfcItem>): readonly string[] => fresh(items.map((item) => (item.id === id ? { ...item, ...change } : item)))
  const file = 'test/unit/rfc/coverage.test.ts'

  it('finds an item without test and reason', () => {
    expect(changed('C1', { tests: [] })).toEqual(['C1 has neither a test nor a reason'])
    expect(changed('C1', { tests: [], reason: 'because' })).toEqual([])
  })
  it('finds files and tests that do not exist', () => {
    expect(changed('C1', { files: ['src-main/nowhere.ts'] })).toEqual(['C1: no file src-main/nowhere.ts'])
    expect(changed('C1', { tests: [{ file: 'test/unit/nowhere.test.ts', title: 'x' }] })).toEqual(['C1: no file test/unit/nowhere.test.ts'])
    expect(changed('C1', { tests: [{ file, title: ['nobody', 'tests', 'this'].join(' ') }] })).toHaveLength(1)
    expect(changed('C1', { tests: [{ file, title: 'finds files and tests' }] })).toEqual([])
  })
  it('finds an item that is missing, and one that stands twice', () => {
    expect(fresh(items.slice(1))).toEqual(['C1 is missing'])
    expect(fresh([...items, items[0] as RfcItem])).toEqual(['C1 stands twice'])
  })
  it('says what is only partly there', () => {
    expect(stateOf({ ...(items[0] as RfcItem), reason: 'something is missing' })).toBe('in part')
  })
})
