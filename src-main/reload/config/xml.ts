/**
 * Reads the XML of an overlay document (RFC 6940 §11.1), bounded in size, depth and count, without DOCTYPE and with
 * the five predefined entities only. Each element knows where it stands in the text, because signatures cover the
 * bytes of elements as they are.
 */
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { DecodeError } from '../../base/errors.ts'

export interface XmlElement {
  /** Namespace name, empty when there is none. */
  readonly namespace: string
  readonly name: string
  /** Attributes without a namespace; those of foreign namespaces have their prefix in the name. */
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlElement[]
  /** Character data of the element itself, trimmed. */
  readonly text: string
  /** First `<` and behind the last `>`, in characters of the document. */
  readonly start: number
  readonly end: number
}

export interface ElementRange { readonly name: string, readonly depth: number, readonly start: number, readonly end: number }

export const MAX_DOCUMENT_BYTES = 262_144
const MAX_DEPTH = 12
const MAX_ELEMENTS = 4096

const parser = new XMLParser({
  preserveOrder: true, ignoreAttributes: false, attributeNamePrefix: '', parseTagValue: false, parseAttributeValue: false,
  processEntities: false, trimValues: false, ignoreDeclaration: true, ignorePiTags: true,
})

type Ordered = Readonly<Record<string, unknown>>

/** The document's root element. @throws DecodeError with a text for people */
export function parseXml(text: string): XmlElement {
  const ranges = elementRanges(text)
  let tree: readonly Ordered[]
  try {
    const valid = XMLValidator.validate(text)
    if (valid !== true) throw new DecodeError(`not well-formed XML: ${valid.err.msg} in line ${valid.err.line}`)
    tree = parser.parse(text) as readonly Ordered[]
  } catch (error) {
    if (error instanceof DecodeError) throw error
    throw new DecodeError(`not well-formed XML: ${error instanceof Error ? error.message : String(error)}`)
  }
  const cursor = { next: 0 }
  const roots = tree.flatMap((node) => toElement(node, new Map(), ranges, cursor) ?? [])
  if (roots.length !== 1 || cursor.next !== ranges.length) throw new DecodeError('not well-formed XML: there must be one root element')
  return roots[0] as XmlElement
}

function toElement(node: Ordered, scope: ReadonlyMap<string, string>, ranges: readonly ElementRange[], cursor: { next: number }): XmlElement | undefined {
  const tag = Object.keys(node).find((key) => key !== ':@')
  if (tag === undefined || tag === '#text' || tag.startsWith('?')) return undefined
  const range = ranges[cursor.next++]
  if (range?.name !== tag) throw new DecodeError(`not well-formed XML near <${tag.slice(0, 40)}>`)
  const raw = Object.entries((node[':@'] ?? {}) as Readonly<Record<string, unknown>>).map(([key, value]) => [key, decodeEntities(String(value))] as const)
  const inner = new Map(scope)
  for (const [key, value] of raw) {
    if (key === 'xmlns') inner.set('', value)
    else if (key.startsWith('xmlns:')) inner.set(key.slice(6), value)
  }
  const colon = tag.indexOf(':')
  const prefix = colon < 0 ? '' : tag.slice(0, colon)
  const namespace = inner.get(prefix)
  if (namespace === undefined && prefix !== '' && prefix !== 'xml') throw new DecodeError(`the prefix of <${tag.slice(0, 40)}> has no namespace`)
  const content = node[tag] as readonly Ordered[]
  const children: XmlElement[] = []
  let text = ''
  for (const child of content) {
    if ('#text' in child) {
      text += decodeEntities(String(child['#text']))
      continue
    }
    const element = toElement(child, inner, ranges, cursor)
    if (element !== undefined) children.push(element)
  }
  return {
    namespace: namespace ?? '', name: tag.slice(colon + 1), children, text: text.trim(), start: range.start, end: range.end,
    attributes: Object.fromEntries(raw.filter(([key]) => key !== 'xmlns' && !key.startsWith('xmlns:'))),
  }
}

const entities: ReadonlyMap<string, string> = new Map([['amp', '&'], ['lt', '<'], ['gt', '>'], ['quot', '"'], ['apos', "'"]])

function decodeEntities(text: string): string {
  return text.replace(/&([^;&]{0,12});?/g, (whole, name: string) => {
    const known = entities.get(name)
    if (known !== undefined && whole.endsWith(';')) return known
    const numeric = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(name)
    const code = numeric === null ? -1 : Number.parseInt(numeric[1] ?? numeric[2] ?? '', numeric[1] === undefined ? 10 : 16)
    if (!whole.endsWith(';') || code < 9 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) throw new DecodeError(`unknown entity ${whole.slice(0, 20)}`)
    return String.fromCodePoint(code)
  })
}

/** Text that may stand in an element or an attribute. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&${[...entities].find(([, value]) => value === c)?.[0] ?? ''};`)
}

/** Where elements stand, in the order of their start tags. @throws DecodeError */
export function elementRanges(text: string): readonly ElementRange[] {
  if (text.length > MAX_DOCUMENT_BYTES) throw new DecodeError(`the document is longer than ${MAX_DOCUMENT_BYTES} bytes`)
  const out: { name: string, depth: number, start: number, end: number }[] = []
  const open: { name: string, depth: number, start: number, end: number }[] = []
  let at = text.indexOf('<')
  while (at >= 0) {
    const skipped = skipSpecial(text, at)
    if (skipped !== undefined) { at = text.indexOf('<', skipped); continue }
    const end = tagEnd(text, at)
    const closing = text[at + 1] === '/'
    const name = /^[^\s/>=<"']+/.exec(text.slice(at + (closing ? 2 : 1), Math.min(end, at + 202)))?.[0]
    if (name === undefined) throw new DecodeError('a tag has no name', at)
    if (closing) {
      const element = open.pop()
      if (element?.name !== name) throw new DecodeError(`</${name.slice(0, 40)}> closes nothing`, at)
      element.end = end
    } else {
      const element = { name, depth: open.length, start: at, end }
      out.push(element)
      if (out.length > MAX_ELEMENTS) throw new DecodeError('too many elements', at)
      if (text[end - 2] !== '/') open.push(element)
      if (open.length > MAX_DEPTH) throw new DecodeError('elements are nested too deep', at)
    }
    at = text.indexOf('<', end)
  }
  if (open.length > 0) throw new DecodeError(`<${(open.at(-1) as { name: string }).name.slice(0, 40)}> is not closed`)
  return out
}

/** Behind a comment, a CDATA section or a processing instruction that starts here. */
function skipSpecial(text: string, at: number): number | undefined {
  for (const [start, end] of [['<!--', '-->'], ['<![CDATA[', ']]>'], ['<?', '?>']] as const) {
    if (!text.startsWith(start, at)) continue
    const stop = text.indexOf(end, at + start.length)
    if (stop < 0) throw new DecodeError(`${start} is not closed`, at)
    return stop + end.length
  }
  if (text.startsWith('<!', at)) throw new DecodeError('a document type declaration is not allowed', at)
  return undefined
}

/** Behind the `>` of the tag that starts here, passing over quoted attribute values. */
function tagEnd(text: string, start: number): number {
  let quote: string | undefined
  for (let i = start + 1; i < text.length; i++) {
    const c = text[i] as string
    if (quote !== undefined) { if (c === quote) quote = undefined }
    else if (c === '"' || c === "'") quote = c
    else if (c === '>') return i + 1
    else if (c === '<') break
  }
  throw new DecodeError('a tag is not closed', start)
}
