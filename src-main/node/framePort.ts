/** What the Unix-socket and WebSocket doors share: frames that arrive before anybody listens wait, a slow reader is shut out. */
import type { Port } from '@shared/ipc/port.ts'

export const maxFrameBytes = 4_000_000
/** A client that leaves more than this unread is dropped: it asks for a snapshot when it comes back. */
export const maxUnreadBytes = 32_000_000
const maxWaiting = 1_000

/** A port over some connection; the connection calls `receive` and `shut`. */
export class FramePort implements Port {
  private frameListener: ((frame: string) => void) | undefined
  private closeListener: (() => void) | undefined
  private waiting: string[] = []
  private shutDown = false

  constructor(private readonly wire: { send(frame: string): void; close(): void; unread(): number }) {}

  get onFrame(): ((frame: string) => void) | undefined { return this.frameListener }

  set onFrame(listener: ((frame: string) => void) | undefined) {
    this.frameListener = listener
    if (listener === undefined || this.waiting.length === 0) return
    const frames = this.waiting
    this.waiting = []
    queueMicrotask(() => { for (const frame of frames) this.receive(frame) })
  }

  get onClose(): (() => void) | undefined { return this.closeListener }

  set onClose(listener: (() => void) | undefined) {
    this.closeListener = listener
    if (this.shutDown && listener !== undefined) queueMicrotask(listener)
  }

  send(frame: string): void {
    if (this.shutDown) return
    this.wire.send(frame)
    if (this.wire.unread() > maxUnreadBytes) this.close()
  }

  close(): void {
    this.wire.close()
    this.shut()
  }

  receive(frame: string): void {
    if (this.shutDown) return
    if (this.frameListener !== undefined) this.frameListener(frame)
    else if (this.waiting.length < maxWaiting) this.waiting.push(frame)
    else this.close()
  }

  shut(): void {
    if (this.shutDown) return
    this.shutDown = true
    this.waiting = []
    this.closeListener?.()
  }
}
