/** Base64 with the alphabet that is safe in URIs, without padding (RFC 4648 §5). */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** Two letters for each twelve bits. */
const PAIRS: readonly string[] = Array.from({ length: 4096 }, (_, i) => `${ALPHABET[i >> 6] ?? ''}${ALPHABET[i & 63] ?? ''}`)

export function base64Url(bytes: Uint8Array): string {
  let out = '', i = 0
  for (; i + 2 < bytes.length; i += 3) {
    const word = ((bytes[i] as number) << 16) | ((bytes[i + 1] as number) << 8) | (bytes[i + 2] as number)
    out += (PAIRS[word >> 12] as string) + (PAIRS[word & 4095] as string)
  }
  if (i + 1 === bytes.length) out += PAIRS[(bytes[i] as number) << 4] as string
  else if (i + 2 === bytes.length) {
    const word = ((bytes[i] as number) << 10) | ((bytes[i + 1] as number) << 2)
    out += (PAIRS[word >> 6] as string) + (ALPHABET[word & 63] as string)
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
