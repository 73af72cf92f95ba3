/**
 * The door to a headless peer that serves this page: a WebSocket to `/peer` on the same host. The token comes
 * in the page's address once, is moved to the tab's session storage so that it stays out of history and
 * screenshots, and is presented as a subprotocol because a browser cannot set headers on a WebSocket.
 */
import type { Port } from '@shared/ipc/port.ts'

const key = 'ringway.token'

/** Moves `?token=` from the address bar into session storage. */
export function takeToken(location: Location, history: History, storage: Storage): string {
  const url = new URL(location.href)
  const token = url.searchParams.get('token')
  if (token !== null) {
    storage.setItem(key, token)
    url.searchParams.delete('token')
    history.replaceState(null, '', url.href)
  }
  return storage.getItem(key) ?? ''
}

/** Resolves when the peer has accepted the token. @throws when it is not there or refuses. */
export function webSocketPort(location: Location, token: string): Promise<Port> {
  const url = new URL('peer', location.href)
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
  url.search = ''
  url.hash = ''
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, token === '' ? [] : [`ringway.${token}`])
    const port: Port = {
      send: (frame) => { socket.send(frame) },
      close: () => { socket.close() },
      onFrame: undefined,
      onClose: undefined,
    }
    let opened = false
    socket.onopen = () => { opened = true; resolve(port) }
    socket.onmessage = (event) => { if (typeof event.data === 'string') port.onFrame?.(event.data) }
    socket.onclose = () => {
      if (opened) port.onClose?.()
      else reject(new Error('the peer did not accept the connection'))
    }
  })
}
