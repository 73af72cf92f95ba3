/** The deeds that several screens offer: call, message, answer, hang up; failures are told in words, at once. */
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'
import { useCalls } from '../stores/calls.ts'
import { codeOf, useUi } from '../stores/ui.ts'

export interface Deeds {
  /** runs work that may fail; a failure becomes a toast */
  attempt(work: () => Promise<unknown>): Promise<boolean>
  fail(cause: unknown): void
  /** @param uri leads to `aor` by a way that was asked for; sip: when absent */
  place(aor: string, uri?: string): Promise<void>
  message(aor: string): Promise<void>
  answer(id: string): Promise<void>
  reject(id: string): Promise<void>
  hangup(id: string): Promise<void>
  toggleMute(id: string): Promise<void>
}

export function useDeeds(): Deeds {
  const { t } = useI18n()
  const router = useRouter()
  const calls = useCalls()
  const ui = useUi()

  const fail = (cause: unknown): void => {
    const code = codeOf(cause)
    ui.toast('error', t(`errors.${code}.what`), t(`errors.${code}.do`))
  }
  const attempt = async (work: () => Promise<unknown>): Promise<boolean> => {
    try {
      await work()
      return true
    } catch (cause) {
      fail(cause)
      return false
    }
  }
  return {
    attempt, fail,
    place: async (aor, uri) => { await attempt(async () => router.push(`/call/${await calls.place(aor, uri)}`)) },
    message: async (aor) => { await router.push(`/chats/${encodeURIComponent(aor)}`) },
    answer: async (id) => { await attempt(async () => { await calls.answer(id); await router.push(`/call/${id}`) }) },
    reject: async (id) => { await attempt(() => calls.reject(id)) },
    hangup: async (id) => { await attempt(() => calls.hangup(id)) },
    toggleMute: async (id) => { await attempt(() => calls.mute(id, !(calls.find(id)?.muted ?? false))) },
  }
}
