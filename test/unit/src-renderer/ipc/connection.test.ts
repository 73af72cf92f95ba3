import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { memoryPorts, type Port } from '@shared/ipc/port.ts'
import type { Change, State } from '@shared/ipc/contract.ts'
import { Connection } from '../../../../src-renderer/ipc/connection.ts'
import { emptyState } from '../../../../src-renderer/stores/peer.ts'

/** The peer's end by hand: answers state.get when told to. */
class Peer {
  port!: Port
  asked: { id: number; method: string }[] = []
  opened = 0
  refuse = false
  open = (): Promise<Port> => {
    this.opened++
    if (this.refuse) return Promise.reject(new Error('nobody'))
    const [theirs, ours] = memoryPorts()
    this.port = ours
    ours.onFrame = (frame) => { this.asked.push(JSON.parse(frame) as { id: number; method: string }) }
    return Promise.resolve(theirs)
  }
  answer(version: number, note: string): void {
    const request = this.asked.shift()
    this.port.send(JSON.stringify({ jsonrpc: '2.0', id: request?.id, result: { version, state: { ...emptyState(), presence: { state: 'available', note } } } }))
  }
  tell(version: number, note: string): void {
    this.port.send(JSON.stringify({ jsonrpc: '2.0', method: 'state', params: { version, changes: [{ topic: 'presence', value: { state: 'available', note } }] } }))
  }
}

const flush = async (): Promise<void> => { for (let i = 0; i < 20; i++) await Promise.resolve() }

describe('connection to the peer', () => {
  let peer: Peer, snapshots: string[], notes: string[], lost: number[], connection: Connection
  beforeEach(() => {
    vi.useFakeTimers()
    peer = new Peer(); snapshots = []; notes = []; lost = []
    connection = new Connection(peer.open, {
      onClient: () => undefined,
      onSnapshot: (state: State) => { snapshots.push(state.presence.note) },
      onChanges: (changes: readonly Change[]) => { notes.push(...changes.map((c) => (c.value as { note: string }).note)) },
      onLost: (ms) => { lost.push(ms) },
    })
  })
  afterEach(() => { connection.stop(); vi.useRealTimers() })

  it('starts with a snapshot and applies the deltas that follow', async () => {
    void connection.start(); await flush()
    expect(peer.asked[0]?.method).toBe('state.get')
    peer.answer(7, 'seven'); await flush()
    peer.tell(8, 'eight'); peer.tell(9, 'nine'); await flush()
    expect(snapshots).toEqual(['seven'])
    expect(notes).toEqual(['eight', 'nine'])
  })

  it('keeps deltas that overtake the snapshot, and drops those that it contains', async () => {
    void connection.start(); await flush()
    peer.tell(7, 'in it'); peer.tell(8, 'after it'); await flush()
    peer.answer(7, 'seven'); await flush()
    expect(notes).toEqual(['after it'])
  })

  it('asks for a new snapshot when a version is missing', async () => {
    void connection.start(); await flush()
    peer.answer(1, 'one'); await flush()
    peer.tell(3, 'three'); await flush()
    expect(notes).toEqual([])
    peer.answer(4, 'four'); await flush()
    expect(snapshots).toEqual(['one', 'four'])
    peer.tell(5, 'five'); await flush()
    expect(notes).toEqual(['five'])
  })

  it('opens again with growing pauses, and from the shortest after success', async () => {
    peer.refuse = true
    void connection.start(); await flush()
    await vi.advanceTimersByTimeAsync(500)
    await vi.advanceTimersByTimeAsync(1000)
    expect(lost).toEqual([500, 1000, 2000])
    peer.refuse = false
    await vi.advanceTimersByTimeAsync(2000)
    peer.answer(1, 'back'); await flush()
    expect(snapshots).toEqual(['back'])
    peer.port.close(); await flush()
    expect(lost.at(-1)).toBe(500)
  })

  it('never waits more than ten seconds, and not at all when asked', async () => {
    peer.refuse = true
    void connection.start(); await flush()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(Math.max(...lost)).toBe(10_000)
    const before = peer.opened
    connection.retryNow(); await flush()
    expect(peer.opened).toBe(before + 1)
  })

  it('opens nothing after it was stopped', async () => {
    void connection.start(); await flush()
    peer.answer(1, 'one'); await flush()
    connection.stop()
    const before = peer.opened
    await vi.advanceTimersByTimeAsync(60_000)
    expect(peer.opened).toBe(before)
  })
})
