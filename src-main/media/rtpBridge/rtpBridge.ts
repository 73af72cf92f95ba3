/**
 * Joins a phone's RTP (plain or SDES) and an overlay user's DTLS-SRTP without transcoding: rewrites the descriptions so
 * that both meet here (sip/bridge/sdpBridge.ts), and passes RTP, RTCP and telephone events on with nothing changed but
 * the payload type where the two sides number codecs differently. Owns one leg for each side.
 */
import { DecodeError, PeerError } from '../../base/errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Network } from '../../ports/network.ts'
import type { Random } from '../../ports/random.ts'
import type { BridgeSide, OpenSdpBridge, SdpBridge, SdpBridgeOptions } from '../../sip/bridge/sdpBridge.ts'
import { type AudioDescription, type Codec, codecKey, isSound, type Origin, readAudio, writeAudio } from './audioDescription.ts'
import { OverlayLeg } from './overlayLeg.ts'
import { PhoneLeg } from './phoneLeg.ts'
import { formatCrypto, newKey, readCrypto, SdesSession } from './sdes.ts'

export interface RtpBridgeDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly network: Network
}

const idleMs = 5 * 60_000
const idleCheckMs = 30_000

export function createRtpBridges(deps: RtpBridgeDeps): OpenSdpBridge {
  return (options) => RtpBridge.open(deps, options)
}

interface Exchange { readonly from: BridgeSide; readonly offer: AudioDescription; readonly sent: readonly Codec[] }

export class RtpBridge implements SdpBridge {
  private readonly origins: Record<BridgeSide, Origin>
  /** last description written for each side, to keep its version when nothing changes */
  private readonly written: Partial<Record<BridgeSide, string>> = {}
  private exchange: Exchange | undefined
  private toPhone = new Map<number, number>()
  private toOverlay = new Map<number, number>()
  private sdesKey: { readonly local: Uint8Array; readonly tag: string } | undefined
  private sdesRemote = ''
  private role: 'client' | 'server' | undefined
  private lastPacketAt: number
  private idle: Timer
  private closed = false

  private constructor(private readonly deps: RtpBridgeDeps, private readonly options: SdpBridgeOptions, private readonly phone: PhoneLeg, private readonly overlay: OverlayLeg) {
    const id = (): Origin => ({ id: String(deps.random.bytes(6).reduce((sum, byte) => sum * 256 + byte, 0)), version: 1, host: options.local })
    this.origins = { phone: id(), overlay: id() }
    this.lastPacketAt = deps.clock.monotonic()
    this.idle = this.watch()
  }

  static async open(deps: RtpBridgeDeps, options: SdpBridgeOptions): Promise<RtpBridge> {
    const bridge: { made?: RtpBridge } = {}
    const overlay = await OverlayLeg.open(deps.log, {
      onPacket: (packet, rtcp) => { bridge.made?.forward('phone', packet, rtcp) },
      onFailed: (cause) => { deps.log.warn('bridge.failed', { cause: String(cause) }); bridge.made?.options.onIdle() },
    })
    try {
      const phone = await PhoneLeg.open(deps.clock, deps.network, options.local, { onPacket: (packet, rtcp) => { bridge.made?.forward('overlay', packet, rtcp) } })
      bridge.made = new RtpBridge(deps, options, phone, overlay)
      return bridge.made
    } catch (cause) {
      overlay.close()
      throw cause
    }
  }

  offer(sdp: string, from: BridgeSide, sdes?: boolean): string {
    const offer = readAudio(sdp)
    if (from === 'overlay' && sdes !== undefined) this.sdesKey = sdes ? { local: newKey(this.deps.random), tag: '1' } : undefined
    if (!offer.codecs.some(isSound)) throw new PeerError('call-no-common-codec', 'no codec that can be carried')
    if (from === 'overlay' && this.overlay.differs(offer)) throw new PeerError('call-media-failed', 'a new transport inside a bridged call')
    this.exchange = { from, offer, sent: offer.codecs }
    return from === 'phone' ? this.writeOverlay(offer, offer.codecs, 'actpass', '0', ['audio']) : this.writePhone(offer, offer.codecs, this.sdesKey === undefined ? 'RTP/AVP' : 'RTP/SAVP', ['audio'], { mux: true, rtcpPort: this.phone.rtcpPort })
  }

