import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defaultSettings } from '../../src-shared/model/settings.ts'
import type { HistoryEntry, MessageView } from '../../src-shared/model/index.ts'
import { openDatabase, type Database } from '../../src-main/store/database.ts'
import { SqliteContactStore, SqliteHistoryStore, SqliteMessageStore, SqliteSettingsStore, SqliteWatcherStore } from '../../src-main/store/phoneStores.ts'

let directory: string
let database: Database
const reopen = (): void => { database.close(); database = openDatabase(directory) }
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'ringway-store-')); database = openDatabase(directory) })
afterEach(() => { database.close(); rmSync(directory, { recursive: true }) })

const message = (over: Partial<MessageView> = {}): MessageView =>
  ({ id: 'm1', aor: 'bob@office.example', direction: 'in', text: 'hello', at: 1000, state: 'received', error: null, ...over })
const call = (over: Partial<HistoryEntry> = {}): HistoryEntry =>
  ({ id: 'c1', aor: 'bob@office.example', displayName: 'Bob', direction: 'in', startedAt: 1000, durationS: 0, outcome: 'missed', end: 'missed', seen: false, ...over })

describe('contact store', () => {
  it('keeps contacts over a restart, in order of address, one for each address', () => {
    const store = new SqliteContactStore(database)
    store.put({ aor: 'carol@office.example', displayName: 'Carol', favourite: true })
    store.put({ aor: 'bob@office.example', displayName: 'Bob', favourite: false })
    store.put({ aor: 'bob@office.example', displayName: 'Robert "Bob" O\'Hara 🎧', favourite: false })
    reopen()
    const again = new SqliteContactStore(database)
    expect(again.all()).toEqual([
      { aor: 'bob@office.example', displayName: 'Robert "Bob" O\'Hara 🎧', favourite: false },
      { aor: 'carol@office.example', displayName: 'Carol', favourite: true },
    ])
    again.remove('bob@office.example')
    again.remove('nobody@office.example')
    expect(again.get('bob@office.example')).toBeUndefined()
    expect(again.get('carol@office.example')?.displayName).toBe('Carol')
  })
})

describe('message store', () => {
  it('gives back a message as it was put, over a restart', () => {
    const put = message({ text: 'línea 1\nline 2 \u0000 end', at: 1234.5 })
    new SqliteMessageStore(database).put(put)
    reopen()
    expect(new SqliteMessageStore(database).get('m1')).toEqual(put)
    expect(new SqliteMessageStore(database).get('m2')).toBeUndefined()
  })

  it('lists newest first, of equal times the later added first, before a time when asked', () => {
    const store = new SqliteMessageStore(database)
    store.put(message({ id: 'a', at: 1 }))
    store.put(message({ id: 'b', at: 3 }))
    store.put(message({ id: 'c', at: 3 }))
    store.put(message({ id: 'd', at: 2 }))
    store.put(message({ id: 'other', aor: 'x@y', at: 9 }))
    expect(store.list('bob@office.example', undefined, 10).map((m) => m.id)).toEqual(['c', 'b', 'd', 'a'])
    expect(store.list('bob@office.example', undefined, 2).map((m) => m.id)).toEqual(['c', 'b'])
    expect(store.list('bob@office.example', 3, 10).map((m) => m.id)).toEqual(['d', 'a'])
  })

  it('keeps the queue of undelivered messages, oldest first, over a restart', () => {
    const store = new SqliteMessageStore(database)
    store.put(message({ id: 'late', direction: 'out', state: 'queued', error: 'user-offline', at: 5 }))
    store.put(message({ id: 'early', direction: 'out', state: 'sending', at: 4 }))
    store.put(message({ id: 'done', direction: 'out', state: 'sending', at: 3 }))
    store.put(message({ id: 'done', direction: 'out', state: 'delivered', at: 3 }))
    reopen()
    expect(new SqliteMessageStore(database).undelivered().map((m) => [m.id, m.error])).toEqual([['early', null], ['late', 'user-offline']])
  })

  it('counts what was received since it was last read', () => {
    const store = new SqliteMessageStore(database)
    store.put(message({ id: 'a', at: 1 }))
    store.put(message({ id: 'b', at: 2 }))
    store.put(message({ id: 'mine', direction: 'out', state: 'delivered', at: 3 }))
    store.put(message({ id: 'z', aor: 'zoe@office.example', at: 9 }))
    expect(store.conversations().map((c) => [c.aor, c.unread, c.last.id])).toEqual([['zoe@office.example', 1, 'z'], ['bob@office.example', 2, 'mine']])
    store.markRead('bob@office.example')
    store.put(message({ id: 'b', at: 2 }))
    expect(store.conversations('bob@office.example')).toEqual([{ aor: 'bob@office.example', unread: 0, last: message({ id: 'mine', direction: 'out', state: 'delivered', at: 3 }) }])
    expect(store.conversations('nobody@office.example')).toEqual([])
  })
})

