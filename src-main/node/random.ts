/** The system's CSPRNG as `ports/random`. */
import { randomFillSync } from 'node:crypto'
import type { Random } from '../ports/random.ts'

export function createNodeRandom(): Random {
  return { bytes: (length) => randomFillSync(new Uint8Array(length)) }
}
