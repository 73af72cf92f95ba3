/**
 * G.711 µ-law and A-law (RFC 3551 §4.5.14) for other sides without Opus, with the change between their 8 kHz and
 * our 48 kHz.
 */
const ratio = 6

export type Law = 'PCMU' | 'PCMA'

/** @param samples 48 kHz, a multiple of six. Averages six samples to one, a plain low-pass. */
export function encodeG711(law: Law, samples: Int16Array): Uint8Array {
  const out = new Uint8Array(Math.floor(samples.length / ratio))
  for (let i = 0; i < out.length; i++) {
    let sum = 0
    for (let k = 0; k < ratio; k++) sum += samples[i * ratio + k] ?? 0
    const sample = Math.round(sum / ratio)
    out[i] = law === 'PCMU' ? toMuLaw(sample) : toALaw(sample)
  }
  return out
}

/** @returns 48 kHz, straight lines between the samples; `before` is the last sample of the packet before */
export function decodeG711(law: Law, packet: Uint8Array, before = 0): Int16Array {
  const out = new Int16Array(packet.length * ratio)
  let last = before
  packet.forEach((byte, i) => {
    const sample = law === 'PCMU' ? fromMuLaw(byte) : fromALaw(byte)
    for (let k = 0; k < ratio; k++) out[i * ratio + k] = Math.round(last + ((sample - last) * (k + 1)) / ratio)
    last = sample
  })
  return out
}

const bias = 0x84
const clip = 32_635

export function toMuLaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0
  const magnitude = Math.min(clip, Math.abs(sample)) + bias
  const exponent = Math.max(0, 31 - Math.clz32(magnitude) - 7)
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff
}

export function fromMuLaw(byte: number): number {
  const code = ~byte & 0xff
  const magnitude = ((((code & 0x0f) << 3) + bias) << ((code >> 4) & 7)) - bias
  return (code & 0x80) !== 0 ? -magnitude : magnitude
}

export function toALaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0
  const magnitude = Math.min(32_767, sample >= 0 ? sample : -sample - 1)
  const exponent = Math.max(0, 31 - Math.clz32(magnitude | 1) - 7)
  const mantissa = (magnitude >> (exponent === 0 ? 4 : exponent + 3)) & 0x0f
  return (sign | (exponent << 4) | mantissa) ^ 0x55
}

export function fromALaw(byte: number): number {
  const code = byte ^ 0x55
  const exponent = (code >> 4) & 7
  const low = ((code & 0x0f) << 4) + 8
  const magnitude = exponent === 0 ? low : (low + 0x100) << (exponent - 1)
  return (code & 0x80) !== 0 ? magnitude : -magnitude
}
