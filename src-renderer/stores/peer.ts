/**
 * The projection of the peer's state, and the way to its commands. Everything shown comes from here; nothing is
 * changed here but by the peer's own deltas.
 */
import { defineStore } from 'pinia'
import { computed, reactive, ref, shallowRef } from 'vue'
import { defaultSettings } from '@shared/model/index.ts'
import type { ContactView, MessageView, PresenceView } from '@shared/model/index.ts'
import type { Events, Method, Params, Result, State } from '@shared/ipc/contract.ts'
import { ContractError, type ContractClient } from '@shared/ipc/client.ts'
import type { Port } from '@shared/ipc/port.ts'
import { Connection } from '../ipc/connection.ts'
import { applyChange } from '../lib/applyChanges.ts'
import { userPart } from '../lib/address.ts'

export type Link = 'connecting' | 'connected' | 'lost'

export const emptyState = (): State => ({
  account: null,
  status: { phase: 'stopped', step: null, listen: null, peers: 0, neighbours: [], roles: [], registered: false, counters: {}, problem: null },
  presence: { state: 'available', note: '' },
  settings: { ...defaultSettings },
  contacts: {}, calls: {}, conversations: {}, history: {}, discovered: {}, warnings: {},
})

const unknownPresence: PresenceView = { state: 'unknown', note: '', since: 0 }

export const usePeer = defineStore('peer', () => {
  const state = reactive(emptyState())
  const link = ref<Link>('connecting')
  const loaded = ref(false)
  const retryAt = ref(0)
  const connection = shallowRef<Connection>()
  const messageListeners = new Set<(message: MessageView) => void>()
  const mediaListeners = new Set<(event: Events['media']) => void>()
  const lostListeners = new Set<() => void>()
  const loadedListeners = new Set<() => void>()

  function replace(next: State): void { Object.assign(state, next) }

  function connect(open: () => Promise<Port> | Port): Promise<void> {
    const made = new Connection(open, {
      onClient: (client: ContractClient) => {
        client.on('media', (event) => { for (const listener of mediaListeners) listener(event) })
      },
      onSnapshot: (next) => {
        replace(next)
        loaded.value = true
        link.value = 'connected'
        for (const listener of loadedListeners) listener()
      },
      onChanges: (changes) => {
        for (const change of changes) {
          if (change.topic === 'messages') {
            if (change.value !== null) for (const listener of messageListeners) listener(change.value as MessageView)
          } else applyChange(state, change)
        }
      },
      onLost: (retryInMs) => {
        link.value = 'lost'
        retryAt.value = Date.now() + retryInMs
        for (const listener of lostListeners) listener()
      },
    })
    connection.value = made
    return made.start()
  }

  /** @throws ContractError */
  function call<M extends Method>(method: M, params: Params<M>): Promise<Result<M>> {
    const client = connection.value?.client
    if (client === undefined) return Promise.reject(new ContractError('peer-unreachable', 'no connection to the peer'))
    return client.call(method, params)
  }

  const own = computed(() => state.account)
  const overlayName = computed(() => state.account?.overlay.name ?? '')
  const contacts = computed<ContactView[]>(() => Object.values(state.contacts).sort((a, b) =>
    Number(b.favourite) - Number(a.favourite) || a.displayName.localeCompare(b.displayName)))
  const conversations = computed(() => Object.values(state.conversations).sort((a, b) => (b.last?.at ?? 0) - (a.last?.at ?? 0)))
  const history = computed(() => Object.values(state.history).sort((a, b) => b.startedAt - a.startedAt))
  const unread = computed(() => Object.values(state.conversations).reduce((sum, c) => sum + c.unread, 0))
  const missed = computed(() => Object.values(state.history).filter((h) => h.outcome === 'missed' && !h.seen).length)

  /** The best name known for an address. */
  function nameOf(aor: string): string {
    return state.contacts[aor]?.displayName || state.conversations[aor]?.displayName || userPart(aor)
  }
  function presenceOf(aor: string): PresenceView { return state.contacts[aor]?.presence ?? unknownPresence }

  return {
    state, link, loaded, retryAt, connection, connect, call, replace,
    own, overlayName, contacts, conversations, history, unread, missed, nameOf, presenceOf,
    onMessage: (listener: (message: MessageView) => void) => { messageListeners.add(listener) },
    onMedia: (listener: (event: Events['media']) => void) => { mediaListeners.add(listener) },
    onLost: (listener: () => void) => { lostListeners.add(listener) },
    onLoaded: (listener: () => void) => { loadedListeners.add(listener) },
  }
})
