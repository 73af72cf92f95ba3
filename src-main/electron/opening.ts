/** Opening the peer of the desktop app: what cannot be opened is explained, and a damaged database may be set aside. */
import { dialog } from 'electron'
import { isErrorCode, type ErrorCode } from '@shared/errorCodes.ts'
import { explain } from '../cli/words.ts'

function codeOf(cause: unknown): ErrorCode {
  const code = (cause as { code?: unknown }).code
  return isErrorCode(code) ? code : 'internal'
}

const detailOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** @returns undefined when it could not be opened; the user has been told. */
export async function openOrExplain<T>(open: (rescueDatabase: boolean) => Promise<T>): Promise<T | undefined> {
  try {
    return await open(false)
  } catch (cause) {
    const code = codeOf(cause)
    console.error(`Ringway cannot start: ${explain(code)}`, cause)
    if (code !== 'database-damaged') {
      dialog.showErrorBox('Ringway cannot start', `${explain(code)}\n\n${detailOf(cause)}`)
      return undefined
    }
    const { response } = await dialog.showMessageBox({
      type: 'error', title: 'Ringway', message: 'The database of this profile is damaged.',
      detail: 'Nothing was deleted. It can be set aside, and Ringway start with an empty one: your identity stays, contacts, messages and history begin anew.',
      buttons: ['Set it aside and start', 'Quit'], defaultId: 1, cancelId: 1,
    })
    return response === 0 ? openOrExplain(() => open(true)) : undefined
  }
}

/** Going on the network may fail while the app itself is fine: it stays open, and says why. */
export async function startOrExplain(start: () => Promise<void>): Promise<void> {
  try {
    await start()
  } catch (cause) {
    console.error('Ringway cannot go on the network:', cause)
    void dialog.showMessageBox({ type: 'warning', title: 'Ringway', message: explain(codeOf(cause)), detail: detailOf(cause), buttons: ['OK'] })
  }
}
