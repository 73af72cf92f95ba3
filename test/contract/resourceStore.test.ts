import { describe, expect, it } from 'vitest'
import type { Area, ResourceStore, StoredEntry } from '../../src-main/reload/storage/resourceStore.ts'
import { openDatabase } from '../../src-main/store/database.ts'
import { MemoryResourceStore } from '../../src-main/store/memory/resourceStore.ts'
import { SqliteResourceStore } from '../../src-main/store/resourceStore.ts'

const implementations: readonly [string, () => ResourceStore][] = [
  ['memory', () => new MemoryResourceStore()],
  ['SQLite', () => new SqliteResourceStore(openDatabase(':memory:'))],
]

const id = (fill: number): Uint8Array => new Uint8Array(16).fill(fill)
const entry = (over: Partial<StoredEntry> = {}): StoredEntry =>
  ({ index: 0, key: new Uint8Array(), data: Uint8Array.of(1, 2, 3), certificates: [Uint8Array.of(9), Uint8Array.of(8, 8)], expiresAtMs: 5000, ...over })
const area = (...entries: StoredEntry[]): Area => ({ generation: 1n, entries })

describe.each(implementations)('resource store: %s', (_, make) => {
  it('gives back an area as it was put, certificates in order', () => {
    const store = make()
    const put = area(entry({ key: Uint8Array.of(1), data: Uint8Array.of(7) }), entry({ key: Uint8Array.of(2), certificates: [] }))
    store.replace(id(1), 1, put)
    expect(store.read(id(1), 1)).toEqual(put)
    expect(store.read(id(1), 2)).toBeUndefined()
    expect(store.read(id(2), 1)).toBeUndefined()
  })

  it('keeps generations of 64 unsigned bits and Kinds of 32', () => {
    const store = make()
    store.replace(id(1), 0xfffffffe, { generation: 0xffff_ffff_ffff_ffffn, entries: [entry({ index: 0xfffffffe })] })
    expect(store.read(id(1), 0xfffffffe)).toMatchObject({ generation: 0xffff_ffff_ffff_ffffn, entries: [{ index: 0xfffffffe }] })
    expect(store.areas()).toEqual([{ resourceId: id(1), kind: 0xfffffffe }])
  })

  it('replaces the whole area, and keeps the counter of an empty one', () => {
    const store = make()
    store.replace(id(1), 1, area(entry({ index: 1 }), entry({ index: 2 })))
    store.replace(id(1), 1, { generation: 2n, entries: [entry({ index: 3 })] })
    expect(store.read(id(1), 1)?.entries.map((e) => e.index)).toEqual([3])
    store.replace(id(1), 1, { generation: 3n, entries: [] })
    expect(store.read(id(1), 1)).toEqual({ generation: 3n, entries: [] })
    store.replace(id(1), 1, undefined)
    expect(store.read(id(1), 1)).toBeUndefined()
  })

  it('orders entries by index, then by key', () => {
    const store = make()
    store.replace(id(1), 1, area(entry({ index: 10 }), entry({ index: 9 })))
    store.replace(id(2), 1, area(entry({ key: Uint8Array.of(2) }), entry({ key: Uint8Array.of(1, 255) }), entry({ key: Uint8Array.of(1) })))
    expect(store.read(id(1), 1)?.entries.map((e) => e.index)).toEqual([9, 10])
    expect(store.read(id(2), 1)?.entries.map((e) => [...e.key])).toEqual([[1], [1, 255], [2]])
  })

  it('tells how many values of each Kind it keeps, and how large they are', () => {
    const store = make()
    expect(store.usage()).toEqual([])
    store.replace(id(1), 16, area(entry({ data: Uint8Array.of(1) })))
    store.replace(id(2), 1, area(entry({ index: 1 }), entry({ index: 2, data: new Uint8Array(40) })))
    store.replace(id(3), 1, area(entry()))
    store.replace(id(3), 3, area())
    expect(store.usage()).toEqual([{ kind: 1, instances: 3, bytes: 46 }, { kind: 16, instances: 1, bytes: 1 }])
  })

  it('lists areas in ascending order of Resource-ID and Kind', () => {
    const store = make()
    store.replace(id(200), 1, area(entry()))
    store.replace(id(3), 16, area(entry()))
    store.replace(id(3), 3, area(entry()))
    expect(store.areas().map((a) => [a.resourceId[0], a.kind])).toEqual([[3, 3], [3, 16], [200, 1]])
    expect(store.areas(id(3)).map((a) => a.kind)).toEqual([3, 16])
  })

  it('names each area with something expired once', () => {
    const store = make()
    store.replace(id(1), 1, area(entry({ index: 0, expiresAtMs: 1000 }), entry({ index: 1, expiresAtMs: 900 }), entry({ index: 2, expiresAtMs: 9000 })))
    store.replace(id(2), 1, area(entry({ expiresAtMs: 1001 })))
    expect(store.expired(899)).toEqual([])
    expect(store.expired(1000).map((a) => a.resourceId[0])).toEqual([1])
    expect(store.expired(1001).map((a) => a.resourceId[0])).toEqual([1, 2])
  })

  it('undoes everything of a transaction that throws, a nested one alone', () => {
    const store = make()
    store.replace(id(1), 1, area(entry()))
    expect(() => store.transact(() => {
      store.replace(id(1), 1, undefined)
      store.replace(id(2), 1, area(entry()))
      throw new RangeError('half way')
    })).toThrow(RangeError)
    expect(store.areas().map((a) => a.resourceId[0])).toEqual([1])

    const result = store.transact(() => {
      store.replace(id(3), 1, area(entry()))
      expect(() => store.transact(() => { store.replace(id(4), 1, area(entry())); throw new RangeError('inner') })).toThrow(RangeError)
      return 'done'
    })
    expect(result).toBe('done')
    expect(store.areas().map((a) => a.resourceId[0])).toEqual([1, 3])
  })

  it('hands out plain Uint8Arrays', () => {
    const store = make()
    store.replace(id(1), 1, area(entry({ key: Uint8Array.of(5) })))
    const read = store.read(id(1), 1)?.entries[0]
    for (const bytes of [read?.key, read?.data, read?.certificates[0], store.areas()[0]?.resourceId]) {
      expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype)
    }
  })
})
