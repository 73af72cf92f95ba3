/**
 * Names of header fields as small numbers, so that lines are told apart without making strings. Every spelling (case,
 * compact form) of a known name has one id, 0 stands for all unknown ones. In a head, names are compared by words of
 * four bytes with their colon, so that it need not be looked for.
 */
import { viewOf } from '../../base/bytes.ts'
import { invariant } from '../../base/errors.ts'
import { asciiBytes, isToken, skipToken } from './lexer.ts'
import { headText } from './wire.ts'

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

/** Characters of the longest name. */
export const LONGEST = Math.max(...NAMES.map((name) => name.length))
const byName = new Map<string, number>()
/** By the letter, in both cases. */
const compactIds = new Uint8Array(256)

const COLON = 58
const SLOTS = 1024
/** Where the first name that has a word of this slot at its beginning is in `table`; 0 is nowhere. */
const slots = new Int16Array(SLOTS)
/**
 * Names one behind the other. Each: what `nameAt` says of it; where the next name of its slot is; where its words end;
 * then for each word the place in the name, the bits that count (not that of a letter's case), and those bits.
 */
const table: Int32Array = new Int32Array(4096)
let used = 1

function slotOf(word: number): number { return Math.imul(word | 0x2020_2020, 0x9e37_79b1) >>> 22 }

/** @param name in lower case, of three letters or more */
function learn(name: string, id: number): void {
  const spelling = asciiBytes(`${name}:`), view = viewOf(spelling), entry = used
  const slot = slotOf(view.getInt32(0, true))
  let before = slots[slot] as number
  if (before === 0) slots[slot] = entry
  else {
    while (table[before + 1] !== 0) before = table[before + 1] as number
    table[before + 1] = entry
  }
  used += 3
  for (let at = 0; at < spelling.length; at += 4) {
    const place = Math.min(at, spelling.length - 4)
    let counts = -1
    for (let i = 0; i < 4; i++) if (isSmallLetter(spelling[place + i] as number)) counts &= ~(0x20 << (8 * i))
    table[used++] = place
    table[used++] = counts
    table[used++] = view.getInt32(place, true) & counts
  }
  table[entry] = nameOf(name.length, id)
  table[entry + 2] = used
}

function isSmallLetter(code: number): boolean { return code >= 97 && code <= 122 }

function nameOf(length: number, id: number): number { return length << 8 | id }

NAMES.forEach((name, id) => {
  if (id === 0) return
  byName.set(name, id)
  byName.set(name.toLowerCase(), id)
  if (id !== HeaderId.to) learn(name.toLowerCase(), id)
})
for (const [short, long] of Object.entries(COMPACT)) {
  const id = byName.get(long)
  invariant(id !== undefined, 'compact form of an unknown name')
  for (const letter of [short, short.toUpperCase()]) {
    byName.set(letter, id)
    compactIds[letter.charCodeAt(0)] = id
  }
}
invariant(used <= table.length, 'no room for the names of header fields')

/** "To:" in a word whose last byte is another's, and the bits of it that count. */
const TO = viewOf(asciiBytes('TO:\0')).getInt32(0, true), TO_COUNTS = 0x00ff_dfdf
const TO_NAME = nameOf(2, HeaderId.to)

/**
 * The known name that stands at `i` with its colon right behind it: its id in the lowest byte, its length above; 0 when it
 * is none. @param view with more than `LONGEST` bytes at `i`
 */
export function nameAt(view: DataView, i: number): number {
  const word = view.getInt32(i, true)
  for (let entry = slots[slotOf(word)] as number; entry !== 0; entry = table[entry + 1] as number) {
    const name = table[entry] as number, end = table[entry + 2] as number
    let k = entry + 3
    while (k < end && (view.getInt32(i + (table[k] as number), true) & (table[k + 1] as number)) === table[k + 2]) k += 3
    if (k === end) return name
  }
  if ((word >> 8 & 255) === COLON) {
    const id = compactIds[word & 255] as number
    return id === HeaderId.other ? 0 : nameOf(1, id)
  }
  return (word & TO_COUNTS) === TO ? TO_NAME : 0
}

/** What is no name at all, being no token. */
export const NO_NAME = -1

/**
 * Id of the name that stands in `bytes` from `start` to `end`, where `nameAt` has found none; or `NO_NAME`.
 * @param spaced white space is between it and its colon: only then may it be one that we know
 */
export function idAt(bytes: Uint8Array, start: number, end: number, spaced: boolean): number {
  if (start === end || skipToken(bytes, start, end) < end) return NO_NAME
  return !spaced || end - start > LONGEST ? HeaderId.other : headerId(headText(bytes.subarray(start, end), end - start, true))
}

/** Id of a name in any spelling. */
export function headerId(name: string): number { return byName.get(name) ?? (isToken(name) ? byName.get(name.toLowerCase()) : undefined) ?? HeaderId.other }
