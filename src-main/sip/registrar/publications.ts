/**
 * Event state that phones have published (RFC 3903): one document for each publication, by its entity-tag, until it
 * expires. Owns one timer for the publication that ends next; what may be published is the compositor's business.
 */
import type { Clock, Timer } from '../../ports/clock.ts'

export interface Publication {
  readonly account: string
  readonly event: string
  readonly contentType: string
  readonly body: Uint8Array
  /** By the clock's monotonic time. */
  readonly expiresAtMs: number
}

export class Publications {
  private readonly byTag = new Map<string, Publication>()
  private timer: Timer | undefined

  /** @param onChange told whenever a document came, changed or went */
  constructor(private readonly clock: Clock, private readonly onChange: () => void = () => {}) {}

  get size(): number { return this.byTag.size }
  get(tag: string): Publication | undefined { return this.byTag.get(tag) }

  /** Oldest first. */
  *all(account?: string): Iterable<Publication> {
    for (const publication of this.byTag.values()) if (account === undefined || publication.account === account) yield publication
  }

  /** Puts a publication under a new tag, in the place of the one under the old tag. */
  put(tag: string, publication: Publication, old?: string): void {
    const before = old === undefined ? undefined : this.byTag.get(old)
    if (old !== undefined) this.byTag.delete(old)
    this.byTag.set(tag, publication)
    this.arm()
    if (before?.body !== publication.body) this.onChange()
  }

  remove(tag: string): void {
    if (!this.byTag.delete(tag)) return
    this.arm()
    this.onChange()
  }

  /** An account is gone: so is what it published. */
  removeAccount(account: string): void { for (const [tag, each] of [...this.byTag]) if (each.account === account) this.remove(tag) }

  close(): void {
    this.timer?.cancel()
    this.byTag.clear()
  }

  private arm(): void {
    this.timer?.cancel()
    const next = Math.min(...[...this.byTag.values()].map(({ expiresAtMs }) => expiresAtMs))
    if (next !== Infinity) this.timer = this.clock.setTimer(Math.max(0, next - this.clock.monotonic()), () => { this.expire() })
  }

  private expire(): void {
    const now = this.clock.monotonic()
    for (const [tag, { expiresAtMs }] of [...this.byTag]) if (expiresAtMs <= now) this.byTag.delete(tag)
    this.arm()
    this.onChange()
  }
}
