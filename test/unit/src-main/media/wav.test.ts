import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../src-main/base/errors.ts'
import { formatWav, parseWav, readWav, WavWriter } from '../../../../src-main/media/wav.ts'
import { fc, runs } from '../../../support/properties.ts'

let dir: string
beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'ringway-wav-')) })
afterEach(() => { rmSync(dir, { recursive: true, force: true }) })

/** A WAV file of one frame after another, each with the value for every channel. */
function wav(coding: number, bits: number, channels: number, values: readonly number[], put: (view: DataView, at: number, value: number) => void, extra = ''): Uint8Array {
  const width = bits / 8
  const data = values.length * channels * width
  const bytes = new Uint8Array(44 + extra.length + data)
  const view = new DataView(bytes.buffer)
  const text = (at: number, value: string): void => { bytes.set(new TextEncoder().encode(value), at) }
  text(0, 'RIFF'); view.setUint32(4, bytes.length - 8, true); text(8, 'WAVEfmt '); view.setUint32(16, 16, true)
  view.setUint16(20, coding, true); view.setUint16(22, channels, true); view.setUint32(24, 8000, true)
  view.setUint32(28, 8000 * channels * width, true); view.setUint16(32, channels * width, true); view.setUint16(34, bits, true)
  text(36, extra)
  text(36 + extra.length, 'data'); view.setUint32(40 + extra.length, data, true)
  values.forEach((value, i) => { for (let c = 0; c < channels; c++) put(view, 44 + extra.length + (i * channels + c) * width, value) })
  return bytes
}

const values = [0, 0.5, -0.5, 0.25, -1]
const codings = [
  ['8-bit PCM', 1, 8, (v: DataView, at: number, x: number) => { v.setUint8(at, 128 + 128 * x) }],
  ['16-bit PCM', 1, 16, (v: DataView, at: number, x: number) => { v.setInt16(at, 32_768 * x, true) }],
  ['24-bit PCM', 1, 24, (v: DataView, at: number, x: number) => { const n = 8_388_608 * x; v.setUint8(at, n & 255); v.setUint8(at + 1, (n >> 8) & 255); v.setInt8(at + 2, n >> 16) }],
  ['32-bit PCM', 1, 32, (v: DataView, at: number, x: number) => { v.setInt32(at, 2_147_483_648 * x, true) }],
  ['32-bit float', 3, 32, (v: DataView, at: number, x: number) => { v.setFloat32(at, x, true) }],
  ['64-bit float', 3, 64, (v: DataView, at: number, x: number) => { v.setFloat64(at, x, true) }],
] as const

describe('reading', () => {
  it.each(codings)('reads %s of one and two channels', (_, coding, bits, put) => {
    for (const channels of [1, 2]) {
      const read = parseWav(wav(coding, bits, channels, values, put))
      expect(read.sampleRate).toBe(8000)
      expect([...read.samples].map((x) => x + 0)).toEqual(values)
    }
  })

  it('passes over chunks it does not know, padded to even length', () => {
    const extra = 'LIST\x03\x00\x00\x00abc\x00'
    expect([...parseWav(wav(1, 16, 1, [0.5], codings[1][3], extra)).samples]).toEqual([0.5])
  })

  it('averages channels', () => {
    let n = 0
    expect([...parseWav(wav(1, 16, 2, [0, 0], (v, at) => { v.setInt16(at, n++ % 2 === 0 ? 16_384 : -32_768, true) })).samples]).toEqual([-0.25, -0.25])
  })

  it('reads what is there of a file cut short', () => {
    const bytes = formatWav(Int16Array.of(1, 2, 3, 4), 8000)
    expect(parseWav(bytes.subarray(0, bytes.length - 3)).samples).toHaveLength(2)
  })

  it('throws nothing but DecodeError on any bytes', () => {
    const good = wav(1, 16, 2, values, codings[1][3])
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 6 }), fc.nat(good.length), (damage, length) => {
      const bytes = good.slice(0, length)
      for (const [at, value] of damage) if (at < bytes.length) bytes[at] = value
      try {
        expect(parseWav(bytes).samples.every((x) => x >= -1 && x <= 1)).toBe(true)
      } catch (cause) {
        expect(cause).toBeInstanceOf(DecodeError)
      }
    }), runs(3000))
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => { expect(() => parseWav(bytes)).toThrow(DecodeError) }))
  })

  it('says media-file-unreadable, and of which file', () => {
    writeFileSync(join(dir, 'text.wav'), 'hello')
    for (const path of [join(dir, 'none.wav'), join(dir, 'text.wav'), dir]) {
      expect(() => readWav(path)).toThrow(expect.objectContaining({ code: 'media-file-unreadable', message: expect.stringContaining(path) as string }))
    }
  })
})

describe('writing', () => {
  it('writes what reading gives back', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: -32_768, max: 32_767 }), { maxLength: 300 }), fc.integer({ min: 1000, max: 96_000 }), (samples, rate) => {
      const read = parseWav(formatWav(Int16Array.from(samples), rate))
      expect(read.sampleRate).toBe(rate)
      expect([...read.samples].map((x) => Math.round(x * 32_768) + 0)).toEqual(samples.map((x) => x + 0))
    }))
  })

  it('keeps a recording readable while it grows, and complete after closing', () => {
    const path = join(dir, 'r.wav')
    const writer = new WavWriter(path, 8000)
    expect(readWav(path).samples).toHaveLength(0)
    for (let i = 0; i < 60; i++) writer.write(new Int16Array(160).fill(i))
    expect(readWav(path).samples.length).toBe(8000)
    writer.close()
    writer.close()
    writer.write(new Int16Array(160))
    const { samples } = readWav(path)
    expect(samples).toHaveLength(9600)
    expect(Math.round((samples.at(-1) ?? 0) * 32_768)).toBe(59)
    expect(readFileSync(path).readUInt32LE(4)).toBe(statSync(path).size - 8)
    expect(statSync(path).mode & 0o077).toBe(0)
  })
})
