/**
 * Names of header fields as small numbers, so that lines are told apart without making strings. Every spelling (case,
 * compact form) of a known name has one id, 0 stands for all unknown ones. The table is filled once; its slots are
 * found by a hash that the parser works out while it checks the name's characters.
 */
import { invariant } from '../../base/errors.ts'
import { isTokenCode } from './lexer.ts'

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
/** Spellings in lower case, and the id of each, at the slot of their hash or the next free one. */
const spellings: string[] = new Array<string>(SLOTS).fill('')
const ids = new Uint8Array(SLOTS)
const byName = new Map<string, number>()

function learn(spelling: string, id: number): void {
  let hash = 0
  for (let i = 0; i < spelling.length; i++) hash = hashStep(hash, spelling.charCodeAt(i))
  let slot = slotOf(hash)
  while (spellings[slot] !== '') slot = (slot + 1) % SLOTS
  spellings[slot] = spelling
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

/** Id of the name that stands in `text` from `start` to `end` and has this hash. */
export function idAt(text: string, start: number, end: number, hash: number): number {
  for (let slot = slotOf(hash); ; slot = (slot + 1) % SLOTS) {
    const spelling = spellings[slot] as string
    if (spelling === '') return HeaderId.other
    if (spelling.length === end - start && sameName(text, start, spelling)) return ids[slot] as number
  }
}

/** Letters alike but for case, all else the same. `spelling` is in lower case. */
function sameName(text: string, start: number, spelling: string): boolean {
  for (let i = 0; i < spelling.length; i++) {
    const c = text.charCodeAt(start + i)
    if ((c >= 65 && c <= 90 ? c | 32 : c) !== spelling.charCodeAt(i)) return false
  }
  return true
}

/** Id of a name in any spelling. */
export function headerId(name: string): number { return byName.get(name) ?? slowId(name) }

function slowId(name: string): number {
  let hash = 0
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i)
    if (!isTokenCode(c)) return HeaderId.other
    hash = hashStep(hash, c)
  }
  return idAt(name, 0, name.length, hash)
}