describe('history store', () => {
  it('lists the newest calls first and remembers what was seen', () => {
    const store = new SqliteHistoryStore(database)
    store.put(call({ id: 'a', startedAt: 1 }))
    store.put(call({ id: 'b', startedAt: 2, outcome: 'answered', end: 'hung-up', durationS: 12.25 }))
    expect(store.latest(1)).toEqual([call({ id: 'b', startedAt: 2, outcome: 'answered', end: 'hung-up', durationS: 12.25 })])
    store.put(call({ id: 'c', startedAt: 0, uri: 'sips:bob@example.org' }))
    expect(store.latest(9).map(({ uri }) => uri)).toEqual([undefined, undefined, 'sips:bob@example.org'])
    store.markSeen()
    reopen()
    const again = new SqliteHistoryStore(database)
    expect(again.latest(9).map((e) => [e.id, e.seen])).toEqual([['b', true], ['a', true], ['c', true]])
    again.put(call({ id: 'a', startedAt: 1, displayName: 'Bobby' }))
    expect(again.latest(9)[1]).toEqual(call({ id: 'a', startedAt: 1, displayName: 'Bobby' }))
    again.clear()
    expect(again.latest(9)).toEqual([])
  })
})

describe('settings store', () => {
  it('completes what was saved with the defaults', () => {
    expect(new SqliteSettingsStore(database).settings()).toEqual(defaultSettings)
    new SqliteSettingsStore(database).saveSettings({ ...defaultSettings, theme: 'dark', ringVolume: 0.25 })
    database.prepare("DELETE FROM setting WHERE name = 'settings.microphone'").run()
    reopen()
    expect(new SqliteSettingsStore(database).settings()).toEqual({ ...defaultSettings, theme: 'dark', ringVolume: 0.25 })
  })

  it('falls back to the default for a value it does not know, and keeps the others', () => {
    const store = new SqliteSettingsStore(database)
    store.saveSettings({ ...defaultSettings, theme: 'dark', multicast: false })
    database.prepare("UPDATE setting SET value = '\"sepia\"' WHERE name = 'settings.theme'").run()
    expect(store.settings()).toEqual({ ...defaultSettings, multicast: false })
  })

  it('keeps the chosen presence', () => {
    const store = new SqliteSettingsStore(database)
    expect(store.presence()).toBeUndefined()
    store.savePresence({ state: 'away', note: 'lunch' })
    store.savePresence({ state: 'busy', note: '' })
    reopen()
    expect(new SqliteSettingsStore(database).presence()).toEqual({ state: 'busy', note: '' })
  })
})

describe('watcher store', () => {
  it('names recent watchers, latest first', () => {
    const store = new SqliteWatcherStore(database)
    store.put('a@x', 1)
    store.put('b@x', 5)
    store.put('c@x', 3)
    store.put('a@x', 4)
    store.put('b@x', 2)
    expect(store.recent(3, 9)).toEqual(['b@x', 'a@x', 'c@x'])
    expect(store.recent(4, 9)).toEqual(['b@x', 'a@x'])
    expect(store.recent(0, 1)).toEqual(['b@x'])
    store.remove('b@x')
    expect(store.recent(0, 9)).toEqual(['a@x', 'c@x'])
  })

  it('forgets the oldest when strangers flood it', () => {
    const store = new SqliteWatcherStore(database)
    database.transaction(() => { for (let i = 0; i < 1010; i++) store.put(`w${i}@x`, i) })
    const kept = store.recent(0, 5000)
    expect(kept.length).toBe(1000)
    expect(kept.at(-1)).toBe('w10@x')
  })
})
