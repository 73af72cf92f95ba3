/**
 * multipart/form-data (RFC 7578, the successor of the RFC 2388 that RFC 6940 §11.3 names) as enrolment uses it: a
 * handful of small fields. Bounded in the number of parts and the length of their headers; the whole body is
 * bounded by who reads it.
 */
import { DecodeError } from '../base/errors.ts'

export interface FormPart {
  readonly name: string
  /** lower case, without parameters; 'text/plain' when the part says none */
  readonly type: string
  readonly body: Uint8Array
}

const maxParts = 16
const maxHeaderBytes = 2_048
const encoder = new TextEncoder()

const concat = (pieces: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}

/** @param boundary must not occur in a body: make it of random bytes */
export function printForm(parts: readonly FormPart[], boundary: string): { readonly contentType: string; readonly body: Uint8Array } {
  const pieces = parts.flatMap(({ name, type, body }) => [
    encoder.encode(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\nContent-Type: ${type}\r\n\r\n`), body, encoder.encode('\r\n'),
  ])
  return { contentType: `multipart/form-data; boundary=${boundary}`, body: concat([...pieces, encoder.encode(`--${boundary}--\r\n`)]) }
}

function find(bytes: Uint8Array, what: Uint8Array, from: number): number {
  const first = what[0] ?? 0
  for (let at = bytes.indexOf(first, from); at >= 0 && at + what.length <= bytes.length; at = bytes.indexOf(first, at + 1)) {
    if (what.every((byte, i) => bytes[at + i] === byte)) return at
  }
  return -1
}

function parsePart(bytes: Uint8Array, offset: number): FormPart {
  const end = find(bytes, encoder.encode('\r\n\r\n'), 0)
  if (end < 0 || end > maxHeaderBytes) throw new DecodeError('headers of a form part', offset)
  const headers = new Map<string, string>()
  // The leading CRLF is the end of the delimiter's line.
  for (const line of new TextDecoder().decode(bytes.subarray(0, end)).split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  const name = /^form-data\b.*;\s*name=(?:"([^"\r\n]{1,100})"|([^\s;"]{1,100}))/i.exec(headers.get('content-disposition') ?? '')
  if (name === null) throw new DecodeError('form part without name', offset)
  const type = (headers.get('content-type') ?? 'text/plain').split(';')[0]?.trim().toLowerCase() ?? ''
  return { name: name[1] ?? name[2] ?? '', type, body: bytes.slice(end + 4) }
}

/** @throws DecodeError when it is not a whole form, or a name comes twice. */
export function parseForm(contentType: string, body: Uint8Array): ReadonlyMap<string, FormPart> {
  const match = /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType)
  if (match === null) throw new DecodeError('not multipart/form-data')
  const delimiter = encoder.encode(`--${match[1] ?? match[2] ?? ''}`)
  const separator = concat([encoder.encode('\r\n'), delimiter])
  const form = new Map<string, FormPart>()
  let at = find(body, delimiter, 0)
  if (at < 0) throw new DecodeError('form without its boundary')
  at += delimiter.length
  while (!(body[at] === 0x2d && body[at + 1] === 0x2d)) {
    if (form.size === maxParts) throw new DecodeError('too many form parts', at)
    const end = find(body, separator, at)
    if (end < 0) throw new DecodeError('form cut short', at)
    const part = parsePart(body.subarray(at, end), at)
    if (form.has(part.name)) throw new DecodeError('form field given twice', at)
    form.set(part.name, part)
    at = end + separator.length
  }
  return form
}
