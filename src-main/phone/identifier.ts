/** Names that nobody can guess, for calls, messages and SIP identifiers (RFC 3261 §8.1.1.4, §19.3). */
import type { Random } from '../ports/random.ts'

/** @param length bytes of chance; the result has two hexadecimal digits for each */
export function randomId(random: Random, length = 10): string {
  return Array.from(random.bytes(length), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
