/**
 * Opus (RFC 6716) at 48 kHz mono, by libopus compiled to WebAssembly. The module's bytes are part of the bundle,
 * so that no file has to lie beside it; it is made once, at the first call.
 */
import createModule, { type OpusHandler, type OpusModule } from 'opusscript/build/opusscript_native_wasm.js'
import wasmUrl from 'opusscript/build/opusscript_native_wasm.wasm?url&inline'
import { DecodeError, invariant } from '../base/errors.ts'

const sampleRate = 48_000
/** OPUS_APPLICATION_AUDIO: what is played need not be a voice */
const applicationAudio = 2049
const setBitrate = 4002
const setComplexity = 4010
const bitrate = 40_000
const complexity = 5
const maxPacketBytes = 3_828
/** 120 ms, the longest packet */
const maxSamples = 5_760

let module: OpusModule | undefined

function load(): OpusModule {
  module ??= createModule({ wasmBinary: new Uint8Array(Buffer.from(wasmUrl.slice(wasmUrl.indexOf(',') + 1), 'base64')) })
  return module
}

/** One encoder and one decoder. `close` gives their memory back. */
export class Opus {
  private readonly module = load()
  private readonly handler: OpusHandler
  private readonly pcm: number
  private readonly packet: number
  private open = true

  constructor() {
    this.handler = new this.module.OpusScriptHandler(sampleRate, 1, applicationAudio)
    this.handler._encoder_ctl(setBitrate, bitrate)
    this.handler._encoder_ctl(setComplexity, complexity)
    this.pcm = this.module._malloc(4 * maxSamples)
    this.packet = this.module._malloc(maxPacketBytes)
  }

  /** @param samples a frame of 2.5 to 60 ms */
  encode(samples: Int16Array): Uint8Array {
    invariant(this.open && samples.length <= maxSamples, 'an Opus frame is at most 60 ms')
    // The module takes and gives each byte of a sample in a 16-bit word of its own. Views are made anew each
    // time, since the module's memory may have grown.
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)
    new Uint16Array(this.module.HEAPU8.buffer, this.pcm, bytes.length).set(bytes)
    const length = this.handler._encode(this.pcm, samples.byteLength, this.packet, samples.length)
    invariant(length >= 0, `libopus does not encode: ${length}`)
    return this.module.HEAPU8.slice(this.packet, this.packet + length)
  }

  /** @throws DecodeError */
  decode(packet: Uint8Array): Int16Array {
    invariant(this.open, 'the decoder is closed')
    if (packet.length === 0 || packet.length > maxPacketBytes) throw new DecodeError('Opus packet of impossible length')
    if (packetSamples(packet) > 2_880) throw new DecodeError('Opus packet longer than 60 ms')
    this.module.HEAPU8.set(packet, this.packet)
    const samples = this.handler._decode(this.packet, packet.length, this.pcm)
    if (samples < 0) throw new DecodeError(`libopus: ${samples}`)
    const bytes = Uint8Array.from(new Uint16Array(this.module.HEAPU8.buffer, this.pcm, 2 * samples))
    return new Int16Array(bytes.buffer, 0, samples)
  }

  close(): void {
    if (!this.open) return
    this.open = false
    this.module.OpusScriptHandler.destroy_handler(this.handler)
    this.module._free(this.pcm)
    this.module._free(this.packet)
  }
}

/** Length of a packet in samples at 48 kHz, from its first bytes (RFC 6716 §3.1, §3.2). */
function packetSamples(packet: Uint8Array): number {
  const toc = packet[0] ?? 0
  const config = toc >> 3
  const frame = config < 12 ? ([480, 960, 1920, 2880][config & 3] ?? 0) : config < 16 ? ([480, 960][config & 1] ?? 0) : ([120, 240, 480, 960][config & 3] ?? 0)
  const code = toc & 3
  const frames = code === 0 ? 1 : code === 3 ? (packet[1] ?? 0) & 0x3f : 2
  return frame * frames
}
