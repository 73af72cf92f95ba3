/**
 * The header fields of one message in their order (RFC 3261 §7.3), looked up by any spelling of their names. Lines that
 * came from outside stay where they are in the text of the head, as offsets, and are printed as they came, folding and
 * all; only lines that were changed or added have strings of their own. So a message is forwarded at little cost and
 * without loss. Remembers the parsed values of the header fields that messages ask for (message.ts).
 */
import { headerId, HeaderId } from './headerNames.ts'
import { codesOf, isLws, listItemEnd, splitList, trimLws } from './lexer.ts'

/** Reads a value that stands in `text` from `start` to `end`. @param codes characters of the text, as `codesOf` gives them */
export type ValueParser<T> = (text: string, start: number, end: number, codes: Uint8Array) => T

/** Numbers of one line: id; offsets of its name, its colon and its line break. A line of its own has -1, place in `own`, 0. */
export const LINE_NUMBERS = 4
/** Added to the id of a line whose value is folded. */
export const FOLDED = 256
const ID = 255

/** What no message has added. Never written to. */
const NO_LINES: string[] = []
const NO_VALUES: readonly never[] = []
const NO_CODES = new Uint8Array(0)

export class Headers {
  /** Counts changes. */
  revision = 0
  /** By the ids of headerNames.ts; 0 is for the whole list of Vias. */
  private memo: unknown[] | undefined = undefined
  private own: string[] = NO_LINES

  /**
   * @param text head of a message, and @param lines its lines in it, as the parser finds them; none for a new message
   * @param codes characters of that text, as `codesOf` gives them
   * @param seen ids below 32 that lines may have, and @param twice that more than one may have, as bits: what is not there need not be looked for
   */
  constructor(private text: string = '', private lines: number[] = [], private seen = 0, private twice = 0, private codes: Uint8Array = NO_CODES) {}

  get size(): number { return this.lines.length / LINE_NUMBERS }

  *[Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    for (let k = 0; k < this.lines.length; k += LINE_NUMBERS) yield [this.nameAt(k), this.valueAt(k)]
  }

  has(name: string): boolean { return this.first(name) >= 0 }

  /** The first line's value, unfolded. */
  get(name: string): string | undefined {
    const k = this.first(name)
    return k < 0 ? undefined : this.valueAt(k)
  }

  /** Every line's value, unfolded. */
  getLines(name: string): string[] {
    const id = headerId(name), out: string[] = []
    for (let k = this.find(id, name, 0); k >= 0; k = this.find(id, name, k + LINE_NUMBERS)) out.push(this.valueAt(k))
    return out
  }

  /** Values of a header field that is a list: lines joined, split at commas. @throws DecodeError */
  getList(name: string): string[] {
    const out: string[] = []
    for (const value of this.getLines(name)) splitList(value, out)
    return out
  }

  count(name: string): number {
    const id = headerId(name)
    let n = 0
    for (let k = this.find(id, name, 0); k >= 0; k = this.find(id, name, k + LINE_NUMBERS)) n++
    return n
  }

  /** Adds a line behind all others. */
  append(name: string, value: string): this {
    const id = headerId(name)
    this.lines.push(id, -1, this.addOwn(name, value), 0)
    this.note(id)
    return this.changed(id)
  }

  /** Adds a line before the first of its name, or before all others. */
  prepend(name: string, value: string): this {
    const id = headerId(name)
    this.lines.splice(Math.max(0, this.find(id, name, 0)), 0, id, -1, this.addOwn(name, value), 0)
    this.note(id)
    return this.changed(id)
  }

  /** Leaves one line of this name, at the place of the first. */
  set(name: string, value: string): this {
    const id = headerId(name), at = this.find(id, name, 0)
    if (at < 0) return this.append(name, value)
    this.replaceLine(at, name, value)
    this.removeFrom(id, name, at + LINE_NUMBERS)
    return this.changed(id)
  }

  /** Replaces the first value of a list header field, or takes it off; further values in its line stay as they are. */
  replaceFirst(name: string, value: string | undefined): this {
    const id = headerId(name), at = this.find(id, name, 0)
    if (at < 0) return value === undefined ? this : this.append(name, value)
    const old = this.valueAt(at)
    const rest = restOfList(old)
    if (rest === '' && value === undefined) this.lines.splice(at, LINE_NUMBERS)
    else this.replaceLine(at, this.nameAt(at), value === undefined ? rest : rest === '' ? value : `${value}, ${rest}`)
    return this.changed(id)
  }

  remove(name: string): this {
    const id = headerId(name)
    this.removeFrom(id, name, 0)
    return this.changed(id)
  }

  clone(): Headers {
    const out = new Headers(this.text, this.lines.slice(), this.seen, this.twice, this.codes)
    if (this.own.length > 0) out.own = this.own.slice()
    out.memo = this.memo?.slice()
    return out
  }

