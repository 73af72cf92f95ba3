/**
 * `ports/webSocket` on the package ws: whole SIP messages in text or binary frames, subprotocol `sip` (RFC 7118 §4).
 * Owns its server and its keep-alive pings; frames larger than a SIP message may be end the connection.
 */
import { isUtf8 } from 'node:buffer'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { PeerError } from '../base/errors.ts'
import { sourceOf } from '../base/ipAddress.ts'
import { WaitingRoom } from '../base/waitingRoom.ts'
import type { MessageSocket, WebSockets } from '../ports/webSocket.ts'
import { plain } from './crypto.ts'
import { closeServer, listenOn } from './listening.ts'
import { socketAddress } from './socketStream.ts'

const maxMessageBytes = 320 * 1024
const pingMs = 30_000
/** For the HTTP request, so that nobody holds a socket by saying nothing. */
const upgradeTimeoutMs = 10_000
const maxSockets = 1024
/** Sockets that have not asked for a WebSocket yet; with more the oldest goes, of the address that has most. */
const maxHalfOpen = 128

class NodeMessageSocket implements MessageSocket {
  user: MessageSocket['user']
  private alive = true

  constructor(private readonly socket: WebSocket, readonly local: MessageSocket['local'], readonly remote: MessageSocket['remote'], readonly secure: boolean) {
    const pinger = setInterval(() => {
      if (!this.alive) { socket.terminate(); return }
      this.alive = false
      socket.ping()
    }, pingMs)
    socket.on('pong', () => { this.alive = true })
    socket.on('message', (data) => {
      this.alive = true
      this.user?.onMessage(plain(Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data)))
    })
    socket.on('error', () => { socket.terminate() })
    socket.on('close', () => {
      clearInterval(pinger)
      this.user?.onClose()
    })
  }

  send(bytes: Uint8Array): void { if (this.socket.readyState === WebSocket.OPEN) this.socket.send(bytes, { binary: !isUtf8(bytes) }) }
  close(): void { this.socket.close() }
}

export function createNodeWebSockets(): WebSockets {
  return {
    async listen(address, onSocket) {
      const server = createServer({ headersTimeout: upgradeTimeoutMs, requestTimeout: upgradeTimeoutMs, connectionsCheckingInterval: 1_000 }, (_request, response) => { response.writeHead(426).end() })
      server.maxConnections = maxSockets
      const asking = new WaitingRoom<Socket>(maxHalfOpen, (raw) => { raw.destroy() })
      server.on('connection', (raw) => {
        raw.on('close', () => { asking.leave(raw) })
        asking.enter(raw, sourceOf(socketAddress(raw.remoteAddress, raw.remotePort).host))
      })
      const sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, handleProtocols: () => 'sip', clientTracking: true })
      server.on('upgrade', (request, raw, head) => {
        asking.leave(raw as Socket)
        const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim().toLowerCase())
        if (!offered.includes('sip')) { raw.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'); return }
        sockets.handleUpgrade(request, raw, head, (socket) => {
          const { localAddress, localPort, remoteAddress, remotePort } = raw as Socket
          onSocket(new NodeMessageSocket(socket, socketAddress(localAddress, localPort), socketAddress(remoteAddress, remotePort), false))
        })
      })
      const bound = await listenOn(server, address)
      return {
        address: bound,
        async close() {
          const closed = closeServer(server)
          for (const socket of sockets.clients) socket.terminate()
          server.closeAllConnections()
          await closed
        },
      }
    },
    connect: (url, signal) => new Promise((resolve, reject) => {
      if (signal.aborted) { reject(signal.reason as Error); return }
      const socket = new WebSocket(url, 'sip', { maxPayload: maxMessageBytes, handshakeTimeout: upgradeTimeoutMs })
      const aborted = (): void => { socket.terminate(); reject(signal.reason as Error) }
      signal.addEventListener('abort', aborted)
      let stream: Socket | undefined
      socket.on('upgrade', (response) => { stream = response.socket })
      socket.once('error', (cause) => {
        signal.removeEventListener('abort', aborted)
        reject(new PeerError('peer-unreachable', `${url}: ${cause.message}`, { cause }))
      })
      socket.once('open', () => {
        signal.removeEventListener('abort', aborted)
        resolve(new NodeMessageSocket(socket, socketAddress(stream?.localAddress, stream?.localPort), socketAddress(stream?.remoteAddress, stream?.remotePort), url.startsWith('wss:')))
      })
    }),
  }
}
