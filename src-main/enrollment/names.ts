/**
 * Names of overlays and users. Owns what characters are let in (RFC 6940 §13.3 asks the enrolment server to refuse
 * odd ones): names are compared as bytes everywhere, so only one spelling of each is allowed.
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