  answer(sdp: string): string {
    const { exchange } = this
    if (exchange === undefined) throw new DecodeError('answer without offer')
    const answer = readAudio(sdp)
    // in the order of who answers, by the numbers of who offered (RFC 3264 §6.1)
    const agreed = answer.codecs.flatMap((theirs) => {
      const ours = exchange.offer.codecs.find((codec) => codecKey(codec) === codecKey(theirs))
      return ours === undefined ? [] : [{ offered: ours, answered: theirs }]
    })
    if (!agreed.some(({ offered }) => isSound(offered))) throw new PeerError('call-no-common-codec', 'no codec in common')
    const there = new Map(agreed.map(({ offered, answered }) => [offered.payloadType, answered.payloadType]))
    const back = new Map(exchange.sent.map((codec) => [codec.payloadType, codec.payloadType]))
    const codecs = agreed.map(({ offered, answered }) => ({ ...offered, fmtp: answered.fmtp ?? offered.fmtp }))
    const [phone, overlay] = exchange.from === 'phone' ? [exchange.offer, answer] : [answer, exchange.offer]
    this.toOverlay = exchange.from === 'phone' ? there : back
    this.toPhone = exchange.from === 'phone' ? back : there
    // RFC 4568 §5.1.2: who is offered keys answers with one, or refuses
    if (exchange.from === 'overlay' && this.sdesKey !== undefined && phone.crypto.length === 0) throw new PeerError('call-no-common-codec', 'no key in the answer')
    this.phone.describe(phone.host, phone.port, phone.rtcpPort, phone.rtcpMux)
    this.secure(phone)
    if (exchange.from === 'phone') {
      this.role ??= answer.setup === 'active' ? 'server' : 'client'
      this.overlay.start(overlay, true, this.role)
      return this.writePhone(answer, codecs, phone.protocol, exchange.offer.lines, { mux: phone.rtcpMux, rtcpPort: phone.rtcpMux ? this.phone.port : this.phone.rtcpPort })
    }
    this.role ??= exchange.offer.setup === 'active' ? 'server' : 'client'
    this.overlay.start(overlay, false, this.role)
    return this.writeOverlay(answer, codecs, this.role === 'client' ? 'active' : 'passive', exchange.offer.mid ?? '0', exchange.offer.lines)
  }

  refused(): void { this.exchange = undefined }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.idle.cancel()
    this.phone.close()
    this.overlay.close()
  }

  /** A packet for this side. */
  private forward(to: BridgeSide, packet: Buffer, rtcp: boolean): void {
    if (this.closed) return
    this.lastPacketAt = this.deps.clock.monotonic()
    if (!rtcp && !renumber(packet, to === 'phone' ? this.toPhone : this.toOverlay)) return
    if (to === 'phone') this.phone.send(packet, rtcp)
    else this.overlay.send(packet, rtcp)
  }

  /** SDES keys, made once; the phone's may change with each description. @throws PeerError 'call-no-common-codec' */
  private secure(phone: AudioDescription): void {
    if (phone.crypto.length === 0) { this.phone.srtp = undefined; this.sdesKey = undefined; this.sdesRemote = ''; return }
    const remote = readCrypto(phone.crypto)
    if (remote === undefined) throw new PeerError('call-no-common-codec', 'no SRTP suite in common')
    this.sdesKey = { local: this.sdesKey?.local ?? newKey(this.deps.random), tag: remote.tag }
    const text = `${remote.tag} ${btoa(String.fromCharCode(...remote.key))}`
    if (text === this.sdesRemote) return
    this.sdesRemote = text
    this.phone.srtp = new SdesSession(this.sdesKey.local, remote.key)
  }

  private writePhone(
    like: AudioDescription, codecs: readonly Codec[], protocol: string, lines: AudioDescription['lines'], rtcp: { readonly mux: boolean; readonly rtcpPort: number },
  ): string {
    const crypto = this.sdesKey !== undefined ? [`crypto:${formatCrypto({ tag: this.sdesKey.tag, key: this.sdesKey.local })}`] : []
    return this.version('phone', () => writeAudio({
      origin: this.origins.phone, host: this.options.local, port: this.phone.port, protocol,
      codecs, direction: like.direction, ptime: like.ptime, mid: undefined, lines,
      transport: [`rtcp:${rtcp.rtcpPort}`, ...(rtcp.mux ? ['rtcp-mux'] : []), ...crypto],
    }))
  }

  private writeOverlay(like: AudioDescription, codecs: readonly Codec[], setup: 'actpass' | 'active' | 'passive', mid: string, lines: AudioDescription['lines']): string {
    const { host, port } = this.overlay.address
    return this.version('overlay', () => writeAudio({
      origin: this.origins.overlay, host, port, protocol: 'UDP/TLS/RTP/SAVPF', codecs, direction: like.direction, ptime: like.ptime, mid, lines,
      // for the user to be told: the app sees DTLS-SRTP, which ends here
      transport: [...this.overlay.attributes(setup), `x-far-leg:${like.crypto.length > 0 ? 'sdes' : 'none'}`],
    }))
  }

  /** RFC 3264 §8: the version grows with each change, and only then. */
  private version(side: BridgeSide, write: () => string): string {
    const before = this.written[side]
    const same = write()
    if (before === undefined || before === same) { this.written[side] = same; return same }
    this.origins[side].version++
    const text = write()
    this.written[side] = text
    return text
  }

  private watch(): Timer {
    return this.deps.clock.setTimer(idleCheckMs, () => {
      if (this.closed) return
      if (this.deps.clock.monotonic() - this.lastPacketAt > idleMs) { this.options.onIdle(); return }
      this.idle = this.watch()
    })
  }
}

/** Writes the payload type that the receiver knows; false for one that was not agreed on. */
function renumber(packet: Buffer, types: ReadonlyMap<number, number>): boolean {
  const second = packet[1] ?? 0
  const type = types.get(second & 0x7f)
  if (type === undefined) return false
  packet[1] = (second & 0x80) | type
  return true
}
