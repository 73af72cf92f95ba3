import { describe, expect, it } from 'vitest'
import { bootstrapCacheSize, createMemoryBootstrapCache, type BootstrapCache } from '../../src-main/connectivity/bootstrapCache.ts'
import { openStores } from '../../src-main/store/stores.ts'

const implementations: readonly [string, () => BootstrapCache][] = [
  ['memory', createMemoryBootstrapCache],
  ['SQLite', () => openStores(':memory:').bootstrapCache],
]
const at = (port: number): { host: string, port: number } => ({ host: '192.0.2.1', port })

describe.each(implementations)('bootstrap cache: %s', (_, make) => {
  it('lists the most recently seen first, each once', () => {
    const cache = make()
    cache.remember('a.example', at(1), 10)
    cache.remember('a.example', at(2), 20)
    cache.remember('a.example', { host: '2001:db8::1', port: 1 }, 15)
    cache.remember('a.example', at(1), 30)
    expect(cache.list('a.example')).toEqual([at(1), at(2), { host: '2001:db8::1', port: 1 }])
  })

  it('keeps overlays apart', () => {
    const cache = make()
    cache.remember('a.example', at(1), 10)
    cache.remember('b.example', at(2), 10)
    cache.forget('b.example', at(1))
    expect(cache.list('a.example')).toEqual([at(1)])
    cache.forget('a.example', at(1))
    expect(cache.list('a.example')).toEqual([])
    expect(cache.list('b.example')).toEqual([at(2)])
  })

  it('forgets the oldest beyond its size', () => {
    const cache = make()
    cache.remember('b.example', at(99), 1)
    for (let port = 1; port <= bootstrapCacheSize + 3; port++) cache.remember('a.example', at(port), port)
    expect(cache.list('a.example').map((a) => a.port)).toEqual([13, 12, 11, 10, 9, 8, 7, 6, 5, 4])
    cache.forget('a.example', at(13))
    expect(cache.list('a.example').map((a) => a.port)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4])
    expect(cache.list('b.example')).toEqual([at(99)])
  })
})
