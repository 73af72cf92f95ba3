/**
 * The sound of one call: one RTCPeerConnection driven by the peer's `media` requests (offer, answer, accept,
 * mute, unmute, flow, keys, close). SDP is complete: it leaves only after ICE gathering (RFC 8829, no trickle). The
 * microphone is opened by offer or answer, never before. Owns the microphone track and the audio element.
 */
import { answeredCodec, preferredCodecs } from './sdp.ts'

export type MediaErrorCode = 'microphone-missing' | 'microphone-denied' | 'call-media-failed' | 'call-no-common-codec'

export class MediaError extends Error {
  override readonly name = 'MediaError'
  constructor(readonly code: MediaErrorCode, message: string) { super(message) }
}

/** What a call needs of the browser; tests give their own. */
export interface MediaEnvironment {
  createPeerConnection(): RTCPeerConnection
  audioCapabilities(): RTCRtpCodec[]
  openMicrophone(): Promise<MediaStream>
  /** plays a stream on the chosen speaker until the returned function is called */
  play(stream: MediaStream): Playing
}

export interface Playing { stop(): void; setSilent(silent: boolean): void }

export interface CallMediaUser {
  onConnected(codec: string): void
  onFailed(): void
  /** the path is interrupted or back */
  onInterrupted(interrupted: boolean): void
}

const gatheringLimitMs = 5_000

export class CallMedia {
  private readonly pc: RTCPeerConnection
  private microphone: MediaStream | undefined
  private playing: Playing | undefined
  private flow = { send: true, receive: true }
  private codec = ''
  private muted = false
  private reported: 'connected' | 'failed' | undefined
  private closed = false

  constructor(private readonly environment: MediaEnvironment, private readonly user: CallMediaUser) {
    this.pc = environment.createPeerConnection()
    this.pc.ontrack = (event) => {
      this.playing?.stop()
      this.playing = environment.play(event.streams[0] ?? new MediaStream([event.track]))
      this.playing.setSilent(!this.flow.receive)
    }
    this.pc.onconnectionstatechange = () => { this.onState() }
  }

  /** @throws MediaError */
  async offer(): Promise<string> {
    await this.capture()
    return this.settle(() => this.pc.createOffer())
  }

  /** @throws MediaError */
  async answer(remoteOffer: string): Promise<string> {
    await this.capture()
    const sdp = await this.settle(async () => {
      await this.pc.setRemoteDescription({ type: 'offer', sdp: remoteOffer })
      this.prefer()
      return this.pc.createAnswer()
    })
    this.codec = answeredCodec(sdp)
    if (this.codec === '') throw new MediaError('call-no-common-codec', 'the offer has no codec in common')
    return sdp
  }

  /** @throws MediaError */
  async accept(remoteAnswer: string): Promise<void> {
    this.codec = answeredCodec(remoteAnswer)
    if (this.codec === '') throw new MediaError('call-no-common-codec', 'the answer selects no codec')
    try {
      await this.pc.setRemoteDescription({ type: 'answer', sdp: remoteAnswer })
    } catch (cause) {
      throw new MediaError('call-media-failed', String(cause))
    }
  }

  setMuted(muted: boolean): void {
    this.muted = muted
    this.applySend()
  }

  /** Hold: whether our sound goes out, and whether theirs is heard. */
  setFlow(flow: { send: boolean; receive: boolean }): void {
    this.flow = { ...flow }
    this.playing?.setSilent(!flow.receive)
    this.applySend()
  }

  /** RTP events (RFC 4733), with the shortest times that all gateways hear. */
  sendKeys(keys: string): void {
    const sender = this.pc.getSenders().find((each) => each.dtmf !== null)
    sender?.dtmf?.insertDTMF(`${sender.dtmf.toneBuffer}${keys}`, 160, 80)
  }

  /** Answers an offer that changes the transport of a call whose sound is open. @throws MediaError */
  async reanswer(remoteOffer: string): Promise<string> {
    return this.settle(async () => {
      await this.pc.setRemoteDescription({ type: 'offer', sdp: remoteOffer })
      return this.pc.createAnswer()
    })
  }

