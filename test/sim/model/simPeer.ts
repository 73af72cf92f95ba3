/** A node of a simulation. When it is gone only its name stays: a long run has thousands of them. */
import type { Overlay } from '../../../src-main/reload/overlay/overlay.ts'
import type { MemoryResourceStore } from '../../../src-main/store/memory/resourceStore.ts'
import type { SimHost } from './simNetwork.ts'

export class SimPeer {
  state: 'joining' | 'member' | 'leaving' | 'gone' = 'joining'
  private node: { readonly overlay: Overlay; readonly store: MemoryResourceStore } | undefined

  constructor(readonly index: number, readonly id: Uint8Array, readonly host: SimHost, readonly startedAt: number, overlay: Overlay, store: MemoryResourceStore) {
    this.node = { overlay, store }
  }

  /** @throws when the peer has ended */
  get overlay(): Overlay { return this.running.overlay }
  get store(): MemoryResourceStore { return this.running.store }

  /** Its process is no more. @returns what it has counted */
  end(): Readonly<Record<string, number>> {
    const { counters } = this.overlay
    this.state = 'gone'
    this.node = undefined
    return counters
  }

  private get running(): { readonly overlay: Overlay; readonly store: MemoryResourceStore } {
    if (this.node === undefined) throw new Error(`peer ${this.index} has ended`)
    return this.node
  }
}
