/**
 * How much is taken from those who have not proven who they are (RFC 3261 §26.1.5): a token bucket for each address of
 * theirs, and one for all of them together, taken from before anything is parsed. Phones that have logged in, and whoever
 * we send requests to ourselves, are known by their connection and not limited. Owns the table, which is bounded.
 */
import { BoundedMap } from '../../base/boundedMap.ts'
import { sourceOf } from '../../base/ipAddress.ts'
import { TokenBucket } from '../../base/tokenBucket.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Connection } from './connection.ts'

export interface SourceRates {
  /** Messages a second from one address: an IPv4 address, or the /64 of an IPv6 address. */
  readonly perSourceS: number
  readonly perSourceBurst: number
  readonly allS: number
  readonly allBurst: number
}

/** A site behind one address restarts its phones at once: each registers with two requests, and repeats itself. */
export const DEFAULT_SOURCE_RATES: SourceRates = { perSourceS: 50, perSourceBurst: 400, allS: 500, allBurst: 2_000 }
const MAX_SOURCES = 4096

export class SourceLimits {
  private readonly sources = new BoundedMap<string, TokenBucket>(MAX_SOURCES)
  private readonly all: TokenBucket
  private readonly known = new WeakSet<Connection>()
  /** Messages and connections that were not taken. */
  refused = 0

  constructor(private readonly clock: Clock, private readonly rates: SourceRates = DEFAULT_SOURCE_RATES) {
    this.all = new TokenBucket(clock, rates.allS, rates.allBurst)
  }

  get size(): number { return this.sources.size }

  /** The other end has logged in, or is somebody whom we have asked something. */
  trust(connection: Connection): void { this.known.add(connection) }
  trusts(connection: Connection): boolean { return this.known.has(connection) }

  /** Takes one message, or one new connection, of this address; false when there were too many. */
  admits(host: string, connection?: Connection): boolean {
    if (connection !== undefined && this.known.has(connection)) return true
    const source = sourceOf(host)
    let bucket = this.sources.get(source)
    if (bucket === undefined) {
      bucket = new TokenBucket(this.clock, this.rates.perSourceS, this.rates.perSourceBurst)
      this.sources.set(source, bucket)
    }
    // an address that has nothing left takes nothing from the others
    if (bucket.take() && this.all.take()) return true
    this.refused++
    return false
  }
}
