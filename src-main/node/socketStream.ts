/**
 * One connected TCP or TLS socket of Node as `ByteStream`. Owns the socket from the moment it is handed over: no
 * byte is read before somebody listens, and `onClose` is told exactly once, even when the end came first. What is
 * written in one turn of the event loop leaves together: one TLS record and one system call instead of several.
 */
import type { Socket } from 'node:net'
import type { Certificate } from '../ports/crypto.ts'
import type { ByteStream } from '../ports/network.ts'
import type { SecureStream, SecureStreamUser, SocketAddress } from '../ports/secureStream.ts'
import { plain } from './crypto.ts'

/** How long an orderly close waits for the other end before the socket is dropped. */
const lingerMs = 5_000

const unknown: SocketAddress = { host: '0.0.0.0', port: 0 }

/** IPv4-mapped IPv6 addresses (of dual-stack listeners) as what they are. */
export function socketAddress(host: string | undefined, port: number | undefined): SocketAddress {
  if (host === undefined || port === undefined) return unknown
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1]
  return { host: mapped ?? host.replace(/%.*$/, ''), port }
}

export class SocketStream implements ByteStream {
  readonly local: SocketAddress
  readonly remote: SocketAddress
  private listener: SecureStreamUser | undefined
  private listening = false
  private cause: Error | undefined
  private closed = false
  private told = false
  private linger: NodeJS.Timeout | undefined
  private gathering = false
  private readonly flush = (): void => {
    if (!this.gathering) return
    this.gathering = false
    this.socket.uncork()
  }

  constructor(private readonly socket: Socket) {
    this.local = socketAddress(socket.localAddress, socket.localPort)
    this.remote = socketAddress(socket.remoteAddress, socket.remotePort)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 30_000)
    socket.on('error', (error) => { this.cause ??= error })
    socket.on('drain', () => { this.listener?.onDrain() })
    socket.on('close', () => {
      this.closed = true
      clearTimeout(this.linger)
      this.tellClosed()
    })
    this.closed = socket.destroyed
  }

  get user(): SecureStreamUser | undefined { return this.listener }

  set user(user: SecureStreamUser | undefined) {
    this.listener = user
    if (user === undefined || this.listening) return
    this.listening = true
    this.socket.on('data', (chunk: Buffer) => { this.listener?.onData(plain(chunk)) })
    this.socket.resume()
    if (this.closed) queueMicrotask(() => { this.tellClosed() })
  }

  write(bytes: Uint8Array): boolean {
    if (this.closed || this.socket.writableEnded || this.socket.destroyed) return false
    if (!this.gathering) {
      this.gathering = true
      this.socket.cork()
      setImmediate(this.flush)
    }
    return this.socket.write(bytes)
  }

  close(): void {
    if (this.closed || this.socket.writableEnded) return
    this.flush()
    this.socket.end()
    // Bytes that are still to be read would hold back the end event.
    if (!this.listening) this.socket.resume()
    this.linger = setTimeout(() => { this.socket.destroy() }, lingerMs)
  }

  destroy(): void {
    // What was written before still goes out as far as the system takes it at once, such as a farewell.
    this.flush()
    this.socket.destroy()
  }

  private tellClosed(): void {
    if (this.told || this.listener === undefined) return
    this.told = true
    this.listener.onClose(this.cause)
  }
}

/** A socket stream whose other end has shown the key of `peerCertificate`. */
export class SecureSocketStream extends SocketStream implements SecureStream {
  constructor(socket: Socket, readonly peerCertificate: Certificate) { super(socket) }
}
