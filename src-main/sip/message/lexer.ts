/**
 * The words that SIP's grammar is made of (RFC 3261 §25.1): tokens, quoted strings, parameters, lists split at
 * commas. Scanners by character code, without regular expressions on the hot path.
 */
import { DecodeError } from '../../base/errors.ts'

const TOKEN = new Uint8Array(128)
for (const c of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~") TOKEN[c.charCodeAt(0)] = 1

export const SP = 32, HTAB = 9, QUOTE = 34, BACKSLASH = 92, COMMA = 44, SEMI = 59, EQUAL = 61, LAQUOT = 60, RAQUOT = 62

export function isTokenCode(code: number): boolean { return code < 128 && TOKEN[code] === 1 }

export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!isTokenCode(text.charCodeAt(i))) return false
  return text.length > 0
}

export function isLws(code: number): boolean { return code === SP || code === HTAB }

/** Index of the first character at or after `i` that is no white space. */
export function skipLws(text: string, i: number): number {
  while (i < text.length && isLws(text.charCodeAt(i))) i++
  return i
}

/** Without SP and HTAB at both ends; `trim` would take a byte order mark and other Unicode spaces as well. */
export function trimLws(text: string): string {
  let start = 0, end = text.length
  while (start < end && isLws(text.charCodeAt(start))) start++
  while (end > start && isLws(text.charCodeAt(end - 1))) end--
  return start === 0 && end === text.length ? text : text.slice(start, end)
}

/** Index behind the closing quote of the quoted string that opens at `i`. */
export function skipQuoted(text: string, i: number): number {
  for (let k = i + 1; k < text.length; k++) {
    const c = text.charCodeAt(k)
    if (c === BACKSLASH) k++
    else if (c === QUOTE) return k + 1
  }
  throw new DecodeError('quoted string without end', i)
}

/** Splits at commas outside quotes and angle brackets. @throws DecodeError on an unbalanced quote or an empty element */
export function splitList(value: string): string[] {
  if (value.indexOf(',') < 0) return [trimLws(value)]
  const out: string[] = []
  let start = 0, angle = false
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i)
    if (c === QUOTE && !angle) i = skipQuoted(value, i) - 1
    else if (c === LAQUOT) angle = true
    else if (c === RAQUOT) angle = false
    else if (c === COMMA && !angle) { out.push(trimLws(value.slice(start, i))); start = i + 1 }
  }
  out.push(trimLws(value.slice(start)))
  // an empty element is against the grammar but common ("Supported: a,,b"); it says nothing, so it is skipped
  return out.filter((item) => item !== '')
}

/** The text inside a quoted string, or the text itself when it is not quoted. */
export function unquote(text: string): string {
  if (text.charCodeAt(0) !== QUOTE) return text
  let out = ''
  for (let i = 1; i < text.length - 1; i++) {
    if (text.charCodeAt(i) === BACKSLASH) i++
    out += text[i] ?? ''
  }
  return out
}

export function quote(text: string): string {
  let out = '"'
  for (const c of text) {
    if (c === '\r' || c === '\n' || c === '\0') continue // cannot stand in a header field, not even escaped
    out += c === '"' || c === '\\' ? `\\${c}` : c
  }
  return `${out}"`
}

/** A decimal number of digits only. @throws DecodeError when it is none or above `max` */
export function parseNumber(text: string, max: number, what: string): number {
  if (!isDigits(text)) throw new DecodeError(`${what} is not a number`)
  const value = text.length > 16 ? Infinity : Number(text)
  if (value > max) throw new DecodeError(`${what} is too large`)
  return value
}

export function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c < 48 || c > 57) return false
  }
  return text.length > 0
}

/** Parameters in order, names compared without case, values as they stand (quotes kept). */
export class Params {
  private readonly entries: { name: string; value: string | undefined }[] = []

  static of(record: Readonly<Record<string, string | undefined>>): Params {
    const out = new Params()
    for (const [name, value] of Object.entries(record)) out.entries.push({ name, value })
    return out
  }

  get size(): number { return this.entries.length }
  [Symbol.iterator](): Iterator<{ readonly name: string; readonly value: string | undefined }> { return this.entries[Symbol.iterator]() }

  has(name: string): boolean { return this.find(name) !== undefined }
  /** Value without quotes; '' for a parameter without value; undefined when it is not there. */
  get(name: string): string | undefined {
    const entry = this.find(name)
    return entry === undefined ? undefined : unquote(entry.value ?? '')
  }
  /** Puts it at its old place or last. */
  set(name: string, value: string | undefined): void {
    const entry = this.find(name)
    if (entry === undefined) this.entries.push({ name, value })
    else entry.value = value
  }
  push(name: string, value: string | undefined): void { this.entries.push({ name, value }) }
  delete(name: string): void {
    const i = this.entries.findIndex((e) => sameName(e.name, name))
    if (i >= 0) this.entries.splice(i, 1)
  }
  clone(): Params {
    const out = new Params()
    for (const e of this.entries) out.entries.push({ name: e.name, value: e.value })
    return out
  }
  toString(): string {
    let out = ''
    for (const e of this.entries) out += e.value === undefined ? `;${e.name}` : `;${e.name}=${e.value}`
    return out
  }

  private find(name: string): { name: string; value: string | undefined } | undefined {
    for (const e of this.entries) if (sameName(e.name, name)) return e
    return undefined
  }
}

function sameName(a: string, b: string): boolean { return a === b || (a.length === b.length && a.toLowerCase() === b.toLowerCase()) }

const MAX_PARAMS = 64

/**
 * Header parameters from `i` to the end of `text`: *( SEMI name [ EQUAL value ] ), white space where SEMI and EQUAL
 * allow it. @throws DecodeError
 */
export function parseParams(text: string, i: number): Params {
  const out = new Params()
  i = skipLws(text, i)
  while (i < text.length) {
    if (text.charCodeAt(i) !== SEMI) throw new DecodeError('junk where a parameter was expected', i)
    i = skipLws(text, i + 1)
    const nameStart = i
    while (i < text.length && isTokenCode(text.charCodeAt(i))) i++
    if (i === nameStart) {
      if (i === text.length || text.charCodeAt(i) === SEMI) continue // ";;" and a trailing ";" are common and harmless
      throw new DecodeError('parameter without name', i)
    }
    const name = text.slice(nameStart, i)
    i = skipLws(text, i)
    let value: string | undefined
    if (i < text.length && text.charCodeAt(i) === EQUAL) {
      i = skipLws(text, i + 1)
      const start = i
      if (text.charCodeAt(i) === QUOTE) i = skipQuoted(text, i)
      else while (i < text.length && !endsValue(text.charCodeAt(i))) i++
      value = text.slice(start, i)
      i = skipLws(text, i)
    }
    if (out.size >= MAX_PARAMS) throw new DecodeError('too many parameters', i)
    out.push(name, value)
  }
  return out
}

function endsValue(code: number): boolean {
  return code === SEMI || code === COMMA || code === QUOTE || code === LAQUOT || code === RAQUOT || isLws(code)
}
