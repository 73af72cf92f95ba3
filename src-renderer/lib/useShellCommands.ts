/** Carries out what another window, a notification, the tray or a link asked for. */
import { watch } from 'vue'
import { useRouter } from 'vue-router'
import type { ShellCommand } from '../ipc/electronPort.ts'
import { usePeer } from '../stores/peer.ts'
import { useUi } from '../stores/ui.ts'
import { toAor } from './address.ts'
import { useDeeds } from './useDeeds.ts'

export function useShellCommands(): void {
  const router = useRouter()
  const peer = usePeer()
  const ui = useUi()
  const deeds = useDeeds()
  const waiting: ShellCommand[] = []

  async function obey(command: ShellCommand): Promise<void> {
    switch (command.kind) {
      case 'answer': return deeds.answer(command.call)
      case 'message': return deeds.message(command.aor)
      case 'dial': {
        const aor = toAor(command.uri, peer.overlayName)
        // a link from outside never starts a call by itself: it shows whom it would call
        if (aor !== '') await router.push(`/calls/${encodeURIComponent(aor)}`)
        return
      }
      case 'join':
        ui.pendingLink = command.link
        return
      case 'open':
        await router.push(command.path)
    }
  }
  window.ringway?.onCommand?.((command) => {
    if (peer.loaded) void obey(command)
    else waiting.push(command)
  })
  watch(() => peer.loaded, () => { for (const command of waiting.splice(0)) void obey(command) })
}
