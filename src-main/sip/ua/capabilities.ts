/**
 * What this user agent can do, as feature tags (RFC 3840 §5): in the Contact of what opens a session and of answers to
 * OPTIONS, and as a predicate in the overlay's registration (RFC 7904 §3.2). What a header field says as well, methods,
 * events and extensions, is in that header field alone (§7). No +sip.instance: in the overlay the certificate names the
 * device, and whoever is called outside has no need to know one device of ours from another (RFC 5626 §4.1). No isfocus:
 * nobody mixes conferences here.
 */
export const FEATURE_PARAMS = ';audio;duplex="full";schemes="sip,sips"'

/** The same in the syntax of RFC 2533. */
export const FEATURE_PREDICATE = '(& (sip.audio=TRUE) (sip.duplex=full) (| (sip.schemes=SIP) (sip.schemes=SIPS)))'

/**
 * The URI schemes that such a predicate asks for; undefined when it asks for none. What it excludes (!) is not counted.
 * @param predicate in the syntax of RFC 2533
 */
export function schemesOf(predicate: string): ReadonlySet<string> | undefined {
  const wanted = predicate.replace(/\(\s*!\s*\([^()]*\)\s*\)/g, '').matchAll(/\(\s*sip\.schemes\s*=\s*"?<?([a-z0-9+.-]+)/gi)
  const schemes = new Set([...wanted].map(([, scheme = '']) => scheme.toLowerCase()))
  return schemes.size === 0 ? undefined : schemes
}
