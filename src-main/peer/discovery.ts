/** Overlays seen on the local network, for as long as some client looks. */
import type { OverlayHint } from '@shared/model/index.ts'
import { sleep } from '../base/abort.ts'
import type { Event } from '../base/event.ts'
import type { LanDiscovery } from '../connectivity/lanDiscovery.ts'
import type { Clock } from '../ports/clock.ts'

/** Who has just answered somebody else stays quiet for a second (RFC 6762 §6), and what is lost is asked again after one and three. */
const answerMs = 4_000

export class Discovery {
  readonly onChanged: Event<readonly OverlayHint[]>
  private readonly lookers = new Set<object>()
  private browsing: Promise<() => void> | undefined

  /** @param onFailure told why the network cannot be asked */
  constructor(private readonly clock: Clock, private readonly lan: LanDiscovery, private readonly onFailure: (cause: unknown) => void) {
    this.onChanged = lan.onHints
  }

  /** @throws nothing: an overlay that is not seen can still be joined by link or file */
  start(looker: object): void {
    this.lookers.add(looker)
    if (this.browsing !== undefined) return
    this.browsing = this.lan.browse()
    this.browsing.catch((cause: unknown) => {
      this.browsing = undefined
      this.onFailure(cause)
    })
  }

  stop(looker: object): void {
    if (!this.lookers.delete(looker) || this.lookers.size > 0) return
    const browsing = this.browsing
    this.browsing = undefined
    browsing?.then((end) => { end() }, () => { /* told by start */ })
  }

  /**
   * The overlay seen as `id`. To join it takes a peer that has its document, and that one may be heard after others:
   * until it is, the network is asked for four seconds.
   * @returns the overlay as it is known then; undefined when nobody of it is seen
   */
  async find(id: string): Promise<OverlayHint | undefined> {
    const known = (): OverlayHint | undefined => this.lan.hints().find((hint) => hint.id === id)
    if (known()?.configurationUrl !== '') return known()
    const heard = new AbortController()
    const unsubscribe = this.lan.onHints(() => { if (known()?.configurationUrl !== '') heard.abort() })
    try {
      const stop = await this.lan.browse()
      await sleep(this.clock, answerMs, heard.signal).catch(() => { /* it is heard, or has gone */ })
      stop()
    } catch (cause) {
      this.onFailure(cause)
    } finally {
      unsubscribe()
    }
    return known()
  }
}
