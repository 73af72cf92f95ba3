/** The overlay's benchmark: `npm run bench -- reload [codec|hop|pair|tls|ring]... [--peers N] [--rsa] [--quick] [--json]`. */
import type { Figure } from '../measure.ts'
import { codecFigures } from './codec.ts'
import { hopFigures } from './hop.ts'
import { pairFigures } from './pair.ts'
import { ringFigures } from './ring.ts'
import { tlsFigures } from './tls.ts'

export interface ReloadOptions { readonly peers: number; readonly quick: boolean; readonly rsa: boolean }

export const reloadSections: Readonly<Record<string, (options: ReloadOptions) => Promise<readonly Figure[]>>> = {
  codec: ({ quick }) => codecFigures(quick ? 3 : 9, quick ? 100 : 300),
  hop: ({ quick }) => hopFigures(quick ? 2 : 7, quick ? 0.5 : 1.5),
  pair: ({ quick }) => pairFigures(quick ? 2 : 7, quick ? 40 : 120),
  tls: ({ quick }) => tlsFigures(quick ? 2 : 5, quick ? 100 : 300),
  ring: ({ quick, peers, rsa }) => ringFigures(peers, quick ? 2 : 7, quick ? 20 : 60, rsa ? 'rsa' : 'ec'),
}
