/**
 * The one bridge between a sandboxed window and the main process: frames of the contract, and shell commands.
 * What arrives before the page listens is kept for it. Nothing of Electron or Node is handed through.
 */
import { contextBridge, ipcRenderer } from 'electron'
import { channels, viewArgument, type View } from './channels.ts'

/** Delivers to the latest listener; keeps what comes while there is none. */
function inbox<T>(): { deliver(value: T): void; listen(listener: (value: T) => void): void } {
  let listener: ((value: T) => void) | undefined
  const waiting: T[] = []
  return {
    deliver(value) {
      if (listener === undefined) waiting.push(value)
      else listener(value)
    },
    listen(next) {
      listener = next
      for (const value of waiting.splice(0)) next(value)
    },
  }
}

const frames = inbox<string>()
const closes = inbox<undefined>()
const commands = inbox<unknown>()
ipcRenderer.on(channels.frame, (_event, frame: string) => { frames.deliver(frame) })
ipcRenderer.on(channels.close, () => { closes.deliver(undefined) })
ipcRenderer.on(channels.command, (_event, command: unknown) => { commands.deliver(command) })

const view: View = process.argv.includes(`${viewArgument}incoming`) ? 'incoming' : 'main'

contextBridge.exposeInMainWorld('ringway', {
  view,
  send: (frame: string) => { ipcRenderer.send(channels.frame, String(frame)) },
  onFrame: (listener: (frame: string) => void) => { frames.listen(listener) },
  onClose: (listener: () => void) => { closes.listen(() => { listener() }) },
  relay: (command: unknown) => { ipcRenderer.send(channels.relay, command) },
  onCommand: (listener: (command: unknown) => void) => { commands.listen(listener) },
})

ipcRenderer.send(channels.open)
