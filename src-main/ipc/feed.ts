/** Carries what the services tell into the projections that clients show. Nothing else. */
import type { ConversationView } from '@shared/model/index.ts'
import type { Phone } from '../phone/phone.ts'
import type { Projections } from './projections.ts'

const shownHistory = 200

/** @returns stops the feed */
export function feedPhone(phone: Phone, projections: Projections): () => void {
  const conversations = (): Record<string, ConversationView> => byId(phone.messages.conversations(), (c) => c.aor)
  projections.replace('contacts', byId(phone.contacts.all(), (c) => c.aor))
  projections.replace('calls', byId(phone.calls.all(), (c) => c.id))
  projections.replace('conversations', conversations())
  projections.replace('history', byId(phone.history.latest(shownHistory), (h) => h.id))
  projections.set('presence', phone.presence.own())
  const stops = [
    phone.contacts.onChanged(({ aor, contact }) => {
      if (contact === null) projections.remove('contacts', aor)
      else projections.put('contacts', aor, contact)
    }),
    phone.calls.onChanged((call) => { projections.put('calls', call.id, call) }),
    phone.calls.onRemoved((id) => { projections.remove('calls', id) }),
    phone.messages.onMessage((message) => { projections.tell('messages', message.id, message) }),
    phone.messages.onConversation((conversation) => { projections.put('conversations', conversation.aor, conversation) }),
    phone.history.onChanged((entry) => {
      if (entry === undefined) projections.replace('history', byId(phone.history.latest(shownHistory), (h) => h.id))
      else projections.put('history', entry.id, entry)
    }),
    phone.presence.onOwnChanged((own) => { projections.set('presence', own) }),
  ]
  return () => { for (const stop of stops) stop() }
}

/** What is shown when no phone is there. */
export function clearPhone(projections: Projections): void {
  for (const topic of ['contacts', 'calls', 'conversations', 'history'] as const) projections.replace(topic, {})
}

function byId<T>(list: readonly T[], id: (value: T) => string): Record<string, T> {
  return Object.fromEntries(list.map((value) => [id(value), value]))
}
