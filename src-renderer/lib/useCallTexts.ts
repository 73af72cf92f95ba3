/** What a call shows: name, time, lock; for the stage and the bar alike. */
import { computed, type ComputedRef } from 'vue'
import { useI18n } from 'vue-i18n'
import type { CallView } from '@shared/model/index.ts'
import { callStateWords } from '../i18n/words.ts'
import { usePeer } from '../stores/peer.ts'
import { duration, second } from './time.ts'

export interface CallTexts { name: ComputedRef<string>; timer: ComputedRef<string>; words: ComputedRef<string> }

export function useCallTexts(call: () => CallView | undefined): CallTexts {
  const peer = usePeer()
  const { t } = useI18n()
  const name = computed(() => {
    const c = call()
    if (c === undefined) return ''
    return peer.state.contacts[c.remote.aor]?.displayName || c.remote.displayName || peer.nameOf(c.remote.aor)
  })
  const timer = computed(() => {
    const c = call()
    if (c === undefined || c.answeredAt === null) return ''
    return duration(((c.endedAt ?? Math.max(second.value, c.answeredAt)) - c.answeredAt) / 1000)
  })
  const words = computed(() => {
    const c = call()
    if (c === undefined) return ''
    return c.state === 'active' ? timer.value : callStateWords(c, name.value, t)
  })
  return { name, timer, words }
}
