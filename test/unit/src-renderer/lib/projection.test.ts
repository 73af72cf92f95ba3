import { describe, expect, it } from 'vitest'
import { emptyState } from '../../../../src-renderer/stores/peer.ts'
import { applyChange } from '../../../../src-renderer/lib/applyChanges.ts'
import { placeOnRing, turnOf } from '../../../../src-renderer/lib/ring.ts'
import { byDay, daysBefore, duration } from '../../../../src-renderer/lib/time.ts'
import type { NeighbourView } from '@shared/model/index.ts'

const neighbour = (nodeId: string): NeighbourView => ({ nodeId, userName: '', address: '', relation: ['link'], rttMs: null, routable: true })

describe('deltas', () => {
  it('replaces a topic, puts an entry of a record and removes it', () => {
    const state = emptyState()
    applyChange(state, { topic: 'presence', value: { state: 'busy', note: 'x' } })
    expect(state.presence).toEqual({ state: 'busy', note: 'x' })
    applyChange(state, { topic: 'warnings', id: 'w', value: { code: 'clock-wrong', detail: '' } })
    expect(state.warnings['w']?.code).toBe('clock-wrong')
    applyChange(state, { topic: 'warnings', id: 'w', value: null })
    expect(state.warnings).toEqual({})
  })

  it('leaves topics alone that are not part of the snapshot, and values that are no records', () => {
    const state = emptyState()
    expect(applyChange(state, { topic: 'messages', id: 'm', value: {} })).toBe(false)
    expect(applyChange(state, { topic: 'presence', id: 'state', value: 'busy' })).toBe(false)
    expect(state).toEqual(emptyState())
  })
})

describe('the ring', () => {
  it('places Node-IDs by value, zero at the top, growing clockwise', () => {
    expect(turnOf('0'.repeat(32))).toBe(0)
    expect(turnOf('8' + '0'.repeat(31))).toBe(0.5)
    const [, quarter] = placeOnRing('0'.repeat(32), [neighbour('4' + '0'.repeat(31))], 100)
    expect(quarter?.x).toBeCloseTo(100)
    expect(quarter?.y).toBeCloseTo(0)
  })

  it('keeps the order, and draws peers with nearly the same Node-ID apart', () => {
    const nodes = placeOnRing('10' + '0'.repeat(30), [neighbour('10' + '0'.repeat(29) + '1'), neighbour('0' + 'f'.repeat(31))], 100)
    expect(nodes.map((n) => n.own)).toEqual([false, true, false])
    const [, own, next] = nodes
    expect(Math.hypot((own?.x ?? 0) - (next?.x ?? 0), (own?.y ?? 0) - (next?.y ?? 0))).toBeGreaterThan(5)
  })

  it('shows the own peer once, even when a table names it', () => {
    expect(placeOnRing('a'.repeat(32), [neighbour('a'.repeat(32))], 100)).toHaveLength(1)
  })
})

describe('time', () => {
  it('counts calendar days, not spans of 24 hours', () => {
    expect(daysBefore(new Date(2026, 2, 1, 23, 59).getTime(), new Date(2026, 2, 2, 0, 1).getTime())).toBe(1)
    expect(daysBefore(new Date(2026, 2, 2, 0, 0).getTime(), new Date(2026, 2, 2, 23, 0).getTime())).toBe(0)
  })

  it('groups by day without changing the order', () => {
    const at = (d: number, h: number): number => new Date(2026, 5, d, h).getTime()
    expect(byDay([at(2, 9), at(2, 1), at(1, 23)], (x) => x).map((g) => g.entries.length)).toEqual([2, 1])
  })

  it('writes durations as minutes and seconds, with hours from one hour on', () => {
    expect([0, 59.9, 61, 3600, -5].map(duration)).toEqual(['0:00', '0:59', '1:01', '1:00:00', '0:00'])
  })
})
