/**
 * The sound of calls without a window: plays a WAV file or silence, records or echoes what it hears. Audio only,
 * Opus preferred, DTLS-SRTP (RFC 5763) over ICE with all candidates in the first SDP, as WebRTC in the desktop
 * window does it, so that each can call the other.
 */
import { randomBytes } from 'node:crypto'
import { MediaStream, MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters, RtpHeader, RtpPacket, type RTCRtpTransceiver } from 'werift'
import { PeerError } from '../base/errors.ts'
import type { MediaPort, MediaSession, MediaUser } from '../phone/mediaPort.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import { withDefaultCandidate } from '../sdp/rewrite.ts'
import { mimeTypes, sampleRate } from './audioCodec.ts'
import { askNobody } from './askNobody.ts'
import { hostAddresses } from './hostAddresses.ts'
import { SoundLoop } from './soundLoop.ts'
import { readWav, WavWriter, type Wav } from './wav.ts'
import { WavSource } from './wavSource.ts'

export interface HeadlessOptions {
  readonly clock: Clock
  readonly log: Log
  /** WAV file to play, looped; silence when absent */
  readonly play?: string | undefined
  /** WAV file to write what is heard into */
  readonly record?: string | undefined
  /** send back what is heard */
  readonly echo?: boolean | undefined
}

/** without a path for so long the sound is lost */
const disconnectedMs = 15_000

/** @throws PeerError 'media-file-unreadable' for a file to play that cannot be read, or a recording that cannot be made */
export function createHeadlessMedia(options: HeadlessOptions): MediaPort {
  const wav = options.play === undefined ? undefined : readWav(options.play)
  // made now, so that a wrong path is told before anybody's phone rings
  if (options.record !== undefined) new WavWriter(options.record, sampleRate).close()
  let opened = 0
  return {
    open: (call, user) => {
      opened++
      // a call that takes the place of another, after a transfer, has a recording of its own
      const record = opened === 1 ? options.record : options.record?.replace(/(\.[^./\\]*)?$/, `-${opened}$1`)
      return new HeadlessSession({ ...options, record }, wav, call.id, user)
    },
  }
}

class HeadlessSession implements MediaSession {
  readonly engine = 'headless'
  private readonly pc: RTCPeerConnection
  private readonly recording: WavWriter | undefined
  private loop: SoundLoop | undefined
  private grace: Timer | undefined
  private muted = false
  private flow = { send: true, receive: true }
  private closed = false

  constructor(
    private readonly options: HeadlessOptions,
    private readonly wav: Wav | undefined,
    private readonly id: string,
    private readonly user: MediaUser,
  ) {
    this.recording = options.record === undefined ? undefined : new WavWriter(options.record, sampleRate)
    this.pc = new RTCPeerConnection({
      codecs: {
        audio: [
          new RTCRtpCodecParameters({ mimeType: 'audio/opus', clockRate: 48_000, channels: 2, payloadType: 111, parameters: 'minptime=10;useinbandfec=1' }),
          new RTCRtpCodecParameters({ mimeType: 'audio/PCMU', clockRate: 8_000, channels: 1, payloadType: 0 }),
          new RTCRtpCodecParameters({ mimeType: 'audio/PCMA', clockRate: 8_000, channels: 1, payloadType: 8 }),
          new RTCRtpCodecParameters({ mimeType: 'audio/telephone-event', clockRate: 48_000, channels: 1, payloadType: 110, parameters: '0-15' }),
          new RTCRtpCodecParameters({ mimeType: 'audio/telephone-event', clockRate: 8_000, channels: 1, payloadType: 126, parameters: '0-15' }),
        ],
        video: [],
      },
      headerExtensions: { audio: [], video: [] },
      iceServers: [],
      iceAdditionalHostAddresses: hostAddresses(),
      iceUseIpv4: true, iceUseIpv6: true,
      bundlePolicy: 'max-bundle',
    })
    this.pc.connectionStateChange.subscribe((state) => { this.onState(state) })
  }

  async offer(signal: AbortSignal): Promise<string> {
    return this.describe(signal, async () => {
      this.addAudio()
      await this.describeLocally(await this.pc.createOffer())
    })
  }

