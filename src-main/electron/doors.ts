/**
 * Doors between windows and peer: each page of ours that loads gets one Port of the contract. Frames are taken
 * only from the main frame of a window that was admitted, while it shows a page of ours.
 */
import type { IpcMain, IpcMainEvent, WebContents } from 'electron'
import { memoryPorts, type Port } from '@shared/ipc/port.ts'
import { channels } from './channels.ts'
import { isOwnUrl } from './sessionSecurity.ts'
import { shellCommand, type ShellCommand } from './shellCommand.ts'

const maxFrameChars = 2_000_000
const maxWaiting = 256

/** The slice of the peer that is used. */
export interface PeerDoor { serve(port: Port): void }

interface Door { port: Port | undefined; waiting: string[] }

export class WindowDoors {
  private readonly admitted = new Map<WebContents, Door>()
  private peer: PeerDoor | undefined

  constructor(
    ipc: IpcMain,
    private readonly origins: readonly string[],
    private readonly user: { onRelay(command: ShellCommand): void; refused(what: string, detail: string): void },
  ) {
    ipc.on(channels.open, (event) => { this.withSender(event, (door) => { this.open(event.sender, door) }) })
    ipc.on(channels.frame, (event, frame: unknown) => {
      this.withSender(event, (door) => {
        if (typeof frame !== 'string' || frame.length > maxFrameChars) this.user.refused('frame', typeof frame)
        else if (door.port !== undefined) door.port.send(frame)
        else if (door.waiting.length < maxWaiting) door.waiting.push(frame)
      })
    })
    ipc.on(channels.relay, (event, command: unknown) => {
      this.withSender(event, () => {
        const checked = shellCommand.safeParse(command)
        if (checked.success) this.user.onRelay(checked.data)
        else this.user.refused('command', checked.error.message)
      })
    })
  }

  admit(contents: WebContents): void {
    this.admitted.set(contents, { port: undefined, waiting: [] })
    contents.once('destroyed', () => {
      this.admitted.get(contents)?.port?.close()
      this.admitted.delete(contents)
    })
  }

  /** The peer is there: pages that have waited are let in. */
  connect(peer: PeerDoor): void {
    this.peer = peer
    for (const [contents, door] of this.admitted) if (!contents.isLoading() || door.waiting.length > 0) this.open(contents, door)
  }

  private open(contents: WebContents, door: Door): void {
    door.port?.close()
    door.port = undefined
    if (this.peer === undefined) return
    const [ours, theirs] = memoryPorts()
    this.peer.serve(theirs)
    door.port = ours
    const send = (channel: string, ...args: unknown[]): void => { if (door.port === ours && !contents.isDestroyed()) contents.send(channel, ...args) }
    ours.onFrame = (frame) => { send(channels.frame, frame) }
    ours.onClose = () => { send(channels.close) }
    for (const frame of door.waiting.splice(0)) ours.send(frame)
  }

  private withSender(event: IpcMainEvent, then: (door: Door) => void): void {
    const door = this.admitted.get(event.sender)
    const frame = event.senderFrame
    if (door === undefined || frame === null || frame !== event.sender.mainFrame || !isOwnUrl(frame.url, this.origins)) {
      this.user.refused('sender', frame?.url.slice(0, 200) ?? 'gone')
      return
    }
    then(door)
  }
}
