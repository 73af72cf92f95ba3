/** ReDiR (RFC 7374): the worked example of §7, registration, refresh, look-up, removal. */
import { describe, expect, it } from 'vitest'
import { compareBytes, toHex, utf8Bytes } from '../../../../../src-main/base/bytes.ts'
import { Redir, type RedirOverlay } from '../../../../../src-main/reload/usages/redir.ts'
import { deepestLevel, intervalOf, readProvider, redirResourceName, treeNodeOf } from '../../../../../src-main/reload/usages/redirTree.ts'
import { mayWrite } from '../../../../../src-main/reload/storage/accessControl.ts'
import type { VerifiedValue } from '../../../../../src-main/reload/usages/fetchClient.ts'
import { registeredKind } from '../../../../../src-main/reload/wire/kinds.ts'
import { silentLog } from '../../../../support/overlayKit.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'

const never = new AbortController().signal
const rules = { ...registeredKind(0x104)!, maxCount: 100, maxSize: 1000 }
const nameOf = (name: Uint8Array | string): Uint8Array => (typeof name === 'string' ? utf8Bytes(name) : name)

/** Storage for all nodes, with the access policy of the Kind and expiry. */
class Tree {
  readonly clock = new VirtualClock()
  readonly random = new SeededRandom(7)
  readonly stored = new Map<string, Map<string, { key: Uint8Array; value: Uint8Array; until: number }>>()
  fetches = 0
  stores = 0
  refused = 0
  failing = false

  constructor(readonly branching: number) {}

  node(nodeId: Uint8Array): Redir {
    const overlay: RedirOverlay = {
      nodeId, resourceId: nameOf,
      store: (resource, values) => {
        this.stores++
        if (this.failing) return Promise.reject(new Error('no way'))
        for (const { key, value, lifetimeS } of values) {
          const data = { model: 'dictionary' as const, key: key!, data: { exists: value !== undefined, value: value ?? new Uint8Array(0) } }
          if (!mayWrite({ ...rules, branchingFactor: this.branching }, resource, data, { nodeId, userName: 'x' }, nameOf)) { this.refused++; continue }
          const dictionary = this.stored.get(toHex(resource)) ?? new Map<string, { key: Uint8Array; value: Uint8Array; until: number }>()
          this.stored.set(toHex(resource), dictionary)
          if (value === undefined) dictionary.delete(toHex(key!))
          else dictionary.set(toHex(key!), { key: key!, value, until: this.clock.now() + 1000 * lifetimeS })
        }
        return Promise.resolve()
      },
      fetch: (resource, kind) => {
        this.fetches++
        return Promise.resolve([...this.stored.get(toHex(resource))?.values() ?? []].filter(({ until }) => until > this.clock.now()).map(({ key, value }) => ({ kind, key, value }) as unknown as VerifiedValue))
      },
    }
    return new Redir({ overlay, clock: this.clock, random: this.random, log: silentLog, branchingFactor: () => this.branching })
  }

  /** Node-IDs, as `show` has it, of the tree node. */
  at(level: number, node: number, show: (id: Uint8Array) => number): number[] {
    return [...this.stored.get(toHex(redirResourceName('voice-mail', level, node)))?.values() ?? []].map(({ key }) => show(key)).sort((a, b) => a - b)
  }
}

/** Ids of four bits, as in the RFC's example, at the top of 128. */
const small = (n: number): Uint8Array => Uint8Array.of(n << 4, ...new Uint8Array(15))
const shown = (id: Uint8Array): number => (id[0] ?? 0) >> 4

async function example(): Promise<Tree> {
  const tree = new Tree(2)
  for (const n of [2, 3, 7, 4]) await tree.node(small(n)).registerOnce('voice-mail', [{ node: small(n) }], never)
  return tree
}

describe('the ReDiR tree (RFC 7374 §4.1)', () => {
  it('numbers tree nodes and intervals; levels end where 16 bits do', () => {
    expect([0, 1, 2, 3].map((level) => treeNodeOf(level, small(5), 2))).toEqual([0, 0, 1, 2])
    expect([0, 1, 2, 3].map((level) => intervalOf(level, small(5), 2))).toEqual([0n, 1n, 2n, 5n])
    expect(treeNodeOf(4, new Uint8Array(16).fill(0xff), 10)).toBe(9999)
    expect([2, 10, 16, 256, 65_536].map(deepestLevel)).toEqual([16, 4, 4, 2, 1])
  })

  it('records of another namespace or tree node, or that are damaged, are none', () => {
    expect(readProvider(small(1), utf8Bytes('no record'), 'voice-mail', 0, 0)).toBeUndefined()
  })
})

