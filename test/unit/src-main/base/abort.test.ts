import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { untilAborted, withAny } from '../../../../src-main/base/abort.ts'

const never = <T>(): Promise<T> => new Promise<T>(() => undefined)

describe('work that any of several signals ends', () => {
  test('ends with the reason of the one that aborted', async () => {
    const one = new AbortController(), other = new AbortController()
    const work = withAny([one.signal, other.signal], (signal) => untilAborted(never<void>(), signal))
    other.abort(new Error('enough'))
    await expect(work).rejects.toThrow('enough')
    await expect(withAny([one.signal, other.signal], (signal) => untilAborted(never<void>(), signal))).rejects.toThrow('enough')
  })

  test('leaves nothing behind at a signal that lives on', async () => {
    const long = new AbortController(), short = new AbortController()
    expect(await withAny([long.signal, short.signal], () => Promise.resolve(7))).toBe(7)
    await expect(withAny([long.signal, short.signal], () => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
    expect([long, short].map(({ signal }) => getEventListeners(signal, 'abort').length)).toEqual([0, 0])
  })
})
