/** `reload/storage/resourceStore` in memory: for clients, which store nothing for others, and for simulated rings. */
import type { Area, AreaName, KindUsage, ResourceStore } from '../../reload/storage/resourceStore.ts'

interface Held extends AreaName { readonly area: Area }

export class MemoryResourceStore implements ResourceStore {
  private held = new Map<string, Held>()

  transact<T>(work: () => T): T {
    // Areas are never changed in place, so a copy of the map is a savepoint.
    const savepoint = new Map(this.held)
    try {
      return work()
    } catch (cause) {
      this.held = savepoint
      throw cause
    }
  }

  read(resourceId: Uint8Array, kind: number): Area | undefined {
    return this.held.get(name(resourceId, kind))?.area
  }

  replace(resourceId: Uint8Array, kind: number, area: Area | undefined): void {
    if (area === undefined) this.held.delete(name(resourceId, kind))
    else this.held.set(name(resourceId, kind), { resourceId: resourceId.slice(), kind, area: { generation: area.generation, entries: [...area.entries].sort(byPlace) } })
  }

  areas(resourceId?: Uint8Array): readonly AreaName[] {
    const wanted = resourceId && hex(resourceId)
    return this.select((held) => wanted === undefined || hex(held.resourceId) === wanted)
  }

  expired(atMs: number): readonly AreaName[] {
    return this.select((held) => held.area.entries.some((entry) => entry.expiresAtMs <= atMs))
  }

  usage(): readonly KindUsage[] {
    const kinds = new Map<number, { readonly kind: number, readonly instances: number, readonly bytes: number }>()
    for (const { kind, area: { entries } } of this.held.values()) {
      const { instances, bytes } = kinds.get(kind) ?? { instances: 0, bytes: 0 }
      if (entries.length > 0) kinds.set(kind, { kind, instances: instances + entries.length, bytes: entries.reduce((sum, { data }) => sum + data.length, bytes) })
    }
    return [...kinds.values()].sort((a, b) => a.kind - b.kind)
  }

  private select(wanted: (held: Held) => boolean): AreaName[] {
    return [...this.held].filter(([, held]) => wanted(held)).sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { resourceId, kind }]) => ({ resourceId, kind }))
  }
}

function name(resourceId: Uint8Array, kind: number): string {
  return `${hex(resourceId)}/${kind.toString(16).padStart(8, '0')}`
}

function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

function byPlace(a: { readonly index: number, readonly key: Uint8Array }, b: { readonly index: number, readonly key: Uint8Array }): number {
  if (a.index !== b.index) return a.index - b.index
  const [x, y] = [hex(a.key), hex(b.key)]
  return x < y ? -1 : x > y ? 1 : 0
}
