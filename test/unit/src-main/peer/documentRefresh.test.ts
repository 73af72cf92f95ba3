import { describe, expect, test } from 'vitest'
import { Emitter } from '../../../../src-main/base/event.ts'
import { DocumentRefresh } from '../../../../src-main/peer/documentRefresh.ts'
import type { Overlay } from '../../../../src-main/reload/overlay/overlay.ts'
import { silentLog } from '../../../support/overlayKit.ts'
import { SeededRandom } from '../../../support/seededRandom.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'

const hour = 3_600_000

/** @param expiresInMs of the document in force; undefined: it does not expire */
function setUp(expiresInMs: number | undefined, seed = 1, found: () => { bytes: Uint8Array; vouched: boolean } | undefined = () => undefined) {
  const clock = new VirtualClock()
  const start = clock.now()
  const documents = new Emitter<Uint8Array>(), missed = new Emitter<undefined>()
  const asked: number[] = [], taken: unknown[] = []
  let expirationMs = expiresInMs === undefined ? undefined : start + expiresInMs
  const refresh = new DocumentRefresh({
    clock, random: new SeededRandom(seed), log: silentLog,
    overlay: {
      get configuration() { return { expirationMs } as Overlay['configuration'] }, onDocument: documents.event, onMissed: missed.event as Overlay['onMissed'],
      updateDocument: (bytes, options) => { taken.push([bytes[0], options?.vouched]); expirationMs = clock.now() + 100 * hour; documents.emit(bytes) },
    },
    fetch: () => { asked.push(clock.now() - start); return Promise.resolve(found()) },
  })
  refresh.start()
  return { clock, refresh, asked, taken, missed }
}

describe('a document that expires', () => {
  test('is fetched at a random time before that, and kept on being asked for while there is none newer (RFC 6940 §11.1)', async () => {
    const times = new Set<number>()
    for (let seed = 1; seed <= 8; seed++) {
      const { clock, refresh, asked } = setUp(100 * hour, seed)
      await clock.advanceAsync(99 * hour)
      expect(asked[0]).toBeGreaterThan(50 * hour)
      expect(asked[0]).toBeLessThan(90 * hour)
      expect(asked.length).toBeGreaterThan(1)
      for (let i = 1; i < asked.length; i++) expect(asked[i]! - asked[i - 1]!).toBeGreaterThanOrEqual(600_000)
      times.add(asked[0]!)
      refresh.stop()
      expect(clock.pending).toBe(0)
    }
    expect(times.size).toBe(8)
  })

  test('is replaced by the one fetched, whose own time counts then', async () => {
    const { clock, asked, taken } = setUp(100 * hour, 1, () => ({ bytes: Uint8Array.of(7), vouched: true }))
    await clock.advanceAsync(100 * hour)
    expect([asked.length, taken]).toEqual([1, [[7, true]]])
  })
})

describe('a document whose signers were missed', () => {
  test('is fetched soon, and not again and again (RFC 6940 §6.5.4)', async () => {
    const { clock, asked, missed, refresh } = setUp(undefined)
    await clock.advanceAsync(1_000 * hour)
    expect(asked).toEqual([])
    const at = 1_000 * hour
    for (let i = 0; i < 100; i++) { missed.emit(undefined); await clock.advanceAsync(20_000) }
    expect(asked.length).toBeGreaterThan(1)
    expect(asked.length).toBeLessThan(6)
    expect(asked[0]! - at).toBeLessThan(60_000)
    refresh.stop()
    missed.emit(undefined)
    expect(clock.pending).toBe(0)
  })
})
