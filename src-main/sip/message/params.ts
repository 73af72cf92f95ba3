/**
 * Parameters of header fields and URIs (RFC 3261 §7.3.1, §19.1.1): ;name and ;name=value. They are kept as the text that
 * they stand in, at first the message's own: most are never asked for, and of the others one or two.
 */
import { DecodeError, invariant } from '../../base/errors.ts'
import { codesOf, EQUAL, isLws, QUOTE, SEMI, skipLws, skipQuoted, skipToken, skipValue, unquote } from './lexer.ts'

/** In order, names compared without case, values as they stand (quotes kept). */
export class Params {
  /** @param text where checked parameters stand, from the semicolon at `from` to `to`, and @param count how many of them, @param codes of the text, where they are there */
  constructor(private text: string = '', private from = 0, private to = 0, private count = 0, private codes: Uint8Array | undefined = undefined) {}

  static of(record: Readonly<Record<string, string | undefined>>): Params {
    const out = new Params()
    for (const [name, value] of Object.entries(record)) out.push(name, value)
    return out
  }

  get size(): number { return this.count }

  *[Symbol.iterator](): Iterator<{ readonly name: string; readonly value: string | undefined }> {
    const { text, to } = this
    for (let i = this.from; (i = nextParam(this.bytes, i, to)) >= 0;) yield { name: text.slice(nameStart, nameEnd), value: valueStart < 0 ? undefined : text.slice(valueStart, valueEnd) }
  }

  has(name: string): boolean { return this.from < this.to && findParam(this.bytes, this.from, this.to, name) }

  /** Value without quotes; '' for a parameter without value; undefined when it is not there. */
  get(name: string): string | undefined {
    if (!this.has(name)) return undefined
    if (valueStart < 0) return ''
    const value = this.text.slice(valueStart, valueEnd)
    return this.bytes[valueStart] === QUOTE ? unquote(value) : value
  }

  /** Puts it at its old place or last. */
  set(name: string, value: string | undefined): void {
    const { text, from, to, count } = this
    if (!this.has(name)) { this.push(name, value); return }
    this.become(`${text.slice(from, nameEnd)}${printValue(value)}${text.slice(valueStart < 0 ? nameEnd : valueEnd, to)}`, count)
  }

  push(name: string, value: string | undefined): void {
    this.become(`${this.text.slice(this.from, this.to)};${name}${printValue(value)}`, this.count + 1)
  }

  delete(name: string): void {
    const { text, from, to, count } = this
    if (!this.has(name)) return
    const start = text.lastIndexOf(';', nameStart)
    this.become(text.slice(from, start) + text.slice(valueStart < 0 ? nameEnd : valueEnd, to), count - 1)
  }

  clone(): Params { return new Params(this.text, this.from, this.to, this.count, this.codes) }

  /** Without the white space that they were read with. */
  toString(): string {
    const { text, from, to, bytes } = this
    let out = ''
    for (let i = from; (i = nextParam(bytes, i, to)) >= 0;) {
      const end = valueStart < 0 ? nameEnd : valueEnd
      if (bytes[nameStart - 1] === SEMI && (valueStart < 0 || valueStart === nameEnd + 1)) out += text.slice(nameStart - 1, end)
      else out += `;${text.slice(nameStart, nameEnd)}${valueStart < 0 ? '' : `=${text.slice(valueStart, valueEnd)}`}`
    }
    return out
  }

  private get bytes(): Uint8Array { return this.codes ??= codesOf(this.text) }

  private become(text: string, count: number): void {
    invariant(this !== NO_PARAMS, 'parameters of a message are changed in a copy')
    this.text = text
    this.codes = undefined
    this.from = 0
    this.to = text.length
    this.count = count
  }
}

function printValue(value: string | undefined): string { return value === undefined ? '' : `=${value}` }

/** Those of everything that was read without any. */
export const NO_PARAMS = new Params()

/** Where `nextParam` found name and value; a value that is not there begins and ends at -1. */
let nameStart = 0, nameEnd = 0, valueStart = 0, valueEnd = 0

/** Finds the parameter at or behind `i` in a text of checked ones. @returns where it ends, or -1 when there is none */
function nextParam(codes: Uint8Array, i: number, to: number): number {
  for (let c = 0; i < to && ((c = codes[i] as number) === SEMI || isLws(c));) i++
  if (i >= to) return -1
  nameStart = i
  for (let c = 0; i < to && (c = codes[i] as number) !== SEMI && c !== EQUAL && !isLws(c);) i++
  nameEnd = i
  i = skipLws(codes, i, to)
  if (i >= to || codes[i] !== EQUAL) {
    valueStart = valueEnd = -1
    return i
  }
  i = valueStart = skipLws(codes, i + 1, to)
  if (i < to && codes[i] === QUOTE) i = skipQuoted(codes, i, to)
  else i = skipValue(codes, i, to)
  valueEnd = i
  return i
}

/** Finds the first parameter of this name, for `nextParam`'s places. */
function findParam(codes: Uint8Array, from: number, to: number, name: string): boolean {
  for (let i = from; (i = nextParam(codes, i, to)) >= 0;) if (nameEnd - nameStart === name.length && isNamed(codes, nameStart, name)) return true
  return false
}

/** Is there a parameter named as what stands from `start` to `end`? */
export function hasParamNamed(codes: Uint8Array, from: number, to: number, start: number, end: number): boolean {
  for (let i = from; (i = nextParam(codes, i, to)) >= 0;) {
    if (nameEnd - nameStart !== end - start) continue
    let k = nameStart
    while (k < nameEnd && lower(codes[k] as number) === lower(codes[start + k - nameStart] as number)) k++
    if (k === nameEnd) return true
  }
  return false
}

function lower(code: number): number { return code >= 65 && code <= 90 ? code + 32 : code }

/** Without case. */
function isNamed(codes: Uint8Array, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const x = codes[start + i] as number, y = name.charCodeAt(i)
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
export function parseParams(text: string, i: number, end: number = text.length, codes: Uint8Array = codesOf(text)): Params {
  const from = i
  for (let count = 0; ;) {
    while (i < end && isLws(codes[i] as number)) i++
    if (i >= end) return count === 0 ? NO_PARAMS : new Params(text, from, end, count, codes)
    if (codes[i] !== SEMI) throw new DecodeError('junk where a parameter was expected', i)
    i++
    while (i < end && isLws(codes[i] as number)) i++
    const start = i
    i = skipToken(codes, start, end)
    if (i === start) {
      if (i >= end || codes[i] === SEMI) continue // ";;" and a trailing ";" are common and harmless
      throw new DecodeError('parameter without name', i)
    }
    while (i < end && isLws(codes[i] as number)) i++
    if (i < end && codes[i] === EQUAL) {
      i++
      while (i < end && isLws(codes[i] as number)) i++
      i = i < end && codes[i] === QUOTE ? skipQuoted(codes, i, end) : skipValue(codes, i, end)
    }
    if (++count > MAX_PARAMS) throw new DecodeError('too many parameters', i)
  }
}
