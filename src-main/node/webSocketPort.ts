/**
 * The contract's frames over WebSockets of an existing HTTP server, for browsers on this machine. Only a page that
 * this server itself served may come in (Origin, Host) and only with the token, which it shows as the subprotocol
 * `ringway.TOKEN` because a page cannot set headers on a WebSocket.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Port } from '@shared/ipc/port.ts'
import { FramePort, maxFrameBytes } from './framePort.ts'

const maxClients = 16
const pingMs = 20_000

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Whether the Host header names this machine's loopback and `port`: keeps other names rebound to 127.0.0.1 out. */
export function isLoopbackHost(host: string | undefined, port: number): boolean {
  return host === `127.0.0.1:${port}` || host === `localhost:${port}` || host === `[::1]:${port}`
}

/** Why an upgrade is refused, or undefined. */
function refusal(request: IncomingMessage, port: number, token: string): 401 | 403 | 404 | undefined {
  const { host, origin } = request.headers
  if ((request.url ?? '').split('?')[0] !== '/peer') return 404
  if (!isLoopbackHost(host, port) || origin !== `http://${host ?? ''}`) return 403
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
  return offered.some((name) => timingSafeEqual(digest(name), digest(`ringway.${token}`))) ? undefined : 401
}

function framed(socket: WebSocket): FramePort {
  const port = new FramePort({
    send: (frame) => { socket.send(frame) },
    close: () => { socket.close() },
    unread: () => socket.bufferedAmount,
  })
  let alive = true
  const pinger = setInterval(() => {
    if (!alive) socket.terminate()
    alive = false
    socket.ping()
  }, pingMs)
  socket.on('pong', () => { alive = true })
  socket.on('message', (data, isBinary) => {
    if (isBinary) socket.close(1003)
    else port.receive((data as Buffer).toString('utf8'))
  })
  socket.on('error', () => { socket.terminate() })
  socket.on('close', () => {
    clearInterval(pinger)
    port.shut()
  })
  return port
}

/** Takes over the upgrades of `server`, which listens on `port`. `close` drops every client. */
export function acceptWebSockets(server: Server, port: number, token: string, onPort: (port: Port) => void): { close(): void } {
  const sockets = new WebSocketServer({
    noServer: true, maxPayload: maxFrameBytes, perMessageDeflate: false, handleProtocols: () => `ringway.${token}`,
  })
  server.on('upgrade', (request: IncomingMessage, raw: Duplex, head: Buffer) => {
    raw.on('error', () => { raw.destroy() })
    const status = sockets.clients.size >= maxClients ? 503 : refusal(request, port, token)
    if (status !== undefined) {
      raw.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    sockets.handleUpgrade(request, raw, head, (socket) => { onPort(framed(socket)) })
  })
  return {
    close() {
      for (const socket of sockets.clients) socket.terminate()
      sockets.close()
    },
  }
}
