/**
 * A SecureNetwork in memory, in virtual time: each host has an address, latency and loss of connection are in
 * the test's hand. Certificates are real and judged by `acceptPeer` on both ends; only the TLS records are missing.
 */
import { PeerError } from '../../src-main/base/errors.ts'
import type { Clock } from '../../src-main/ports/clock.ts'
import type { Certificate } from '../../src-main/ports/crypto.ts'
import type { Network } from '../../src-main/ports/network.ts'
import type { SecureListener, SecureNetwork, SecureStream, SecureStreamUser, SocketAddress, StreamCredentials } from '../../src-main/ports/secureStream.ts'

const HIGH_WATER = 256 * 1024

interface Listening { readonly address: SocketAddress; readonly credentials: StreamCredentials; readonly onStream: (stream: SecureStream) => void; readonly onRefused: ((reason: string, remote: SocketAddress) => void) | undefined }

export class MemoryNetwork {
  latencyMs = 1
  /** Counts of everything that went over. */
  readonly traffic = { bytes: 0, writes: 0, connections: 0, oversized: 0 }
  /** Hosts whose paths carry datagrams of so many bytes; of two ends the smaller counts. Nothing is lost: only the limit is that of datagrams. */
  readonly mtus = new Map<string, number>()
  /** Sees each write as it goes out; `stream` tells one direction of one connection from the others. */
  tap: ((bytes: Uint8Array, stream: object) => void) | undefined
  readonly listeners = new Map<string, Listening>()
  readonly streams = new Set<MemoryStream>()
  private readonly severed = new Set<string>()
  private nextPort = 40_000

  constructor(readonly clock: Clock) {}

  /** The network as one host sees it. */
  host(host: string): { readonly secure: SecureNetwork; readonly interfaces: Pick<Network, 'localAddresses'> } {
    return {
      secure: {
        listen: (address, credentials, onStream, onRefused) => this.listen({ host: address.host === '0.0.0.0' ? host : address.host, port: address.port }, credentials, onStream, onRefused),
        connect: (address, credentials, signal) => this.connect(host, address, credentials, signal),
      },
      interfaces: { localAddresses: () => [{ host, family: 4, internal: false }] },
    }
  }

  /** The host's process dies: its listeners vanish and its connections are reset. */
  crash(host: string): void {
    for (const [key, listening] of this.listeners) if (listening.address.host === host) this.listeners.delete(key)
    for (const stream of [...this.streams]) if (stream.local.host === host) stream.die(new Error('reset'))
  }

  /** Nothing passes between the two hosts any more; nobody is told. */
  sever(a: string, b: string): void { this.severed.add(`${a} ${b}`).add(`${b} ${a}`) }
  heal(): void { this.severed.clear() }
  passes(a: string, b: string): boolean { return !this.severed.has(`${a} ${b}`) }

  private listen(address: SocketAddress, credentials: StreamCredentials, onStream: (stream: SecureStream) => void, onRefused?: (reason: string, remote: SocketAddress) => void): Promise<SecureListener> {
    const bound = { host: address.host, port: address.port === 0 ? this.nextPort++ : address.port }
    const key = keyOf(bound)
    if (this.listeners.has(key)) return Promise.reject(new PeerError('port-in-use', key))
    const listening = { address: bound, credentials, onStream, onRefused }
    this.listeners.set(key, listening)
    return Promise.resolve({
      address: bound,
      close: () => { if (this.listeners.get(key) === listening) this.listeners.delete(key); return Promise.resolve() },
    })
  }

