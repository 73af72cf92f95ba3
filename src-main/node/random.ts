/** The system's CSPRNG as `ports/random`. Small requests are served from a block drawn at once: each byte of it is given out once. */
import { randomFillSync } from 'node:crypto'
import type { Random } from '../ports/random.ts'

const BLOCK_BYTES = 4096
/** Larger requests are drawn by themselves. */
const SMALL_BYTES = 64

export function createNodeRandom(): Random {
  const block = new Uint8Array(BLOCK_BYTES)
  let used = BLOCK_BYTES
  return {
    bytes(length) {
      if (length > SMALL_BYTES) return randomFillSync(new Uint8Array(length))
      if (used + length > BLOCK_BYTES) {
        randomFillSync(block)
        used = 0
      }
      const out = block.slice(used, used + length)
      block.fill(0, used, used + length) // what was given out stays nowhere else
      used += length
      return out
    },
  }
}