  async answer(remoteOffer: string, signal: AbortSignal): Promise<string> {
    requireAudio(remoteOffer)
    const named = hasMid(remoteOffer)
    const sdp = await this.describe(signal, async () => {
      if (this.pc.getTransceivers().length === 0) this.addAudio()
      await this.pc.setRemoteDescription({ type: 'offer', sdp: named ? remoteOffer : withMid(remoteOffer, '0') })
      await this.describeLocally(await this.pc.createAnswer())
      this.preferCodec()
    })
    return named ? sdp : withoutMid(sdp)
  }

  async accept(remoteAnswer: string): Promise<void> {
    requireAudio(remoteAnswer)
    try {
      await this.pc.setRemoteDescription({ type: 'answer', sdp: hasMid(remoteAnswer) ? remoteAnswer : withMid(remoteAnswer, this.transceiver?.mid ?? '0') })
      this.preferCodec()
    } catch (cause) {
      throw this.failure(cause)
    }
  }

  setMuted(muted: boolean): void {
    this.muted = muted
    if (this.loop !== undefined) this.loop.muted = muted
  }

  setFlow(flow: { readonly send: boolean; readonly receive: boolean }): void {
    this.flow = { ...flow }
    if (this.loop !== undefined) this.loop.flow = this.flow
  }

  sendKeys(keys: string): void { this.loop?.sendKeys(keys) }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.grace?.cancel()
    this.loop?.stop()
    try {
      this.recording?.close()
    } catch (cause) {
      this.options.log.warn('media.recording', { call: this.id, cause: String(cause) })
    }
    this.pc.close().catch((cause: unknown) => { this.options.log.debug('media.close', { call: this.id, cause: String(cause) }) })
  }

  /** In a stream of its own, since some sides hear only tracks that are in one (RFC 8830). */
  private addAudio(): void {
    this.pc.addTransceiver(new MediaStreamTrack({ kind: 'audio' }), { direction: 'sendrecv', streams: [new MediaStream()] })
  }

  /** Gathers candidates. */
  private async describeLocally(description: Awaited<ReturnType<RTCPeerConnection['createOffer']>>): Promise<void> {
    for (const transport of this.pc.iceTransports) askNobody(transport)
    await this.pc.setLocalDescription(description)
  }

  /** Runs a step of offer/answer and returns our SDP with its candidates. */
  private async describe(signal: AbortSignal, step: () => Promise<void>): Promise<string> {
    signal.throwIfAborted()
    try {
      await step()
    } catch (cause) {
      throw this.failure(cause)
    }
    signal.throwIfAborted()
    const sdp = this.pc.localDescription?.sdp
    if (sdp === undefined || this.closed) throw new PeerError('call-media-failed', 'no session description')
    return withDefaultCandidate(sdp)
  }

  private failure(cause: unknown): PeerError {
    const text = cause instanceof Error ? cause.message : String(cause)
    return new PeerError(/negotiate codecs/.test(text) ? 'call-no-common-codec' : 'call-media-failed', text, { cause })
  }

  private get transceiver(): RTCRtpTransceiver | undefined { return this.pc.getTransceivers().find((each) => each.kind === 'audio') }

  /** The library sends with what the other side names first; we send with the best that both have. */
  private preferCodec(): void {
    const transceiver = this.transceiver
    const codecs = transceiver?.codecs ?? []
    const best = mimeTypes.map((mime) => codecs.find((codec) => codec.mimeType.toLowerCase() === mime.toLowerCase())).find((codec) => codec !== undefined)
    if (transceiver !== undefined && best !== undefined) transceiver.sender.codec = best
  }

  private onState(state: RTCPeerConnection['connectionState']): void {
    if (this.closed) return
    this.grace?.cancel()
    switch (state) {
      case 'connected': this.connected(); break
      case 'failed': case 'closed': this.user.onFailed('call-media-failed'); break
      case 'disconnected':
        this.grace = this.options.clock.setTimer(disconnectedMs, () => { this.user.onFailed('call-media-failed') })
        break
      case 'new': case 'connecting': break
    }
  }

  private connected(): void {
    if (this.loop !== undefined) return
    this.preferCodec()
    const transceiver = this.transceiver
    const codec = transceiver?.sender.codec
    if (transceiver === undefined || codec === undefined) { this.user.onFailed('call-media-failed'); return }
    const chance = randomBytes(6)
    const events = transceiver.codecs.filter(isEvent)
    const event = events.find((each) => each.clockRate === codec.clockRate) ?? events[0]
    this.loop = new SoundLoop({
      clock: this.options.clock,
      source: this.wav === undefined ? undefined : new WavSource(this.wav),
      echo: this.options.echo === true,
      record: this.recording === undefined ? undefined : (frame) => { this.record(frame) },
      send: (payload, sequence, timestamp, marker) => { this.send(transceiver, payload, sequence, timestamp, marker) },
      sendMimeType: codec.mimeType,
      mimeTypeOf: (payloadType) => transceiver.codecs.find((each) => each.payloadType === payloadType)?.mimeType,
      sendEvent: event === undefined ? undefined : (payload, sequence, timestamp, marker) => { this.send(transceiver, payload, sequence, timestamp, marker, event) },
      eventStep: event === undefined ? undefined : event.clockRate / 50,
      onKey: (key) => { this.user.onKey?.(key) },
      firstSequence: chance.readUInt16BE(0), firstTimestamp: chance.readUInt32BE(2),
    })
    this.loop.muted = this.muted
    this.loop.flow = this.flow
    // every packet counts, whatever its SSRC: a phone behind a bridge names none in its description, or changes it
    transceiver.dtlsTransport.onRtp.subscribe(({ header, payload }) => { this.loop?.receive(header.payloadType, header.sequenceNumber, payload, header.timestamp) })
    this.user.onConnected(this.loop.codec)
  }

  private send(transceiver: RTCRtpTransceiver, payload: Uint8Array, sequenceNumber: number, timestamp: number, marker: boolean, as?: RTCRtpCodecParameters): void {
    const packet = new RtpPacket(new RtpHeader({ sequenceNumber, timestamp, marker }), Buffer.from(payload))
    const { sender } = transceiver
    const usual = sender.codec
    // the sender writes the payload type of its codec into the packet before it first waits
    if (as !== undefined) sender.codec = as
    const sent = sender.sendRtp(packet)
    if (usual !== undefined) sender.codec = usual
    sent.catch((cause: unknown) => { this.options.log.debug('media.send', { call: this.id, cause: String(cause) }) })
  }

  private record(frame: Int16Array): void {
    try {
      this.recording?.write(frame)
    } catch (cause) {
      this.options.log.warn('media.recording', { call: this.id, cause: String(cause) })
      this.user.onFailed('call-media-failed')
    }
  }
}

