/** Overlays seen on the local network, for as long as some client looks. */
import type { OverlayHint } from '@shared/model/index.ts'
import type { Event } from '../base/event.ts'
import type { LanDiscovery } from '../connectivity/lanDiscovery.ts'

export class Discovery {
  readonly onChanged: Event<readonly OverlayHint[]>
  private readonly lookers = new Set<object>()
  private browsing: Promise<() => void> | undefined

  /** @param onFailure told why the network cannot be asked */
  constructor(private readonly lan: LanDiscovery, private readonly onFailure: (cause: unknown) => void) {
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

  find(id: string): OverlayHint | undefined { return this.lan.hints().find((hint) => hint.id === id) }
}