  /** Drops all lines, and with them the text of the head that they lie in. */
  clear(): void {
    this.text = ''
    this.lines = []
    this.own = NO_LINES
    this.memo = undefined
    this.codes = NO_CODES
    this.seen = this.twice = 0
    this.revision++
  }

  /** Drops what was parsed; it is parsed again when it is asked for. */
  forget(): void { this.memo = undefined }

  /** Bytes that the lines take when printed; undefined unless all of them are ASCII. */
  asciiLength(): number | undefined {
    const { lines, text, own } = this
    let sum = 0
    for (let k = 0; k < lines.length; k += LINE_NUMBERS) {
      const start = lines[k + 1] as number, at = lines[k + 2] as number
      if (start >= 0) {
        const end = lines[k + 3] as number
        if (!isAscii(text, start, end)) return undefined
        sum += end - start + 2
        continue
      }
      const name = own[at] as string, value = own[at + 1] as string
      if (!isAscii(value, 0, value.length)) return undefined
      sum += name.length + value.length + 4
    }
    return sum
  }

  /** All lines, with their line breaks. */
  print(): string {
    const { lines, text } = this
    let out = '', from = 0, to = -1 // lines next to each other in the text are taken in one piece
    for (let k = 0; k < lines.length; k += LINE_NUMBERS) {
      const start = lines[k + 1] as number
      if (start >= 0) {
        if (start !== to) {
          if (to > from) out += text.slice(from, to)
          from = start
        }
        to = (lines[k + 3] as number) + 2
        continue
      }
      if (to > from) out += text.slice(from, to)
      from = to = -1
      const at = lines[k + 2] as number
      out += `${this.own[at] as string}: ${this.own[at + 1] as string}\r\n`
    }
    return to > from ? out + text.slice(from, to) : out
  }

  /** The value of the first line parsed in place; undefined when there is none. @throws DecodeError */
  parse<T>(id: number, parser: ValueParser<T>): T | undefined {
    const k = this.find(id, '', 0)
    return k < 0 ? undefined : this.parseAt(k, parser)
  }

  /** Is there more than one line with this id? */
  repeated(id: number): boolean {
    if ((this.twice & (1 << id)) === 0) return false
    const k = this.find(id, '', 0)
    return k >= 0 && this.find(id, '', k + LINE_NUMBERS) >= 0
  }

  /** The elements of a list header field parsed in place. @throws DecodeError */
  parseList<T>(id: number, parser: ValueParser<T>): readonly T[] {
    const { lines } = this
    let k = this.find(id, '', 0), out: T[] | undefined
    for (; k >= 0; k = this.repeated(id) ? this.find(id, '', k + LINE_NUMBERS) : -1) {
      if ((lines[k] as number) >= FOLDED) out = parseItems(this.text, (lines[k + 2] as number) + 1, lines[k + 3] as number, this.codes, foldedItem(parser), out)
      else if (this.locate(k)) out = parseItems(this.text, valueFrom, valueTo, this.codes, parser, out)
      else { const value = this.valueAt(k); out = parseItems(value, 0, value.length, codesOf(value), parser, out) }
    }
    return out ?? NO_VALUES
  }

  /** The number of the only Content-Length line becomes this one. */
  setContentLength(length: number): void {
    const value = String(length)
    const k = this.find(HeaderId.contentLength, '', 0)
    if (k < 0 || this.valueAt(k) !== value || this.find(HeaderId.contentLength, '', k + LINE_NUMBERS) >= 0) this.set('Content-Length', value)
  }

  /** What was parsed of a header field before and still holds. */
  recall(id: number): unknown { return this.memo === undefined ? undefined : this.memo[id] }

  remember<T>(id: number, value: T): T {
    this.memo ??= [undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined]
    this.memo[id] = value
    return value
  }

  private changed(id: number): this {
    this.revision++
    if (this.memo !== undefined && id <= HeaderId.contentLength) {
      this.memo[id] = undefined
      if (id === HeaderId.via) this.memo[0] = undefined
    }
    return this
  }

  private first(name: string): number { return this.find(headerId(name), name, 0) }

  /** Place of the first line with this id at or after `k`, or -1. Unknown names are compared. */
  private find(id: number, name: string, k: number): number {
    const { lines } = this
    if (id !== HeaderId.other) {
      if (id < 32 && (this.seen & (1 << id)) === 0) return -1
      for (; k < lines.length; k += LINE_NUMBERS) if (((lines[k] as number) & ID) === id) return k
      return -1
    }
    const key = name.toLowerCase()
    for (; k < lines.length; k += LINE_NUMBERS) if (((lines[k] as number) & ID) === HeaderId.other && this.nameAt(k).toLowerCase() === key) return k
    return -1
  }

