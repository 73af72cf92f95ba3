import { beforeEach, describe, expect, it } from 'vitest'
import type { CallView, ContactView, MessageView } from '@shared/model/index.ts'
import { ContractError } from '@shared/ipc/client.ts'
import { toneFor, useCalls } from '../../../../src-renderer/stores/calls.ts'
import { useMessages } from '../../../../src-renderer/stores/messages.ts'
import { usePeer } from '../../../../src-renderer/stores/peer.ts'
import { harness, settle, type Harness } from './harness.ts'

const bob = 'bob@office.example'
const call = (part: Partial<CallView> = {}): CallView => ({
  id: 'c1', direction: 'out', remote: { aor: bob, displayName: 'Bob', verified: true }, state: 'calling', muted: false, heldByMe: false, heldByThem: false, digits: '', transfer: null, continues: null, referredBy: null, engine: 'client',
  security: 'unknown', codec: '', startedAt: 1, answeredAt: null, endedAt: null, end: null, ...part,
})
const contact = (aor: string, displayName: string, favourite = false): ContactView => ({ aor, displayName, favourite, presence: { state: 'available', note: '', since: 0 } })
const message = (part: Partial<MessageView>): MessageView => ({ id: 'm1', aor: bob, direction: 'in', text: 'hi', at: 1, state: 'received', error: null, ...part })

let h: Harness
beforeEach(async () => { h = await harness() })

describe('peer store', () => {
  it('sorts contacts with favourites first, then by name', async () => {
    await h.tell({ topic: 'contacts', value: { a: contact('a@x', 'Zoe'), b: contact('b@x', 'Yan', true), c: contact('c@x', 'Ann') } })
    expect(usePeer().contacts.map((c) => c.displayName)).toEqual(['Yan', 'Ann', 'Zoe'])
  })

  it('names people as the contact does, else as the conversation, else by the address', async () => {
    const peer = usePeer()
    expect(peer.nameOf(bob)).toBe('bob')
    await h.tell({ topic: 'conversations', id: bob, value: { aor: bob, displayName: 'Robert', unread: 0, last: null } })
    expect(peer.nameOf(bob)).toBe('Robert')
    await h.tell({ topic: 'contacts', id: bob, value: contact(bob, 'Bobby') })
    expect(peer.nameOf(bob)).toBe('Bobby')
  })

  it('fails commands with peer-unreachable while there is no connection', async () => {
    await h.gone()
    expect(usePeer().link).toBe('lost')
    await expect(usePeer().call('history.clear', {})).rejects.toMatchObject({ code: 'peer-unreachable' })
  })
})

