/** A WAV file as an endless row of 48 kHz frames: looped, resampled by straight lines as it goes. */
import { sampleRate } from './audioCodec.ts'
import type { Wav } from './wav.ts'

export class WavSource {
  private position = 0

  constructor(private readonly wav: Wav) {}

  /** Adds the next frame to `frame`. */
  mix(frame: Int16Array): void {
    const { samples } = this.wav
    const step = this.wav.sampleRate / sampleRate
    if (samples.length === 0) return
    for (let i = 0; i < frame.length; i++) {
      const at = Math.floor(this.position)
      const part = this.position - at
      const here = samples[at] ?? 0
      const after = samples[at + 1 < samples.length ? at + 1 : 0] ?? 0
      const value = (frame[i] ?? 0) + 32_767 * (here + (after - here) * part)
      frame[i] = Math.max(-32_768, Math.min(32_767, Math.round(value)))
      this.position += step
      while (this.position >= samples.length) this.position -= samples.length
    }
  }
}
