import { describe, expect, it } from 'vitest'
import { decodeG711, encodeG711, fromALaw, fromMuLaw, toALaw, toMuLaw } from '../../../../src-main/media/g711.ts'
import { JitterBuffer } from '../../../../src-main/media/jitterBuffer.ts'
import { Opus } from '../../../../src-main/media/opus.ts'
import { SoundLoop, type SoundLoopParts } from '../../../../src-main/media/soundLoop.ts'
import { dominantFrequency, toneSamples } from '../../../../src-main/media/tone.ts'
import { WavSource } from '../../../../src-main/media/wavSource.ts'
import { DecodeError } from '../../../../src-main/base/errors.ts'
import { SeededRandom } from '../../../support/seededRandom.ts'
import { levelOf } from '../../../support/tone.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'

interface Sent { payload: Uint8Array; sequence: number; timestamp: number; marker: boolean; at: number }

function loop(part: Partial<SoundLoopParts> = {}): { clock: VirtualClock; sent: Sent[]; heard: Int16Array[]; loop: SoundLoop } {
  const clock = new VirtualClock()
  const sent: Sent[] = []
  const heard: Int16Array[] = []
  return {
    clock, sent, heard,
    loop: new SoundLoop({
      clock, source: undefined, echo: false, record: (frame) => { heard.push(frame) },
      send: (payload, sequence, timestamp, marker) => { sent.push({ payload, sequence, timestamp, marker, at: clock.monotonic() }) },
      sendMimeType: 'audio/opus', mimeTypeOf: (type) => ({ 0: 'audio/PCMU', 8: 'audio/PCMA', 111: 'audio/opus', 9: 'audio/G722' })[type],
      firstSequence: 65_535, firstTimestamp: 0xffff_ff00, ...part,
    }),
  }
}
const wave = (hz: number, sampleRate = 48_000): WavSource => new WavSource({ sampleRate, samples: Float32Array.from(toneSamples({ hz, seconds: 1, sampleRate }), (x) => x / 32_768) })
const joined = (frames: readonly Int16Array[]): Float32Array => Float32Array.from(frames.flatMap((frame) => [...frame]), (x) => x / 32_768)

