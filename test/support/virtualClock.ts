import type { Clock, Timer } from '../../src-main/ports/clock.ts'

interface Entry { due: number; order: number; fire: (() => void) | undefined }

/** A clock that moves only when a test moves it; timers of equal time fire in the order they were set. */
export class VirtualClock implements Clock {
  private timeMs = 0
  private order = 0
  private readonly heap: Entry[] = []

  constructor(private readonly epochMs = Date.UTC(2026, 0, 1)) {}

  now(): number { return this.epochMs + this.timeMs }
  monotonic(): number { return this.timeMs }

  setTimer(delayMs: number, fire: () => void): Timer {
    const entry: Entry = { due: this.timeMs + Math.max(0, delayMs), order: this.order++, fire }
    this.push(entry)
    return { cancel: () => { entry.fire = undefined } }
  }

  /** Timers that have been set and neither fired nor cancelled. */
  get pending(): number { return this.heap.filter((e) => e.fire !== undefined).length }

  /** Moves time forward by `ms`, firing what falls due, synchronously. */
  advance(ms: number): void {
    const end = this.timeMs + ms
    for (let next = this.heap[0]; next !== undefined && next.due <= end; next = this.heap[0]) {
      this.pop()
      this.timeMs = Math.max(this.timeMs, next.due)
      const fire = next.fire
      next.fire = undefined
      fire?.()
    }
    this.timeMs = end
  }

  /** As `advance`, but lets promises settle after each timer, for code with async procedures. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.timeMs + ms
    await settle()
    for (let next = this.heap[0]; next !== undefined && next.due <= end; next = this.heap[0]) {
      this.pop()
      this.timeMs = Math.max(this.timeMs, next.due)
      const fire = next.fire
      next.fire = undefined
      if (fire !== undefined) { fire(); await settle() }
    }
    this.timeMs = end
    await settle()
  }

  private less(a: Entry, b: Entry): boolean { return a.due < b.due || (a.due === b.due && a.order < b.order) }

  private push(entry: Entry): void {
    const h = this.heap
    let i = h.push(entry) - 1
    while (i > 0) {
      const p = (i - 1) >> 1
      const parent = h[p] as Entry
      if (!this.less(entry, parent)) break
      h[i] = parent
      i = p
    }
    h[i] = entry
  }

  private pop(): void {
    const h = this.heap
    const last = h.pop() as Entry
    if (h.length === 0) return
    let i = 0
    for (;;) {
      let c = 2 * i + 1
      if (c >= h.length) break
      if (c + 1 < h.length && this.less(h[c + 1] as Entry, h[c] as Entry)) c++
      if (!this.less(h[c] as Entry, last)) break
      h[i] = h[c] as Entry
      i = c
    }
    h[i] = last
  }
}

/** Lets the queue of promise jobs run dry. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>((done) => { setImmediate(done) })
}
