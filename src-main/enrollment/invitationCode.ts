/**
 * The one-time code of an invitation and the link that carries it. A code is 32 characters of Crockford's base 32
 * in groups of four: 80 bits of secret, then the first 80 bits of SHA-256 of the root's SubjectPublicKeyInfo. So
 * whoever has the code knows the right root already, and nothing learnt from the network need be believed.
 */
import { PeerError } from '../base/errors.ts'
import { checkOverlayName } from './names.ts'

export const pinBytes = 10
const secretBytes = 10
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** 5 bits a character; `bytes` must be a multiple of 5 long. */
export function toBase32(bytes: Uint8Array): string {
  let text = '', bits = 0, held = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += alphabet.charAt((held >> bits) & 31)
    }
    held &= (1 << bits) - 1
  }
  return text
}

/** Reads what people type: any case, O for 0, I and L for 1, hyphens and spaces anywhere. Undefined when it is something else. */
export function fromBase32(text: string): Uint8Array | undefined {
  const clean = text.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1')
  const bytes: number[] = []
  let bits = 0, held = 0
  for (const character of clean) {
    const value = alphabet.indexOf(character)
    if (value < 0) return undefined
    held = (held << 5) | value
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes.push((held >> bits) & 255)
      held &= (1 << bits) - 1
    }
  }
  return Uint8Array.from(bytes)
}

const grouped = (text: string): string => text.match(/.{1,4}/g)?.join('-') ?? ''

export interface InvitationCode {
  readonly secret: Uint8Array
  /** first `pinBytes` bytes of SHA-256 of the root's SubjectPublicKeyInfo */
  readonly pin: Uint8Array
}

export function printCode({ secret, pin }: InvitationCode): string {
  return grouped(toBase32(secret) + toBase32(pin))
}

/** @throws PeerError 'invitation-invalid' when it is not a whole code. */
export function parseCode(text: string): InvitationCode {
  const bytes = text.length <= 200 ? fromBase32(text) : undefined
  if (bytes?.length !== secretBytes + pinBytes) throw new PeerError('invitation-invalid', 'an invitation code has 8 groups of 4 letters and digits')
  return { secret: bytes.slice(0, secretBytes), pin: bytes.slice(secretBytes) }
}

/** What `ringway://join?…` says. `pin` stands alone where no code is needed: in open overlays. */
export interface InvitationLink {
  readonly overlayName: string
  /** https URL of the overlay document; undefined when the link names none */
  readonly url: string | undefined
  readonly code: string | undefined
  readonly pin: Uint8Array | undefined
  /** local part of the user name the invitation is for */
  readonly user: string | undefined
}

export const linkScheme = 'ringway:'

export function printLink(link: InvitationLink): string {
  const parts: [string, string | undefined][] = [
    ['overlay', link.overlayName], ['url', link.url], ['code', link.code],
    ['pin', link.code === undefined && link.pin !== undefined ? grouped(toBase32(link.pin)) : undefined], ['user', link.user],
  ]
  return `${linkScheme}//join?${parts.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`])).join('&')}`
}

/** @throws PeerError 'invitation-invalid' when it is no such link, is damaged, or wants something other than https. */
export function parseLink(text: string): InvitationLink {
  const damaged = (why: string): PeerError => new PeerError('invitation-invalid', `the invitation link is damaged: ${why}`)
  const match = /^ringway:(?:\/\/)?join\/?\?(.*)$/s.exec(text.trim().replace(/\s+/g, ''))
  if (match === null || text.length > 4_000) throw damaged('it does not begin with ringway://join?')
  const values = new Map<string, string>()
  for (const part of (match[1] ?? '').split('&')) {
    const at = part.indexOf('=')
    if (at < 0) continue
    try {
      values.set(part.slice(0, at), decodeURIComponent(part.slice(at + 1)))
    } catch { throw damaged('bad escape') }
  }
  const overlay = values.get('overlay'), url = values.get('url'), code = values.get('code'), pinText = values.get('pin')
  if (overlay === undefined) throw damaged('no overlay')
  if (url !== undefined && !/^https:\/\/[^\s/]+/i.test(url)) throw damaged('its address is not https')
  const pin = code !== undefined ? parseCode(code).pin : pinText === undefined ? undefined : fromBase32(pinText)
  if (pinText !== undefined && pin?.length !== pinBytes) throw damaged('its pin')
  let overlayName: string
  try {
    overlayName = checkOverlayName(overlay)
  } catch { throw damaged('its overlay name') }
  return { overlayName, url, code, pin, user: values.get('user') }
}
