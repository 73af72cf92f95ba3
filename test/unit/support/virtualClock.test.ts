/** The clock that simulations and tests go by, against a list that is put in order each time. */
import { describe, expect, test } from 'vitest'
import type { Timer } from '../../../src-main/ports/clock.ts'
import { fc } from '../../support/properties.ts'
import { VirtualClock } from '../../support/virtualClock.ts'

interface Step { readonly set?: number, readonly again?: number, readonly cancel?: number, readonly advance?: number }

/** Delays within one millisecond, of some, of half a minute and more, and of hours. */
const delay = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 3, noNaN: true }), fc.integer({ min: 0, max: 50 }), fc.integer({ min: 25_000, max: 40_000 }), fc.integer({ min: 0, max: 10_000_000 }))
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ set: delay, again: fc.constantFrom(-1, -1, 0, 0.25, 7) }) },
  { weight: 1, arbitrary: fc.record({ cancel: fc.nat(200) }) },
  { weight: 2, arbitrary: fc.record({ advance: delay }) },
)

describe('the virtual clock', () => {
  test('timers fire when they fall due, those of the same time in the order they were set, and cancelled ones never', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const clock = new VirtualClock()
      const fired: { readonly id: number, readonly at: number }[] = []
      const expected: { readonly id: number, readonly at: number }[] = []
      const timers: Timer[] = []
      // The model: all timers in one list, with the times they are to fire at.
      let waiting: { readonly id: number, readonly due: number, readonly order: number, readonly again: number }[] = []
      let order = 0, now = 0, ids = 0
      const plan = (id: number, ms: number, again: number): void => { waiting.push({ id, due: now + ms, order: order++, again }) }
      for (const { set, again, cancel, advance } of steps as readonly Step[]) {
        if (set !== undefined && again !== undefined) {
          const id = ids++
          plan(id, set, again)
          timers[id] = clock.setTimer(set, () => {
            fired.push({ id, at: clock.monotonic() })
            if (again >= 0) clock.setTimer(again, () => { fired.push({ id: id + 1000, at: clock.monotonic() }) })
          })
        } else if (cancel !== undefined) {
          timers[cancel]?.cancel()
          waiting = waiting.filter(({ id }) => id !== cancel)
        } else if (advance !== undefined) {
          const end = now + advance
          for (;;) {
            const [next] = waiting.sort((a, b) => a.due - b.due || a.order - b.order)
            if (next === undefined || next.due > end) break
            waiting.shift()
            now = next.due
            expected.push({ id: next.id, at: now })
            if (next.again >= 0) plan(next.id + 1000, next.again, -1)
          }
          now = end
          clock.advance(advance)
        }
        expect(clock.monotonic()).toBe(now)
        expect(clock.pending).toBe(waiting.length)
      }
      expect(fired).toEqual(expected)
    }))
  })

  test('what is set after a look far ahead fires at its time', () => {
    const clock = new VirtualClock()
    const fired: number[] = []
    const at = (ms: number): void => { clock.setTimer(ms - clock.monotonic(), () => { fired.push(ms) }) }
    at(3_600_000)
    at(40_000)
    clock.advance(39_999.5)
    at(39_999.75)
    at(72_000)
    clock.advance(100_000)
    at(140_000)
    clock.advance(4_000_000)
    expect(fired).toEqual([39_999.75, 40_000, 72_000, 140_000, 3_600_000])
  })

  test('ten thousand cancelled timers do not stay until they would have fired', () => {
    const clock = new VirtualClock()
    let fired = 0
    for (let i = 0; i < 10_000; i++) clock.setTimer(1000 + i % 7, () => { fired++ }).cancel()
    clock.setTimer(1003, () => { fired++ })
    expect(clock.pending).toBe(1)
    clock.advance(2000)
    expect(fired).toBe(1)
  })
})
