/**
 * The heart of a headless call: every 20 ms one frame is taken from the jitter buffer, recorded and perhaps echoed,
 * and one frame is sent. Runs on the clock without drift: each frame's time counts from the start, not from the
 * frame before. Owns its timer and the codecs; it leaves the network to whoever made it.
 */
import { DecodeError } from '../base/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import { createCodec, frameMs, frameSamples, type AudioCodec } from './audioCodec.ts'
import { JitterBuffer } from './jitterBuffer.ts'
import { KeyReceiver, KeySender } from './telephoneEvent.ts'
import type { WavSource } from './wavSource.ts'

export interface SoundLoopParts {
  readonly clock: Clock
  readonly source: WavSource | undefined
  readonly echo: boolean
  /** takes each frame heard */
  readonly record: ((frame: Int16Array) => void) | undefined
  /** @param marker first packet of a talk spurt (RFC 3551 §4.1) */
  readonly send: (payload: Uint8Array, sequence: number, timestamp: number, marker: boolean) => void
  readonly sendMimeType: string
  /** sends a telephone-event packet (RFC 4733); undefined when the other side takes none */
  readonly sendEvent?: ((payload: Uint8Array, sequence: number, timestamp: number, marker: boolean) => void) | undefined
  /** timestamp units of a frame by the clock of the events */
  readonly eventStep?: number | undefined
  readonly onKey?: ((key: string) => void) | undefined
  /** MIME type of a payload type, as negotiated */
  readonly mimeTypeOf: (payloadType: number) => string | undefined
  /** random starts, RFC 3550 §5.1 */
  readonly firstSequence: number
  readonly firstTimestamp: number
}

/** further behind than this, frames are left out instead of sent in a burst */
const maxBehindMs = 200
const maxPacketBytes = 2_000
/** decoded sound that waits, in samples */
const maxWaiting = 48_000

export class SoundLoop {
  muted = false
  /** hold: nothing is sent, nothing is heard */
  flow = { send: true, receive: true }
  private readonly keysOut: KeySender
  private readonly keysIn = new KeyReceiver()
  private readonly jitter = new JitterBuffer()
  private readonly decoders = new Map<string, AudioCodec>()
  private readonly encoder: AudioCodec | undefined
  private readonly startedAt: number
  private heard = new Int16Array(0)
  private frame = 0
  private skipped = 0
  private undecodable = 0
  private timer: Timer | undefined
  private sequence: number
  private timestamp: number

  constructor(private readonly parts: SoundLoopParts) {
    this.encoder = createCodec(parts.sendMimeType)
    this.sequence = parts.firstSequence
    this.timestamp = parts.firstTimestamp
    this.startedAt = parts.clock.monotonic()
    this.keysOut = new KeySender(parts.eventStep ?? 160)
    this.schedule()
  }

  /** Name of the codec we send with. */
  get codec(): string { return this.encoder?.name ?? '' }
  /** Packets that no codec of ours could read. */
  get dropped(): number { return this.undecodable }

  /** A packet came. */
  receive(payloadType: number, sequence: number, payload: Uint8Array, timestamp = 0): void {
    if (payload.length === 0 || payload.length > maxPacketBytes) return
    if (this.parts.mimeTypeOf(payloadType)?.toLowerCase() === 'audio/telephone-event') {
      const key = this.keysIn.receive(payload, timestamp)
      if (key !== undefined) this.parts.onKey?.(key)
      return
    }
    if (!this.flow.receive) return
    this.jitter.push(sequence, { payloadType, payload })
  }

  /** Sends keys one after the other; without effect when the other side takes no events. */
  sendKeys(keys: string): void { if (this.parts.sendEvent !== undefined) this.keysOut.push(keys) }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.encoder?.close()
    for (const decoder of this.decoders.values()) decoder.close()
    this.decoders.clear()
  }

  private schedule(): void {
    const due = this.startedAt + (this.frame + this.skipped) * frameMs
    this.timer = this.parts.clock.setTimer(Math.max(0, due - this.parts.clock.monotonic()), () => { this.run() })
  }

  private run(): void {
    const behindMs = this.parts.clock.monotonic() - this.startedAt - (this.frame + this.skipped) * frameMs
    if (behindMs > maxBehindMs) {
      const left = Math.floor(behindMs / frameMs)
      this.skipped += left
      this.timestamp = (this.timestamp + left * (this.encoder?.timestampStep ?? 0)) >>> 0
    }
    this.tick()
    this.frame++
    if (this.timer !== undefined) this.schedule()
  }

  private tick(): void {
    const heard = this.hear()
    this.parts.record?.(heard)
    const out = new Int16Array(frameSamples)
    if (this.parts.echo) out.set(heard)
    this.parts.source?.mix(out)
    // muted frames are sent as silence: the other side's NAT bindings and jitter buffer live on
    if (this.muted) out.fill(0)
    if (this.encoder === undefined) return
    if (this.flow.send) this.emit(this.encoder, out)
    this.timestamp = (this.timestamp + this.encoder.timestampStep) >>> 0
  }

  /** A key takes the place of the sound for as long as it lasts (RFC 4733 §2.5.1.2). */
  private emit(encoder: AudioCodec, out: Int16Array): void {
    const event = this.keysOut.next(this.timestamp)
    if (event === undefined) {
      this.parts.send(encoder.encode(out), this.sequence, this.timestamp, this.frame === 0)
      this.sequence = (this.sequence + 1) & 0xffff
      return
    }
    for (const payload of event.payloads) {
      this.parts.sendEvent?.(payload, this.sequence, event.timestamp, event.first)
      this.sequence = (this.sequence + 1) & 0xffff
    }
  }

  /** The next 20 ms of what the other side says; silence where packets are missing. */
  private hear(): Int16Array {
    for (let packets = 0; this.heard.length < frameSamples && packets < 8; packets++) {
      const packet = this.jitter.pop()
      if (packet === undefined) break
      const samples = this.decode(packet.payloadType, packet.payload)
      if (samples === undefined || this.heard.length + samples.length > maxWaiting) continue
      const joined = new Int16Array(this.heard.length + samples.length)
      joined.set(this.heard)
      joined.set(samples, this.heard.length)
      this.heard = joined
    }
    const frame = new Int16Array(frameSamples)
    frame.set(this.heard.subarray(0, frameSamples))
    this.heard = this.heard.slice(frameSamples)
    return frame
  }

  private decode(payloadType: number, payload: Uint8Array): Int16Array | undefined {
    const mimeType = this.parts.mimeTypeOf(payloadType)
    if (mimeType === undefined) { this.undecodable++; return undefined }
    let decoder = this.decoders.get(mimeType)
    if (decoder === undefined) {
      decoder = createCodec(mimeType)
      if (decoder === undefined) { this.undecodable++; return undefined }
      this.decoders.set(mimeType, decoder)
    }
    try {
      return decoder.decode(payload)
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause
      this.undecodable++
      return undefined
    }
  }
}
