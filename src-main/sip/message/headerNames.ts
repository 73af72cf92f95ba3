/**
 * Names of header fields as small numbers, so that lines are told apart without making strings. Every spelling (case,
 * compact form) of a known name has one id, 0 stands for all unknown ones. The table is filled once; its slots are
 * found by a hash that the parser works out while it checks the name's characters.
 */
import { invariant } from '../../base/errors.ts'
import { isToken } from './lexer.ts'

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
const NONE = new Uint8Array(0)
/** Spellings in lower case, and the id of each, at the slot of their hash or the next free one. */
const spellings: Uint8Array[] = new Array<Uint8Array>(SLOTS).fill(NONE)
const ids = new Uint8Array(SLOTS)
const byName = new Map<string, number>()

function learn(spelling: string, id: number): void {
  const bytes = asciiBytes(spelling)
  let slot = slotOf(hashOf(bytes))
  while (spellings[slot] !== NONE) slot = (slot + 1) % SLOTS
  spellings[slot] = bytes
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

/** The hash of a name is this over its characters, from 0. */
export function hashStep(hash: number, code: number): number { return (Math.imul(hash, 31) + (code | 32)) | 0 }

function slotOf(hash: number): number { return (hash ^ (hash >>> 9)) & (SLOTS - 1) }

/** Id of the name that stands in `bytes` from `start` to `end` and has this hash; all of it are characters of tokens. */
export function idAt(bytes: Uint8Array, start: number, end: number, hash: number): number {
  for (let slot = slotOf(hash); ; slot = (slot + 1) % SLOTS) {
    const spelling = spellings[slot] as Uint8Array
    if (spelling === NONE) return HeaderId.other
    if (spelling.length === end - start && sameName(bytes, start, spelling)) return ids[slot] as number
  }
}

/** `spelling` is in lower case. Of characters of tokens, only the two cases of a letter differ in this bit alone. */
function sameName(bytes: Uint8Array, start: number, spelling: Uint8Array): boolean {
  for (let i = 0; i < spelling.length; i++) if (((bytes[start + i] as number) | 32) !== spelling[i]) return false
  return true
}

/** Id of a name in any spelling. */
export function headerId(name: string): number { return byName.get(name) ?? slowId(name) }

function slowId(name: string): number {
  if (!isToken(name)) return HeaderId.other
  const bytes = asciiBytes(name)
  return idAt(bytes, 0, bytes.length, hashOf(bytes))
}

function asciiBytes(text: string): Uint8Array { return Uint8Array.from(text, (c) => c.charCodeAt(0)) }
function hashOf(bytes: Uint8Array): number { return bytes.reduce(hashStep, 0) }
