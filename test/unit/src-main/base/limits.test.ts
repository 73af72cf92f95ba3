import { describe, expect, it } from 'vitest'
import { sleep, untilAborted, withTimeout } from '../../../../src-main/base/abort.ts'
import { BoundedMap } from '../../../../src-main/base/boundedMap.ts'
import { DisposableStack } from '../../../../src-main/base/disposable.ts'
import { TokenBucket } from '../../../../src-main/base/tokenBucket.ts'
import { settle, VirtualClock } from '../../../support/virtualClock.ts'

describe('BoundedMap', () => {
  it('drops the entry not used for the longest time and tells of it', () => {
    const evicted: string[] = []
    const map = new BoundedMap<string, number>(2, (key) => evicted.push(key))
    map.set('a', 1); map.set('b', 2); map.get('a'); map.set('c', 3)
    expect([...map.keys()]).toEqual(['a', 'c'])
    expect(evicted).toEqual(['b'])
    map.set('a', 4); map.delete('c')
    expect([...map]).toEqual([['a', 4]])
  })
})

describe('TokenBucket', () => {
  it('lets a burst through, then the rate', () => {
    const clock = new VirtualClock()
    const bucket = new TokenBucket(clock, 2, 3)
    expect([1, 2, 3, 4].map(() => bucket.take())).toEqual([true, true, true, false])
    clock.advance(500)
    expect([bucket.take(), bucket.take()]).toEqual([true, false])
    clock.advance(60_000)
    expect([bucket.take(3), bucket.take()]).toEqual([true, false])
  })
})

describe('abort', () => {
  it('sleep ends in time or with the reason, and leaves no timer', async () => {
    const clock = new VirtualClock()
    const controller = new AbortController()
    let slept = false
    const first = sleep(clock, 100, controller.signal).then(() => { slept = true })
    clock.advance(99); await settle()
    expect(slept).toBe(false)
    clock.advance(1); await first
    const second = sleep(clock, 100, controller.signal)
    controller.abort(new Error('stop'))
    await expect(second).rejects.toThrow('stop')
    await expect(sleep(clock, 1, controller.signal)).rejects.toThrow('stop')
    expect(clock.pending).toBe(0)
  })

  it('withTimeout aborts the work with the code and leaves no timer', async () => {
    const clock = new VirtualClock()
    let given: AbortSignal | undefined
    const never = withTimeout(clock, 1000, 'network-timeout', new AbortController().signal, (signal) => { given = signal; return new Promise<void>(() => undefined) })
    const failed = expect(never).rejects.toMatchObject({ code: 'network-timeout' })
    clock.advance(1000)
    await failed
    expect(given?.aborted).toBe(true)
    await expect(withTimeout(clock, 1000, 'network-timeout', new AbortController().signal, () => Promise.resolve(7))).resolves.toBe(7)
    expect(clock.pending).toBe(0)
  })

  it('untilAborted gives up waiting when the signal says so', async () => {
    const controller = new AbortController()
    await expect(untilAborted(Promise.resolve(1), controller.signal)).resolves.toBe(1)
    const waiting = untilAborted(new Promise(() => undefined), controller.signal)
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
  })
})

describe('DisposableStack', () => {
  it('undoes once, last first, and at once when already disposed', () => {
    const order: number[] = []
    const stack = new DisposableStack()
    stack.add(() => order.push(1)); stack.add(() => order.push(2))
    stack.dispose(); stack.dispose(); stack.add(() => order.push(3))
    expect(order).toEqual([2, 1, 3])
  })
})
