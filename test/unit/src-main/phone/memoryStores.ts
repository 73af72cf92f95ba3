/** What the phone keeps, in memory; survives a restart of the phone in a test as a database would. */
import { defaultSettings, type HistoryEntry, type MessageView, type OwnPresence } from '@shared/model/index.ts'
import type { PhoneStores } from '../../../../src-main/phone/phone.ts'
import type { ContactRecord } from '../../../../src-main/phone/stores.ts'

export function memoryStores(): PhoneStores {
  const contacts = new Map<string, ContactRecord>()
  const messages = new Map<string, { message: MessageView; read: boolean }>()
  const history = new Map<string, HistoryEntry>()
  const watchers = new Map<string, number>()
  let settings = defaultSettings
  let presence: OwnPresence | undefined
  const newestFirst = (): { message: MessageView; read: boolean }[] => [...messages.values()].reverse().sort((a, b) => b.message.at - a.message.at)
  return {
    contacts: {
      all: () => [...contacts.values()].sort((a, b) => a.aor.localeCompare(b.aor)),
      get: (aor) => contacts.get(aor),
      put: (contact) => { contacts.set(contact.aor, contact) },
      remove: (aor) => { contacts.delete(aor) },
    },
    messages: {
      put: (message) => { messages.set(message.id, { message, read: messages.get(message.id)?.read ?? message.state !== 'received' }) },
      get: (id) => messages.get(id)?.message,
      list: (aor, before, limit) => newestFirst().map((each) => each.message).filter((m) => m.aor === aor && (before === undefined || m.at < before)).slice(0, limit),
      undelivered: () => newestFirst().map((each) => each.message).filter((m) => m.state === 'queued' || m.state === 'sending').reverse(),
      conversations: (aor) => {
        const all = newestFirst()
        return [...new Set(all.map((each) => each.message.aor))].filter((each) => aor === undefined || each === aor).flatMap((each) => {
          const own = all.filter(({ message }) => message.aor === each)
          return own[0] === undefined ? [] : [{ aor: each, unread: own.filter(({ read }) => !read).length, last: own[0].message }]
        })
      },
      markRead: (aor) => { for (const each of messages.values()) if (each.message.aor === aor) each.read = true },
    },
    history: {
      put: (entry) => { history.set(entry.id, entry) },
      latest: (limit) => [...history.values()].reverse().sort((a, b) => b.startedAt - a.startedAt).slice(0, limit),
      markSeen: () => { for (const [id, entry] of history) history.set(id, { ...entry, seen: true }) },
      clear: () => { history.clear() },
    },
    settings: {
      settings: () => settings,
      saveSettings: (next) => { settings = next },
      presence: () => presence,
      savePresence: (next) => { presence = next },
    },
    watchers: {
      put: (aor, at) => { watchers.set(aor, at) },
      remove: (aor) => { watchers.delete(aor) },
      recent: (since, limit) => [...watchers].filter(([, at]) => at >= since).sort((a, b) => b[1] - a[1]).slice(0, limit).map(([aor]) => aor),
    },
  }
}
