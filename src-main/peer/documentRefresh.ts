/**
 * Keeps the overlay document fresh beside ConfigUpdates: fetches it "at a random time before it expires" (RFC 6940
 * §11.1), and soon after a ConfigUpdate came that is newer but signed by nobody we know (§6.5.4).
 */
import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Random } from '../ports/random.ts'
import type { RefetchedDocument } from '../enrollment/refetch.ts'
import type { Overlay } from '../reload/overlay/overlay.ts'

export interface DocumentRefreshDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly overlay: Pick<Overlay, 'configuration' | 'onDocument' | 'onMissed' | 'updateDocument'>
  fetch(signal: AbortSignal): Promise<RefetchedDocument | undefined>
}

/** In which part of the time that is left it is fetched. */
const FROM = 0.5
const TO = 0.9
/** So often at most: what nobody has yet will not be there a moment later. */
const LEAST_MS = 600_000
/** Peers that missed the same change do not all ask in the same moment. */
const SOON_MS = 30_000

export class DocumentRefresh {
  private timer: Timer | undefined
  private dueAt = 0
  private lastAt = Number.NEGATIVE_INFINITY
  private readonly stopped = new AbortController()
  private readonly stopListening: (() => void)[] = []

  constructor(private readonly deps: DocumentRefreshDependencies) {}

  start(): void {
    const { overlay } = this.deps
    this.stopListening.push(overlay.onDocument(() => { this.plan() }), overlay.onMissed(() => { this.missed() }))
    this.plan()
  }

  stop(): void {
    this.timer?.cancel()
    for (const stop of this.stopListening.splice(0)) stop()
    this.stopped.abort()
  }

  private plan(): void {
    const { expirationMs } = this.deps.overlay.configuration
    this.timer?.cancel()
    this.timer = undefined
    if (expirationMs === undefined || this.stopped.signal.aborted) return
    const leftMs = expirationMs - this.deps.clock.now()
    this.at(Math.max(leftMs * (FROM + (TO - FROM) * this.chance()), this.waitMs))
  }

  private missed(): void {
    const delayMs = Math.max(SOON_MS * this.chance(), this.waitMs)
    // The next of many such ConfigUpdates must not put it off.
    if (this.timer === undefined || this.deps.clock.monotonic() + delayMs < this.dueAt) this.at(delayMs)
  }

  /** Until it may be asked for again. */
  private get waitMs(): number { return Math.max(0, this.lastAt + LEAST_MS - this.deps.clock.monotonic()) }

  private at(delayMs: number): void {
    if (this.stopped.signal.aborted) return
    this.timer?.cancel()
    this.dueAt = this.deps.clock.monotonic() + delayMs
    this.timer = this.deps.clock.setTimer(delayMs, () => {
      this.timer = undefined
      this.refresh().catch((error: unknown) => { if (!this.stopped.signal.aborted) this.deps.log.warn('document not fetched', { error: String(error) }) }).finally(() => { this.plan() })
    })
  }

  private async refresh(): Promise<void> {
    const { clock, overlay, log } = this.deps
    this.lastAt = clock.monotonic()
    const found = await this.deps.fetch(this.stopped.signal)
    if (found === undefined) return
    log.info('document fetched', { vouched: found.vouched })
    overlay.updateDocument(found.bytes, { vouched: found.vouched })
  }

  private chance(): number {
    const [high = 0, low = 0] = this.deps.random.bytes(2)
    return ((high << 8) | low) / 0x1_0000
  }
}