  private nameAt(k: number): string {
    const start = this.lines[k + 1] as number
    let end = this.lines[k + 2] as number
    if (start < 0) return this.own[end] as string
    while (isLws(this.text.charCodeAt(end - 1))) end--
    return this.text.slice(start, end)
  }

  private valueAt(k: number): string {
    const { lines, text } = this
    const colon = lines[k + 2] as number
    if ((lines[k + 1] as number) < 0) return this.own[colon + 1] as string
    if ((lines[k] as number) >= FOLDED) return unfold(text.slice(colon + 1, lines[k + 3]))
    let start = colon + 1, end = lines[k + 3] as number
    while (start < end && isLws(text.charCodeAt(start))) start++
    while (end > start && isLws(text.charCodeAt(end - 1))) end--
    return text.slice(start, end)
  }

  private parseAt<T>(k: number, parser: ValueParser<T>): T {
    if (this.locate(k)) return parser(this.text, valueFrom, valueTo, this.codes)
    const value = this.valueAt(k)
    return parser(value, 0, value.length, codesOf(value))
  }

  /** Sets `valueFrom` and `valueTo` to where the value stands in the text; false when it does not stand there as it is. */
  private locate(k: number): boolean {
    const { lines, codes } = this
    if ((lines[k] as number) >= FOLDED || (lines[k + 1] as number) < 0) return false
    let start = (lines[k + 2] as number) + 1, end = lines[k + 3] as number
    while (start < end && isLws(codes[start] as number)) start++
    while (end > start && isLws(codes[end - 1] as number)) end--
    valueFrom = start
    valueTo = end
    return true
  }

  private note(id: number): void {
    if (id >= 32) return
    this.twice |= this.seen & (1 << id)
    this.seen |= 1 << id
  }

  private addOwn(name: string, value: string): number {
    if (this.own === NO_LINES) this.own = [name, clean(value)]
    else this.own.push(name, clean(value))
    return this.own.length - 2
  }

  private replaceLine(k: number, name: string, value: string): void {
    const { lines } = this
    lines[k] = (lines[k] as number) & ID
    lines[k + 2] = this.addOwn(name, value)
    lines[k + 1] = -1
  }

  private removeFrom(id: number, name: string, from: number): void {
    for (let k = this.find(id, name, from); k >= 0; k = this.find(id, name, k)) this.lines.splice(k, LINE_NUMBERS)
  }
}

/** Found by `locate`. */
let valueFrom = 0, valueTo = 0

/** Onto `out`, which is made when there is something: most lists have one element, for which an array needs no room to grow. */
function parseItems<T>(text: string, start: number, end: number, codes: Uint8Array, parser: ValueParser<T>, out: T[] | undefined): T[] | undefined {
  while (start < end && isBlank(codes[start] as number)) start++
  while (end > start && isBlank(codes[end - 1] as number)) end--
  if (start === end) return withItem(out, parser(text, start, end, codes)) // a field without value: the parser says what it thinks of it
  for (let i = start; i < end;) {
    const comma = listItemEnd(text, i, end, codes)
    let from = i, to = comma
    while (from < to && isBlank(codes[from] as number)) from++
    while (to > from && isBlank(codes[to - 1] as number)) to--
    if (to > from) out = withItem(out, parser(text, from, to, codes))
    i = comma + 1
  }
  return out
}

/** Lists are folded between their elements, which stand there as they are; hardly ever inside of one. */
function foldedItem<T>(parser: ValueParser<T>): ValueParser<T> {
  return (text, start, end, codes) => {
    if (codes.indexOf(CR, start) >= end) return parser(text, start, end, codes)
    const value = unfold(text.slice(start, end))
    return parser(value, 0, value.length, codesOf(value))
  }
}

const CR = 13, LF = 10

/** White space, or what folds a line. */
function isBlank(code: number): boolean { return isLws(code) || code === CR || code === LF }

function withItem<T>(out: T[] | undefined, item: T): T[] {
  if (out === undefined) return [item]
  out.push(item)
  return out
}

function isAscii(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (text.charCodeAt(i) > 127) return false
  return true
}

/** What follows the first value of a list. @throws DecodeError */
function restOfList(value: string): string {
  if (value.indexOf(',') < 0) return ''
  let i = 0
  do i = listItemEnd(value, i, value.length) + 1; while (i < value.length && trimLws(value.slice(0, i - 1)) === '')
  while (i < value.length && (isLws(value.charCodeAt(i)) || value.charCodeAt(i) === 44)) i++
  return trimLws(value.slice(i))
}

/** §7.3.1: a line break and the white space around it count as one space. */
function unfold(text: string): string {
  return trimLws(text.split('\r\n').map(trimLws).join(' '))
}

/** A line break in a value would start another header field: header injection ends here. */
export function clean(value: string): string {
  return value.includes('\r') || value.includes('\n') ? value.replace(/[\r\n]+/g, ' ') : value
}
