/**
 * The words that SIP's grammar is made of (RFC 3261 §25.1): tokens, quoted strings, parameters, lists split at
 * commas. Scanners by character code, without regular expressions on the hot path.
 */
import { DecodeError, invariant } from '../../base/errors.ts'

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

/** What stands from `start` to `end`; for a known method without making a string. */
export function methodIn(text: string, start: number, end: number): string {
  for (const method of METHODS) if (method.length === end - start && text.startsWith(method, start)) return method
  return text.slice(start, end)
}

export function isLws(code: number): boolean { return code === SP || code === HTAB }

/** Index of the first character from `i` to `end` that is no white space. */
export function skipLws(text: string, i: number, end: number = text.length): number {
  while (i < end && isLws(text.charCodeAt(i))) i++
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
export function skipQuoted(text: string, i: number, end: number = text.length): number {
  for (let k = i + 1; k < end; k++) {
    const c = text.charCodeAt(k)
    if (c === BACKSLASH) k++
    else if (c === QUOTE) return k + 1
  }
  throw new DecodeError('quoted string without end', i)
}

/** Where the list element that begins at `i` ends: at a comma outside quotes and angle brackets, or at `end`. @throws DecodeError */
export function listItemEnd(text: string, i: number, end: number): number {
  const comma = text.indexOf(',', i)
  if (comma < 0 || comma >= end) return end
  for (let angle = false; i < end; i++) {
    const c = text.charCodeAt(i)
    if (c === COMMA && !angle) return i
    if (c === QUOTE && !angle) i = skipQuoted(text, i, end) - 1
    else if (c === LAQUOT) angle = true
    else if (c === RAQUOT) angle = false
  }
  return end
}

/** Splits at commas outside quotes and angle brackets, onto `out`. @throws DecodeError on an unbalanced quote */
export function splitList(value: string, out: string[] = []): string[] {
  if (value.indexOf(',') < 0) { out.push(trimLws(value)); return out }
  for (let i = 0; i <= value.length;) {
    const end = listItemEnd(value, i, value.length)
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

/** A decimal number of digits only. @throws DecodeError when it is none or above `max` */
export function parseNumber(text: string, max: number, what: string, start = 0, end: number = text.length): number {
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 48
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

/** A parameter, and the one behind it. */
class Param {
  next: Param | undefined = undefined
  constructor(readonly name: string, public value: string | undefined) {}
}

/**
 * Parameters in order, names compared without case, values as they stand (quotes kept). Those that were read from a
 * message stay where they are in its text until they are changed: most are never asked for.
 */
export class Params {
  private head: Param | undefined = undefined
  private tail: Param | undefined = undefined

  /** @param text where checked parameters stand, from the semicolon at `from` to `to`, and @param count how many of them */
  constructor(private text: string = '', private from = 0, private to = 0, private count = 0) {}

  static of(record: Readonly<Record<string, string | undefined>>): Params {
    const out = new Params()
    for (const [name, value] of Object.entries(record)) out.push(name, value)
    return out
  }

  get size(): number { return this.count }

  *[Symbol.iterator](): Iterator<{ readonly name: string; readonly value: string | undefined }> {
    this.unpack()
    for (let p = this.head; p !== undefined; p = p.next) yield p
  }

  has(name: string): boolean {
    if (this.from < this.to) return readParam(this.text, this.from, this.to, name)
    return this.find(name) !== undefined
  }
  /** Value without quotes; '' for a parameter without value; undefined when it is not there. */
  get(name: string): string | undefined {
    if (this.from < this.to) return readParam(this.text, this.from, this.to, name) ? unquote(this.text.slice(valueStart, valueEnd)) : undefined
    const found = this.find(name)
    return found === undefined ? undefined : unquote(found.value ?? '')
  }
  /** Puts it at its old place or last. */
  set(name: string, value: string | undefined): void {
    this.unpack()
    const found = this.find(name)
    if (found === undefined) this.push(name, value)
    else found.value = value
  }
  push(name: string, value: string | undefined): void {
    invariant(this !== NO_PARAMS, 'parameters of a message are changed in a copy')
    this.unpack()
    const added = new Param(name, value)
    if (this.tail === undefined) this.head = added
    else this.tail.next = added
    this.tail = added
    this.count++
  }
  delete(name: string): void {
    this.unpack()
    const found = this.find(name)
    if (found === undefined) return
    let before: Param | undefined
    for (let p = this.head; p !== found; p = p?.next) before = p
    if (before === undefined) this.head = found.next
    else before.next = found.next
    if (found === this.tail) this.tail = before
    this.count--
  }
  clone(): Params {
    if (this.from < this.to) return new Params(this.text, this.from, this.to, this.count)
    const out = new Params()
    for (let p = this.head; p !== undefined; p = p.next) out.push(p.name, p.value)
    return out
  }
  toString(): string {
    this.unpack()
    let out = ''
    for (let p = this.head; p !== undefined; p = p.next) out += p.value === undefined ? `;${p.name}` : `;${p.name}=${p.value}`
    return out
  }

  private find(name: string): Param | undefined {
    if (this.from < this.to) this.unpack()
    for (let p = this.head; p !== undefined; p = p.next) if (sameName(p.name, name)) return p
    return undefined
  }

  /** Makes the list of what stands in the text. */
  private unpack(): void {
    const { text, from, to } = this
    if (from >= to) return
    this.text = ''
    this.from = this.to = this.count = 0
    for (let i = from; (i = nextParam(text, i, to)) >= 0;) {
      this.push(text.slice(nameStart, nameEnd), valueStart < 0 ? undefined : text.slice(valueStart, valueEnd))
    }
  }
}

/** Those of everything that was read without any. */
export const NO_PARAMS = new Params()

/** Where `nextParam` found name and value; a value that is not there begins and ends at -1. */
let nameStart = 0, nameEnd = 0, valueStart = 0, valueEnd = 0

/** Finds the parameter at or behind `i` in a text of checked ones. @returns where it ends, or -1 when there is none */
function nextParam(text: string, i: number, to: number): number {
  for (let c = 0; i < to && ((c = text.charCodeAt(i)) === SEMI || isLws(c));) i++
  if (i >= to) return -1
  nameStart = i
  for (let c = 0; i < to && (c = text.charCodeAt(i)) !== SEMI && c !== EQUAL && !isLws(c);) i++
  nameEnd = i
  i = skipLws(text, i, to)
  if (i >= to || text.charCodeAt(i) !== EQUAL) {
    valueStart = valueEnd = -1
    return i
  }
  i = valueStart = skipLws(text, i + 1, to)
  if (i < to && text.charCodeAt(i) === QUOTE) i = skipQuoted(text, i, to)
  else for (let c = 0; i < to && (c = text.charCodeAt(i)) !== SEMI && !isLws(c);) i++
  valueEnd = i
  return i
}

/** Finds the parameter of this name, for `valueStart` and `valueEnd`; without a value they are equal. */
function readParam(text: string, from: number, to: number, name: string): boolean {
  for (let i = from; (i = nextParam(text, i, to)) >= 0;) {
    if (nameEnd - nameStart !== name.length || !sameText(text, nameStart, name)) continue
    if (valueStart < 0) valueStart = valueEnd = 0
    return true
  }
  return false
}

/** Is there a parameter named as what stands from `start` to `end`? */
export function hasParamNamed(text: string, from: number, to: number, start: number, end: number): boolean {
  for (let i = from; (i = nextParam(text, i, to)) >= 0;) {
    if (nameEnd - nameStart !== end - start) continue
    let k = nameStart
    while (k < nameEnd && lower(text.charCodeAt(k)) === lower(text.charCodeAt(start + k - nameStart))) k++
    if (k === nameEnd) return true
  }
  return false
}

function lower(code: number): number { return code >= 65 && code <= 90 ? code + 32 : code }

function sameName(a: string, b: string): boolean { return a.length === b.length && sameText(a, 0, b) }

/** Without case. */
function sameText(a: string, from: number, b: string): boolean {
  for (let i = 0; i < b.length; i++) {
    const x = a.charCodeAt(from + i), y = b.charCodeAt(i)
    if (x !== y && ((x ^ y) !== 32 || !isLetter(x))) return false
  }
  return true
}

function isLetter(code: number): boolean { return (code >= 65 && code <= 90) || (code >= 97 && code <= 122) }

const MAX_PARAMS = 64

/**
 * Header parameters from `i` to `end`: *( SEMI name [ EQUAL value ] ), white space where SEMI and EQUAL allow it.
 * @throws DecodeError
 */
export function parseParams(text: string, i: number, end: number = text.length): Params {
  const from = i
  for (let count = 0; ;) {
    while (i < end && isLws(text.charCodeAt(i))) i++
    if (i >= end) return count === 0 ? NO_PARAMS : new Params(text, from, end, count)
    if (text.charCodeAt(i) !== SEMI) throw new DecodeError('junk where a parameter was expected', i)
    i++
    while (i < end && isLws(text.charCodeAt(i))) i++
    const start = i
    while (i < end && isTokenCode(text.charCodeAt(i))) i++
    if (i === start) {
      if (i >= end || text.charCodeAt(i) === SEMI) continue // ";;" and a trailing ";" are common and harmless
      throw new DecodeError('parameter without name', i)
    }
    while (i < end && isLws(text.charCodeAt(i))) i++
    if (i < end && text.charCodeAt(i) === EQUAL) {
      i++
      while (i < end && isLws(text.charCodeAt(i))) i++
      if (i < end && text.charCodeAt(i) === QUOTE) i = skipQuoted(text, i, end)
      else while (i < end && !endsValue(text.charCodeAt(i))) i++
    }
    if (++count > MAX_PARAMS) throw new DecodeError('too many parameters', i)
  }
}

/** What a value without quotes cannot have. */
export function endsValue(code: number): boolean {
  return code === SEMI || code === COMMA || code === QUOTE || code === LAQUOT || code === RAQUOT || isLws(code)
}
