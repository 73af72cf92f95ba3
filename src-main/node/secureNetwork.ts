/**
 * `ports/secureStream` on node:tls: TLS 1.2 or 1.3 over TCP, both ends with a certificate. OpenSSL proves that the
 * other end has the key of what it shows; whether that is trusted is asked of `acceptPeer` before the stream is
 * handed over. Owns its half-open handshakes, which are bounded in number and time.
 */
import { createServer, type Socket } from 'node:net'
import { connect as tlsConnect, TLSSocket, type SecureContext } from 'node:tls'
import { PeerError } from '../base/errors.ts'
import { sourceOf } from '../base/ipAddress.ts'
import { WaitingRoom } from '../base/waitingRoom.ts'
import type { Clock } from '../ports/clock.ts'
import type { Certificate } from '../ports/crypto.ts'
import type { SecureListener, SecureNetwork, SecureStream, SocketAddress, StreamCredentials } from '../ports/secureStream.ts'
import { createNodeClock } from './clock.ts'
import { closeServer, listenOn } from './listening.ts'
import { SecureSocketStream, socketAddress } from './socketStream.ts'
import { ContextCache, peerChain } from './tls.ts'

type OnSecret = (line: Uint8Array) => void

export interface SecureNetworkLimits {
  readonly handshakeTimeoutMs: number
  /** Handshakes under way on one listener; with more the oldest goes, of the address that has most. */
  readonly maxHalfOpen: number
  /** Established streams of one listener. */
  readonly maxStreams: number
}

const defaultLimits: SecureNetworkLimits = { handshakeTimeoutMs: 10_000, maxHalfOpen: 64, maxStreams: 1024 }

/** The peer's certificate, or why it is refused. */
function judge(socket: TLSSocket, credentials: StreamCredentials): Certificate | string {
  let chain: Certificate[]
  try {
    chain = peerChain(socket)
  } catch (cause) { return `unreadable certificate: ${(cause as Error).message}` }
  const [leaf, ...rest] = chain
  if (leaf === undefined) return 'no certificate'
  return credentials.acceptPeer(leaf, rest) ?? leaf
}

class Listener implements SecureListener {
  address: SocketAddress = { host: '', port: 0 }
  private readonly server = createServer({ pauseOnConnect: false })
  /** With what drops each. */
  private readonly handshakes: WaitingRoom<() => void>
  private readonly open = new Set<Socket>()
  private readonly streams = new Set<Socket>()
  private readonly context: SecureContext
  private closed = false

  constructor(
    private readonly contexts: ContextCache,
    private readonly clock: Clock, private readonly limits: SecureNetworkLimits, private readonly credentials: StreamCredentials,
    private readonly onStream: (stream: SecureStream) => void,
    private readonly onRefused: (reason: string, remote: SocketAddress) => void, private readonly onSecret: OnSecret | undefined,
  ) {
    this.context = contexts.hold(credentials)
    this.handshakes = new WaitingRoom(limits.maxHalfOpen, (drop) => { drop() })
    this.server.on('connection', (raw) => { this.accept(raw) })
  }

  async listen(address: SocketAddress): Promise<this> {
    try {
      this.address = await listenOn(this.server, address)
    } catch (cause) {
      this.releaseContext()
      throw cause
    }
    return this
  }

  async close(): Promise<void> {
    this.releaseContext()
    const closed = closeServer(this.server)
    for (const raw of [...this.open]) raw.destroy()
    await closed
  }

  private releaseContext(): void {
    if (this.closed) return
    this.closed = true
    this.contexts.release(this.credentials)
  }