/** Phones without WebRTC name no streams (RFC 5888); the library cannot do without. */
function hasMid(sdp: string): boolean { return /^a=mid:/m.test(sdp) }
function withMid(sdp: string, mid: string): string { return sdp.replace(/^(m=audio [^\r\n]*)/m, `$1\r\na=mid:${mid}`) }
function withoutMid(sdp: string): string { return sdp.replace(/^a=(?:mid:|group:BUNDLE|extmap:)[^\r\n]*\r?\n/gm, '') }

function isEvent(codec: RTCRtpCodecParameters): boolean { return codec.mimeType.toLowerCase() === 'audio/telephone-event' }

/** @throws PeerError 'call-no-common-codec' when there is no audio stream that we could take part in */
function requireAudio(sdp: string): void {
  const names = [...sdp.matchAll(/^a=rtpmap:\d+ ([^/\s]+)/gm)].map((match) => `audio/${match[1] ?? ''}`)
  // static payload types may go without a=rtpmap (RFC 3551 §6)
  const audio = /^m=audio ([1-9]\d*) \S+ ([\d ]+)/m.exec(sdp)
  const known = names.some((name) => mimeTypes.some((mime) => mime.toLowerCase() === name.toLowerCase()))
  if (audio === null || !(known || /\b[08]\b/.test(audio[2] ?? ''))) throw new PeerError('call-no-common-codec', 'no audio codec in common')
}

