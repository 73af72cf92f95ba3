/** The main window, and what every window of ours has in common. Closing it hides it; the phone stays reachable. */
import { BrowserWindow, nativeTheme, screen, type BrowserWindowConstructorOptions, type WebPreferences } from 'electron'
import { readFileSync, writeFileSync } from 'node:fs'
import { viewArgument, type View } from './channels.ts'

export interface WindowPlace {
  /** page to load */
  readonly url: string
  readonly preload: string
  readonly icon: string
}

export function webPreferences(view: View, preload: string): WebPreferences {
  return {
    preload, additionalArguments: [`${viewArgument}${view}`],
    sandbox: true, contextIsolation: true, nodeIntegration: false, nodeIntegrationInWorker: false, nodeIntegrationInSubFrames: false,
    webSecurity: true, allowRunningInsecureContent: false, webviewTag: false, navigateOnDragDrop: false, spellcheck: false,
    // a hidden window still rings and still makes the sound of calls
    backgroundThrottling: false, autoplayPolicy: 'no-user-gesture-required',
  }
}

/** What a window shows before its page has painted. */
export const windowColour = (): string => (nativeTheme.shouldUseDarkColors ? '#0f1115' : '#f3f4f7')

interface Bounds { x?: number; y?: number; width: number; height: number }
const usual: Bounds = { width: 1100, height: 720 }

/** Where the window was, if that place is still on a screen. */
function savedBounds(file: string): Bounds {
  let saved: Partial<Bounds>
  try {
    saved = JSON.parse(readFileSync(file, 'utf8')) as Partial<Bounds>
  } catch { return usual } // never saved, or not ours: the usual place will do
  const { x, y, width, height } = saved
  if (![x, y, width, height].every((n) => Number.isFinite(n))) return usual
  const rectangle = { x: Number(x), y: Number(y), width: Number(width), height: Number(height) }
  const area = screen.getDisplayMatching(rectangle).workArea
  const visible = rectangle.x < area.x + area.width - 40 && rectangle.x + rectangle.width > area.x + 40 && rectangle.y >= area.y - 10 && rectangle.y < area.y + area.height - 40
  return visible ? rectangle : { width: rectangle.width, height: rectangle.height }
}

export interface MainWindowOptions extends WindowPlace {
  readonly boundsFile: string
  readonly hidden: boolean
  /** undefined: closing is refused and the window hidden, or minimised where there is no tray to bring it back */
  quitting(): boolean
  hasTray(): boolean
}

export function openMainWindow(options: MainWindowOptions): BrowserWindow {
  const settings: BrowserWindowConstructorOptions = {
    ...savedBounds(options.boundsFile), minWidth: 720, minHeight: 520, show: false, title: 'Ringway', icon: options.icon,
    autoHideMenuBar: true, backgroundColor: windowColour(), webPreferences: webPreferences('main', options.preload),
  }
  const window = new BrowserWindow(settings)
  if (!options.hidden) window.once('ready-to-show', () => { window.show() })
  const remember = (): void => {
    if (window.isDestroyed() || window.isMinimized() || !window.isVisible()) return
    try {
      writeFileSync(options.boundsFile, JSON.stringify(window.getNormalBounds()))
    } catch { return } // a full disk must not keep a window from closing
  }
  window.on('close', (event) => {
    remember()
    if (options.quitting()) return
    event.preventDefault()
    if (options.hasTray() || process.platform === 'darwin') window.hide()
    else window.minimize()
  })
  void window.loadURL(options.url)
  return window
}

/** Brings a window to the user wherever it is. */
export function bringToFront(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore()
  window.show()
  window.focus()
}
