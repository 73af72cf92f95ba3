/**
 * Finds the header lines of a head in one pass over its bytes (RFC 3261 §7.3): names as numbers, values as offsets into
 * the head's text, folded lines as one. Whether the values make sense is asked later, of those who want them.
 */
import { DecodeError } from '../../base/errors.ts'
import { idAt, NO_NAME } from './headerNames.ts'
import { FOLDED, LINE_NUMBERS } from './headers.ts'
import { HTAB, SP, trimLws } from './lexer.ts'

const CR = 13, LF = 10, COLON = 58

/** Where lines are noted until their number is known: one array of the right size costs less than one that grows. */
const scratch: number[] = new Array<number>(1024).fill(0)

const NO_WORDS = new Int32Array(0)
const MIN_WORDS_BYTES = 8
/** The first of four bytes has the lowest bits of their word: so everywhere but on s390x and AIX. */
const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

export class HeadScan {
  /** Four numbers a line, as `Headers` takes them, relative to `start`. */
  readonly lines: number[]
  /** Names and values of lines that cannot be sent on as they came. */
  odd: string[] | undefined = undefined
  /** Ids below 32 that a line has, and those that more than one has, as bits. */
  seen = 0
  twice = 0
  /** Why the message must not be served, in words. */
  fault: string | undefined = undefined
  /** The same bytes, four in one, from the first place where that can be. */
  private readonly words: Int32Array
  private readonly aligned: number
  /** Bytes of the start line. */
  readonly startLineEnd: number
  /** Behind the empty line, -1 where there is none. */
  headEnd = -1

  /** @param start where the start line begins. @throws DecodeError when there are too many lines */
  constructor(private readonly bytes: Uint8Array, private readonly start: number, maxHeaders: number) {
    this.aligned = -bytes.byteOffset & 3
    this.words = bytes.length < MIN_WORDS_BYTES || !LITTLE_ENDIAN ? NO_WORDS : new Int32Array(bytes.buffer, bytes.byteOffset + this.aligned, (bytes.length - this.aligned) >> 2)
    let i = this.nextControl(start)
    while (i < bytes.length && (bytes[i] !== CR || bytes[i + 1] !== LF)) i = this.nextControl(i + 1)
    this.startLineEnd = i - start
    this.lines = scratch.slice(0, this.scan(i + 2, maxHeaders * LINE_NUMBERS))
  }

  /** Makes the offsets those of the head's text, where a character is not always a byte. */
  toTextOffsets(): void {
    const { bytes, lines, start } = this
    let at = 0, characters = 0
    for (let k = 0; k < lines.length; k++) {
      if (k % LINE_NUMBERS === 0) continue
      for (const wanted = lines[k] as number; at < wanted; at++) characters += utf16Units(bytes[start + at] as number)
      lines[k] = characters
    }
  }

  /** @returns how many numbers it has noted */
  private scan(i: number, max: number): number {
    const { bytes, start } = this, size = bytes.length
    let n = 0
    while (i < size) {
      let k = i, c = bytes[k] as number
      while (c > SP && c !== COLON && k < size) c = bytes[++k] as number
      const nameEnd = k
      while ((c === SP || c === HTAB) && k < size) c = bytes[++k] as number
      const colon = k
      const id = c === COLON ? idAt(bytes, i, nameEnd) : NO_NAME
      if (id === NO_NAME) {
        if (c === CR && bytes[i + 1] === LF && k === i) {
          this.headEnd = i + 2
          return n
        }
        this.fault ??= 'Bad Request: malformed header line'
        while (k < size && (bytes[k] !== CR || bytes[k + 1] !== LF)) k++
        i = k + 2
        continue
      }
      let bare = false, folded = 0
      for (k++; ; k++) {
        k = this.nextControl(k)
        if (k >= size) return n
        c = bytes[k] as number
        if (c === CR && bytes[k + 1] === LF) {
          if (bytes[k + 2] !== SP && bytes[k + 2] !== HTAB) break
          folded = FOLDED
          k++
        } else if (c === CR || c === LF) bare = true // a line break of one character only
      }
      if (n >= max) throw new DecodeError('too many header fields', i)
      if (bare) this.noteOdd(i, nameEnd, colon, k)
      else {
        if (id < 32) {
          const bit = 1 << id
          this.twice |= this.seen & bit
          this.seen |= bit
        }
        scratch[n] = id + folded
        scratch[n + 1] = i - start
        scratch[n + 2] = colon - start
        scratch[n + 3] = k - start
        n += LINE_NUMBERS
      }
      i = k + 2
    }
    return n
  }

  /** Index of the first byte at or behind `k` that is not above CR, or the end; looks at four at once, as most of a head are values. */
  private nextControl(k: number): number {
    const { bytes, words, aligned } = this, size = bytes.length
    for (; k < aligned && k < size; k++) if ((bytes[k] as number) <= CR) return k
    let at = (k - aligned) >> 2
    if (at < words.length) {
      // the bytes before `k` are made 255
      let found = controlsIn((words[at] as number) | ((1 << (((k - aligned) & 3) << 3)) - 1))
      while (found === 0 && ++at < words.length) found = controlsIn(words[at] as number)
      k = aligned + (at << 2)
      if (found !== 0) return k + ((31 - Math.clz32(found & -found)) >> 3)
    }
    while (k < size && (bytes[k] as number) > CR) k++
    return k
  }

  private noteOdd(start: number, nameEnd: number, colon: number, end: number): void {
    this.fault ??= 'Bad Request: bare line break in a header field'
    const decoder = new TextDecoder()
    this.odd ??= []
    this.odd.push(decoder.decode(this.bytes.subarray(start, nameEnd)), trimLws(decoder.decode(this.bytes.subarray(colon + 1, end))))
  }
}

/** Which of these four bytes are less than 14: the lowest bit that is set is the highest bit of the first one. */
function controlsIn(word: number): number { return (word - 0x0e0e0e0e) & ~word & 0x80808080 }

/** UTF-16 units that a character has, counted at its first byte. */
function utf16Units(byte: number): number { return (byte & 0xc0) === 0x80 ? 0 : byte >= 0xf0 ? 2 : 1 }
