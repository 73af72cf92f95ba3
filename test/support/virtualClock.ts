import type { Clock, Timer } from '../../src-main/ports/clock.ts'

class Entry implements Timer {
  constructor(readonly due: number, readonly order: number, public fire: (() => void) | undefined, readonly scope: ClockScope | undefined, private readonly clock: VirtualClock) {}

  cancel(): void {
    if (this.fire === undefined) return
    this.fire = undefined
    this.clock.onCancelled()
  }
}

/** A part of a virtual clock whose timers can be silenced together: the clock of one simulated process. */
export class ClockScope implements Clock {
  stopped = false
  constructor(private readonly clock: VirtualClock) {}

  now(): number { return this.clock.now() }
  monotonic(): number { return this.clock.monotonic() }
  setTimer(delayMs: number, fire: () => void): Timer { return this.clock.schedule(delayMs, fire, this) }
  /** None of its timers fires any more. */
  stop(): void { this.stopped = true }
}

/** A clock that moves only when a test moves it; timers of equal time fire in the order they were set. */
export class VirtualClock implements Clock {
  private timeMs = 0
  private order = 0
  private cancelled = 0
  private heap: Entry[] = []

  constructor(private readonly epochMs = Date.UTC(2026, 0, 1)) {}

  now(): number { return this.epochMs + Math.floor(this.timeMs) }
  monotonic(): number { return this.timeMs }

  setTimer(delayMs: number, fire: () => void): Timer { return this.schedule(delayMs, fire, undefined) }

  schedule(delayMs: number, fire: () => void, scope: ClockScope | undefined): Timer {
    const entry = new Entry(this.timeMs + Math.max(0, delayMs), this.order++, fire, scope, this)
    this.push(entry)
    return entry
  }

  scope(): ClockScope { return new ClockScope(this) }

  /** Timers that have been set and neither fired nor cancelled. */
  get pending(): number { return this.heap.filter((e) => e.fire !== undefined && e.scope?.stopped !== true).length }

  /** Moves time forward by `ms`, firing what falls due, synchronously. */
  advance(ms: number): void {
    const end = this.timeMs + ms
    while (this.fireNext(end) !== 'none');
    this.timeMs = end
  }

  /** As `advance`, but lets promises settle after each timer, for code with async procedures. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.timeMs + ms
    await settle()
    for (let fired = this.fireNext(end); fired !== 'none'; fired = this.fireNext(end)) if (fired === 'fired') await settle()
    this.timeMs = end
    await settle()
  }

  /**
   * As `advanceAsync` for many timers: promises settle once after all that fall due within the same turn of `turnMs`,
   * so that what they go on with may be late by as much. The order is the same each time.
   */
  async advanceInTurns(ms: number, turnMs = 1): Promise<void> {
    const end = this.timeMs + ms
    await macrotask()
    for (let next = this.heap[0]; next !== undefined && next.due <= end; next = this.heap[0]) {
      const turnEnd = Math.min(end, Math.max(this.timeMs, next.due) + turnMs)
      while (this.fireNext(turnEnd) !== 'none');
      await macrotask()
    }
    this.timeMs = end
    await macrotask()
  }

  onCancelled(): void {
    this.cancelled++
    // Most timers never fire: they must not be carried along until they would have.
    if (this.cancelled < 4096 || this.cancelled < this.heap.length / 2) return
    this.heap = this.heap.filter((e) => e.fire !== undefined).sort((a, b) => (this.less(a, b) ? -1 : 1))
    this.cancelled = 0
  }

  private fireNext(end: number): 'fired' | 'skipped' | 'none' {
    const next = this.heap[0]
    if (next === undefined || next.due > end) return 'none'
    this.pop()
    const { fire } = next
    if (fire === undefined) { this.cancelled--; return 'skipped' }
    next.fire = undefined
    if (next.scope?.stopped === true) return 'skipped'
    if (next.due > this.timeMs) this.timeMs = next.due
    fire()
    return 'fired'
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
  for (let i = 0; i < 3; i++) await macrotask()
}

/** All promise jobs are done before the next macrotask begins. */
function macrotask(): Promise<void> { return new Promise((done) => { setImmediate(done) }) }
