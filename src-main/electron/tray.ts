/**
 * The tray icon: shows how the phone is, opens the window, sets presence, quits. Linux desktops have a tray only
 * when somebody owns the StatusNotifierWatcher name; without one the window is never hidden away.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { Menu, nativeImage, Tray, type NativeImage } from 'electron'
import type { State } from '@shared/ipc/contract.ts'
import type { OwnPresence } from '@shared/model/index.ts'

export interface TrayUser {
  onOpen(): void
  onPresence(state: OwnPresence['state']): void
  onQuit(): void
}

export type TrayLook = 'online' | 'offline' | 'attention'

const presenceWords: Readonly<Record<OwnPresence['state'], string>> = { available: 'Available', busy: 'Busy', away: 'Away', offline: 'Appear offline' }

/** Whether the desktop has somewhere to put a tray icon. */
export function trayHost(platform: NodeJS.Platform = process.platform): Promise<boolean> {
  if (platform !== 'linux') return Promise.resolve(true)
  const args = ['--session', '--print-reply', '--dest=org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus.NameHasOwner', 'string:org.kde.StatusNotifierWatcher']
  return new Promise((resolve) => {
    execFile('dbus-send', args, { timeout: 2000 }, (error, stdout) => { resolve(error === null && /boolean true/.test(stdout)) })
  })
}

export function lookOf(state: State | undefined): TrayLook {
  if (state === undefined) return 'offline'
  const wanted = Object.values(state.calls).some((call) => call.state === 'incoming')
    || Object.values(state.conversations).some((conversation) => conversation.unread > 0)
    || Object.values(state.history).some((entry) => entry.outcome === 'missed' && !entry.seen)
  if (wanted) return 'attention'
  return state.status.phase === 'joined' || state.status.phase === 'alone' ? 'online' : 'offline'
}

export function tooltipOf(state: State | undefined): string {
  if (state?.account == null) return 'Ringway'
  const { phase, peers } = state.status
  const network = phase === 'joined' ? `${peers} peers` : phase === 'alone' ? 'alone in the overlay' : phase
  return `Ringway – ${state.account.aor}, ${network}`
}

export class PhoneTray {
  private readonly tray: Tray
  private readonly images: Record<TrayLook, NativeImage>
  private shown = ''

  constructor(icons: string, private readonly user: TrayUser) {
    const image = (look: TrayLook): NativeImage => nativeImage.createFromPath(join(icons, `tray-${look}.png`))
    this.images = { online: image('online'), offline: image('offline'), attention: image('attention') }
    this.tray = new Tray(this.images.offline)
    this.tray.on('click', () => { this.user.onOpen() })
    this.update(undefined)
  }

  update(state: State | undefined): void {
    const look = lookOf(state)
    const next = JSON.stringify([look, tooltipOf(state), state?.presence.state, state?.account !== null])
    if (next === this.shown) return
    this.shown = next
    this.tray.setImage(this.images[look])
    this.tray.setToolTip(tooltipOf(state))
    const enrolled = state?.account != null
    this.tray.setContextMenu(Menu.buildFromTemplate([
      { label: 'Open Ringway', click: () => { this.user.onOpen() } },
      { type: 'separator' },
      ...Object.entries(presenceWords).map(([value, label]) => ({
        label, type: 'radio' as const, enabled: enrolled, checked: state?.presence.state === value,
        click: () => { this.user.onPresence(value as OwnPresence['state']) },
      })),
      { type: 'separator' },
      { label: 'Quit', click: () => { this.user.onQuit() } },
    ]))
  }

  destroy(): void { this.tray.destroy() }
}