describe('the sound loop', () => {
  it('sends a packet each 20 ms without drift, with RTP numbers that wrap', () => {
    const { clock, sent, loop: running } = loop()
    clock.advance(10_000)
    running.stop()
    clock.advance(1_000)
    expect(sent).toHaveLength(501)
    expect(sent.map((each) => each.at)).toEqual(sent.map((_, i) => 20 * i))
    expect(sent.slice(0, 3).map((each) => each.sequence)).toEqual([65_535, 0, 1])
    expect(sent[1]?.timestamp).toBe((0xffff_ff00 + 960) >>> 0)
    expect(sent.filter((each) => each.marker)).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  it('leaves frames out when the machine stood still, and keeps the timestamps true', () => {
    class Stalled extends VirtualClock { late = 0; override monotonic(): number { return super.monotonic() + this.late } }
    const clock = new Stalled()
    const { sent, loop: running } = loop({ clock, firstTimestamp: 0 })
    clock.advance(100)
    clock.late = 1_000
    clock.advance(100)
    running.stop()
    const jump = sent.findIndex((each, i) => i > 0 && each.timestamp - (sent[i - 1]?.timestamp ?? 0) > 960)
    expect((sent[jump]?.timestamp ?? 0) - (sent[jump - 1]?.timestamp ?? 0)).toBeGreaterThanOrEqual(48_000)
    expect(sent.length).toBeLessThan(20)
  })

  it.each(['audio/opus', 'audio/PCMU', 'audio/PCMA'])('carries a tone by %s', (mime) => {
    const type = { 'audio/opus': 111, 'audio/PCMU': 0, 'audio/PCMA': 8 }[mime] ?? 0
    const a = loop({ sendMimeType: mime, source: wave(440, 16_000), send: (payload, sequence) => { b.loop.receive(type, sequence, payload) } })
    const b = loop({ clock: a.clock })
    a.clock.advance(1_500)
    const dominant = dominantFrequency({ samples: joined(b.heard), sampleRate: 48_000 })
    expect(Math.abs(dominant.hz - 440)).toBeLessThan(1)
    expect(dominant.share).toBeGreaterThan(0.95)
    expect(dominant.level).toBeGreaterThan(0.3)
    for (const each of [a, b]) each.loop.stop()
  })

  it('survives loss, disorder and rubbish, and conceals by silence', () => {
    const random = new SeededRandom(3)
    const late: [number, Uint8Array][] = []
    const a = loop({
      source: wave(440),
      send: (payload, sequence) => {
        const chance = random.float()
        if (chance < 0.05) return
        if (chance < 0.1) { late.push([sequence, payload]); return }
        b.loop.receive(111, sequence, payload)
        for (const [old, held] of late.splice(0)) b.loop.receive(111, old, held)
        b.loop.receive(9, (sequence + 20_000) & 0xffff, payload)
        b.loop.receive(111, (sequence + 1) & 0xffff, new Uint8Array(0))
      },
    })
    const b = loop({ clock: a.clock })
    a.clock.advance(3_000)
    expect(b.heard.length).toBeGreaterThan(145)
    for (const each of [a, b]) each.loop.stop()
  })

  it('sends silence while muted', () => {
    const a = loop({ source: wave(440), send: (payload, sequence) => { b.loop.receive(111, sequence, payload) } })
    const b = loop({ clock: a.clock })
    a.loop.muted = true
    a.clock.advance(1_000)
    expect(levelOf(joined(b.heard))).toBe(0)
    a.loop.muted = false
    a.clock.advance(1_000)
    expect(levelOf(joined(b.heard.slice(-20)))).toBeGreaterThan(0.3)
    for (const each of [a, b]) each.loop.stop()
  })
})

describe('the jitter buffer', () => {
  const packet = (n: number): { payloadType: number; payload: Uint8Array } => ({ payloadType: n, payload: new Uint8Array(1) })
  const drain = (buffer: JitterBuffer, count: number): (number | undefined)[] => Array.from({ length: count }, () => buffer.pop()?.payloadType)

  it('waits for three packets, then gives them in order over the wrap of the sequence number', () => {
    const buffer = new JitterBuffer()
    buffer.push(65_535, packet(1))
    expect(buffer.pop()).toBeUndefined()
    buffer.push(1, packet(3))
    buffer.push(0, packet(2))
    buffer.push(0, packet(2))
    expect(drain(buffer, 4)).toEqual([1, 2, 3, undefined])
  })

  it('skips what is lost and drops what is late', () => {
    const buffer = new JitterBuffer()
    for (const n of [10, 11, 13, 14]) buffer.push(n, packet(n))
    expect(drain(buffer, 3)).toEqual([10, 11, undefined])
    buffer.push(12, packet(12))
    expect(drain(buffer, 2)).toEqual([13, 14])
  })

  it('starts anew with a sender that does, and never holds more than its bound', () => {
    const buffer = new JitterBuffer()
    for (let n = 30_000; n < 30_004; n++) buffer.push(n, packet(1))
    drain(buffer, 4)
    for (let n = 5; n < 9; n++) buffer.push(n, packet(2))
    expect(drain(buffer, 4)).toEqual([2, 2, 2, 2])
    for (let n = 9; n < 500; n++) buffer.push(n, packet(3))
    expect(buffer.depth).toBeLessThanOrEqual(50)
  })
})

describe('codecs', () => {
  it('G.711 keeps every code word (ITU-T G.711)', () => {
    for (let code = 0; code < 256; code++) {
      // µ-law has two zeros
      if (code !== 0x7f) expect(toMuLaw(fromMuLaw(code))).toBe(code)
      expect(toALaw(fromALaw(code))).toBe(code)
    }
    expect([fromMuLaw(0x00), fromMuLaw(0x80), fromMuLaw(0xff)].map((x) => x + 0)).toEqual([-32_124, 32_124, 0])
    expect([fromALaw(0x2a), fromALaw(0xaa), fromALaw(0xd5)]).toEqual([-32_256, 32_256, 8])
    expect(decodeG711('PCMU', encodeG711('PCMU', new Int16Array(960).fill(1000)), 1000)).toHaveLength(960)
  })

  it('Opus refuses rubbish and packets that are too long as DecodeError', () => {
    const opus = new Opus()
    const random = new SeededRandom(5)
    expect(() => opus.decode(new Uint8Array(0))).toThrow(DecodeError)
    expect(() => opus.decode(Uint8Array.of(0x1b, 0x3f, ...new Uint8Array(100)))).toThrow(DecodeError)
    let decoded = 0
    for (let i = 0; i < 500; i++) {
      try {
        decoded += opus.decode(random.bytes(1 + (i % 200))).length > 0 ? 1 : 0
      } catch (cause) {
        expect(cause).toBeInstanceOf(DecodeError)
      }
    }
    expect(decoded).toBeGreaterThan(0)
    const tone = toneSamples({ hz: 500, seconds: 0.02 })
    expect(opus.decode(opus.encode(tone))).toHaveLength(960)
    opus.close()
    opus.close()
  })
})
