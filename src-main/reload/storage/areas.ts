/**
 * Values of one Kind at one Resource-ID as the handlers work with them: decoded, with their certificates, expired
 * ones left out. Translates between these and what the resource store keeps.
 */
import { PeerError } from '../../base/errors.ts'
import { decode, encode } from '../../base/presentation.ts'
import type { DataModel } from '../wire/kinds.ts'
import { storedData, type StoredData } from '../wire/storage.ts'
import { placeOf } from './dataModels.ts'
import type { StorageClock } from './expiry.ts'
import type { AreaName, KindUsage, ResourceStore } from './resourceStore.ts'

export interface HeldValue {
  readonly data: StoredData
  /** DER: the signer's certificate first, then those between it and a root. */
  readonly certificates: readonly Uint8Array[]
  readonly expiresAtMs: number
}

export interface HeldArea {
  /** 0 when there is nothing. */
  readonly generation: bigint
  readonly values: readonly HeldValue[]
}

/** The greatest counter that is taken from another peer. Ours begin with the time and count changes: they never come near it. */
export const MAX_GENERATION = 2n ** 63n - 1n

const nothing: HeldArea = { generation: 0n, values: [] }

export class Areas {
  constructor(private readonly store: ResourceStore, private readonly clock: StorageClock) {}

  transact<T>(work: () => T): T {
    return this.store.transact(work)
  }

  read(resourceId: Uint8Array, kind: number, model: DataModel): HeldArea {
    const area = this.store.read(resourceId, kind)
    if (area === undefined) return nothing
    const now = this.clock.nowMs()
    const values = area.entries.filter((entry) => entry.expiresAtMs > now).map((entry) => ({
      data: decode(storedData(model), entry.data),
      certificates: entry.certificates,
      expiresAtMs: entry.expiresAtMs,
    }))
    return { generation: area.generation, values }
  }

  write(resourceId: Uint8Array, kind: number, area: HeldArea): void {
    this.store.replace(resourceId, kind, {
      generation: area.generation,
      entries: area.values.map(({ data, certificates, expiresAtMs }) => ({
        index: placeOf(data.value).index, key: placeOf(data.value).key.slice(), data: encode(storedData(data.value.model), data), certificates, expiresAtMs,
      })),
    })
  }

  usage(): readonly KindUsage[] { return this.store.usage() }

  names(resourceId?: Uint8Array): readonly AreaName[] {
    return this.store.areas(resourceId)
  }

  /**
   * The counter after a change. That of an area's first value is never one that a forgotten area of the same name had
   * before; one that has come to its end, as somebody has made it up, begins anew.
   */
  generationAfter(generation: bigint): bigint {
    return generation === 0n || generation >= MAX_GENERATION ? BigInt(Math.max(1, Math.floor(this.clock.nowMs()))) : generation + 1n
  }

  /** A value as it leaves this node: its lifetime is what is left of it (RFC 6940 §7.4.1.1). */
  outgoing(value: HeldValue): StoredData {
    return { ...value.data, lifetime: this.clock.remainingS(value.expiresAtMs) }
  }

  /**
   * Removes what has reached its end of life (RFC 6940 §7.4.1.3), and areas left with nothing. False when the
   * database refused: expired values are not answered with all the same.
   */
  sweep(): boolean {
    return this.tolerant(() => { this.removeExpired() })
  }

  /** Forgets areas; false when the database refused. */
  forgetAll(names: readonly AreaName[]): boolean {
    if (names.length === 0) return true
    return this.tolerant(() => { this.store.transact(() => { for (const { resourceId, kind } of names) this.store.replace(resourceId, kind, undefined) }) })
  }

  /**
   * Forgets all of some Kinds, and the values whose certificates are not valid any more. Says how many areas and
   * values went; none when the database refused.
   */
  purge(kinds: ReadonlySet<number>, isValid: (certificates: readonly Uint8Array[]) => boolean): { readonly removed: number; readonly values: number } {
    let removed = 0
    let values = 0
    const work = (): void => {
      for (const { resourceId, kind } of this.store.areas()) {
        if (kinds.has(kind)) {
          this.store.replace(resourceId, kind, undefined)
          removed++
          continue
        }
        const area = this.store.read(resourceId, kind)
        const kept = area?.entries.filter(({ certificates }) => isValid(certificates)) ?? []
        if (area === undefined || kept.length === area.entries.length) continue
        values += area.entries.length - kept.length
        this.store.replace(resourceId, kind, { generation: this.generationAfter(area.generation), entries: kept })
      }
    }
    return this.tolerant(() => { this.store.transact(work) }) ? { removed, values } : { removed: 0, values: 0 }
  }

  /** Housekeeping runs from timers, where a full disk must not end the process. */
  private tolerant(work: () => void): boolean {
    try {
      work()
      return true
    } catch (cause) {
      if (cause instanceof PeerError) return false
      throw cause
    }
  }

  private removeExpired(): void {
    const now = this.clock.nowMs()
    for (const name of this.store.expired(now)) {
      const area = this.store.read(name.resourceId, name.kind)
      if (area === undefined) continue
      const entries = area.entries.filter((entry) => entry.expiresAtMs > now)
      this.store.replace(name.resourceId, name.kind, entries.length === 0 ? undefined : { generation: area.generation, entries })
    }
  }
}