  private accept(raw: Socket): void {
    const remote = socketAddress(raw.remoteAddress, raw.remotePort)
    if (this.streams.size >= this.limits.maxStreams) {
      raw.on('error', () => { /* dropped anyway */ })
      raw.destroy()
      this.onRefused('too many connections', remote)
      return
    }
    this.open.add(raw)
    const socket = new TLSSocket(raw, { isServer: true, secureContext: this.context, requestCert: true, rejectUnauthorized: false })
    if (this.onSecret !== undefined) socket.on('keylog', this.onSecret)
    let pending = true
    const settle = (reason?: string): void => {
      if (!pending) return
      pending = false
      timer.cancel()
      this.handshakes.leave(drop)
      if (reason === undefined) return
      this.onRefused(reason, remote)
      socket.destroy()
    }
    const drop = (): void => { settle('too many connections') }
    const timer = this.clock.setTimer(this.limits.handshakeTimeoutMs, () => { settle('handshake timeout') })
    socket.on('error', (error) => { settle(`handshake failed: ${error.message}`) })
    socket.on('close', () => { settle('closed during the handshake') })
    raw.on('error', (error) => { settle(`handshake failed: ${error.message}`) })
    raw.on('close', () => {
      this.open.delete(raw)
      this.streams.delete(raw)
      socket.destroy()
    })
    socket.on('secure', () => {
      if (!pending) return
      const verdict = judge(socket, this.credentials)
      if (typeof verdict === 'string') { settle(verdict); return }
      settle()
      this.streams.add(raw)
      this.onStream(new SecureSocketStream(socket, verdict))
    })
    this.handshakes.enter(drop, sourceOf(remote.host))
  }
}

function connectSecure(
  contexts: ContextCache, clock: Clock, limits: SecureNetworkLimits, address: SocketAddress, credentials: StreamCredentials, signal: AbortSignal,
  onSecret: OnSecret | undefined,
): Promise<SecureStream> {
  const where = `${address.host}:${address.port}`
  return new Promise((resolve, reject) => {
    if (signal.aborted) { reject(signal.reason as Error); return }
    const socket = tlsConnect({
      host: address.host, port: address.port, rejectUnauthorized: false, checkServerIdentity: () => undefined,
      secureContext: contexts.use(credentials),
    })
    if (onSecret !== undefined) socket.on('keylog', onSecret)
    let pending = true
    const settle = (act: () => void): void => {
      if (!pending) return
      pending = false
      timer.cancel()
      signal.removeEventListener('abort', aborted)
      act()
    }
    const fail = (reason: unknown): void => { settle(() => { socket.destroy(); reject(reason as Error) }) }
    const unreachable = (why: string, cause?: unknown): void => { fail(new PeerError('peer-unreachable', `${where}: ${why}`, { cause })) }
    const aborted = (): void => { fail(signal.reason) }
    const timer = clock.setTimer(limits.handshakeTimeoutMs, () => { unreachable('no answer in time') })
    signal.addEventListener('abort', aborted)
    socket.on('error', (error) => { unreachable(error.message, error) })
    socket.on('close', () => { unreachable('closed during the handshake') })
    socket.once('secureConnect', () => {
      const verdict = judge(socket, credentials)
      if (typeof verdict === 'string') fail(new PeerError('peer-unverified', `${where}: ${verdict}`))
      else settle(() => { resolve(new SecureSocketStream(socket, verdict)) })
    })
  })
}

/**
 * @param clock times the handshakes; @param limits what differs from 10 s, 64 handshakes and 1024 streams a listener
 * @param onSecret is given each line of TLS secrets, in the format of SSLKEYLOGFILE
 */
export function createNodeSecureNetwork(clock: Clock = createNodeClock(), limits: Partial<SecureNetworkLimits> = {}, onSecret?: OnSecret): SecureNetwork {
  const bounds = { ...defaultLimits, ...limits }
  const contexts = new ContextCache()
  return {
    listen: (address, credentials, onStream, onRefused) =>
      new Listener(contexts, clock, bounds, credentials, onStream, onRefused ?? (() => { /* nobody counts */ }), onSecret).listen(address),
    connect: (address, credentials, signal) => connectSecure(contexts, clock, bounds, address, credentials, signal, onSecret),
  }
}