  private connect(from: string, to: SocketAddress, credentials: StreamCredentials, signal: AbortSignal): Promise<SecureStream> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) { reject(signal.reason as Error); return }
      const give = (act: () => void): void => { signal.removeEventListener('abort', onAbort); act() }
      const onAbort = (): void => { timer.cancel(); reject(signal.reason as Error) }
      signal.addEventListener('abort', onAbort, { once: true })
      // TCP and TLS 1.3 take two round trips; a severed path answers never.
      const timer = this.clock.setTimer(4 * this.latencyMs, () => {
        if (!this.passes(from, to.host)) return
        const listening = this.listeners.get(keyOf(to))
        if (listening === undefined) { give(() => { reject(new PeerError('peer-unreachable', `${keyOf(to)}: refused`)) }); return }
        const local = { host: from, port: this.nextPort++ }
        const ours = credentials.acceptPeer(listening.credentials.certificate, listening.credentials.chain)
        if (ours !== undefined) { give(() => { reject(new PeerError('peer-unverified', ours)) }); return }
        const theirs = listening.credentials.acceptPeer(credentials.certificate, credentials.chain)
        if (theirs !== undefined) {
          listening.onRefused?.(theirs, local)
          give(() => { reject(new PeerError('peer-unreachable', 'closed during the handshake')) })
          return
        }
        this.traffic.connections++
        const client = new MemoryStream(this, listening.credentials.certificate, local, listening.address)
        const server = new MemoryStream(this, credentials.certificate, listening.address, local)
        client.other = server
        server.other = client
        listening.onStream(server)
        give(() => { resolve(client) })
      })
    })
  }
}

class MemoryStream implements SecureStream {
  other: MemoryStream | undefined
  readonly pathMtu?: number
  private receiver: SecureStreamUser | undefined
  private waiting: Uint8Array[] = []
  private inFlight = 0
  private full = false
  private state: 'open' | 'closing' | 'closed' = 'open'
  private missed: { cause: Error | undefined } | undefined

  constructor(private readonly network: MemoryNetwork, readonly peerCertificate: Certificate, readonly local: SocketAddress, readonly remote: SocketAddress) {
    network.streams.add(this)
    const mtu = Math.min(network.mtus.get(local.host) ?? Infinity, network.mtus.get(remote.host) ?? Infinity)
    if (mtu < Infinity) this.pathMtu = mtu
  }

  get user(): SecureStreamUser | undefined { return this.receiver }
  set user(user: SecureStreamUser | undefined) {
    this.receiver = user
    if (user === undefined) return
    for (const bytes of this.waiting.splice(0)) user.onData(bytes)
    if (this.missed !== undefined) { const { cause } = this.missed; this.missed = undefined; user.onClose(cause) }
  }

  write(bytes: Uint8Array): boolean {
    if (this.state !== 'open') return false
    this.network.traffic.bytes += bytes.length
    this.network.traffic.writes++
    if (bytes.length > (this.pathMtu ?? Infinity)) this.network.traffic.oversized++
    this.inFlight += bytes.length
    const copy = bytes.slice()
    this.network.tap?.(copy, this)
    this.network.clock.setTimer(this.network.latencyMs, () => {
      // What is lost on a severed path stays in the sender's queue, as TCP would keep it.
      if (!this.network.passes(this.local.host, this.remote.host)) return
      this.inFlight -= copy.length
      this.other?.deliver(copy)
      if (this.full && this.inFlight < HIGH_WATER) { this.full = false; this.receiver?.onDrain() }
    })
    if (this.inFlight >= HIGH_WATER) this.full = true
    return !this.full
  }

  close(): void {
    if (this.state !== 'open') return
    this.state = 'closing'
    this.network.clock.setTimer(this.network.latencyMs, () => {
      if (this.network.passes(this.local.host, this.remote.host)) this.other?.end(undefined)
      this.end(undefined)
    })
  }

  destroy(): void { this.die(new Error('destroyed')) }

  /** Gone at once; the other end sees a reset one latency later. */
  die(cause: Error): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.network.streams.delete(this)
    this.network.clock.setTimer(this.network.latencyMs, () => {
      if (this.network.passes(this.local.host, this.remote.host)) this.other?.end(new Error('reset by peer'))
    })
    this.receiver?.onClose(cause)
  }

  private deliver(bytes: Uint8Array): void {
    if (this.state === 'closed') return
    if (this.receiver === undefined) this.waiting.push(bytes)
    else this.receiver.onData(bytes)
  }

  private end(cause: Error | undefined): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.network.streams.delete(this)
    if (this.receiver === undefined) this.missed = { cause }
    else this.receiver.onClose(cause)
  }
}

function keyOf(address: SocketAddress): string { return `${address.host}:${address.port}` }
