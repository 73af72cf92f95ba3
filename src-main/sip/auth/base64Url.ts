/** Base64 with the alphabet that is safe in URIs, without padding (RFC 4648 §5). */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

export function base64Url(bytes: Uint8Array): string {
  let out = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(i, i + 3)
    const word = (a << 16) | (b << 8) | c
    for (let k = 0; k < Math.min(4, bytes.length - i + 1); k++) out += ALPHABET[(word >> (18 - 6 * k)) & 63] ?? ''
  }
  return out
}

/** @returns undefined for anything that `base64Url` would not have written */
export function fromBase64Url(text: string): Uint8Array | undefined {
  if (text.length % 4 === 1 || text.length > 4096) return undefined
  const out = new Uint8Array(Math.floor((text.length * 3) / 4))
  let at = 0, bits = 0, word = 0
  for (const letter of text) {
    const value = ALPHABET.indexOf(letter)
    if (value < 0) return undefined
    word = ((word << 6) | value) & 0xffff
    bits += 6
    if (bits >= 8) { bits -= 8; out[at++] = (word >> bits) & 0xff }
  }
  return out
}
