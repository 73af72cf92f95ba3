/** The system's clock as `ports/clock`: wall time, monotonic time and timers of any length. */
import { performance } from 'node:perf_hooks'
import type { Clock, Timer } from '../ports/clock.ts'

/** setTimeout holds 31 bits of milliseconds (24.8 days); longer delays are taken in strides. */
const longestMs = 0x7fff_ffff

/** There are many of them, and most are cancelled: nothing is made for one but this and Node's own. */
class NodeTimer implements Timer {
  private handle: NodeJS.Timeout

  constructor(delayMs: number, fire: () => void) {
    // Node rounds down and may fire a fraction of a millisecond early: round up.
    this.handle = delayMs <= longestMs ? setTimeout(fire, Math.ceil(delayMs)) : this.stride(delayMs - longestMs, fire)
  }

  cancel(): void { clearTimeout(this.handle) }

  private stride(leftMs: number, fire: () => void): NodeJS.Timeout {
    return setTimeout(() => {
      this.handle = leftMs > longestMs ? this.stride(leftMs - longestMs, fire) : setTimeout(fire, Math.ceil(leftMs))
    }, longestMs)
  }
}

/** @returns a clock whose timers do not keep the process alive by themselves less than any other Node timer does. */
export function createNodeClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    setTimer: (delayMs, fire) => new NodeTimer(Number.isFinite(delayMs) ? Math.max(0, delayMs) : longestMs, fire),
  }
}
