/**
 * The door to the peer inside the desktop app. The preload script exposes `window.ringway` with exactly this
 * shape; every frame is one JSON-RPC object of src-shared/ipc/contract.ts.
 */
import type { Port } from '@shared/ipc/port.ts'

/**
 * What a window of the desktop app asks another one to do. The incoming window only relays: the main window
 * makes the sound of calls, so it is the one that answers. The shell itself sends commands when a
 * notification, the tray or a sip: link is used.
 */
export type ShellCommand =
  | { kind: 'answer'; call: string }
  | { kind: 'message'; aor: string }
  | { kind: 'dial'; uri: string }
  | { kind: 'join'; link: string }
  | { kind: 'open'; path: string }

export interface RingwayBridge {
  send(frame: string): void
  onFrame(listener: (frame: string) => void): void
  onClose(listener: () => void): void
  /** main: the whole app; incoming: the small always-on-top window with the ringing call only */
  readonly view: 'main' | 'incoming'
  /** hands a command to the main window (and shows it); called by the incoming window */
  relay?(command: ShellCommand): void
  /** commands for this window: relayed, or from a notification, the tray or a link */
  onCommand?(listener: (command: ShellCommand) => void): void
}

declare global {
  interface Window { readonly ringway?: RingwayBridge }
}

/** A Port over the bridge. The bridge lives as long as the window; it cannot be closed from here. */
export function electronPort(bridge: RingwayBridge): Port {
  const port: Port = {
    send: (frame) => { bridge.send(frame) },
    close: () => { port.onFrame = undefined; port.onClose = undefined },
    onFrame: undefined,
    onClose: undefined,
  }
  bridge.onFrame((frame) => port.onFrame?.(frame))
  bridge.onClose(() => port.onClose?.())
  return port
}
