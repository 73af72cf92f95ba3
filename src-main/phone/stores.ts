/**
 * What the phone keeps between runs, one interface per concern, implemented by `store/` on SQLite and in memory.
 * All members are synchronous and durable when they return. Keys are addresses of record without scheme, as
 * `address.ts` normalises them. Times are milliseconds since 1970.
 */
import type { ContactView, HistoryEntry, MessageView, OwnPresence, Settings } from '@shared/model/index.ts'

export type ContactRecord = Omit<ContactView, 'presence'>

export interface ContactStore {
  /** In order of address. */
  all(): readonly ContactRecord[]
  get(aor: string): ContactRecord | undefined
  /** Adds, or replaces the one of the same `aor`. */
  put(contact: ContactRecord): void
  remove(aor: string): void
}

/** One conversation without the name to show, which is the contacts' business. */
export interface ConversationSummary {
  readonly aor: string
  /** messages received since `markRead` */
  readonly unread: number
  readonly last: MessageView
}

export interface MessageStore {
  /** Adds, or replaces the one of the same `id`. A new message in state 'received' is unread. */
  put(message: MessageView): void
  get(id: string): MessageView | undefined
  /** Newest first (by `at`, of equal ones the later added first); only those with `at` < `before` when given. */
  list(aor: string, before: number | undefined, limit: number): readonly MessageView[]
  /** Every message in state 'queued' or 'sending', oldest first. */
  undelivered(): readonly MessageView[]
  /** Latest message first; only `aor`'s when given. */
  conversations(aor?: string): readonly ConversationSummary[]
  /** Everything received from `aor` so far is read. */
  markRead(aor: string): void
}

export interface HistoryStore {
  put(entry: HistoryEntry): void
  /** Newest first. */
  latest(limit: number): readonly HistoryEntry[]
  /** Every entry is seen. */
  markSeen(): void
  clear(): void
}

export interface SettingsStore {
  /** What was saved, completed with the defaults. */
  settings(): Settings
  saveSettings(settings: Settings): void
  /** The presence the user chose last; undefined when never. */
  presence(): OwnPresence | undefined
  savePresence(presence: OwnPresence): void
}

/** Who watched our presence lately: they are told when we are back (see presenceService). */
export interface WatcherStore {
  /** `aor` watches at time `at`. */
  put(aor: string, at: number): void
  remove(aor: string): void
  /** Those seen at or after `since`, latest first. Older ones may be forgotten. */
  recent(since: number, limit: number): readonly string[]
}
