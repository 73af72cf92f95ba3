/** Text and bytes of IP addresses: dotted IPv4, and IPv6 written as RFC 5952 says. */
import { DecodeError } from './errors.ts'

/** @throws DecodeError when the text is no IP address; zone indexes are not addresses. */
export function parseIpAddress(host: string): Uint8Array {
  if (host.length > 45) throw new DecodeError('not an IP address')
  return host.includes(':') ? parseIpv6(host) : parseIpv4(host)
}

export function isIpAddress(host: string): boolean {
  try {
    parseIpAddress(host)
    return true
  } catch (error) {
    if (error instanceof DecodeError) return false
    throw error
  }
}

/** @param bytes 4 or 16 of them */
export function formatIpAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) throw new DecodeError(`an IP address of ${bytes.length} bytes`)
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number))
  let best = { start: 0, length: 1 }
  for (let i = 0; i < 8; i++) {
    let n = 0
    while (i + n < 8 && groups[i + n] === 0) n++
    if (n > best.length) best = { start: i, length: n }
  }
  const hex = (part: readonly number[]): string => part.map((g) => g.toString(16)).join(':')
  if (best.length < 2) return hex(groups)
  return `${hex(groups.slice(0, best.start))}::${hex(groups.slice(best.start + best.length))}`
}

function parseIpv4(host: string): Uint8Array {
  const parts = host.split('.')
  if (parts.length !== 4 || !parts.every((p) => /^(0|[1-9][0-9]{0,2})$/.test(p) && Number(p) < 256)) throw new DecodeError('not an IPv4 address')
  return Uint8Array.from(parts, Number)
}

function parseIpv6(host: string): Uint8Array {
  const halves = host.split('::')
  if (halves.length > 2) throw new DecodeError('not an IPv6 address')
  const head = groupsOf(halves[0] as string)
  const tail = halves.length === 2 ? groupsOf(halves[1] as string) : []
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) throw new DecodeError('not an IPv6 address')
  const groups = [...head, ...Array.from({ length: Math.max(0, missing) }, () => 0), ...tail]
  return Uint8Array.from(groups.flatMap((g) => [g >>> 8, g & 0xff]))
}

function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((part, i, all) => {
    if (i === all.length - 1 && part.includes('.')) {
      const [a, b, c, d] = parseIpv4(part) as unknown as [number, number, number, number]
      return [(a << 8) | b, (c << 8) | d]
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) throw new DecodeError('not an IPv6 address')
    return [Number.parseInt(part, 16)]
  })
}

/** What limits of a source count by: an IPv4 address, or the /64 of an IPv6 address, of which who has one has 2^64. */
export function sourceOf(host: string): string {
  if (!host.includes(':') || host.includes('.')) return host
  const [head = '', tail] = host.toLowerCase().split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups = tail === undefined ? front : [...front, ...Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back]
  return groups.slice(0, 4).join(':')
}
