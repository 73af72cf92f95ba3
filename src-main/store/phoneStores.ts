/** Contacts, messages, call history, settings and watchers on SQLite: the stores of `phone/stores`. */
import { defaultSettings, settings as settingsSchema, type Settings } from '@shared/model/settings.ts'
import { ownPresence, type OwnPresence } from '@shared/model/presence.ts'
import type { HistoryEntry } from '@shared/model/call.ts'
import type { MessageView } from '@shared/model/conversation.ts'
import type { ContactRecord, ContactStore, ConversationSummary, HistoryStore, MessageStore, SettingsStore, WatcherStore } from '../phone/stores.ts'
import type { Database } from './database.ts'

interface ContactRow { aor: string, display_name: string, favourite: number }

export class SqliteContactStore implements ContactStore {
  private readonly statements

  constructor(database: Database) {
    this.statements = {
      all: database.prepare<ContactRow>('SELECT * FROM contact ORDER BY aor'),
      get: database.prepare<ContactRow>('SELECT * FROM contact WHERE aor = ?'),
      put: database.prepare('INSERT INTO contact VALUES (?, ?, ?) ON CONFLICT (aor) DO UPDATE SET display_name = excluded.display_name, favourite = excluded.favourite'),
      remove: database.prepare('DELETE FROM contact WHERE aor = ?'),
    }
  }

  all(): readonly ContactRecord[] {
    return this.statements.all.all().map(toContact)
  }

  get(aor: string): ContactRecord | undefined {
    const row = this.statements.get.get(aor)
    return row && toContact(row)
  }

  put(contact: ContactRecord): void {
    this.statements.put.run(contact.aor, contact.displayName, Number(contact.favourite))
  }

  remove(aor: string): void {
    this.statements.remove.run(aor)
  }
}

function toContact(row: ContactRow): ContactRecord {
  return { aor: row.aor, displayName: row.display_name, favourite: row.favourite === 1 }
}

interface MessageRow {
  id: string, aor: string, direction: MessageView['direction'], body: string, at: number, state: MessageView['state'], error: string | null
}

export class SqliteMessageStore implements MessageStore {
  private readonly statements

  constructor(database: Database) {
    const columns = 'id, aor, direction, body, at, state, error'
    // One newest message for each address, and how many of its messages are unread.
    const summary = (condition: string): string => `
      SELECT ${columns}, (SELECT count(*) FROM message AS u WHERE u.aor = m.aor AND u.unread = 1) AS unread FROM message AS m
      WHERE position = (SELECT position FROM message AS n WHERE n.aor = m.aor ORDER BY at DESC, position DESC LIMIT 1) ${condition}
      ORDER BY at DESC, position DESC`
    this.statements = {
      // A message that is put again keeps its place, and stays read once it was read.
      put: database.prepare(`INSERT INTO message (${columns}, unread) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
        aor = excluded.aor, direction = excluded.direction, body = excluded.body, at = excluded.at, state = excluded.state, error = excluded.error`),
      get: database.prepare<MessageRow>(`SELECT ${columns} FROM message WHERE id = ?`),
      list: database.prepare<MessageRow>(`SELECT ${columns} FROM message WHERE aor = ? ORDER BY at DESC, position DESC LIMIT ?`),
      listBefore: database.prepare<MessageRow>(`SELECT ${columns} FROM message WHERE aor = ? AND at < ? ORDER BY at DESC, position DESC LIMIT ?`),
      undelivered: database.prepare<MessageRow>(`SELECT ${columns} FROM message WHERE state IN ('queued', 'sending') ORDER BY at, position`),
      conversations: database.prepare<MessageRow & { unread: number }>(summary('')),
      conversation: database.prepare<MessageRow & { unread: number }>(summary('AND m.aor = ?')),
      markRead: database.prepare('UPDATE message SET unread = 0 WHERE aor = ? AND unread = 1'),
    }
  }

  put(message: MessageView): void {
    const { id, aor, direction, text, at, state, error } = message
    this.statements.put.run(id, aor, direction, text, at, state, error, Number(state === 'received'))
  }

  get(id: string): MessageView | undefined {
    const row = this.statements.get.get(id)
    return row && toMessage(row)
  }

  list(aor: string, before: number | undefined, limit: number): readonly MessageView[] {
    const rows = before === undefined ? this.statements.list.all(aor, limit) : this.statements.listBefore.all(aor, before, limit)
    return rows.map(toMessage)
  }

  undelivered(): readonly MessageView[] {
    return this.statements.undelivered.all().map(toMessage)
  }

  conversations(aor?: string): readonly ConversationSummary[] {
    const rows = aor === undefined ? this.statements.conversations.all() : this.statements.conversation.all(aor)
    return rows.map((row) => ({ aor: row.aor, unread: row.unread, last: toMessage(row) }))
  }

  markRead(aor: string): void {
    this.statements.markRead.run(aor)
  }
}

