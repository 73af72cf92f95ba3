/**
 * The joint between storage and whatever keeps its data: areas (all values of one Kind at one Resource-ID,
 * RFC 6940 §7) that are read and replaced whole. Implemented by `store/` on SQLite and in memory. Synchronous,
 * since a StoreReq must be applied atomically over all its Kinds (§7.4.1.1).
 */
export interface StoredEntry {
  /** Array index; 0 for single values and dictionary entries. */
  readonly index: number
  /** Dictionary key; empty elsewhere. */
  readonly key: Uint8Array
  /** The StoredData structure in its wire form, with the lifetime as it was received. */
  readonly data: Uint8Array
  /** DER certificates that prove its signer, the signer's first; they travel with the value (§6.3.4). */
  readonly certificates: readonly Uint8Array[]
  /** End of life on the storage clock (see `expiry.ts`), ms since 1970. */
  readonly expiresAtMs: number
}

export interface Area {
  /** Generation counter, unsigned 64 bits; at least 1. */
  readonly generation: bigint
  /** In order of index, then key. Empty when all have expired: the counter lives on. */
  readonly entries: readonly StoredEntry[]
}

export interface AreaName {
  readonly resourceId: Uint8Array
  readonly kind: number
}

export interface ResourceStore {
  /** Runs `work` wholly or, when it throws, not at all. May be nested. */
  transact<T>(work: () => T): T
  /** undefined when nothing was ever stored there. */
  read(resourceId: Uint8Array, kind: number): Area | undefined
  /** Puts `area` in place of what is there; undefined forgets it, counter and all. */
  replace(resourceId: Uint8Array, kind: number, area: Area | undefined): void
  /** Areas in ascending order of Resource-ID and Kind; only those of `resourceId` when given. A snapshot. */
  areas(resourceId?: Uint8Array): readonly AreaName[]
  /** Areas with an entry whose end of life is at or before `atMs`. */
  expired(atMs: number): readonly AreaName[]
  /** What is kept of each Kind, in the order of their numbers. */
  usage(): readonly KindUsage[]
}

export interface KindUsage {
  readonly kind: number
  /** values, those that say that nothing is there included */
  readonly instances: number
  /** of their StoredData structures */
  readonly bytes: number
}
