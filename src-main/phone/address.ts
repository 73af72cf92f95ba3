/**
 * Addresses as people type and devices send them, brought to one form: the address of record without scheme,
 * user part unescaped, host in lower case (RFC 3261 §10.3 step 5, §19.1.4). That form is the key of contacts,
 * conversations and history, and what the overlay hashes.
 */
import { PeerError } from '../base/errors.ts'
import { parseUri } from '../sip/message/uri.ts'

const maxLength = 320
const host = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/
/** no spaces, controls or delimiters of headers, and none of the C1 and bidirectional controls that fake names */
const badUser = /[\u0000-\u0020\u007f-\u00a0\u200b-\u200f\u2028-\u202f\u2066-\u2069\ufeff<>"@\\]/u

/**
 * @param text `sip:user@host`, `sips:…`, `user@host`, a bare user name, or any of them in `"Name" <…>`
 * @param domain what a bare name is completed with
 * @throws PeerError 'address-invalid'
 */
export function normaliseAor(text: string, domain: string): string {
  const invalid = (why: string): PeerError => new PeerError('address-invalid', why)
  if (text.length > 4 * maxLength) throw invalid('too long')
  let rest = text.trim()
  const open = rest.lastIndexOf('<')
  if (open >= 0) {
    const close = rest.indexOf('>', open)
    if (close < 0) throw invalid('< without >')
    rest = rest.slice(open + 1, close).trim()
  }
  rest = rest.replace(/^sips?:/i, '')
  if (/^[a-z][a-z0-9+.-]*:(?!\d)/i.test(rest) && !rest.includes('@')) throw invalid('not a SIP address')
  const at = rest.lastIndexOf('@')
  // parameters and headers are no part of an address of record; in the user part ';' and '?' are ordinary
  const hostPart = (at < 0 ? '' : rest.slice(at + 1)).replace(/[;?].*$/s, '').toLowerCase().replace(/\.$/, '')
  const userPart = at < 0 ? rest.replace(/[;?].*$/s, '') : rest.slice(0, at)
  if (userPart.includes(':')) throw invalid('a password has no place in an address')
  const user = unescapeUser(userPart)
  if (user === undefined || user === '' || badUser.test(user)) throw invalid('bad user part')
  const domainPart = at < 0 ? domain.toLowerCase() : hostPart
  if (!host.test(domainPart)) throw invalid('bad host part')
  const aor = `${user}@${domainPart}`
  if (aor.length > maxLength) throw invalid('too long')
  return aor
}

/**
 * The SIP URI of a normalised address of record, with what RFC 3261 §25.1 wants escaped in the user part.
 * @param secure the sips: URI, which must be reached over TLS all along (§26.2.2)
 */
export function sipUri(aor: string, secure = false): string {
  const at = aor.lastIndexOf('@')
  const user = encodeURIComponent(aor.slice(0, at)).replace(/%(24|26|2B|2C|2F|3B|3D|3F)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return `${secure ? 'sips' : 'sip'}:${user}@${aor.slice(at + 1)}`
}

/** Is this address, with or without a name before it, one that must be reached over TLS all along? */
export function isSecure(address: string): boolean { return /(?:^|<)\s*sips:/i.test(address) }

/**
 * An address to call or write to: its key, and the URI that leads there. What else a typed address says about the way,
 * that it must be secure (sips) and the transport, is in the URI only.
 * @throws PeerError 'address-invalid'
 */
export function dialled(text: string, domain: string): { readonly aor: string; readonly uri: string } {
  const named = normaliseAor(text, domain)
  // the overlay has no port
  const aor = hostOf(named) === domain.toLowerCase() ? `${userPart(named)}@${hostOf(named)}` : named
  const inner = text.slice(text.lastIndexOf('<') + 1).trim()
  const behindHost = inner.slice(inner.lastIndexOf('@') + 1)
  const transport = /;transport=(udp|tcp|tls|wss?)(?=[;>?]|$)/i.exec(behindHost)?.[1]?.toLowerCase()
  return { aor, uri: `${sipUri(aor, isSecure(inner))}${transport === undefined ? '' : `;transport=${transport}`}` }
}

/** Host of an address of record, without a port. */
export function hostOf(aor: string): string { return aor.slice(aor.lastIndexOf('@') + 1).replace(/:\d+$/, '') }

/**
 * The URI by which somebody else reaches the other side of a call of ours: its contact (RFC 5589 §7.3), or its address
 * where the contact leads nowhere in the overlay, as that of a phone behind a peer. @throws DecodeError
 */
export function reachableTarget(contact: string, aor: string, domain: string): string {
  const uri = parseUri(contact)
  const within = (host: string): boolean => host.toLowerCase() === domain
  return within(aor.slice(aor.lastIndexOf('@') + 1)) && !(uri.kind === 'sip' && within(uri.host)) ? sipUri(aor) : contact
}

/** What to call somebody who gave no name. */
export function userPart(aor: string): string {
  const at = aor.lastIndexOf('@')
  return at < 0 ? aor : aor.slice(0, at)
}

function unescapeUser(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    if (cause instanceof URIError) return undefined
    throw cause
  }
}
