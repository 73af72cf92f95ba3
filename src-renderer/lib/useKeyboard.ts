/** Carries out the keymap for the whole window. */
import { onMounted, onUnmounted } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { deedOf, isMac, typing, type Deed } from '../keys.ts'
import { useCalls } from '../stores/calls.ts'
import { usePeer } from '../stores/peer.ts'
import { useUi } from '../stores/ui.ts'
import { useDeeds } from './useDeeds.ts'

/** Focuses the next region (rail, search, list, stage, status bar) from where the focus is. */
function moveRegion(step: 1 | -1): void {
  const regions = [...document.querySelectorAll<HTMLElement>('[data-region]')]
  const here = regions.findIndex((region) => region.contains(document.activeElement))
  const next = regions[(here + step + regions.length) % regions.length]
  const inside = next?.querySelector<HTMLElement>('a[href], button:not(:disabled), input, textarea, [tabindex="0"]')
  ;(inside ?? next)?.focus()
}

export function useKeyboard(): void {
  const router = useRouter()
  const route = useRoute()
  const peer = usePeer()
  const calls = useCalls()
  const ui = useUi()
  const deeds = useDeeds()

  function moveChat(step: 1 | -1): void {
    const list = peer.conversations
    const here = list.findIndex((c) => c.aor === route.params['aor'])
    const next = list[here < 0 ? 0 : here + step]
    if (next !== undefined) void deeds.message(next.aor)
  }

  /** @returns whether the key was used */
  function act(deed: Deed): boolean {
    if (deed === 'shortcuts') { ui.sheet = 'shortcuts'; return true }
    if (peer.own === null) return false
    const inHand = calls.inHand[0], ringing = calls.incoming[0]
    switch (deed) {
      case 'new': case 'search': {
        const field = document.querySelector<HTMLInputElement>('[data-search]')
        field?.focus()
        field?.select()
        return true
      }
      case 'chats': case 'calls': case 'contacts': case 'network': case 'settings': void router.push(`/${deed}`); return true
      case 'nextRegion': moveRegion(1); return true
      case 'previousRegion': moveRegion(-1); return true
      case 'previousChat': moveChat(-1); return true
      case 'nextChat': moveChat(1); return true
      case 'call': {
        const aor = route.params['aor']
        if (typeof aor !== 'string') return false
        void deeds.place(aor)
        return true
      }
      case 'answer': if (ringing === undefined) return false; void deeds.answer(ringing.id); return true
      case 'decline': if (ringing === undefined) return false; void deeds.reject(ringing.id); return true
      case 'hangup': if (inHand === undefined) return false; void deeds.hangup(inHand.id); return true
      case 'mute': case 'muteShort': if (inHand === undefined) return false; void deeds.toggleMute(inHand.id); return true
    }
  }

  const onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing) return
    const deed = deedOf(event, typing(event.target), isMac())
    if (deed !== undefined && act(deed)) event.preventDefault()
  }
  onMounted(() => { window.addEventListener('keydown', onKey) })
  onUnmounted(() => { window.removeEventListener('keydown', onKey) })
}
