/** Tones for tests, written and measured by other means than the product's (Goertzel instead of the FFT). */
import { writeFileSync } from 'node:fs'

/** Writes a sine as a 16-bit mono WAV file. */
export function writeToneWav(path: string, hz: number, seconds: number, sampleRate = 48_000, level = 0.5): void {
  const count = Math.round(seconds * sampleRate)
  const bytes = Buffer.alloc(44 + 2 * count)
  bytes.write('RIFF', 0, 'latin1'); bytes.writeUInt32LE(36 + 2 * count, 4); bytes.write('WAVEfmt ', 8, 'latin1')
  bytes.writeUInt32LE(16, 16); bytes.writeUInt16LE(1, 20); bytes.writeUInt16LE(1, 22)
  bytes.writeUInt32LE(sampleRate, 24); bytes.writeUInt32LE(2 * sampleRate, 28); bytes.writeUInt16LE(2, 32); bytes.writeUInt16LE(16, 34)
  bytes.write('data', 36, 'latin1'); bytes.writeUInt32LE(2 * count, 40)
  for (let i = 0; i < count; i++) bytes.writeInt16LE(Math.round(level * 32_767 * Math.sin((2 * Math.PI * hz * i) / sampleRate)), 44 + 2 * i)
  writeFileSync(path, bytes)
}

/** Part of the energy of `samples` that is at `hz` (Goertzel), 0…1; 0 for silence. */
export function toneShare(samples: ArrayLike<number>, sampleRate: number, hz: number): number {
  const w = (2 * Math.PI * hz) / sampleRate
  const k = 2 * Math.cos(w)
  let s1 = 0, s2 = 0, energy = 0
  for (let i = 0; i < samples.length; i++) {
    const x = samples[i] ?? 0
    const s0 = x + k * s1 - s2
    s2 = s1
    s1 = s0
    energy += x * x
  }
  const power = s1 * s1 + s2 * s2 - k * s1 * s2
  return energy === 0 ? 0 : Math.min(1, (2 * power) / (samples.length * energy))
}

/** Root mean square. */
export function levelOf(samples: ArrayLike<number>): number {
  let energy = 0
  for (let i = 0; i < samples.length; i++) energy += (samples[i] ?? 0) ** 2
  return Math.sqrt(energy / Math.max(1, samples.length))
}
