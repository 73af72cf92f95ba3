/**
 * The side of a bridge that overlay users talk to: ICE with all candidates in the description, DTLS-SRTP (RFC 5763,
 * RFC 5764), RTP and RTCP on one port. Packets come and go whole and unchanged. Owns the ICE and DTLS transports.
 */
import { IceCandidate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport, RTCIceGatherer, RTCIceParameters, RTCIceTransport, RtpHeader, candidateFromSdp, candidateToSdp, ProtectionProfileAeadAes128Gcm, ProtectionProfileAes128CmHmacSha1_80 } from 'werift'
import { DecodeError } from '../../base/errors.ts'
import type { Log } from '../../ports/log.ts'
import { askNobody } from '../askNobody.ts'
import { hostAddresses } from '../hostAddresses.ts'
import type { AudioDescription } from './audioDescription.ts'
import { isRtcp } from './phoneLeg.ts'

export interface OverlayLegUser {
  onPacket(packet: Buffer, rtcp: boolean): void
  /** No path, or the certificate was not the one of the description. */
  onFailed(cause: unknown): void
}

export class OverlayLeg {
  private started: { ufrag: string; fingerprint: string } | undefined
  private secured = false
  private closed = false

  private constructor(private readonly log: Log, private readonly ice: RTCIceTransport, private readonly dtls: RTCDtlsTransport, private readonly user: OverlayLegUser) {}

  static async open(log: Log, user: OverlayLegUser): Promise<OverlayLeg> {
    const certificate = await RTCDtlsTransport.SetupCertificate()
    const gatherer = new RTCIceGatherer({ useIpv4: true, useIpv6: true, additionalHostAddresses: hostAddresses() })
    const ice = new RTCIceTransport(gatherer)
    askNobody(ice)
    const dtls = new RTCDtlsTransport({}, ice, certificate, [ProtectionProfileAes128CmHmacSha1_80, ProtectionProfileAeadAes128Gcm])
    // the library would take the packets apart; here they pass whole
    dtls.srtpStarted = true
    await ice.gather()
    return new OverlayLeg(log, ice, dtls, user)
  }

  /** The candidate that the m= and c= lines name (RFC 8839 §4.2.1.2). */
  get address(): { readonly host: string; readonly port: number } {
    const candidates = this.ice.localCandidates.filter((each) => each.protocol.toLowerCase() === 'udp')
    const best = candidates.find((each) => !each.ip.includes(':')) ?? candidates[0]
    return best === undefined ? { host: '0.0.0.0', port: 9 } : { host: best.ip, port: best.port }
  }

  /** Attributes of our description. @param setup our role, or the choice of the other side */
  attributes(setup: 'actpass' | 'active' | 'passive'): string[] {
    const { usernameFragment, password } = this.ice.localParameters
    const [fingerprint] = this.dtls.localParameters.fingerprints
    return [
      `ice-ufrag:${usernameFragment}`, `ice-pwd:${password}`,
      ...this.ice.localCandidates.map((candidate) => `candidate:${candidateToSdp(candidate).replace(/^candidate:/, '')}`), 'end-of-candidates',
      `fingerprint:${fingerprint?.algorithm ?? ''} ${fingerprint?.value ?? ''}`, `setup:${setup}`, 'rtcp-mux',
    ]
  }

  /** True when this description needs another transport than the one that runs. */
  differs(remote: AudioDescription): boolean {
    return this.started !== undefined && (remote.ice?.ufrag !== this.started.ufrag || remote.fingerprint?.value !== this.started.fingerprint)
  }

  /** Both descriptions are there: connects, once. @throws DecodeError when there is no ICE or no fingerprint */
  start(remote: AudioDescription, controlling: boolean, role: 'client' | 'server'): void {
    if (remote.ice === undefined || remote.fingerprint === undefined) throw new DecodeError('no ICE or DTLS in the description')
    if (this.started !== undefined || this.closed) return
    this.started = { ufrag: remote.ice.ufrag, fingerprint: remote.fingerprint.value }
    const { ufrag, pwd, candidates } = remote.ice
    const parsed = candidates.flatMap((line) => readCandidate(line))
    this.ice.connection.iceControlling = controlling
    this.ice.setRemoteParams(new RTCIceParameters({ usernameFragment: ufrag, password: pwd }))
    this.dtls.role = role
    this.dtls.setRemoteParams(new RTCDtlsParameters([new RTCDtlsFingerprint(remote.fingerprint.algorithm, remote.fingerprint.value)], role === 'client' ? 'server' : 'client'))
    this.connect(parsed).catch((cause: unknown) => { if (!this.closed) this.user.onFailed(cause) })
  }

  send(packet: Buffer, rtcp: boolean): void {
    if (!this.secured || this.closed) return
    let out: Buffer
    if (rtcp) out = this.dtls.srtcp.encrypt(packet)
    else {
      const header = RtpHeader.deSerialize(packet)
      out = this.dtls.srtp.encrypt(packet.subarray(header.payloadOffset), header)
    }
    this.ice.connection.send(out).catch((cause: unknown) => { this.log.debug('bridge.send', { cause: String(cause) }) })
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.dtls.stop().catch((cause: unknown) => { this.log.debug('bridge.close', { cause: String(cause) }) })
  }

  private async connect(candidates: readonly IceCandidate[]): Promise<void> {
    for (const candidate of candidates) await this.ice.addRemoteCandidate(candidate)
    await this.ice.addRemoteCandidate(undefined)
    await this.ice.start()
    await this.dtls.start()
    if (this.closed) return
    this.dtls.updateSrtpSession()
    this.secured = true
    this.ice.connection.onData.subscribe((data) => { this.onData(data) })
    this.log.info('bridge.connected', {})
  }

  private onData(data: Buffer): void {
    // RFC 7983: DTLS and STUN share the port
    if (this.closed || data.length < 8 || (data[0] ?? 0) < 128 || (data[0] ?? 0) > 191) return
    const rtcp = isRtcp(data)
    let packet: Buffer
    try {
      packet = rtcp ? this.dtls.srtcp.decrypt(data) : this.dtls.srtp.decrypt(data)
    } catch (cause) {
      if (cause instanceof Error) return // not authentic, too short, or replayed: one packet less
      throw cause
    }
    this.user.onPacket(packet, rtcp)
  }
}

/** Only UDP candidates for RTP; the others are left to whoever can use them. */
function readCandidate(line: string): IceCandidate[] {
  const [, component, protocol, , address] = line.split(/\s+/)
  if (component !== '1' || protocol?.toLowerCase() !== 'udp' || address === undefined || !/^[0-9a-fA-F.:]+$/.test(address)) return []
  return [candidateFromSdp(line)]
}
