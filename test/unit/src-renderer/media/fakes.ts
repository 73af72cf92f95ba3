/** A browser's sound as far as a call needs it, to drive by hand. */
import type { MediaEnvironment } from '../../../../src-renderer/media/callMedia.ts'

export const opusAnswer = 'v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n'
export const rejectedAnswer = 'v=0\r\nm=audio 0 UDP/TLS/RTP/SAVPF 0\r\n'

export class FakeTrack { enabled = true; stopped = false; readonly kind = 'audio'; stop(): void { this.stopped = true } }

export class FakeStream {
  readonly track = new FakeTrack()
  getTracks(): FakeTrack[] { return [this.track] }
  getAudioTracks(): FakeTrack[] { return [this.track] }
}

export class FakePeerConnection {
  iceGatheringState: RTCIceGatheringState = 'new'
  connectionState: RTCPeerConnectionState = 'new'
  localDescription: RTCSessionDescriptionInit | null = null
  remoteDescription: RTCSessionDescriptionInit | null = null
  onicegatheringstatechange: (() => void) | null = null
  onconnectionstatechange: (() => void) | null = null
  ontrack: ((event: { streams: unknown[]; track: unknown }) => void) | null = null
  answerSdp = opusAnswer
  closed = false
  packets = 0
  preferred: string[] = []
  sender: { track: FakeTrack | null; replaceTrack: (track: FakeTrack) => Promise<void> } = {
    track: null, replaceTrack: (track) => { this.sender.track = track; return Promise.resolve() },
  }
  createOffer(): Promise<RTCSessionDescriptionInit> { return Promise.resolve({ type: 'offer', sdp: 'offer without candidates' }) }
  createAnswer(): Promise<RTCSessionDescriptionInit> { return Promise.resolve({ type: 'answer', sdp: this.answerSdp }) }
  setLocalDescription(description: RTCSessionDescriptionInit): Promise<void> { this.localDescription = description; return Promise.resolve() }
  setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
    if (description.sdp === 'broken') return Promise.reject(new Error('cannot parse'))
    this.remoteDescription = description
    return Promise.resolve()
  }
  addTrack(track: FakeTrack): void { this.sender.track = track }
  getSenders(): unknown[] { return [this.sender] }
  getTransceivers(): unknown[] { return [{ setCodecPreferences: (codecs: { mimeType: string }[]) => { this.preferred = codecs.map((c) => c.mimeType) } }] }
  getStats(): Promise<Map<string, unknown>> { return Promise.resolve(new Map([['in', { type: 'inbound-rtp', kind: 'audio', packetsReceived: this.packets }]])) }
  close(): void { this.closed = true }

  gather(sdp = 'offer with candidates'): void {
    this.iceGatheringState = 'complete'
    if (this.localDescription !== null) this.localDescription = { ...this.localDescription, sdp: this.localDescription.type === 'answer' ? this.answerSdp : sdp }
    this.onicegatheringstatechange?.()
  }
  become(state: RTCPeerConnectionState): void {
    this.connectionState = state
    this.onconnectionstatechange?.()
  }
}

export class FakeEnvironment {
  readonly connections: FakePeerConnection[] = []
  readonly streams: FakeStream[] = []
  playing = 0
  silent = false
  microphone: () => Promise<FakeStream> = () => {
    const stream = new FakeStream()
    this.streams.push(stream)
    return Promise.resolve(stream)
  }
  get pc(): FakePeerConnection { return this.connections.at(-1) as FakePeerConnection }
  get environment(): MediaEnvironment {
    return {
      createPeerConnection: () => {
        const pc = new FakePeerConnection()
        this.connections.push(pc)
        return pc as unknown as RTCPeerConnection
      },
      audioCapabilities: () => [{ mimeType: 'audio/PCMU', clockRate: 8000 }, { mimeType: 'audio/opus', clockRate: 48000 }],
      openMicrophone: () => this.microphone() as unknown as Promise<MediaStream>,
      play: () => {
        this.playing++
        return { stop: () => { this.playing-- }, setSilent: (silent) => { this.silent = silent } }
      },
    }
  }
}

export const flush = async (): Promise<void> => { for (let i = 0; i < 30; i++) await Promise.resolve() }
