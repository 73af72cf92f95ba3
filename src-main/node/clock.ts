/** The system's clock as `ports/clock`: wall time, monotonic time and timers of any length. */
import { performance } from 'node:perf_hooks'
import type { Clock } from '../ports/clock.ts'

/** setTimeout holds 31 bits of milliseconds (24.8 days); longer delays are taken in strides. */
const longestMs = 0x7fff_ffff

/** @returns a clock whose timers do not keep the process alive by themselves less than any other Node timer does. */
export function createNodeClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    setTimer(delayMs, fire) {
      let handle: NodeJS.Timeout | undefined
      let left = Number.isFinite(delayMs) ? Math.max(0, delayMs) : longestMs
      const arm = (): void => {
        const stride = Math.min(left, longestMs)
        left -= stride
        // Node rounds down and may fire a fraction of a millisecond early: round up.
        handle = setTimeout(() => { if (left > 0) arm(); else fire() }, Math.ceil(stride))
      }
      arm()
      return { cancel: () => { clearTimeout(handle) } }
    },
  }
}
