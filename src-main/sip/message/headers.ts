/**
 * The header fields of one message in their order (RFC 3261 §7.3). Names keep their spelling, values are unfolded;
 * what is unknown passes through untouched. Looked up by any spelling: compact forms and case do not matter.
 */
import { splitList } from './lexer.ts'

interface HeaderLine { readonly key: string; readonly name: string; value: string }

const COMPACT: Readonly<Record<string, string>> = {
  a: 'accept-contact', b: 'referred-by', c: 'content-type', d: 'request-disposition', e: 'content-encoding', f: 'from', i: 'call-id',
  j: 'reject-contact', k: 'supported', l: 'content-length', m: 'contact', o: 'event', r: 'refer-to', s: 'subject', t: 'to',
  u: 'allow-events', v: 'via', x: 'session-expires', y: 'identity',
}
const known = new Map<string, string>()
for (const name of [
  'Accept', 'Accept-Encoding', 'Accept-Language', 'Alert-Info', 'Allow', 'Allow-Events', 'Authentication-Info', 'Authorization', 'Call-ID',
  'Call-Info', 'Contact', 'Content-Disposition', 'Content-Encoding', 'Content-Language', 'Content-Length', 'Content-Type', 'CSeq', 'Date',
  'Error-Info', 'Event', 'Expires', 'From', 'In-Reply-To', 'Max-Forwards', 'MIME-Version', 'Min-Expires', 'Min-SE', 'Organization', 'Path',
  'Priority', 'Proxy-Authenticate', 'Proxy-Authorization', 'Proxy-Require', 'RAck', 'Reason', 'Record-Route', 'Refer-To', 'Referred-By',
  'Replaces', 'Reply-To', 'Require', 'Retry-After', 'Route', 'RSeq', 'Server', 'Session-Expires', 'SIP-ETag', 'SIP-If-Match', 'Subject',
  'Subscription-State', 'Supported', 'Timestamp', 'To', 'Unsupported', 'User-Agent', 'Via', 'Warning', 'WWW-Authenticate',
]) { known.set(name, name.toLowerCase()); known.set(name.toLowerCase(), name.toLowerCase()) }
for (const [short, long] of Object.entries(COMPACT)) { known.set(short, long); known.set(short.toUpperCase(), long) }

/** The long name in lower case: what header fields are compared by. */
export function headerKey(name: string): string {
  const hit = known.get(name)
  if (hit !== undefined) return hit
  const lower = name.toLowerCase()
  return known.get(lower) ?? lower
}

export class Headers {
  private readonly lines: HeaderLine[] = []
  /** Counts changes, so that what was derived from the values can be thrown away. */
  revision = 0

  get size(): number { return this.lines.length }

  *[Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    for (const line of this.lines) yield [line.name, line.value]
  }

  has(name: string): boolean { return this.get(name) !== undefined }

  /** The first line's value as it stands. */
  get(name: string): string | undefined {
    const key = headerKey(name)
    for (const line of this.lines) if (line.key === key) return line.value
    return undefined
  }

  /** Every line's value as it stands. */
  getLines(name: string): string[] {
    const key = headerKey(name)
    const out: string[] = []
    for (const line of this.lines) if (line.key === key) out.push(line.value)
    return out
  }

  /** Values of a header field that is a list: lines joined, split at commas. @throws DecodeError */
  getList(name: string): string[] {
    const out: string[] = []
    for (const value of this.getLines(name)) out.push(...splitList(value))
    return out
  }

  count(name: string): number {
    const key = headerKey(name)
    let n = 0
    for (const line of this.lines) if (line.key === key) n++
    return n
  }

  /** Adds a line behind all others. */
  append(name: string, value: string): this {
    this.lines.push({ key: headerKey(name), name, value: clean(value) })
    this.revision++
    return this
  }

  /** Adds a line before the first of its name, or before all others. */
  prepend(name: string, value: string): this {
    const key = headerKey(name)
    const at = this.lines.findIndex((line) => line.key === key)
    this.lines.splice(Math.max(0, at), 0, { key, name, value: clean(value) })
    this.revision++
    return this
  }

  /** Leaves one line of this name, at the place of the first. */
  set(name: string, value: string): this {
    const key = headerKey(name)
    const at = this.lines.findIndex((line) => line.key === key)
    if (at < 0) return this.append(name, value)
    this.lines[at] = { key, name, value: clean(value) }
    for (let i = this.lines.length - 1; i > at; i--) if (this.lines[i]?.key === key) this.lines.splice(i, 1)
    this.revision++
    return this
  }

  /** Replaces the first value of a list header field; several values in one line are kept apart from it. */
  replaceFirst(name: string, value: string | undefined): this {
    const key = headerKey(name)
    const line = this.lines.find((l) => l.key === key)
    if (line === undefined) return value === undefined ? this : this.append(name, value)
    const rest = splitList(line.value).slice(1)
    if (value !== undefined) rest.unshift(value)
    if (rest.length === 0) this.lines.splice(this.lines.indexOf(line), 1)
    else line.value = clean(rest.join(', '))
    this.revision++
    return this
  }

  remove(name: string): this {
    const key = headerKey(name)
    for (let i = this.lines.length - 1; i >= 0; i--) if (this.lines[i]?.key === key) this.lines.splice(i, 1)
    this.revision++
    return this
  }

  clone(): Headers {
    const out = new Headers()
    for (const line of this.lines) out.lines.push({ key: line.key, name: line.name, value: line.value })
    return out
  }

  print(): string {
    let out = ''
    for (const line of this.lines) out += `${line.name}: ${line.value}\r\n`
    return out
  }
}

/** A line break in a value would start another header field: header injection ends here. */
function clean(value: string): string {
  return value.includes('\r') || value.includes('\n') ? value.replace(/[\r\n]+/g, ' ') : value
}
