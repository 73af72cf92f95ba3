/**
 * The windows, the tray and the notifications of one app, wired to what the peer says. Owns nothing of the phone:
 * it shows, hides, and hands the user's wishes on.
 */
import { BrowserWindow, powerSaveBlocker, type WebContents } from 'electron'
import type { ContractClient } from '@shared/ipc/client.ts'
import type { CallView } from '@shared/model/index.ts'
import { channels } from './channels.ts'
import { IncomingWindow } from './incomingWindow.ts'
import { Notifications, showOnDesktop } from './notifications.ts'
import type { PeerState } from './peerState.ts'
import type { ShellCommand } from './shellCommand.ts'
import { PhoneTray } from './tray.ts'
import { bringToFront, openMainWindow, type WindowPlace } from './window.ts'

export interface ShellOptions {
  readonly page: WindowPlace
  readonly trayIcons: string
  readonly boundsFile: string
  /** lets a window's page talk to the peer */
  admit(contents: WebContents): void
  /** the user asked the tray to end the app */
  quit(): void
}

export class Shell {
  quitting = false
  private window: BrowserWindow | undefined
  private tray: PhoneTray | undefined
  private state: PeerState | undefined
  private client: ContractClient | undefined
  private notifications: Notifications | undefined
  private readonly incoming: IncomingWindow
  /** commands from before the window was there */
  private readonly early: ShellCommand[] = []
  private awake: number | undefined

  constructor(private readonly options: ShellOptions) {
    this.incoming = new IncomingWindow(options.page, (window) => { options.admit(window.webContents) })
  }

  get calls(): readonly CallView[] { return this.state?.calls ?? [] }

  isMain(contents: WebContents): boolean { return this.window?.webContents === contents }

  connect(client: ContractClient, state: PeerState): void {
    this.client = client
    this.state = state
    const notifications = new Notifications(showOnDesktop(this.options.page.icon), {
      settings: () => state.current?.settings,
      watched: () => this.watched,
      nameOf: (aor) => state.current?.contacts[aor]?.displayName || state.current?.conversations[aor]?.displayName || aor,
      onOpenCall: () => { if (this.incoming.shown) this.incoming.focus(); else this.show() },
      onAnswer: (call) => { this.handle({ kind: 'answer', call: call.id }) },
      onDecline: (call) => { this.tell(client.call('call.reject', { id: call.id })) },
      onOpenConversation: (aor) => { this.handle({ kind: 'message', aor }) },
      onOpenHistory: () => { this.handle({ kind: 'open', path: '/calls' }) },
    })
    this.notifications = notifications
    state.onCall(({ before, now }) => { notifications.onCall(before, now) })
    state.onMessage((message) => { notifications.onMessage(message) })
    state.onChange((current) => {
      this.tray?.update(current)
      this.arrange()
    })
  }

  open({ hidden, tray }: { hidden: boolean; tray: boolean }): void {
    if (tray) {
      this.tray = new PhoneTray(this.options.trayIcons, {
        onOpen: () => { this.show() },
        onPresence: (state) => { if (this.client !== undefined) this.tell(this.client.call('presence.set', { state })) },
        onQuit: () => { this.options.quit() },
      })
      this.tray.update(this.state?.current)
    }
    const window = openMainWindow({
      ...this.options.page, boundsFile: this.options.boundsFile, hidden,
      quitting: () => this.quitting, hasTray: () => this.tray !== undefined,
    })
    this.window = window
    this.options.admit(window.webContents)
    // without a tray a hidden window could never be found again
    if (hidden && !tray) window.once('ready-to-show', () => { window.minimize() })
    for (const event of ['focus', 'blur', 'hide', 'show'] as const) window.on(event as 'focus', () => { this.arrange() })
    window.webContents.on('render-process-gone', (_event, { reason }) => { if (reason !== 'clean-exit' && !this.quitting) window.webContents.reload() })
    window.once('closed', () => { if (this.window === window) this.window = undefined })
    for (const command of this.early.splice(0)) this.send(command)
    this.arrange()
  }

  show(): void {
    if (this.window !== undefined) bringToFront(this.window)
  }

  /** Shows the main window and has it do something. */
  handle(command: ShellCommand | undefined): void {
    if (command === undefined) return
    if (this.window === undefined) { this.early.push(command); return }
    this.show()
    this.send(command)
  }

  close(): void {
    this.notifications?.closeAll()
    this.incoming.close()
    this.tray?.destroy()
    this.tray = undefined
    this.window?.destroy()
    if (this.awake !== undefined) powerSaveBlocker.stop(this.awake)
    this.awake = undefined
  }

  private get watched(): boolean { return this.window?.isFocused() === true && this.window.isVisible() }

  /** The incoming window is there while something rings and the user looks elsewhere; no sleep while talking. */
  private arrange(): void {
    const ringing = this.calls.some((call) => call.state === 'incoming')
    if (ringing && !this.watched) this.incoming.show()
    else if (!ringing || this.watched) this.incoming.close()
    const talking = this.calls.some((call) => call.state === 'active' || call.state === 'connecting')
    if (talking && this.awake === undefined) this.awake = powerSaveBlocker.start('prevent-app-suspension')
    if (!talking && this.awake !== undefined) {
      powerSaveBlocker.stop(this.awake)
      this.awake = undefined
    }
  }

  private send(command: ShellCommand): void { this.window?.webContents.send(channels.command, command) }

  private tell(call: Promise<unknown>): void { call.catch((cause: unknown) => { console.warn('the peer refused:', cause) }) }
}