  private applySend(): void {
    for (const track of this.microphone?.getAudioTracks() ?? []) track.enabled = !this.muted && this.flow.send
  }

  /** Puts another microphone in place of the one in use. @throws MediaError */
  async switchMicrophone(): Promise<void> {
    const sender = this.pc.getSenders().find((s) => s.track?.kind === 'audio')
    if (sender === undefined || this.closed) return
    const next = await this.open()
    const track = next.getAudioTracks()[0]
    if (track === undefined) throw new MediaError('microphone-missing', 'no audio track')
    track.enabled = !this.muted && this.flow.send
    await sender.replaceTrack(track)
    this.stopMicrophone()
    this.microphone = next
  }

  /** Audio packets received so far; undefined while there are no statistics. */
  async packetsReceived(): Promise<number | undefined> {
    let packets: number | undefined
    const report = await this.pc.getStats()
    report.forEach((entry: { type: string; kind?: string; packetsReceived?: number }) => {
      if (entry.type === 'inbound-rtp' && entry.kind === 'audio') packets = entry.packetsReceived
    })
    return packets
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.pc.ontrack = null
    this.pc.onconnectionstatechange = null
    this.pc.close()
    this.stopMicrophone()
    this.playing?.stop()
  }

  private stopMicrophone(): void {
    for (const track of this.microphone?.getTracks() ?? []) track.stop()
  }

  private async open(): Promise<MediaStream> {
    try {
      return await this.environment.openMicrophone()
    } catch (cause) {
      const name = (cause as { name?: unknown }).name
      if (name === 'NotAllowedError' || name === 'SecurityError') throw new MediaError('microphone-denied', String(cause))
      throw new MediaError('microphone-missing', String(cause))
    }
  }

  private async capture(): Promise<void> {
    const stream = await this.open()
    // the call may have ended while the user was asked for the microphone
    if (this.closed) {
      for (const track of stream.getTracks()) track.stop()
      throw new MediaError('call-media-failed', 'the call is over')
    }
    this.microphone = stream
    const track = stream.getAudioTracks()[0]
    if (track === undefined) throw new MediaError('microphone-missing', 'no audio track')
    track.enabled = !this.muted && this.flow.send
    this.pc.addTrack(track, stream)
    this.prefer()
  }

  private prefer(): void {
    const codecs = preferredCodecs(this.environment.audioCapabilities())
    if (codecs.length === 0) return
    for (const transceiver of this.pc.getTransceivers()) transceiver.setCodecPreferences(codecs)
  }

  private async settle(describe: () => Promise<RTCSessionDescriptionInit>): Promise<string> {
    try {
      await this.pc.setLocalDescription(await describe())
      await this.gathered()
      return this.pc.localDescription?.sdp ?? ''
    } catch (cause) {
      throw new MediaError('call-media-failed', String(cause))
    }
  }

  private gathered(): Promise<void> {
    if (this.pc.iceGatheringState === 'complete') return Promise.resolve()
    return new Promise((resolve) => {
      // an unreachable STUN server must not hold up the call: what is gathered by then is sent
      const timer = setTimeout(resolve, gatheringLimitMs)
      this.pc.onicegatheringstatechange = () => {
        if (this.pc.iceGatheringState !== 'complete') return
        clearTimeout(timer)
        resolve()
      }
    })
  }

  private onState(): void {
    switch (this.pc.connectionState) {
      case 'connected':
        this.user.onInterrupted(false)
        if (this.reported === undefined) {
          this.reported = 'connected'
          this.user.onConnected(this.codec)
        }
        return
      case 'disconnected':
        this.user.onInterrupted(true)
        return
      case 'failed':
        if (this.reported === 'failed') return
        this.reported = 'failed'
        this.user.onFailed()
        return
      case 'new': case 'connecting': case 'closed':
    }
  }
}
