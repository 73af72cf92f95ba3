/**
 * Names of overlays and users, and the reload URI of a certificate (RFC 6940 §14.15). Owns what characters are let
 * in (§13.3 asks the enrolment server to refuse odd ones): names are compared as bytes everywhere, so only one
 * spelling of each is allowed.
 */
import { PeerError } from '../base/errors.ts'

/** DNS-shaped, lower case. @throws PeerError 'overlay-name-invalid' */
export function checkOverlayName(text: string): string {
  const name = text.trim().toLowerCase().replace(/\.$/, '')
  const shaped = name.length <= 200 && name.split('.').every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label))
  if (!shaped || /^[0-9.]+$/.test(name)) {
    throw new PeerError('overlay-name-invalid', 'the name of an overlay looks like office.example: letters, digits, hyphens and dots')
  }
  return name
}

/** @param text `alice` or `alice@OVERLAY`; @returns user@overlay. @throws PeerError 'name-invalid' */
export function checkUserName(text: string, overlayName: string): string {
  const lower = text.trim().toLowerCase()
  const suffix = `@${overlayName}`
  const local = lower.endsWith(suffix) ? lower.slice(0, -suffix.length) : lower
  if (!/^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$/.test(local) || local.includes('..')) {
    throw new PeerError('name-invalid', 'a user name has letters a to z, digits, dots, hyphens and underscores, begins and ends with a letter or digit')
  }
  return local + suffix
}

export const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** @throws PeerError 'certificate-invalid' when `text` is no pairs of hexadecimal digits. */
export function fromHex(text: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/i.test(text)) throw new PeerError('certificate-invalid', 'not hexadecimal')
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16))
}

/** One Destination of type node (type 1, length 16) in the URI of RFC 6940 §14.15. */
export function reloadUri(nodeId: Uint8Array, overlayName: string): string {
  return `reload://01${nodeId.length.toString(16).padStart(2, '0')}${toHex(nodeId)}@${overlayName}/`
}

/** The Node-ID in a reload URI of this overlay, or undefined when it is of another one or another form. */
export function nodeIdOfUri(uri: string, overlayName: string): Uint8Array | undefined {
  const match = /^reload:\/\/0110([0-9a-f]{32})@([^/]+)\/?$/i.exec(uri)
  return match?.[1] !== undefined && match[2]?.toLowerCase() === overlayName ? fromHex(match[1]) : undefined
}
