/**
 * WAV files: reading PCM of 8, 16, 24 and 32 bits and 32- and 64-bit floats, any rate and number of channels, and
 * writing 16-bit mono as it comes. A recording's header is kept right while it grows, so that what was written
 * before a crash can be played.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { viewOf } from '../base/bytes.ts'
import { DecodeError, PeerError } from '../base/errors.ts'

/** One channel; several are averaged. Samples in -1…1. */
export interface Wav {
  readonly sampleRate: number
  readonly samples: Float32Array
}

const maxFileBytes = 64 * 1024 * 1024
const maxChannels = 32
const pcm = 1
const ieeeFloat = 3
const extensible = 0xfffe

/** @throws PeerError 'media-file-unreadable' when it is not there, not allowed, too large or no WAV file */
export function readWav(path: string): Wav {
  try {
    return parseWav(readAll(path))
  } catch (cause) {
    throw new PeerError('media-file-unreadable', `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** @throws DecodeError */
export function parseWav(bytes: Uint8Array): Wav {
  const view = viewOf(bytes)
  if (bytes.length < 12 || tag(bytes, 0) !== 'RIFF' || tag(bytes, 8) !== 'WAVE') throw new DecodeError('not a WAV file', 0)
  let format: Format | undefined
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = view.getUint32(at + 4, true)
    const start = at + 8
    const end = Math.min(bytes.length, start + size)
    if (tag(bytes, at) === 'fmt ') format = parseFormat(view, start, end)
    if (tag(bytes, at) === 'data') {
      if (format === undefined) throw new DecodeError('WAV data before its format', at)
      return { sampleRate: format.sampleRate, samples: parseSamples(view, start, end, format) }
    }
    // chunks are padded to even lengths; a recording cut short ends inside its last chunk
    at = start + size + (size & 1)
  }
  throw new DecodeError('WAV file without sound')
}

interface Format { readonly coding: number; readonly channels: number; readonly sampleRate: number; readonly bits: number }

function parseFormat(view: DataView, start: number, end: number): Format {
  if (end - start < 16) throw new DecodeError('WAV format too short', start)
  let coding = view.getUint16(start, true)
  if (coding === extensible && end - start >= 26) coding = view.getUint16(start + 24, true)
  const format = { coding, channels: view.getUint16(start + 2, true), sampleRate: view.getUint32(start + 4, true), bits: view.getUint16(start + 14, true) }
  if (format.channels < 1 || format.channels > maxChannels) throw new DecodeError(`WAV file with ${format.channels} channels`, start)
  if (format.sampleRate < 1_000 || format.sampleRate > 768_000) throw new DecodeError(`WAV file with ${format.sampleRate} samples a second`, start)
  const known = coding === pcm ? [8, 16, 24, 32] : coding === ieeeFloat ? [32, 64] : []
  if (!known.includes(format.bits)) throw new DecodeError(`WAV coding ${coding} with ${format.bits} bits is not supported`, start)
  return format
}

function parseSamples(view: DataView, start: number, end: number, { coding, channels, bits }: Format): Float32Array {
  const width = bits / 8
  const read = (at: number): number => {
    if (coding === ieeeFloat) {
      const value = width === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true)
      return Number.isFinite(value) ? Math.max(-1, Math.min(1, value)) : 0
    }
    switch (width) {
      case 1: return (view.getUint8(at) - 128) / 128
      case 2: return view.getInt16(at, true) / 32_768
      case 3: return (view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getInt8(at + 2) << 16)) / 8_388_608
      default: return view.getInt32(at, true) / 2_147_483_648
    }
  }
  const samples = new Float32Array(Math.floor((end - start) / (width * channels)))
  for (let i = 0, at = start; i < samples.length; i++) {
    let sum = 0
    for (let channel = 0; channel < channels; channel++, at += width) sum += read(at)
    samples[i] = sum / channels
  }
  return samples
}

function tag(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4))
}

function readAll(path: string): Uint8Array {
  const file = openSync(path, 'r')
  try {
    const stat = fstatSync(file)
    if (!stat.isFile()) throw new Error('not a file')
    if (stat.size > maxFileBytes) throw new Error(`larger than ${maxFileBytes / 1024 / 1024} MiB`)
    const bytes = new Uint8Array(stat.size)
    let length = 0
    for (let got = -1; got !== 0 && length < bytes.length; length += got) got = readSync(file, bytes, length, bytes.length - length, null)
    return bytes.subarray(0, length)
  } finally {
    closeSync(file)
  }
}

const headerBytes = 44

/** Header of a file with `dataBytes` bytes of 16-bit mono. */
function header(sampleRate: number, dataBytes: number): Uint8Array {
  const bytes = new Uint8Array(headerBytes)
  const view = new DataView(bytes.buffer)
  const put = (at: number, text: string): void => { bytes.set(new TextEncoder().encode(text), at) }
  put(0, 'RIFF'); view.setUint32(4, headerBytes - 8 + dataBytes, true); put(8, 'WAVE')
  put(12, 'fmt '); view.setUint32(16, 16, true); view.setUint16(20, pcm, true); view.setUint16(22, 1, true)
  view.setUint32(24, sampleRate, true); view.setUint32(28, 2 * sampleRate, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true)
  put(36, 'data'); view.setUint32(40, dataBytes, true)
  return bytes
}

/** A 16-bit mono WAV file in memory. */
export function formatWav(samples: Int16Array, sampleRate: number): Uint8Array {
  const bytes = new Uint8Array(headerBytes + 2 * samples.length)
  bytes.set(header(sampleRate, 2 * samples.length))
  const view = new DataView(bytes.buffer, headerBytes)
  samples.forEach((sample, i) => { view.setInt16(2 * i, sample, true) })
  return bytes
}

/** Writes a recording as it comes. */
export class WavWriter {
  private readonly file: number
  private readonly pending: Int16Array[] = []
  private pendingSamples = 0
  private dataBytes = 0
  private open = true

  /** @throws PeerError 'media-file-unreadable' when the file cannot be made */
  constructor(readonly path: string, private readonly sampleRate: number) {
    try {
      this.file = openSync(path, 'w', 0o600)
    } catch (cause) {
      throw new PeerError('media-file-unreadable', `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    }
    writeSync(this.file, header(sampleRate, 0), 0, headerBytes, 0)
  }

  /** Keeps a second in memory, then writes it with a header to match. @throws Error of the file system, such as a full disk */
  write(samples: Int16Array): void {
    if (!this.open) return
    this.pending.push(samples.slice())
    this.pendingSamples += samples.length
    if (this.pendingSamples >= this.sampleRate) this.flush()
  }

  /** Idempotent. @throws Error of the file system */
  close(): void {
    if (!this.open) return
    this.open = false
    try {
      this.flush()
    } finally {
      closeSync(this.file)
    }
  }

  private flush(): void {
    for (const samples of this.pending.splice(0)) {
      writeSync(this.file, formatWav(samples, this.sampleRate), headerBytes, 2 * samples.length, headerBytes + this.dataBytes)
      this.dataBytes += 2 * samples.length
    }
    this.pendingSamples = 0
    writeSync(this.file, header(this.sampleRate, this.dataBytes), 0, headerBytes, 0)
  }
}
