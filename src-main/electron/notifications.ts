/**
 * Desktop notifications: a call that rings, with answer and decline where the desktop has buttons; a message; a
 * missed call. None while the user looks at the main window, none that the settings switch off.
 */
import { Notification } from 'electron'
import type { CallView, MessageView, Settings } from '@shared/model/index.ts'

export interface NotificationUser {
  settings(): Settings | undefined
  /** the user sees the main window */
  watched(): boolean
  nameOf(aor: string): string
  onOpenCall(call: CallView): void
  onAnswer(call: CallView): void
  onDecline(call: CallView): void
  onOpenConversation(aor: string): void
  onOpenHistory(): void
}

export interface ShownNotification { close(): void }
export interface NotificationRequest {
  title: string
  body: string
  urgent: boolean
  actions: readonly string[]
  onClick(): void
  onAction(index: number): void
}

/** With the desktop's own notifications. */
export function showOnDesktop(icon: string) {
  return ({ title, body, urgent, actions, onClick, onAction }: NotificationRequest): ShownNotification | undefined => {
    if (!Notification.isSupported()) return undefined
    const notification = new Notification({
      title, body, icon, silent: true, urgency: urgent ? 'critical' : 'normal', timeoutType: urgent ? 'never' : 'default',
      actions: actions.map((text) => ({ type: 'button', text })),
    })
    notification.on('click', onClick)
    // newer versions put the index on the event, older ones beside it
    notification.on('action', (details, index) => { onAction((details as { actionIndex?: number }).actionIndex ?? index) })
    notification.show()
    return notification
  }
}

export class Notifications {
  private readonly ringing = new Map<string, ShownNotification>()

  constructor(private readonly show: (request: NotificationRequest) => ShownNotification | undefined, private readonly user: NotificationUser) {}

  onCall(before: CallView | undefined, now: CallView | undefined): void {
    const call = now ?? before
    if (call === undefined) return
    if (now?.state === 'incoming') {
      if (before?.state !== 'incoming') this.ring(now)
      return
    }
    this.ringing.get(call.id)?.close()
    this.ringing.delete(call.id)
    if (now?.state === 'ended' && before?.state !== 'ended' && now.direction === 'in' && now.end === 'missed') {
      this.tell({ title: 'Missed call', body: this.caller(now), urgent: false, actions: [], onClick: () => { this.user.onOpenHistory() }, onAction: () => {} })
    }
  }

  onMessage(message: MessageView): void {
    if (message.direction !== 'in' || message.state !== 'received') return
    const shown = this.user.settings()?.notificationContent ?? false
    const open = (): void => { this.user.onOpenConversation(message.aor) }
    this.tell({ title: this.user.nameOf(message.aor), body: shown ? message.text.slice(0, 200) : 'New message', urgent: false, actions: [], onClick: open, onAction: open })
  }

  closeAll(): void {
    for (const notification of this.ringing.values()) notification.close()
    this.ringing.clear()
  }

  private ring(call: CallView): void {
    const shown = this.tell({
      title: 'Incoming call', body: this.caller(call), urgent: true, actions: ['Answer', 'Decline'],
      onClick: () => { this.user.onOpenCall(call) },
      onAction: (index) => { if (index === 0) this.user.onAnswer(call); else this.user.onDecline(call) },
    })
    if (shown !== undefined) this.ringing.set(call.id, shown)
  }

  private tell(request: NotificationRequest): ShownNotification | undefined {
    if (this.user.settings()?.notifications !== true || this.user.watched()) return undefined
    return this.show(request)
  }

  private caller(call: CallView): string {
    const name = call.remote.displayName || this.user.nameOf(call.remote.aor)
    return name === call.remote.aor ? name : `${name} (${call.remote.aor})`
  }
}
