/**
 * The control socket: the contract's frames on a Unix socket (a named pipe on Windows), one line of JSON each. The
 * file's mode is 0600, so the door is open to this user only. A socket file that nobody answers on is a crashed
 * peer's and is replaced.
 */
import { chmodSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { StringDecoder } from 'node:string_decoder'
import type { Port } from '@shared/ipc/port.ts'
import { PeerError } from '../base/errors.ts'
import { FramePort, maxFrameBytes } from './framePort.ts'
import { closeServer } from './listening.ts'

export interface PortServer { close(): Promise<void> }

const isPipe = (path: string): boolean => path.startsWith('\\\\')

function framed(socket: Socket): FramePort {
  const port = new FramePort({
    send: (frame) => { socket.write(`${frame}\n`) },
    close: () => { socket.end() },
    unread: () => socket.writableLength,
  })
  const decoder = new StringDecoder('utf8')
  let line = ''
  socket.on('data', (chunk: Buffer) => {
    const parts = decoder.write(chunk).split('\n')
    const last = parts.pop() ?? ''
    for (const part of parts) {
      const frame = line + part
      line = ''
      if (frame.trim() !== '') port.receive(frame)
    }
    line += last
    if (line.length > maxFrameBytes) socket.destroy()
  })
  socket.on('error', () => { socket.destroy() })
  socket.on('close', () => { port.shut() })
  return port
}

/** @returns undefined when nobody listens there. @throws PeerError 'peer-unreachable' when the socket may not be opened. */
export function connectUnix(path: string): Promise<Port | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    const failed = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ENOTSOCK') resolve(undefined)
      else reject(new PeerError('peer-unreachable', `${path}: ${error.message}`, { cause: error }))
    }
    socket.on('error', failed)
    socket.once('connect', () => {
      socket.off('error', failed)
      resolve(framed(socket))
    })
  })
}

/** @throws PeerError 'profile-in-use' when somebody answers on `path` already. */
export async function listenUnix(path: string, onPort: (port: Port) => void): Promise<PortServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => { sockets.delete(socket) })
    onPort(framed(socket))
  })
  server.maxConnections = 64
  const bind = (): Promise<void> => new Promise((resolve, reject) => {
    server.once('error', reject)
    // The file is made inside this call; no moment may pass in which others can open it.
    const before = process.umask(0o177)
    try {
      server.listen(path, () => { server.off('error', reject); resolve() })
    } finally { process.umask(before) }
  })
  try {
    await bind()
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code !== 'EADDRINUSE') throw cause
    const answering = isPipe(path) ? true : await connectUnix(path).then((port) => { port?.close(); return port !== undefined })
    if (answering) throw new PeerError('profile-in-use', `another peer answers on ${path}`, { cause })
    rmSync(path, { force: true })
    await bind()
  }
  if (!isPipe(path)) chmodSync(path, 0o600)
  return {
    async close() {
      const closed = closeServer(server)
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
