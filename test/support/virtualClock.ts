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
  private readonly queue = new TimerQueue()

  constructor(private readonly epochMs = Date.UTC(2026, 0, 1)) {}

  now(): number { return this.epochMs + Math.floor(this.timeMs) }
  monotonic(): number { return this.timeMs }

  setTimer(delayMs: number, fire: () => void): Timer { return this.schedule(delayMs, fire, undefined) }

  schedule(delayMs: number, fire: () => void, scope: ClockScope | undefined): Timer {
    const entry = new Entry(this.timeMs + Math.max(0, delayMs), this.order++, fire, scope, this)
    this.queue.add(entry)
    return entry
  }

  scope(): ClockScope { return new ClockScope(this) }

  /** Timers that have been set and neither fired nor cancelled. */
  get pending(): number { return this.queue.all().filter((e) => e.fire !== undefined && e.scope?.stopped !== true).length }

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
    for (let next = this.queue.first(end); next !== undefined; next = this.queue.first(end)) {
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
    if (this.cancelled < 4096 || this.cancelled < this.queue.size / 2) return
    this.queue.removeCancelled()
    this.cancelled = 0
  }

  private fireNext(end: number): 'fired' | 'skipped' | 'none' {
    const next = this.queue.first(end)
    if (next === undefined) return 'none'
    this.queue.takeFirst()
    const { fire } = next
    if (fire === undefined) { this.cancelled--; return 'skipped' }
    next.fire = undefined
    if (next.scope?.stopped === true) return 'skipped'
    if (next.due > this.timeMs) this.timeMs = next.due
    fire()
    return 'fired'
  }
}

/** Milliseconds that have a bucket of their own at most, and how many of them are spared for going back. */
const BUCKETS = 1 << 15
const SPARE = 1 << 10

/**
 * Timers by when they fall due, then as they were set. One bucket for each millisecond of the next half minute, put in
 * order when its turn comes: with a hundred thousand timers a heap would touch dozens of them, far from each other in
 * memory, for each that fires. What falls due later waits in a list.
 */
class TimerQueue {
  size = 0
  private readonly buckets: (Entry[] | undefined)[] = new Array<Entry[] | undefined>(BUCKETS).fill(undefined)
  /** How many are in buckets. */
  private near = 0
  private far: Entry[] = []
  /** The millisecond whose bucket is looked at, none before it has anything; and the first one without a bucket. */
  private cursor = 0
  private limit = BUCKETS - SPARE
  /** The bucket at the cursor once it is in order, and how many of it have been taken. */
  private open: Entry[] | undefined
  private taken = 0

  add(entry: Entry): void {
    this.size++
    const ms = Math.floor(entry.due)
    if (ms < this.cursor) this.goBack(ms)
    if (ms >= this.limit) { this.far.push(entry); return }
    this.near++
    const bucket = this.buckets[ms % BUCKETS]
    if (bucket === undefined) { this.buckets[ms % BUCKETS] = [entry]; return }
    bucket.push(entry)
    // Set last, it goes behind all that are due at the same time.
    if (bucket === this.open) for (let i = bucket.length - 1; i > this.taken && (bucket[i - 1] as Entry).due > entry.due; i--) [bucket[i - 1], bucket[i]] = [entry, bucket[i - 1] as Entry]
  }

  /** The first of all, if it falls due up to then. */
  first(upTo: number): Entry | undefined {
    if (this.size === 0) return undefined
    if (this.near === 0) this.cursor = Math.max(this.cursor, Math.min(Math.floor(upTo), this.far.reduce((first, { due }) => Math.min(first, Math.floor(due)), Infinity)))
    for (; this.open === undefined; this.cursor++) {
      if (this.cursor > upTo) return undefined
      if (this.cursor >= this.limit - BUCKETS / 2) this.refill(this.cursor, this.far)
      const bucket = this.buckets[this.cursor % BUCKETS]
      if (bucket === undefined) continue
      this.open = bucket.sort((a, b) => a.due - b.due || a.order - b.order)
      break
    }
    const first = this.open[this.taken]
    return first !== undefined && first.due <= upTo ? first : undefined
  }

  takeFirst(): void {
    if (this.open === undefined) return
    this.size--
    this.near--
    if (++this.taken < this.open.length) return
    this.buckets[this.cursor % BUCKETS] = this.open = undefined
    this.taken = 0
  }

  all(): readonly Entry[] {
    this.close()
    return [...this.far, ...this.buckets.flatMap((bucket) => bucket ?? [])]
  }

  removeCancelled(): void {
    const kept = this.all().filter(({ fire }) => fire !== undefined)
    this.buckets.fill(undefined)
    this.near = 0
    this.size = kept.length
    this.refill(this.cursor, kept)
  }

  /** What was looked at is not the first any more. */
  private goBack(ms: number): void {
    const all = this.limit - ms > BUCKETS ? this.all() : undefined
    this.close()
    this.cursor = ms
    if (all === undefined) return
    this.buckets.fill(undefined)
    this.near = 0
    this.refill(ms, all)
  }

  /** The bucket that is open is put away. */
  private close(): void {
    this.open?.splice(0, this.taken)
    this.open = undefined
    this.taken = 0
  }

  /** Sorts entries that are counted in `size` into buckets from `cursor` on, and the list of those that are later. */
  private refill(cursor: number, entries: readonly Entry[]): void {
    this.limit = cursor + BUCKETS - SPARE
    this.far = []
    this.size -= entries.length
    for (const entry of entries) this.add(entry)
  }
}

/** Lets the queue of promise jobs run dry. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await macrotask()
}

/** All promise jobs are done before the next macrotask begins. */
function macrotask(): Promise<void> { return new Promise((done) => { setImmediate(done) }) }
