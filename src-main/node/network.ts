/** `ports/network` on node:dgram, node:net and node:os. */
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns'
import { connect, createServer, isIP, isIPv6, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { PeerError } from '../base/errors.ts'
import type { ByteStream, DatagramSocket, Network, SocketAddress, StreamListener } from '../ports/network.ts'
import { plain } from './crypto.ts'
import { bindError, closeServer, listenOn } from './listening.ts'
import { SocketStream, socketAddress } from './socketStream.ts'

const connectTimeoutMs = 10_000
const maxStreams = 1024
/** A pause of the event loop must not lose what comes meanwhile; the system gives less where it allows less. */
const receiveBufferBytes = 4 << 20

function bindDatagram(address: SocketAddress): Promise<DatagramSocket> {
  return new Promise((resolve, reject) => {
    const family = isIPv6(address.host) ? 6 : 4
    const socket = createSocket({
      type: `udp${family}`, recvBufferSize: receiveBufferBytes,
      // nearly all destinations are literals: nothing has to be looked up for each datagram
      lookup: (host, options, found) => {
        if (isDotted(host) || isIP(host) !== 0) found(null, host, family)
        else lookup(host, { ...options, all: false }, found)
      },
    })
    const failed = (error: NodeJS.ErrnoException): void => { socket.close(); reject(bindError(error, address)) }
    socket.once('error', failed)
    socket.bind({ address: address.host, port: address.port, exclusive: true }, () => {
      socket.off('error', failed)
      const bound = socket.address()
      let open = true
      const sent = (error: Error | null): void => { if (error !== null && open) result.user?.onError(error) }
      const result: DatagramSocket = {
        address: socketAddress(bound.address, bound.port),
        user: undefined,
        send(bytes, to) {
          if (open) socket.send(bytes, to.port, to.host, sent)
        },
        close() {
          if (!open) return
          open = false
          socket.close()
        },
      }
      socket.on('message', (bytes, from) => {
        if (open) result.user?.onDatagram(plain(bytes), family === 4 ? { host: from.address, port: from.port } : socketAddress(from.address, from.port))
      })
      socket.on('error', (error) => { if (open) result.user?.onError(error) })
      resolve(result)
    })
  })
}

/** Digits and dots alone are no name (RFC 1123 §2.1): an IPv4 address, which the system refuses when it is none. */
function isDotted(host: string): boolean {
  for (let i = 0; i < host.length; i++) {
    const c = host.charCodeAt(i)
    if (c !== 46 && (c < 48 || c > 57)) return false
  }
  return host.length > 0
}

async function listenStream(address: SocketAddress, onStream: (stream: ByteStream) => void): Promise<StreamListener> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => { sockets.delete(socket) })
    onStream(new SocketStream(socket))
  })
  server.maxConnections = maxStreams
  const bound = await listenOn(server, address)
  return {
    address: bound,
    async close() {
      const closed = closeServer(server)
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function connectStream(address: SocketAddress, signal: AbortSignal): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) { reject(signal.reason as Error); return }
    const socket = connect({ host: address.host, port: address.port })
    const finish = (act: () => void): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', aborted)
      socket.off('error', failed)
      act()
    }
    const fail = (reason: Error): void => { finish(() => { socket.on('error', () => { /* given up already */ }); socket.destroy(); reject(reason) }) }
    const failed = (cause: Error): void => { fail(new PeerError('peer-unreachable', `${address.host}:${address.port}: ${cause.message}`, { cause })) }
    const aborted = (): void => { fail(signal.reason as Error) }
    const timer = setTimeout(() => { failed(new Error('no answer in time')) }, connectTimeoutMs)
    signal.addEventListener('abort', aborted)
    socket.on('error', failed)
    socket.once('connect', () => { finish(() => { resolve(new SocketStream(socket)) }) })
  })
}

/** A datagram socket that is connected has the source address that routing chooses; connecting sends nothing. */
function sourceFor(remote: SocketAddress): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(remote.host) ? 'udp6' : 'udp4')
    const failed = (cause: Error): void => { socket.close(); reject(new PeerError('peer-unreachable', `no way to ${remote.host}: ${cause.message}`, { cause })) }
    socket.once('error', failed)
    socket.connect(remote.port, remote.host, () => {
      socket.off('error', failed)
      const { address } = socket.address()
      socket.close()
      resolve(address)
    })
  })
}

export function createNodeNetwork(): Network {
  return {
    bindDatagram, listenStream, connectStream, sourceFor,
    localAddresses: () => Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address, family, internal }) =>
      ({ host: address, family: family === 'IPv6' ? 6 as const : 4 as const, internal }))),
  }
}