describe('calls', () => {
  it('keeps the reason of a call that ended after the peer has forgotten it', async () => {
    const calls = useCalls()
    await h.tell({ topic: 'calls', id: 'c1', value: call() })
    await h.tell({ topic: 'calls', id: 'c1', value: call({ state: 'ended', end: 'call-busy' }) })
    await h.tell({ topic: 'calls', id: 'c1', value: null })
    expect(calls.inHand).toEqual([])
    expect(calls.find('c1')?.end).toBe('call-busy')
    calls.dismiss('c1')
    expect(calls.find('c1')).toBeUndefined()
  })

  it('shows no stage for a call that only rang here', async () => {
    const calls = useCalls()
    await h.tell({ topic: 'calls', id: 'c1', value: call({ direction: 'in', state: 'incoming', engine: 'none' }) })
    expect(calls.incoming).toHaveLength(1)
    await h.tell({ topic: 'calls', id: 'c1', value: call({ direction: 'in', state: 'ended', end: 'missed' }) })
    expect(calls.find('c1')?.state).toBe('ended')
    await h.tell({ topic: 'calls', id: 'c1', value: null })
    expect(calls.find('c1')).toBeUndefined()
  })

  it('holds the call in hand as it answers another, and ends one that is not answered', async () => {
    const calls = useCalls()
    await h.tell({ topic: 'calls', id: 'c1', value: call({ state: 'active', answeredAt: 1 }) }, { topic: 'calls', id: 'c2', value: call({ id: 'c2', direction: 'in', state: 'incoming' }) })
    await calls.answer('c2')
    expect(h.asked.at(-1)).toEqual({ method: 'call.answer', params: { id: 'c2', media: { engine: 'client' }, holdOthers: true } })
    expect(h.asked.some((each) => each.method === 'call.hangup')).toBe(false)
    await h.tell({ topic: 'calls', id: 'c1', value: call({ state: 'ringing', answeredAt: null }) })
    await calls.answer('c2')
    expect(h.asked.slice(-2).map((each) => each.method)).toEqual(['call.hangup', 'call.answer'])
  })

  it('takes a hang-up for done when the call ended in the same moment', async () => {
    h.script['call.hangup'] = () => { throw new ContractError('call-unknown', 'gone') }
    await expect(useCalls().hangup('c1')).resolves.toBeUndefined()
    h.script['call.hangup'] = () => { throw new ContractError('not-joined', 'no') }
    await expect(useCalls().hangup('c1')).rejects.toMatchObject({ code: 'not-joined' })
  })

  it('returns to the running call instead of calling the same person twice', async () => {
    await h.tell({ topic: 'calls', id: 'c1', value: call({ state: 'ringing' }) })
    await expect(useCalls().place(bob)).resolves.toBe('c1')
    expect(h.asked.some((a) => a.method === 'call.place')).toBe(false)
  })

  it('rings, beeps while in a call, and gives ringback only for its own sound', () => {
    expect(toneFor([])).toBeUndefined()
    expect(toneFor([call({ state: 'incoming' })])).toBe('ring')
    expect(toneFor([call({ state: 'active' }), call({ state: 'incoming' })])).toBe('waiting')
    expect(toneFor([call({ state: 'ringing' })])).toBe('ringback')
    expect(toneFor([call({ state: 'ringing', engine: 'headless' })])).toBeUndefined()
    expect(toneFor([call({ state: 'active' })])).toBeUndefined()
  })
})

describe('messages', () => {
  it('loads pages backwards until the beginning', async () => {
    const store = useMessages()
    const all = Array.from({ length: 60 }, (_, i) => message({ id: `m${i}`, at: i + 1 }))
    h.script['messages.list'] = (({ before, limit }: { before?: number; limit: number }) => all.filter((m) => m.at < (before ?? Infinity)).sort((a, b) => b.at - a.at).slice(0, limit)) as (p: never) => unknown
    await store.loadOlder(bob)
    expect(store.thread(bob).messages).toHaveLength(50)
    expect(store.thread(bob).messages[0]?.at).toBe(11)
    await store.loadOlder(bob)
    expect(store.thread(bob)).toMatchObject({ complete: true })
    expect(store.thread(bob).messages.map((m) => m.at)).toEqual(all.map((m) => m.at))
  })

  it('changes a message in place when its delivery becomes known', async () => {
    const store = useMessages()
    h.script['messages.list'] = () => []
    await store.loadOlder(bob)
    await h.tell({ topic: 'messages', id: 'm1', value: message({ direction: 'out', state: 'sending' }) })
    await h.tell({ topic: 'messages', id: 'm1', value: message({ direction: 'out', state: 'delivered' }) })
    expect(store.thread(bob).messages.map((m) => m.state)).toEqual(['delivered'])
  })

  it('leaves conversations alone that were not opened', async () => {
    const store = useMessages()
    await h.tell({ topic: 'messages', id: 'm1', value: message({}) })
    expect(store.threads[bob]).toBeUndefined()
  })

  it('shows a sent message once, however its answer and its delta arrive', async () => {
    const store = useMessages()
    h.script['messages.list'] = () => []
    h.script['messages.send'] = () => message({ id: 's1', direction: 'out', state: 'sending' })
    await store.loadOlder(bob)
    await store.send(bob, 'hello')
    await h.tell({ topic: 'messages', id: 's1', value: message({ id: 's1', direction: 'out', state: 'delivered' }) })
    await settle()
    expect(store.thread(bob).messages).toHaveLength(1)
    expect(store.thread(bob).messages[0]?.state).toBe('delivered')
  })
})
