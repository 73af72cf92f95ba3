/**
 * The words that SIP's grammar is made of (RFC 3261 §25.1): tokens, quoted strings, numbers, lists split at commas.
 * Scanners by character code, without regular expressions on the hot path.
 */
import { DecodeError } from '../../base/errors.ts'

/** 1 for each byte that a token may have. */
export const TOKENS: Readonly<Uint8Array> = tokenTable()

function tokenTable(): Uint8Array {
  const out = new Uint8Array(256)
  for (const c of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~") out[c.charCodeAt(0)] = 1
  return out
}

export const SP = 32, HTAB = 9, QUOTE = 34, BACKSLASH = 92, COMMA = 44, SEMI = 59, EQUAL = 61, LAQUOT = 60, RAQUOT = 62

export function isTokenCode(code: number): boolean { return code < 128 && TOKENS[code] === 1 }

export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!isTokenCode(text.charCodeAt(i))) return false
  return text.length > 0
}

const METHODS = ['INVITE', 'ACK', 'BYE', 'REGISTER', 'MESSAGE', 'CANCEL', 'OPTIONS', 'NOTIFY', 'SUBSCRIBE', 'PUBLISH', 'REFER', 'UPDATE', 'PRACK', 'INFO'] as const

/** A word of ASCII as it stands in a head. */
export function asciiBytes(text: string): Uint8Array { return Buffer.from(text, 'latin1') }

/** Does this word stand at `i`? */
export function standsAt(codes: Uint8Array, i: number, word: Uint8Array): boolean {
  if (i + word.length > codes.length) return false
  for (let k = 0; k < word.length; k++) if (codes[i + k] !== word[k]) return false
  return true
}

/** By their length. */
const METHODS_OF: readonly (readonly { readonly name: string; readonly bytes: Uint8Array }[])[] = Array.from({ length: 10 }, (_, length) => METHODS.filter((name) => name.length === length).map((name) => ({ name, bytes: asciiBytes(name) })))

/** The method that stands from `start` to `end`, a known one without making a string; undefined when it is no token. */
export function methodIn(text: string, start: number, end: number, codes: Uint8Array): string | undefined {
  const length = end - start, known = length < METHODS_OF.length ? METHODS_OF[length] : undefined
  if (known !== undefined) for (let i = 0; i < known.length; i++) {
    const { name, bytes } = known[i] as (typeof known)[number]
    if (standsAt(codes, start, bytes)) return name
  }
  return length > 0 && skipToken(codes, start, end) === end ? text.slice(start, end) : undefined
}

const encoder = new TextEncoder()
/** From how many characters on the encoder is faster. */
const LONG = 48

/**
 * The characters of a text as bytes, 128 for each that is not ASCII. Scanners read these: the code of a character in a text
 * takes the engine three times as long to find. A Buffer, as what comes from sockets is: scanners that meet two kinds of
 * arrays are slower.
 */
export function codesOf(text: string): Uint8Array {
  const out = Buffer.alloc(text.length) // by itself: whoever keeps one would keep what else is in a pool
  if (text.length >= LONG && encoder.encodeInto(text, out).read === text.length) return out // which is so for ASCII only
  for (let i = 0; i < out.length; i++) out[i] = Math.min(text.charCodeAt(i), 128)
  return out
}

export function isLws(code: number): boolean { return code === SP || code === HTAB }

/** Is there neither white space nor a control character from `i` to `end`? Four are looked at together: it is asked of long words. */
export function isVisible(codes: Uint8Array, i: number, end: number): boolean {
  for (; i + 3 < end; i += 4) {
    const below = (codes[i] as number) - 33 | (codes[i + 1] as number) - 33 | (codes[i + 2] as number) - 33 | (codes[i + 3] as number) - 33
    if (below < 0) return false
  }
  for (; i < end; i++) if ((codes[i] as number) < 33) return false
  return true
}

/** Index of the first character from `i` to `end` that is no white space. */
export function skipLws(codes: Uint8Array, i: number, end: number = codes.length): number {
  while (i < end && isLws(codes[i] as number)) i++
  return i
}

/** Without SP and HTAB at both ends; `trim` would take a byte order mark and other Unicode spaces as well. */
export function trimLws(text: string): string {
  let start = 0, end = text.length
  while (start < end && isLws(text.charCodeAt(start))) start++
  while (end > start && isLws(text.charCodeAt(end - 1))) end--
  return start === 0 && end === text.length ? text : text.slice(start, end)
}

/** Index behind the closing quote of the quoted string that opens at `i`; it must close before `end`. */
export function skipQuoted(codes: Uint8Array, i: number, end: number = codes.length): number {
  for (let k = i + 1; k < end; k++) {
    const c = codes[k]
    if (c === BACKSLASH) k++
    else if (c === QUOTE) return k + 1
  }
  throw new DecodeError('quoted string without end', i)
}

/** Where the list element that begins at `i` ends: at a comma outside quotes and angle brackets, or at `end`. @throws DecodeError */
export function listItemEnd(text: string, i: number, end: number, codes: Uint8Array = codesOf(text)): number {
  const comma = text.indexOf(',', i)
  if (comma < 0 || comma >= end) return end
  for (let angle = false; i < end; i++) {
    const c = codes[i]
    if (c === COMMA && !angle) return i
    if (c === QUOTE && !angle) i = skipQuoted(codes, i, end) - 1
    else if (c === LAQUOT) angle = true
    else if (c === RAQUOT) angle = false
  }
  return end
}

/** Splits at commas outside quotes and angle brackets, onto `out`. @throws DecodeError on an unbalanced quote */
export function splitList(value: string, out: string[] = []): string[] {
  if (value.indexOf(',') < 0) { out.push(trimLws(value)); return out }
  const codes = codesOf(value)
  for (let i = 0; i <= value.length;) {
    const end = listItemEnd(value, i, value.length, codes)
    const item = trimLws(value.slice(i, end))
    // an empty element is against the grammar but common ("Supported: a,,b"); it says nothing, so it is skipped
    if (item !== '') out.push(item)
    i = end + 1
  }
  return out
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

/** Index of the first character from `i` to `end` that is no digit. */
export function skipDigits(codes: Uint8Array, i: number, end: number): number {
  for (let c = 0; i < end && (c = codes[i] as number) >= 48 && c <= 57;) i++
  return i
}

/** A decimal number of digits only. @throws DecodeError when it is none or above `max` */
export function parseNumber(codes: Uint8Array, max: number, what: string, start = 0, end: number = codes.length): number {
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = (codes[i] as number) - 48
    if (digit < 0 || digit > 9) throw new DecodeError(`${what} is not a number`)
    value = value * 10 + digit
  }
  if (end <= start) throw new DecodeError(`${what} is not a number`)
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

const ENDS_VALUE = new Uint8Array(256)
for (const code of [SEMI, COMMA, QUOTE, LAQUOT, RAQUOT, SP, HTAB]) ENDS_VALUE[code] = 1

/** Index of the first character from `i` to `end` that a value without quotes cannot have. */
export function skipValue(codes: Uint8Array, i: number, end: number): number {
  while (i < end && ENDS_VALUE[codes[i] as number] === 0) i++
  return i
}

/** Index of the first character from `i` to `end` that a token cannot have. */
export function skipToken(codes: Uint8Array, i: number, end: number): number {
  while (i < end && TOKENS[codes[i] as number] === 1) i++
  return i
}
