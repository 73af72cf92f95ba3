/** When the page may open the microphone: around a call that is not over, and in the settings' sound check. */
import type { CallView } from '@shared/model/index.ts'

export function microphoneAllowed(calls: readonly CallView[], pageUrl: string): boolean {
  if (calls.some((call) => call.state !== 'ended')) return true
  return /^#\/settings\/sound(\?|$)/.test(new URL(pageUrl).hash)
}
