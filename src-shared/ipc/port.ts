/** A duplex of text frames, one JSON object each: an Electron MessagePort, a WebSocket, a Unix socket, or memory. */
export interface Port {
  send(frame: string): void
  close(): void
  onFrame: ((frame: string) => void) | undefined
  onClose: (() => void) | undefined
}

/** Two ports joined back to back; frames arrive in a later microtask, as over a real wire. */
export function memoryPorts(): [Port, Port] {
  const make = (): Port & { other?: Port; open: boolean } => ({ send: () => {}, close: () => {}, onFrame: undefined, onClose: undefined, open: true })
  const a = make(), b = make()
  const join = (from: typeof a, to: typeof a): void => {
    from.send = (frame) => { if (from.open) queueMicrotask(() => { if (to.open) to.onFrame?.(frame) }) }
    from.close = () => {
      if (!from.open) return
      from.open = false
      queueMicrotask(() => { if (to.open) { to.open = false; to.onClose?.() } })
    }
  }
  join(a, b)
  join(b, a)
  return [a, b]
}

/** Passes frames both ways between two ports, and closing too. */
export function joinPorts(a: Port, b: Port): void {
  a.onFrame = (frame) => { b.send(frame) }
  b.onFrame = (frame) => { a.send(frame) }
  a.onClose = () => { b.close() }
  b.onClose = () => { a.close() }
}
