import { describe, expect, it, vi } from 'vitest'
import { ContractClient } from '../../../../src-shared/ipc/client.ts'
import type { State } from '../../../../src-shared/ipc/contract.ts'
import { memoryPorts } from '../../../../src-shared/ipc/port.ts'
import { defaultSettings, type CallView, type MessageView } from '../../../../src-shared/model/index.ts'

vi.mock('electron', () => ({ Notification: {}, Menu: {}, Tray: {}, nativeImage: {} }))
const { Notifications } = await import('../../../../src-main/electron/notifications.ts')
const { PeerState } = await import('../../../../src-main/electron/peerState.ts')
const { lookOf, tooltipOf } = await import('../../../../src-main/electron/tray.ts')
type Request = Parameters<ConstructorParameters<typeof Notifications>[0]>[0]

const call = (state: CallView['state'], more: Partial<CallView> = {}): CallView => ({
  id: 'c1', direction: 'in', remote: { aor: 'bob@office.example', displayName: 'Bob', verified: true }, state, muted: false, heldByMe: false, heldByThem: false, digits: '', transfer: null, continues: null, referredBy: null, engine: 'none', security: 'unknown', codec: '',
  startedAt: 0, answeredAt: null, endedAt: null, end: null, ...more,
})
const message = (more: Partial<MessageView> = {}): MessageView => ({ id: 'm1', aor: 'bob@office.example', direction: 'in', text: 'hello', at: 0, state: 'received', error: null, ...more })

function notifications({ watched = false, settings = defaultSettings } = {}) {
  const shown: (Request & { closed: boolean })[] = []
  const user = {
    settings: () => settings, watched: () => watched, nameOf: () => 'Bob', onOpenCall: vi.fn(), onAnswer: vi.fn(), onDecline: vi.fn(), onOpenConversation: vi.fn(), onOpenHistory: vi.fn(),
  }
  const all = new Notifications((request) => {
    const entry = { ...request, closed: false }
    shown.push(entry)
    return { close: () => { entry.closed = true } }
  }, user)
  return { all, shown, user }
}

describe('notifications', () => {
  it('rings once with answer and decline, and goes when the call is answered', () => {
    const { all, shown, user } = notifications()
    all.onCall(undefined, call('incoming'))
    all.onCall(call('incoming'), call('incoming'))
    expect(shown).toMatchObject([{ title: 'Incoming call', body: 'Bob (bob@office.example)', urgent: true, actions: ['Answer', 'Decline'], closed: false }])
    shown[0]?.onAction(0)
    shown[0]?.onAction(1)
    expect(user.onAnswer).toHaveBeenCalledOnce()
    expect(user.onDecline).toHaveBeenCalledOnce()
    all.onCall(call('incoming'), call('connecting'))
    expect(shown[0]?.closed).toBe(true)
  })

  it('tells of a missed call, not of one that was declined or answered elsewhere', () => {
    const { all, shown } = notifications()
    all.onCall(call('incoming'), call('ended', { end: 'missed' }))
    all.onCall(call('incoming'), call('ended', { end: 'rejected' }))
    all.onCall(call('incoming'), call('ended', { end: 'answered-elsewhere' }))
    all.onCall(call('ended', { end: 'missed' }), undefined)
    expect(shown.map((entry) => entry.title)).toEqual(['Missed call'])
  })

  it('shows the text of a message only when the settings say so', () => {
    const open = notifications()
    open.all.onMessage(message())
    expect(open.shown[0]).toMatchObject({ title: 'Bob', body: 'hello' })
    const closed = notifications({ settings: { ...defaultSettings, notificationContent: false } })
    closed.all.onMessage(message())
    expect(closed.shown[0]?.body).toBe('New message')
  })

  it('is silent for own messages, while the window is watched, and when switched off', () => {
    const own = notifications(), watched = notifications({ watched: true }), off = notifications({ settings: { ...defaultSettings, notifications: false } })
    own.all.onMessage(message({ direction: 'out', state: 'delivered' }))
    for (const { all } of [watched, off]) { all.onMessage(message()); all.onCall(undefined, call('incoming')) }
    expect([own, watched, off].flatMap(({ shown }) => shown)).toEqual([])
  })
})

const state = (more: Partial<State> = {}): State => ({
  account: null, status: { phase: 'joined', step: null, listen: null, peers: 3, neighbours: [], roles: [], registered: true, counters: {}, problem: null },
  presence: { state: 'available', note: '' }, settings: defaultSettings, contacts: {}, calls: {}, conversations: {}, history: {}, discovered: {}, warnings: {}, ...more,
})

describe('the tray', () => {
  it('asks for attention while something rings, is unread, or was missed', () => {
    expect(lookOf(undefined)).toBe('offline')
    expect(lookOf(state())).toBe('online')
    expect(lookOf(state({ calls: { c1: call('incoming') } }))).toBe('attention')
    expect(lookOf(state({ conversations: { b: { aor: 'b', displayName: '', unread: 1, last: null } } }))).toBe('attention')
    expect(lookOf(state({ status: { ...state().status, phase: 'offline' } }))).toBe('offline')
    expect(tooltipOf(undefined)).toBe('Ringway')
  })
})

describe('the shell’s view of the peer', () => {
  function peer() {
    const [ours, theirs] = memoryPorts()
    let snapshot = { version: 5, state: state() }
    const asked: string[] = []
    theirs.onFrame = (frame) => {
      const { id, method } = JSON.parse(frame) as { id: number; method: string }
      asked.push(method)
      theirs.send(JSON.stringify({ jsonrpc: '2.0', id, result: snapshot }))
    }
    const tell = (version: number, ...changes: object[]): void => { theirs.send(JSON.stringify({ jsonrpc: '2.0', method: 'state', params: { version, changes } })) }
    return { peerState: new PeerState(new ContractClient(ours)), tell, asked, set: (next: typeof snapshot) => { snapshot = next } }
  }
  const settle = (): Promise<void> => new Promise((done) => { setImmediate(done) })

  it('applies deltas and tells of calls and messages', async () => {
    const { peerState, tell } = peer()
    const calls: [string | undefined, string | undefined][] = []
    const messages: string[] = []
    peerState.onCall(({ before, now }) => { calls.push([before?.state, now?.state]) })
    peerState.onMessage(({ text }) => { messages.push(text) })
    await peerState.start()
    tell(6, { topic: 'calls', id: 'c1', value: call('incoming') }, { topic: 'messages', id: 'm1', value: message() })
    tell(7, { topic: 'calls', id: 'c1', value: call('ended') })
    tell(8, { topic: 'calls', id: 'c1', value: null })
    tell(8, { topic: 'calls', id: 'c1', value: call('incoming') })
    await settle()
    expect(calls).toEqual([[undefined, 'incoming'], ['incoming', 'ended'], ['ended', undefined]])
    expect(messages).toEqual(['hello'])
    expect(peerState.calls).toEqual([])
  })

  it('asks for a new snapshot after a gap', async () => {
    const { peerState, tell, asked, set } = peer()
    await peerState.start()
    set({ version: 9, state: state({ calls: { c1: call('active') } }) })
    tell(9, { topic: 'presence', value: { state: 'busy', note: '' } })
    await settle()
    expect(asked).toEqual(['state.get', 'state.get'])
    expect(peerState.calls.map(({ state: now }) => now)).toEqual(['active'])
  })
})
