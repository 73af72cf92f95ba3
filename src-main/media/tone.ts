/** Tones, to play and to recognise: how `ringway demo` and the tests know that sound came through. */
import { writeFileSync } from 'node:fs'
import { formatWav, type Wav } from './wav.ts'

export interface Tone { readonly hz: number; readonly seconds: number; /** 0…1, 0.5 unless told */ readonly level?: number; readonly sampleRate?: number }

/** A sine, in whole periods where the length allows, so that it can be looped without a click. */
export function toneSamples({ hz, seconds, level = 0.5, sampleRate = 48_000 }: Tone): Int16Array {
  const samples = new Int16Array(Math.round(seconds * sampleRate))
  for (let i = 0; i < samples.length; i++) samples[i] = Math.round(level * 32_767 * Math.sin((2 * Math.PI * hz * i) / sampleRate))
  return samples
}

/** Writes a tone as a WAV file; returns its path. */
export function writeTone(path: string, tone: Tone): string {
  writeFileSync(path, formatWav(toneSamples(tone), tone.sampleRate ?? 48_000))
  return path
}

export interface Dominant {
  /** 0 when there is silence */
  readonly hz: number
  /** the tone's part of all energy above 20 Hz, 0…1 */
  readonly share: number
  /** root mean square of the louder half of the recording, 0…1 */
  readonly level: number
}

const longestWindow = 16_384

/** The strongest frequency of a recording, to about half a hertz from half a second of sound on. */
export function dominantFrequency({ samples, sampleRate }: Wav): Dominant {
  const size = Math.min(longestWindow, 2 ** Math.floor(Math.log2(Math.max(256, samples.length))))
  const power = new Float64Array(size / 2)
  const levels: number[] = []
  const step = size / 2
  for (let at = 0; at === 0 || at + size <= samples.length; at += step) {
    const window = samples.subarray(at, at + size)
    levels.push(window.reduce((sum, x) => sum + x * x, 0) / size)
    addPower(window, size, power)
  }
  const louder = levels.sort((a, b) => b - a).slice(0, Math.ceil(levels.length / 2))
  const level = Math.sqrt(louder.reduce((sum, x) => sum + x, 0) / louder.length)
  const lowest = Math.max(1, Math.ceil((20 * size) / sampleRate))
  let peak = lowest
  let total = 0
  for (let bin = lowest; bin < power.length; bin++) {
    total += power[bin] ?? 0
    if ((power[bin] ?? 0) > (power[peak] ?? 0)) peak = bin
  }
  if (level < 1e-4 || total === 0) return { hz: 0, share: 0, level }
  let near = 0
  for (let bin = Math.max(lowest, peak - 3); bin <= peak + 3; bin++) near += power[bin] ?? 0
  return { hz: ((peak + offset(power, peak)) * sampleRate) / size, share: near / total, level }
}

/** Where between bins the peak lies: a parabola through the logarithms, which suits the Hann window. */
function offset(power: Float64Array, peak: number): number {
  const [left, middle, right] = [-1, 0, 1].map((d) => Math.log(Math.max(1e-300, power[peak + d] ?? 0))) as [number, number, number]
  const curve = left - 2 * middle + right
  return curve === 0 ? 0 : Math.max(-0.5, Math.min(0.5, (0.5 * (left - right)) / curve))
}

/** Adds the power spectrum of a Hann-windowed stretch, by the radix-2 transform in place. */
function addPower(window: Float32Array, size: number, power: Float64Array): void {
  const re = new Float64Array(size)
  const im = new Float64Array(size)
  const bits = Math.log2(size)
  for (let i = 0; i < size; i++) {
    let reversed = 0
    for (let bit = 0; bit < bits; bit++) reversed |= ((i >> bit) & 1) << (bits - 1 - bit)
    re[reversed] = (window[i] ?? 0) * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size))
  }
  for (let half = 1; half < size; half *= 2) {
    for (let k = 0; k < half; k++) {
      const cos = Math.cos((Math.PI * k) / half)
      const sin = -Math.sin((Math.PI * k) / half)
      for (let i = k; i < size; i += 2 * half) {
        const j = i + half
        const tr = (re[j] ?? 0) * cos - (im[j] ?? 0) * sin
        const ti = (re[j] ?? 0) * sin + (im[j] ?? 0) * cos
        re[j] = (re[i] ?? 0) - tr
        im[j] = (im[i] ?? 0) - ti
        re[i] = (re[i] ?? 0) + tr
        im[i] = (im[i] ?? 0) + ti
      }
    }
  }
  for (let bin = 0; bin < power.length; bin++) power[bin] = (power[bin] ?? 0) + (re[bin] ?? 0) ** 2 + (im[bin] ?? 0) ** 2
}