function toMessage(row: MessageRow): MessageView {
  return { id: row.id, aor: row.aor, direction: row.direction, text: row.body, at: row.at, state: row.state, error: row.error }
}

interface HistoryRow {
  id: string, aor: string, display_name: string, direction: HistoryEntry['direction'], started_at: number
  duration_s: number, outcome: HistoryEntry['outcome'], end_reason: HistoryEntry['end'], seen: number, uri: string
}

export class SqliteHistoryStore implements HistoryStore {
  private readonly statements

  constructor(database: Database) {
    const columns = 'id, aor, display_name, direction, started_at, duration_s, outcome, end_reason, seen, uri'
    this.statements = {
      put: database.prepare(`INSERT INTO history (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
        aor = excluded.aor, display_name = excluded.display_name, direction = excluded.direction, started_at = excluded.started_at,
        duration_s = excluded.duration_s, outcome = excluded.outcome, end_reason = excluded.end_reason, seen = excluded.seen, uri = excluded.uri`),
      latest: database.prepare<HistoryRow>(`SELECT ${columns} FROM history ORDER BY started_at DESC, position DESC LIMIT ?`),
      markSeen: database.prepare('UPDATE history SET seen = 1 WHERE seen = 0'),
      clear: database.prepare('DELETE FROM history'),
    }
  }

  put(entry: HistoryEntry): void {
    this.statements.put.run(entry.id, entry.aor, entry.displayName, entry.direction, entry.startedAt,
      entry.durationS, entry.outcome, entry.end, Number(entry.seen), entry.uri ?? '')
  }

  latest(limit: number): readonly HistoryEntry[] {
    return this.statements.latest.all(limit).map((row) => ({
      id: row.id, aor: row.aor, displayName: row.display_name, direction: row.direction, startedAt: row.started_at,
      durationS: row.duration_s, outcome: row.outcome, end: row.end_reason, seen: row.seen === 1, ...(row.uri !== '' && { uri: row.uri }),
    }))
  }

  markSeen(): void {
    this.statements.markSeen.run()
  }

  clear(): void {
    this.statements.clear.run()
  }
}

/** Settings and the chosen presence as JSON, one row a field, so that a field added later has its default. */
export class SqliteSettingsStore implements SettingsStore {
  private readonly statements

  constructor(private readonly database: Database) {
    this.statements = {
      all: database.prepare<{ name: string, value: string }>("SELECT name, value FROM setting WHERE name LIKE 'settings.%'"),
      get: database.prepare<{ value: string }>('SELECT value FROM setting WHERE name = ?'),
      put: database.prepare('INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value'),
    }
  }

  settings(): Settings {
    const saved: Record<string, unknown> = {}
    for (const { name, value } of this.statements.all.all()) saved[name.slice('settings.'.length)] = JSON.parse(value)
    const whole = settingsSchema.safeParse({ ...defaultSettings, ...saved })
    if (whole.success) return whole.data
    // A value that this version does not know (a theme that was dropped) must not take the others with it.
    for (const issue of whole.error.issues) delete saved[String(issue.path[0])]
    return settingsSchema.parse({ ...defaultSettings, ...saved })
  }

  saveSettings(settings: Settings): void {
    this.database.transaction(() => {
      for (const [name, value] of Object.entries(settings)) this.statements.put.run(`settings.${name}`, JSON.stringify(value))
    })
  }

  presence(): OwnPresence | undefined {
    const row = this.statements.get.get('presence')
    if (row === undefined) return undefined
    const parsed = ownPresence.safeParse(JSON.parse(row.value))
    return parsed.success ? parsed.data : undefined
  }

  savePresence(presence: OwnPresence): void {
    this.statements.put.run('presence', JSON.stringify(presence))
  }
}

/** Strangers can watch too, so the table is kept to a size. */
const maxWatchers = 1000

export class SqliteWatcherStore implements WatcherStore {
  private readonly statements

  constructor(private readonly database: Database) {
    this.statements = {
      put: database.prepare('INSERT INTO watcher VALUES (?, ?) ON CONFLICT (aor) DO UPDATE SET at = max(at, excluded.at)'),
      trim: database.prepare('DELETE FROM watcher WHERE aor IN (SELECT aor FROM watcher ORDER BY at DESC, aor LIMIT -1 OFFSET ?)'),
      remove: database.prepare('DELETE FROM watcher WHERE aor = ?'),
      recent: database.prepare<{ aor: string }>('SELECT aor FROM watcher WHERE at >= ? ORDER BY at DESC, aor LIMIT ?'),
    }
  }

  put(aor: string, at: number): void {
    this.database.transaction(() => {
      this.statements.put.run(aor, at)
      this.statements.trim.run(maxWatchers)
    })
  }

  remove(aor: string): void {
    this.statements.remove.run(aor)
  }

  recent(since: number, limit: number): readonly string[] {
    return this.statements.recent.all(since, limit).map((row) => row.aor)
  }
}
