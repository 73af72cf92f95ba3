/**
 * Which SIP domains a certificate speaks for (RFC 5922 §7). Whether it is trusted at all is looked at elsewhere: this
 * file reads names only.
 */
import { DecodeError } from '../../base/errors.ts'
import type { Certificate } from '../../ports/crypto.ts'
import { hostEquals, parseUri } from '../message/uri.ts'

/** §7.1: SIP URIs without user part and DNS names among the alternative names; only where there are none, the common name. */
export function sipDomains(certificate: Certificate): readonly string[] {
  const uris: string[] = [], names: string[] = []
  for (const { kind, value } of certificate.altNames) {
    if (kind === 'dns') names.push(value)
    else if (kind === 'uri') {
      const domain = domainOfUri(value)
      if (domain !== undefined) uris.push(domain)
    }
  }
  if (uris.length > 0) return uris // DNS names are then for other protocols
  if (names.length > 0 || certificate.altNames.length > 0) return names
  const commonName = /(?:^|\n|, ?)CN=([^\n,]+)/.exec(certificate.subject)?.[1]
  return commonName === undefined ? [] : [commonName]
}

/** §7.2: the whole name, without case; a wildcard stands for nothing in SIP. */
export function provesDomain(certificate: Certificate, domain: string): boolean {
  return sipDomains(certificate).some((each) => !each.includes('*') && hostEquals(each, domain))
}

function domainOfUri(value: string): string | undefined {
  try {
    const uri = parseUri(value)
    return uri.kind === 'sip' && uri.scheme === 'sip' && uri.user === undefined ? uri.host : undefined
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
