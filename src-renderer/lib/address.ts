/** Addresses as people type them: `bob`, `bob@office.example`, `sip:bob@office.example`. */

/** An address of record without scheme and parameters, domain in lower case; '' when it cannot be one. */
export function toAor(typed: string, ownOverlay: string): string {
  const bare = typed.trim().replace(/^<(.*)>$/s, '$1').replace(/^(sips?|im|pres):/i, '').replace(/[;?].*$/s, '')
  const at = bare.lastIndexOf('@')
  const user = at < 0 ? bare : bare.slice(0, at)
  const host = (at < 0 ? ownOverlay : bare.slice(at + 1)).toLowerCase()
  if (!/^[A-Za-z0-9\-_.!~*'()&=+$,;?/%]{1,100}$/.test(user)) return ''
  if (!/^([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.?|\[[0-9a-f:.]+\])(:\d{1,5})?$/.test(host)) return ''
  return `${user}@${host}`
}

/** The URI of a typed address that `toAor` understands: that it must be secure, and the transport, stay in it. */
export function toUri(typed: string, aor: string): string {
  const transport = /;transport=(udp|tcp|tls|wss?)(?=[;>?]|$)/i.exec(typed.slice(typed.lastIndexOf('@') + 1))?.[1]
  return `${/^<?sips:/i.test(typed.trim()) ? 'sips' : 'sip'}:${aor}${transport === undefined ? '' : `;transport=${transport.toLowerCase()}`}`
}

/** Is this address of another domain than the overlay's? */
export const isOutside = (aor: string, overlay: string): boolean => overlay !== '' && aor.slice(aor.lastIndexOf('@') + 1) !== overlay

export const sipUri = (aor: string): string => `sip:${aor}`

/** The part before '@', for a name where there is no other. */
export const userPart = (aor: string): string => aor.split('@')[0] ?? aor

/** One or two letters for an avatar. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s._@-]+/).filter((word) => word !== '')
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]]
  return letters.map((word) => [...(word ?? '')][0] ?? '').join('').toUpperCase() || '?'
}

const hues = [262, 285, 310, 340, 12, 35, 150, 172, 200, 228]

/** A stable hue for an address, of those that look well with white letters. */
export function hueOf(text: string): number {
  let hash = 2166136261
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16777619) >>> 0
  return hues[hash % hues.length] ?? 262
}
