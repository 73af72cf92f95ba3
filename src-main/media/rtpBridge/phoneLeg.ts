/**
 * The side of a bridge that an ordinary phone talks to: RTP and RTCP on two neighbouring UDP ports or on one (RFC 5761),
 * plain or with SDES. Symmetric (RFC 4961): it answers to where the phone really sends from, which a NAT may have
 * changed. Owns the two sockets.
 */
import { PeerError } from '../../base/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { DatagramSocket, Network, SocketAddress } from '../../ports/network.ts'
import type { SdesSession } from './sdes.ts'

export interface PhoneLegUser {
  onPacket(packet: Buffer, rtcp: boolean): void
}

const bindTries = 16
/** A source that was heard within this time keeps the stream. */
const quietMs = 1_000
const minPacket = 8
const maxPacket = 2_048

interface Way { socket: DatagramSocket; described: SocketAddress | undefined; heard: SocketAddress | undefined; heardAt: number }

export class PhoneLeg {
  /** set once the keys of both sides are known; undefined for plain RTP */
  srtp: SdesSession | undefined
  private mux = false
  private muted = true

  private constructor(private readonly clock: Clock, private readonly rtp: Way, private readonly rtcp: Way, private readonly user: PhoneLegUser) {
    const listen = (way: Way): void => { way.socket.user = { onDatagram: (bytes, from) => { this.onDatagram(way, bytes, from) }, onError: () => { /* an ICMP message about one packet is no news */ } } }
    listen(rtp)
    listen(rtcp)
  }

  /** @param host the address of ours that the phone reaches. @throws PeerError 'call-media-failed' */
  static async open(clock: Clock, network: Network, host: string, user: PhoneLegUser): Promise<PhoneLeg> {
    for (let attempt = 0; attempt < bindTries; attempt++) {
      const first = await network.bindDatagram({ host, port: 0 })
      const { port } = first.address
      // RFC 3550 §11: an even port, and the next one for RTCP
      const even = port % 2 === 0
      const second = await network.bindDatagram({ host, port: even ? port + 1 : port - 1 }).catch((cause: unknown) => { if (cause instanceof PeerError) return undefined; throw cause })
      if (second === undefined) { first.close(); continue }
      const way = (socket: DatagramSocket): Way => ({ socket, described: undefined, heard: undefined, heardAt: -quietMs })
      return new PhoneLeg(clock, way(even ? first : second), way(even ? second : first), user)
    }
    throw new PeerError('call-media-failed', `no two free ports on ${host}`)
  }

  get port(): number { return this.rtp.socket.address.port }
  get rtcpPort(): number { return this.rtcp.socket.address.port }

  /** Where the phone says it listens; what was heard from it elsewhere is forgotten when that is new. */
  describe(host: string, port: number, rtcpPort: number, mux: boolean): void {
    const set = (way: Way, address: SocketAddress): void => {
      if (way.described?.host !== address.host || way.described.port !== address.port) way.heard = undefined
      way.described = address
    }
    this.mux = mux
    // hold in the old form says where not to send (RFC 3264 §8.4)
    this.muted = host === '0.0.0.0' || host === '::' || host === ''
    set(this.rtp, { host, port })
    set(this.rtcp, { host, port: mux ? port : rtcpPort })
  }

  send(packet: Buffer, rtcp: boolean): void {
    const way = rtcp && !this.mux ? this.rtcp : this.rtp
    const to = way.heard ?? way.described
    if (to === undefined || this.muted) return
    way.socket.send(this.srtp === undefined ? packet : this.srtp.protect(packet, rtcp), to)
  }

  close(): void {
    this.rtp.socket.close()
    this.rtcp.socket.close()
  }

  private onDatagram(way: Way, bytes: Uint8Array, from: SocketAddress): void {
    if (bytes.length < minPacket || bytes.length > maxPacket || ((bytes[0] ?? 0) >> 6) !== 2) return
    const rtcp = isRtcp(bytes)
    if (rtcp && way === this.rtp && !this.mux) return
    if (!rtcp && way === this.rtcp) return
    if (!this.admits(way, from)) return
    const raw = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const packet = this.srtp === undefined ? raw : this.srtp.unprotect(raw, rtcp)
    if (packet === undefined) return
    way.heard = from
    way.heardAt = this.clock.monotonic()
    this.user.onPacket(packet, rtcp)
  }

  /** Nobody takes over a stream that is being heard; a new port of the same host may, once the old one is silent. */
  private admits(way: Way, from: SocketAddress): boolean {
    if (way.described === undefined) return false
    const { heard } = way
    if (heard === undefined || (heard.host === from.host && heard.port === from.port)) return true
    return this.clock.monotonic() - way.heardAt > quietMs && (heard.host === from.host || way.described.host === from.host || this.srtp !== undefined)
  }
}

/** RFC 5761 §4 */
export function isRtcp(packet: Uint8Array): boolean {
  const type = packet[1] ?? 0
  return type >= 192 && type <= 223
}
