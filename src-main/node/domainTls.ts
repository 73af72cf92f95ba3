/**
 * `ports/domainTls` on node:tls: TLS 1.2 or later. A listener asks for no certificate: nothing looks at one, and there are
 * phones that stop to ask their user for it. Owns its half-open handshakes, which are bounded in number and time, and its
 * open streams.
 */
import { createServer, type Socket } from 'node:net'
import { connect as tlsConnect, createSecureContext, rootCertificates, type SecureContext, TLSSocket } from 'node:tls'
import { PeerError } from '../base/errors.ts'
import { sourceOf } from '../base/ipAddress.ts'
import { WaitingRoom } from '../base/waitingRoom.ts'
import type { Clock } from '../ports/clock.ts'
import type { Certificate } from '../ports/crypto.ts'
import type { DomainTls, TlsIdentity, TlsStream } from '../ports/domainTls.ts'
import { createNodeClock } from './clock.ts'
import { closeServer, listenOn } from './listening.ts'
import { SocketStream, socketAddress } from './socketStream.ts'
import { peerChain, pemOf } from './tls.ts'

export interface DomainTlsLimits {
  readonly handshakeTimeoutMs: number
  /** Handshakes under way on one listener; with more the oldest goes, of the address that has most. */
  readonly maxHalfOpen: number
  readonly maxStreams: number
}

const defaultLimits: DomainTlsLimits = { handshakeTimeoutMs: 10_000, maxHalfOpen: 128, maxStreams: 1024 }

class DomainTlsStream extends SocketStream implements TlsStream {
  readonly peerCertificate: Certificate | undefined
  readonly trusted: boolean

  constructor(socket: TLSSocket) {
    super(socket)
    ;[this.peerCertificate] = peerChain(socket)
    this.trusted = this.peerCertificate !== undefined && socket.authorized
  }
}

/** @param roots authorities in PEM beside the system's */
export function createNodeDomainTls(roots: readonly string[] = [], clock: Clock = createNodeClock(), limits: Partial<DomainTlsLimits> = {}): DomainTls {
  const bounds = { ...defaultLimits, ...limits }
  const ca = [...rootCertificates, ...roots]
  const contextOf = (identity: TlsIdentity | undefined): SecureContext => createSecureContext({
    ca, minVersion: 'TLSv1.2',
    ...(identity === undefined ? {} : pemOf({ chain: [identity.certificate, ...identity.chain], privateKey: identity.privateKey })),
  })
  return {
    async listen(address, identity, onStream) {
      const context = contextOf(identity)
      const handshakes = new WaitingRoom<Socket>(bounds.maxHalfOpen, (raw) => { raw.destroy() }), streams = new Set<Socket>(), open = new Set<Socket>()
      const server = createServer((raw) => {
        raw.on('error', () => { raw.destroy() })
        if (streams.size >= bounds.maxStreams) { raw.destroy(); return }
        open.add(raw)
        handshakes.enter(raw, sourceOf(socketAddress(raw.remoteAddress, raw.remotePort).host))
        const socket = new TLSSocket(raw, { isServer: true, secureContext: context })
        const timer = clock.setTimer(bounds.handshakeTimeoutMs, () => { raw.destroy() })
        raw.on('close', () => {
          timer.cancel()
          handshakes.leave(raw)
          streams.delete(raw)
          open.delete(raw)
          socket.destroy()
        })
        socket.on('error', () => { raw.destroy() })
        socket.on('secure', () => {
          timer.cancel()
          if (!handshakes.leave(raw)) return
          streams.add(raw)
          try { onStream(new DomainTlsStream(socket)) } catch { raw.destroy() /* an unreadable certificate */ }
        })
      })
      const bound = await listenOn(server, address)
      return {
        address: bound,
        async close() {
          const closed = closeServer(server)
          for (const raw of [...open]) raw.destroy()
          await closed
        },
      }
    },
    connect: (address, serverName, identity, signal) => new Promise((resolve, reject) => {
      if (signal.aborted) { reject(signal.reason as Error); return }
      const socket = tlsConnect({
        host: address.host, port: address.port, servername: serverName.includes(':') || /^[\d.]+$/.test(serverName) ? '' : serverName,
        secureContext: contextOf(identity), rejectUnauthorized: false, checkServerIdentity: () => undefined,
      })
      let pending = true
      const settle = (act: () => void): void => {
        if (!pending) return
        pending = false
        timer.cancel()
        signal.removeEventListener('abort', aborted)
        act()
      }
      const fail = (reason: Error): void => { settle(() => { socket.destroy(); reject(reason) }) }
      const aborted = (): void => { fail(signal.reason as Error) }
      const unreachable = (why: string, cause?: Error): void => { fail(new PeerError('peer-unreachable', `${address.host}:${address.port}: ${why}`, { cause })) }
      const timer = clock.setTimer(bounds.handshakeTimeoutMs, () => { unreachable('no answer in time') })
      signal.addEventListener('abort', aborted)
      socket.on('error', (cause) => { unreachable(cause.message, cause) })
      socket.on('close', () => { unreachable('closed during the handshake') })
      socket.once('secureConnect', () => {
        try {
          const stream = new DomainTlsStream(socket)
          settle(() => { resolve(stream) })
        } catch (cause) { unreachable('unreadable certificate', cause as Error) }
      })
    }),
  }
}
