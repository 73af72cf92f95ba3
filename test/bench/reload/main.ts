/** The overlay's benchmark: `npm run bench -- reload [codec|hop|pair|ring]... [--peers N] [--quick] [--json]`. */
import type { Figure } from '../measure.ts'
import { codecFigures } from './codec.ts'
import { hopFigures } from './hop.ts'
import { pairFigures } from './pair.ts'
import { ringFigures } from './ring.ts'

export interface ReloadOptions { readonly peers: number; readonly quick: boolean }

export const reloadSections: Readonly<Record<string, (options: ReloadOptions) => Promise<readonly Figure[]>>> = {
  codec: ({ quick }) => codecFigures(quick ? 3 : 9, quick ? 100 : 300),
  hop: ({ quick }) => hopFigures(quick ? 2 : 7, quick ? 0.5 : 1.5),
  pair: ({ quick }) => pairFigures(quick ? 2 : 7, quick ? 40 : 120),
  ring: ({ quick, peers }) => ringFigures(peers, quick ? 2 : 7, quick ? 20 : 60),
}
