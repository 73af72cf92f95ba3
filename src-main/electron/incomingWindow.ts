/**
 * The small window of a ringing call: on top of everything, never taking the keyboard, gone when nothing rings.
 * It is there while the main window is not the one the user looks at. It only relays: the main window answers.
 */
import { BrowserWindow, screen } from 'electron'
import { webPreferences, windowColour, type WindowPlace } from './window.ts'

const width = 400, height = 216, margin = 24

export class IncomingWindow {
  private window: BrowserWindow | undefined

  constructor(private readonly place: WindowPlace, private readonly admit: (window: BrowserWindow) => void) {}

  get shown(): boolean { return this.window?.isVisible() ?? false }

  show(): void {
    if (this.window !== undefined) {
      this.window.showInactive()
      return
    }
    const { workArea } = screen.getPrimaryDisplay()
    const window = new BrowserWindow({
      width, height, x: workArea.x + workArea.width - width - margin, y: workArea.y + margin, show: false, frame: false, resizable: false,
      minimizable: false, maximizable: false, fullscreenable: false, skipTaskbar: true, alwaysOnTop: true, title: 'Incoming call – Ringway',
      icon: this.place.icon, backgroundColor: windowColour(), acceptFirstMouse: true, webPreferences: webPreferences('incoming', this.place.preload),
    })
    this.window = window
    this.admit(window)
    window.setAlwaysOnTop(true, 'screen-saver')
    window.setVisibleOnAllWorkspaces(true, { visibleOnFullScreen: true })
    window.once('ready-to-show', () => { if (this.window === window) window.showInactive() })
    window.once('closed', () => { if (this.window === window) this.window = undefined })
    void window.loadURL(this.place.url)
  }

  /** From a notification: now the user has asked for it, so it may take the keyboard. */
  focus(): void {
    this.show()
    this.window?.focus()
  }

  close(): void {
    const window = this.window
    this.window = undefined
    window?.destroy()
  }
}
