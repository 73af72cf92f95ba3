/**
 * Nonces (RFC 7616 §3.3, §5.4): sealed with the time they were made, so that unknown and old ones are told apart
 * without a table. Counts of used nonces are remembered in a window, because requests on UDP overtake one another.
 */
import { BoundedMap } from '../../base/boundedMap.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { base64Url } from './base64Url.ts'
import type { Seal } from './seal.ts'

export type NonceVerdict = 'fresh' | 'stale' | 'unknown'

const LIFETIME_MS = 300_000
const MAX_USED = 10_000
const WINDOW = 30

interface Use { highest: number; seen: number }

export class Nonces {
  private readonly used = new BoundedMap<string, Use>(MAX_USED)

  constructor(private readonly clock: Clock, private readonly random: Random, private readonly seal: Seal) {}

  make(): string {
    return this.seal.close('nonce', `${Math.floor(this.clock.monotonic()).toString(36)} ${base64Url(this.random.bytes(9))}`)
  }

  /** Was it ours, is it young, and has this count not been used? Does not use it up. */
  check(nonce: string, count: number): NonceVerdict {
    const text = this.seal.open('nonce', nonce)
    if (text === undefined) return 'unknown'
    const ageMs = this.clock.monotonic() - Number.parseInt(text, 36)
    if (!(ageMs <= LIFETIME_MS)) return 'stale'
    const use = this.used.get(nonce)
    if (use === undefined || count > use.highest) return count > 0 ? 'fresh' : 'stale'
    const behind = use.highest - count
    return count > 0 && behind <= WINDOW && (use.seen & (1 << behind)) === 0 ? 'fresh' : 'stale'
  }

  /** Uses the count up: only for a request whose response was right, or anybody could spoil a nonce. */
  use(nonce: string, count: number): void {
    const use = this.used.get(nonce)
    if (use === undefined) { this.used.set(nonce, { highest: count, seen: 1 }); return }
    if (count > use.highest) {
      const ahead = count - use.highest
      use.seen = ahead > WINDOW ? 1 : (use.seen << ahead) | 1
      use.highest = count
    } else use.seen |= 1 << (use.highest - count)
  }
}