describe('registration (§4.3) as in the example of §7', () => {
  it('puts the records into the tree nodes of Figure 4', async () => {
    const tree = await example()
    expect(tree.refused).toBe(0)
    expect(tree.at(0, 0, shown)).toEqual([2, 3, 4, 7])
    expect(tree.at(1, 0, shown)).toEqual([2, 3, 4, 7])
    expect([tree.at(2, 0, shown), tree.at(2, 1, shown)]).toEqual([[2, 3], [4, 7]])
    expect([0, 1, 2, 3].map((node) => tree.at(3, node, shown))).toEqual([[], [3], [], []])
  })

  it('peer 5 finds peer 7 with one fetch, from the level where it starts', async () => {
    const tree = await example()
    tree.fetches = 0
    const found = await tree.node(small(5)).lookUp('voice-mail', small(5), never)
    expect([shown(found!.provider.nodeId), found!.level, tree.fetches]).toEqual([7, 2, 1])
    expect(found!.provider.destination).toEqual([{ node: small(7) }])
  })
})

describe('look-up (§4.5)', () => {
  it.each([[2, 60, 3], [10, 200, 4], [10, 5, 5], [3, 1, 6], [10, 1000, 8]])('branching %i, %i providers: finds the closest successor of any key, with few fetches (seed %i)', async (branching, count, seed) => {
    const tree = new Tree(branching)
    const random = new SeededRandom(seed)
    const ids = Array.from({ length: count }, () => random.bytes(16))
    for (const id of ids) await tree.node(id).registerOnce('gateway', [{ node: id }], never)
    // All did it once while others were still to come; a refresh sees them all.
    for (const id of ids) await tree.node(id).registerOnce('gateway', [{ node: id }], never)
    expect(tree.refused).toBe(0)
    const sorted = [...ids].sort(compareBytes)
    const client = tree.node(random.bytes(16))
    const keys = Array.from({ length: 100 }, () => random.bytes(16))
    tree.fetches = 0
    for (const key of keys) {
      const expected = sorted.find((id) => compareBytes(id, key) >= 0)
      const found = await client.lookUp('gateway', key, never)
      if (expected === undefined) expect(ids.map(toHex)).toContain(toHex(found!.provider.nodeId))
      else expect(toHex(found!.provider.nodeId)).toBe(toHex(expected))
      expect(found!.fetches).toBeLessThanOrEqual(deepestLevel(branching) + 1)
    }
    expect(tree.fetches / keys.length).toBeLessThan(branching === 2 ? 6 : 4)
  })

  it('of a service that nobody offers finds nothing, and ends', async () => {
    const tree = new Tree(10)
    expect(await tree.node(small(3)).lookUp('conference', small(3), never)).toBeUndefined()
    expect(tree.fetches).toBe(3)
  })

  it('takes any record of the root when none follows the key', async () => {
    const tree = await example()
    const found = await tree.node(small(9)).lookUp('voice-mail', small(9), never)
    expect([2, 3, 4, 7]).toContain(shown(found!.provider.nodeId))
  })
})

describe('soft state (§4.4, §4.6)', () => {
  it('is refreshed at 90 % of its lifetime, as long as the provider is there', async () => {
    const tree = new Tree(10)
    const provider = tree.node(small(6))
    provider.register('turn-server')
    await tree.clock.advanceAsync(10)
    const once = tree.stores
    expect(provider.namespaces).toEqual(['turn-server'])
    await tree.clock.advanceAsync(539_000)
    expect(tree.stores).toBe(once)
    await tree.clock.advanceAsync(2_000)
    expect(tree.stores).toBe(2 * once)
    await tree.clock.advanceAsync(3_600_000)
    expect(await tree.node(small(1)).lookUp('turn-server', small(1), never)).toBeDefined()
    provider.close()
    await tree.clock.advanceAsync(601_000)
    expect(await tree.node(small(1)).lookUp('turn-server', small(1), never)).toBeUndefined()
    expect(tree.clock.pending).toBe(0)
  })

  it('is tried again when the overlay is not there', async () => {
    const tree = new Tree(10)
    tree.failing = true
    const provider = tree.node(small(6))
    provider.register('gateway')
    await tree.clock.advanceAsync(1_000)
    expect(provider.namespaces).toEqual([])
    tree.failing = false
    await tree.clock.advanceAsync(30_000)
    expect(provider.namespaces).toEqual(['gateway'])
    provider.close()
  })

  it('is removed when the provider leaves', async () => {
    const tree = new Tree(10)
    const provider = tree.node(small(6))
    provider.register('gateway')
    await tree.clock.advanceAsync(10)
    await provider.unregister('gateway', never)
    expect(await tree.node(small(1)).lookUp('gateway', small(1), never)).toBeUndefined()
    expect(tree.clock.pending).toBe(0)
  })
})
