/** What a simulation ends with: one object of plain figures. */
import type { World } from './world.ts'

export interface SimReport {
  readonly peers: number
  readonly virtualMinutes: number
  readonly wallS: number
  readonly rssMiB: number
  readonly lookups: { readonly ok: number, readonly failed: number, readonly wrong: number }
  readonly hops: { readonly mean: number, readonly p50: number, readonly p99: number }
  readonly latencyMs: { readonly p50: number, readonly p99: number }
  readonly recordsLost: number
  readonly messagesPerPeerPerMinute: number
  /** All but those of look-ups and stores. */
  readonly maintenancePerPeerPerMinute: number
  readonly hash: string
  readonly [more: string]: unknown
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

const round = (value: number, digits = 2): number => Math.round(value * 10 ** digits) / 10 ** digits

export function reportOf(world: World, more: { readonly wallS: number, readonly rssMiB: number }): SimReport {
  const { lookups, routed, hops, latenciesMs } = world
  return {
    scenario: undefined, peers: world.members.length, virtualMinutes: round(world.clock.monotonic() / 60_000), wallS: round(more.wallS), rssMiB: Math.round(more.rssMiB),
    lookups: { ok: lookups.ok + routed.ok, failed: lookups.failed + routed.failed, wrong: lookups.wrong + routed.wrong },
    hops: { mean: round(hops.reduce((a, b) => a + b, 0) / Math.max(1, hops.length)), p50: percentile(hops, 0.5), p99: percentile(hops, 0.99) },
    latencyMs: { p50: Math.round(percentile(latenciesMs, 0.5)), p99: Math.round(percentile(latenciesMs, 0.99)) },
    recordsLost: world.lostRecords().length, messagesPerPeerPerMinute: round(world.messagesPerPeerPerMinute, 1),
    maintenancePerPeerPerMinute: round(world.maintenancePerPeerPerMinute, 1), maintenanceBy: world.maintenanceBy,
    acknowledgementsPerPeerPerMinute: round(world.acknowledgementsPerPeerPerMinute, 1), hash: world.hash.hex,
    records: world.records.length, storesFailed: world.storesFailed, misplaced: world.misplaced().length,
    joinMs: { p50: Math.round(percentile(world.joinsMs, 0.5)), p99: Math.round(percentile(world.joinsMs, 0.99)) }, events: world.hash.events, ...world.extra,
  }
}
