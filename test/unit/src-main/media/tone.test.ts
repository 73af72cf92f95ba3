import { describe, expect, it } from 'vitest'
import { dominantFrequency, toneSamples } from '../../../../src-main/media/tone.ts'
import { SeededRandom } from '../../../support/seededRandom.ts'
import { toneShare } from '../../../support/tone.ts'

const floats = (samples: Int16Array): Float32Array => Float32Array.from(samples, (x) => x / 32_768)

describe('dominantFrequency', () => {
  it.each([[100, 48_000], [440, 48_000], [661.3, 48_000], [1000, 8_000], [3999, 44_100]])('finds %d Hz at %d samples a second', (hz, sampleRate) => {
    const tone = toneSamples({ hz, seconds: 2, sampleRate })
    const dominant = dominantFrequency({ samples: floats(tone), sampleRate })
    expect(Math.abs(dominant.hz - hz)).toBeLessThan(0.5)
    expect(dominant.share).toBeGreaterThan(0.99)
    expect(dominant.level).toBeCloseTo(0.5 / Math.SQRT2, 2)
    expect(toneShare(tone, sampleRate, hz)).toBeGreaterThan(0.98)
  })

  it('finds a tone in noise, after silence', () => {
    const random = new SeededRandom(7)
    const tone = toneSamples({ hz: 523, seconds: 1, level: 0.2 })
    const samples = new Float32Array(96_000)
    samples.set(floats(tone), 48_000)
    for (let i = 0; i < samples.length; i++) samples[i] = (samples[i] ?? 0) + 0.2 * (random.float() - 0.5)
    expect(Math.abs(dominantFrequency({ samples, sampleRate: 48_000 }).hz - 523)).toBeLessThan(1)
  })

  it('is 0 for silence, and for nothing at all', () => {
    expect(dominantFrequency({ samples: new Float32Array(48_000), sampleRate: 48_000 })).toMatchObject({ hz: 0, share: 0 })
    expect(dominantFrequency({ samples: new Float32Array(0), sampleRate: 48_000 })).toMatchObject({ hz: 0, share: 0 })
  })

  it('gives noise a small share', () => {
    const random = new SeededRandom(8)
    const samples = Float32Array.from({ length: 96_000 }, () => random.float() - 0.5)
    expect(dominantFrequency({ samples, sampleRate: 48_000 }).share).toBeLessThan(0.05)
  })
})
