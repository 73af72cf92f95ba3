/** Messages of the conversations that were opened, oldest first; pages come from the peer, news by its deltas. */
import { defineStore } from 'pinia'
import { reactive } from 'vue'
import type { MessageView } from '@shared/model/index.ts'
import { usePeer } from './peer.ts'

export interface Thread { messages: MessageView[]; loading: boolean; complete: boolean; loaded: boolean }
const pageSize = 50

export const useMessages = defineStore('messages', () => {
  const peer = usePeer()
  const threads = reactive<Record<string, Thread>>({})
  const drafts = reactive<Record<string, string>>({})

  function thread(aor: string): Thread {
    threads[aor] ??= { messages: [], loading: false, complete: false, loaded: false }
    return threads[aor]
  }

  function put(message: MessageView): void {
    const { messages } = thread(message.aor)
    const at = messages.findIndex((m) => m.id === message.id)
    if (at >= 0) messages[at] = message
    else messages.push(message)
    messages.sort((a, b) => a.at - b.at)
  }

  /** Loads the newest page, or the page before what is there. @throws ContractError */
  async function loadOlder(aor: string): Promise<void> {
    const t = thread(aor)
    if (t.loading || t.complete) return
    t.loading = true
    try {
      const oldest = t.loaded ? t.messages[0]?.at : undefined
      const page = await peer.call('messages.list', { aor, limit: pageSize, ...(oldest === undefined ? {} : { before: oldest }) })
      for (const message of page) put(message)
      t.complete = page.length < pageSize
      t.loaded = true
    } finally { t.loading = false }
  }

  /** @throws ContractError; the draft is then still there */
  async function send(aor: string, text: string): Promise<void> {
    put(await peer.call('messages.send', { uri: `sip:${aor}`, text }))
  }
  async function retry(id: string): Promise<void> { put(await peer.call('messages.retry', { id })) }

  peer.onMessage((message) => { if (threads[message.aor] !== undefined) put(message) })
  // after a reconnection pages may have holes: read them again
  peer.onLoaded(() => { for (const aor of Object.keys(threads)) threads[aor] = { messages: [], loading: false, complete: false, loaded: false } })

  return { threads, drafts, thread, put, loadOlder, send, retry }
})
