/** What procedures do with an AbortSignal and a Clock: sleep, and limit the time of something. */
import { PeerError } from './errors.ts'
import type { ErrorCode } from '@shared/errorCodes.ts'

/** The slice of ports/clock needed here. */
interface Timers { setTimer(delayMs: number, fire: () => void): { cancel(): void } }

/** Resolves after `ms`; rejects with the signal's reason when it is aborted before. */
export function sleep(clock: Timers, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) { reject(signal.reason as Error); return }
    const onAbort = (): void => { timer.cancel(); reject(signal.reason as Error) }
    const timer = clock.setTimer(ms, () => { signal.removeEventListener('abort', onAbort); resolve() })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/**
 * Runs `work` with a signal that aborts with `signal`'s reason, or with PeerError(code) after `ms`. The promise
 * rejects at that moment, whether or not `work` heeds its signal.
 */
export async function withTimeout<T>(
  clock: Timers, ms: number, code: ErrorCode, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const controller = new AbortController()
  const onAbort = (): void => { controller.abort(signal.reason) }
  const timer = clock.setTimer(ms, () => { controller.abort(new PeerError(code)) })
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await untilAborted(work(controller.signal), controller.signal)
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', onAbort)
  }
}

/**
 * Runs `work` with a signal that aborts when one of `signals` does, with its reason. Unlike AbortSignal.any it leaves
 * nothing behind at a signal that outlives the work.
 */
export async function withAny<T>(signals: readonly AbortSignal[], work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const onAbort = (): void => { controller.abort(signals.find(({ aborted }) => aborted)?.reason) }
  for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true })
  if (signals.some(({ aborted }) => aborted)) onAbort()
  try {
    return await work(controller.signal)
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', onAbort)
  }
}

/** As `work`, but rejects with the signal's reason at the moment it is aborted; what `work` does then is ignored. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => { reject(signal.reason as Error) }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => { signal.removeEventListener('abort', onAbort) }).catch(reject)
  })
}
