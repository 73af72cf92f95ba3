/** CHORD-RELOAD (RFC 6940 §10): tables of fixed sizes; each change is told at once; times of the configuration document. */
import { unique } from './chord.ts'
import type { NeighbourTable, Standing, TableSizes, TopologyPolicy } from './policy.ts'

/** Three neighbours on each side (RFC 6940 §10.1) and sixteen peers in all, since neighbours fill entries of the Finger Table too (§10.7.4.3). */
export const reloadSizes: TableSizes = { predecessors: 3, successors: 3, replicas: 2, entries: 128, wanted: 16, kept: 16 }

/**
 * Those that share copies with us must be missed before the others of them vanish too, so they hear of us every few
 * seconds by an acknowledgement repeated, which costs nine bytes, and are pinged when the next one is late by more than a
 * second. A neighbour's loss makes whoever finds it tell its neighbours, who then look themselves. A dead finger costs one detour.
 */
const KEEP_ALIVE_MS = { nearest: 3_000, near: 3_000, neighbour: Infinity, other: Infinity } as const
const SILENT_MS = { nearest: 5_500, near: 5_500, neighbour: 45_000, other: 90_000 } as const

/** Of the configuration document (RFC 6940 §11.1), read at each use: a new one may change them. */
export interface ChordParameters {
  readonly chordUpdateIntervalS: number
  readonly chordPingIntervalS: number
  readonly chordReactive: boolean
}

export class ReloadPolicy implements TopologyPolicy {
  readonly sizes = reloadSizes
  readonly tells = 'all'

  constructor(private readonly parameters: () => ChordParameters) {}

  get searchesLost(): boolean { return this.parameters().chordReactive }
  get stabilizeMs(): number { return this.parameters().chordUpdateIntervalS * 1000 }
  get searchMs(): number { return this.parameters().chordPingIntervalS * 1000 }

  updated({ predecessors, successors }: NeighbourTable): readonly Uint8Array[] { return unique([...predecessors, ...successors]) }

  silentMs(standing: Standing): number { return SILENT_MS[standing] }

  keepAliveMs(standing: Standing): number { return KEEP_ALIVE_MS[standing] }
}
