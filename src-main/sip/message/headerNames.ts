/**
 * Names of header fields as small numbers, so that lines are told apart without making strings. Every spelling (case,
 * compact form) of a known name has one id, 0 stands for all unknown ones. The table is filled once; a slot is found by
 * length and three characters of a name.
 */
import { invariant } from '../../base/errors.ts'
import { asciiBytes, isToken, skipToken } from './lexer.ts'

/** Header fields that are read as values have the first ids: they number the remembered values of a message. */
export const HeaderId = {
  other: 0, via: 1, from: 2, to: 3, callId: 4, cseq: 5, maxForwards: 6, contact: 7, route: 8, recordRoute: 9, expires: 10, contentType: 11, event: 12,
  subscriptionState: 13, contentLength: 14,
} as const

const NAMES = [
  '', 'Via', 'From', 'To', 'Call-ID', 'CSeq', 'Max-Forwards', 'Contact', 'Route', 'Record-Route', 'Expires', 'Content-Type', 'Event', 'Subscription-State', 'Content-Length',
  'Accept', 'Accept-Contact', 'Accept-Encoding', 'Accept-Language', 'Alert-Info', 'Allow', 'Allow-Events', 'Authentication-Info', 'Authorization', 'Call-Info',
  'Content-Disposition', 'Content-Encoding', 'Content-Language', 'Date', 'Error-Info', 'Identity', 'In-Reply-To', 'MIME-Version', 'Min-Expires', 'Min-SE',
  'Organization', 'Path', 'Priority', 'Proxy-Authenticate', 'Proxy-Authorization', 'Proxy-Require', 'RAck', 'Reason', 'Refer-To', 'Referred-By', 'Reject-Contact',
  'Replaces', 'Reply-To', 'Request-Disposition', 'Require', 'Retry-After', 'RSeq', 'Server', 'Session-Expires', 'SIP-ETag', 'SIP-If-Match', 'Subject', 'Supported',
  'Timestamp', 'Unsupported', 'User-Agent', 'Warning', 'WWW-Authenticate', 'Service-Route', 'P-Asserted-Identity', 'P-Preferred-Identity', 'Privacy', 'Flow-Timer', 'Max-Breadth',
] as const

const COMPACT: Readonly<Record<string, string>> = {
  a: 'accept-contact', b: 'referred-by', c: 'content-type', d: 'request-disposition', e: 'content-encoding', f: 'from', i: 'call-id',
  j: 'reject-contact', k: 'supported', l: 'content-length', m: 'contact', o: 'event', r: 'refer-to', s: 'subject', t: 'to',
  u: 'allow-events', v: 'via', x: 'session-expires', y: 'identity',
}

const SLOTS = 512
/** More characters than any of the names has. */
const SLOT_BYTES = 24
/** Spellings in lower case, the length and the id of each, at its slot or the next free one. A length of 0 is a free slot. */
const spellings = new Uint8Array(SLOTS * SLOT_BYTES)
const lengths = new Uint8Array(SLOTS)
const ids = new Uint8Array(SLOTS)
const byName = new Map<string, number>()

function learn(spelling: string, id: number): void {
  const bytes = asciiBytes(spelling)
  let slot = slotOf(bytes, 0, bytes.length)
  while (lengths[slot] !== 0) slot = (slot + 1) % SLOTS
  invariant(bytes.length <= SLOT_BYTES, 'name of a header field too long for its slot')
  spellings.set(bytes, slot * SLOT_BYTES)
  lengths[slot] = bytes.length
  ids[slot] = id
  byName.set(spelling, id)
}

NAMES.forEach((name, id) => {
  if (id === 0) return
  learn(name.toLowerCase(), id)
  byName.set(name, id)
})
for (const [short, long] of Object.entries(COMPACT)) {
  const id = byName.get(long)
  invariant(id !== undefined, 'compact form of an unknown name')
  learn(short, id)
  byName.set(short.toUpperCase(), id)
}

/** With these factors no two of the names above share a slot; they may. */
function slotOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  return (length * 3 + ((bytes[start] as number) | 32) * 23 + ((bytes[start + (length >> 1)] as number) | 32) + ((bytes[end - 1] as number) | 32) * 31) & (SLOTS - 1)
}

/** What is no name at all, being no token. */
export const NO_NAME = -1

/** Id of the name that stands in `bytes` from `start` to `end`, which has no control characters; or `NO_NAME`. */
export function idAt(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return NO_NAME
  for (let slot = slotOf(bytes, start, end); ; slot = (slot + 1) % SLOTS) {
    const length = lengths[slot]
    if (length === end - start && isSpelling(bytes, start, end, slot * SLOT_BYTES)) return ids[slot] as number
    if (length === 0) return skipToken(bytes, start, end) === end ? HeaderId.other : NO_NAME
  }
}

/** Spellings are letters in lower case and hyphens: what else is printable differs from them in more than this bit. */
function isSpelling(bytes: Uint8Array, start: number, end: number, at: number): boolean {
  for (let i = start; i < end; i++) if (((bytes[i] as number) | 32) !== spellings[at + i - start]) return false
  return true
}

/** Id of a name in any spelling. */
export function headerId(name: string): number { return byName.get(name) ?? slowId(name) }

function slowId(name: string): number {
  if (!isToken(name)) return HeaderId.other
  const bytes = asciiBytes(name)
  return idAt(bytes, 0, bytes.length)
}
