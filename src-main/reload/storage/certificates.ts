/** Lists of DER certificates that travel with stored values (RFC 6940 §6.3.4): only one copy of each. */
import { toHex } from '../../base/bytes.ts'

/** Each certificate once, in order of first appearance. */
export function uniqueCertificates(certificates: Iterable<Uint8Array>): readonly Uint8Array[] {
  const byContent = new Map<string, Uint8Array>()
  for (const der of certificates) {
    const name = toHex(der)
    if (!byContent.has(name)) byContent.set(name, der)
  }
  return [...byContent.values()]
}
