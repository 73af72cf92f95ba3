/**
 * SIP requests and responses (RFC 3261 §7). A message is its start line, its header lines and its body; typed header
 * fields are parsed when first asked for and remembered until their lines change, so that forwarding parses only what
 * it needs. A typed getter throws DecodeError when the field is there but malformed, or is missing and mandatory.
 */
import { DecodeError } from '../../base/errors.ts'
import { type CSeq, parseCSeq, parseDeltaSeconds, parseMediaType, parseTokenWithParams, type TokenWithParams } from './fields.ts'
import { HeaderId } from './headerNames.ts'
import { Headers, type ValueParser } from './headers.ts'
import { isLws, isVisible, listItemEnd, parseNumber, SEMI } from './lexer.ts'
import { type NameAddr, parseNameAddr, parseTag } from './nameAddr.ts'
import { reasonPhrase } from './reasonPhrases.ts'
import { parseUri, type Uri } from './uri.ts'
import { parseVia, printVia, type Via } from './via.ts'
import { joinMessage } from './wire.ts'

/** What makes a request unfit to be served, with the response it deserves. */
export interface Defect { readonly status: number; readonly reason: string }

export const EMPTY_BODY = new Uint8Array(0)
const NO_TOKENS: readonly string[] = []
const encoder = new TextEncoder()
const decoder = new TextDecoder()

abstract class Message {
  /** The head as it was printed last, and the target and revision of the header fields that it shows. */
  private printed = ''
  private printedTarget = ''
  private printedRevision = -1

  protected constructor(readonly headers: Headers, public body: Uint8Array) {}

  /** Start line without line break. */
  abstract get startLine(): string
  /** What of the start line may change. */
  protected abstract get target(): string

  get via(): Via {
    return this.headers.recall(HeaderId.via) as Via | undefined ?? this.headers.remember(HeaderId.via, this.firstVia())
  }
  get vias(): readonly Via[] { return this.list(HeaderId.other, HeaderId.via, parseVia) }
  get from(): NameAddr { return this.single(HeaderId.from, 'From', parseNameAddr) }
  get to(): NameAddr { return this.single(HeaderId.to, 'To', parseNameAddr) }
  get fromTag(): string | undefined { return this.tag(HeaderId.from, 'From') }
  get toTag(): string | undefined { return this.tag(HeaderId.to, 'To') }
  get callId(): string { return this.single(HeaderId.callId, 'Call-ID', parseCallId) }
  get cseq(): CSeq { return this.single(HeaderId.cseq, 'CSeq', parseCSeq) }
  /** undefined when absent; §20.22 bounds it at 255. */
  get maxForwards(): number | undefined { return this.optional(HeaderId.maxForwards, parseMaxForwards) }
  get contacts(): readonly NameAddr[] | '*' {
    const list = this.list<NameAddr | '*'>(HeaderId.contact, HeaderId.contact, parseContact)
    return list[0] === '*' && list.length === 1 ? '*' : addressesOnly(list)
  }
  get routes(): readonly NameAddr[] { return this.list(HeaderId.route, HeaderId.route, parseNameAddr) }
  get recordRoutes(): readonly NameAddr[] { return this.list(HeaderId.recordRoute, HeaderId.recordRoute, parseNameAddr) }
  get expires(): number | undefined { return this.optional(HeaderId.expires, parseDelta) }
  get contentType(): TokenWithParams | undefined { return this.optional(HeaderId.contentType, parseType) }
  get event(): TokenWithParams | undefined { return this.optional(HeaderId.event, parseWord) }
  get subscriptionState(): TokenWithParams | undefined { return this.optional(HeaderId.subscriptionState, parseWord) }

  /** Option tags and other lists of tokens, in lower case. */
  tokens(name: string): readonly string[] {
    return this.headers.has(name) ? this.headers.getList(name).map((item) => item.toLowerCase()) : NO_TOKENS
  }

  /** The body as UTF-8. */
  get text(): string { return decoder.decode(this.body) }

  setBody(contentType: string, body: Uint8Array | string): this {
    this.headers.set('Content-Type', contentType)
    this.body = typeof body === 'string' ? encoder.encode(body) : body
    return this
  }

  /** Writes another value over the topmost Via (§18.2.1). */
  replaceTopVia(via: Via): void {
    this.headers.replaceFirst('Via', printVia(via))
    this.headers.remember(HeaderId.via, via)
  }

  /** The message as it goes on the wire. Content-Length always says the body's real length. The bytes are not to be changed. */
  encode(): Uint8Array {
    return joinMessage(this.head, this.body)
  }

  /** Start line, header fields and empty line as they go on the wire. */
  get head(): string {
    const { headers, target } = this
    headers.setContentLength(this.body.length)
    if (this.printedRevision !== headers.revision || this.printedTarget !== target) {
      this.printedTarget = target
      this.printed = `${this.startLine}\r\n${headers.print()}\r\n`
      this.printedRevision = headers.revision
    }
    return this.printed
  }

  /** Bytes of `encode()`, without printing where all is ASCII. */
  get size(): number {
    this.headers.setContentLength(this.body.length)
    const length = this.headers.asciiLength()
    return length === undefined ? this.encode().length : this.startLine.length + length + 4 + this.body.length
  }

  /** Drops header fields and body of a message that nobody will read or send again, but that something still refers to. */
  discard(): void {
    this.headers.clear()
    this.printed = this.printedTarget = ''
    this.printedRevision = -1
    this.body = EMPTY_BODY
  }

  private firstVia(): Via {
    const first = this.headers.parse(HeaderId.via, parseFirstVia) ?? this.vias[0]
    if (first === undefined) throw new DecodeError('Via is missing')
    return first
  }

  private list<T>(slot: number, id: number, parser: ValueParser<T>): readonly T[] {
    return this.headers.recall(slot) as readonly T[] | undefined ?? this.headers.remember(slot, this.headers.parseList(id, parser))
  }

  private single<T>(id: number, name: string, parser: ValueParser<T>): T {
    const known = this.headers.recall(id) as T | undefined
    if (known !== undefined) return known
    const value = this.headers.parse(id, parser)
    if (value === undefined) throw new DecodeError(`${name} is missing`)
    if (this.headers.repeated(id)) throw new DecodeError(`more than one ${name}`)
    return this.headers.remember(id, value)
  }

  /** A tag is read without the address before it. */
  private tag(id: number, name: string): string | undefined {
    const address = this.headers.recall(id) as NameAddr | undefined
    if (address !== undefined) return address.params.get('tag')
    const tag = this.headers.parse(id, parseTag)
    if (tag === undefined) throw new DecodeError(`${name} is missing`)
    if (this.headers.repeated(id)) throw new DecodeError(`more than one ${name}`)
    return tag ?? undefined
  }

  private optional<T>(id: number, parser: ValueParser<T>): T | undefined {
    const known = this.headers.recall(id) as T | undefined
    if (known !== undefined) return known
    const value = this.headers.parse(id, parser)
    return value === undefined ? undefined : this.headers.remember(id, value)
  }
}

/** undefined when the list begins with an empty element. */
function parseFirstVia(text: string, start: number, end: number, codes: Uint8Array): Via | undefined {
  const to = listItemEnd(text, start, end, codes)
  return to === start ? undefined : parseVia(text, start, to, codes)
}

function parseCallId(text: string, start: number, end: number, codes: Uint8Array): string {
  if (start === end || !isVisible(codes, start, end)) throw new DecodeError('Call-ID')
  return text.slice(start, end)
}

function parseMaxForwards(_text: string, start: number, end: number, codes: Uint8Array): number { return parseNumber(codes, 255, 'Max-Forwards', start, end) }
function parseDelta(text: string, start: number, end: number): number { return parseDeltaSeconds(text.slice(start, end)) }
function parseType(text: string, start: number, end: number): TokenWithParams { return parseMediaType(text.slice(start, end)) }
function parseWord(text: string, start: number, end: number): TokenWithParams { return parseTokenWithParams(text.slice(start, end)) }
function parseContact(text: string, start: number, end: number, codes: Uint8Array): NameAddr | '*' {
  return end === start + 1 && codes[start] === 42 ? '*' : parseNameAddr(text, start, end, codes)
}

function addressesOnly(list: readonly (NameAddr | '*')[]): readonly NameAddr[] {
  for (const item of list) if (item === '*') throw new DecodeError('Contact: * beside others')
  return list as readonly NameAddr[]
}

export class SipRequest extends Message {
  readonly kind = 'request'
  private parsedUri: Uri | undefined
  /** What `parsedUri` was parsed of. */
  private parsedText = ''
  /** Set by the parser when the message can be answered but not served. */
  defect: Defect | undefined

  constructor(readonly method: string, public requestUri: string, headers: Headers = new Headers(), body: Uint8Array = EMPTY_BODY) {
    super(headers, body)
    this.defect = undefined
    this.parsedUri = undefined
  }

  get startLine(): string { return `${this.method} ${this.requestUri} SIP/2.0` }
  protected get target(): string { return this.requestUri }

  /** The Request-URI parsed. @throws DecodeError */
  get uri(): Uri {
    if (this.parsedUri !== undefined && this.parsedText === this.requestUri) return this.parsedUri
    this.parsedUri = parseUri(this.requestUri)
    this.parsedText = this.requestUri
    return this.parsedUri
  }

  /** For the parser: the Request-URI, which stands in `text` from `start` to `end`. @throws DecodeError */
  readUri(text: string, start: number, end: number, codes?: Uint8Array): Uri {
    const uri = parseUri(text, start, end, codes)
    this.parsedUri = uri
    this.parsedText = this.requestUri
    return uri
  }

  override discard(): void {
    super.discard()
    this.requestUri = this.parsedText = ''
    this.parsedUri = undefined
  }

  clone(): SipRequest {
    const out = new SipRequest(this.method, this.requestUri, this.headers.clone(), this.body)
    out.defect = this.defect
    out.parsedUri = this.parsedUri
    out.parsedText = this.parsedText
    return out
  }
}

export class SipResponse extends Message {
  readonly kind = 'response'

  constructor(readonly status: number, readonly reason: string = reasonPhrase(status), headers: Headers = new Headers(), body: Uint8Array = EMPTY_BODY) {
    super(headers, body)
  }

  get startLine(): string { return `SIP/2.0 ${this.status} ${this.reason}` }
  protected get target(): string { return '' }
  get provisional(): boolean { return this.status < 200 }
  get successful(): boolean { return this.status >= 200 && this.status < 300 }

  clone(): SipResponse { return new SipResponse(this.status, this.reason, this.headers.clone(), this.body) }
}

export type SipMessage = SipRequest | SipResponse

/** A response with the header fields that RFC 3261 §8.2.6.2 copies from the request. @param toTag added when To has none */
export function makeResponse(request: SipRequest, status: number, reason?: string, toTag?: string): SipResponse {
  const response = new SipResponse(status, reason === undefined || reason === '' ? reasonPhrase(status) : reason.replace(/[\r\n]+/g, ' '))
  for (const value of request.headers.getLines('Via')) response.headers.append('Via', value)
  const via = request.headers.recall(HeaderId.via)
  if (via !== undefined) response.headers.remember(HeaderId.via, via) // by which it finds its way back
  for (const name of ['From', 'To', 'Call-ID', 'CSeq'] as const) {
    const value = request.headers.get(name)
    if (value === undefined) continue
    response.headers.append(name, name === 'To' && toTag !== undefined && !hasTag(request) ? `${bracketed(value)};tag=${toTag}` : value)
  }
  if (status === 100) {
    const timestamp = request.headers.get('Timestamp')
    if (timestamp !== undefined) response.headers.append('Timestamp', timestamp)
  } else for (const value of request.headers.getLines('Record-Route')) if (status < 300) response.headers.append('Record-Route', value)
  return response
}

function hasTag(request: SipRequest): boolean {
  try { return request.toTag !== undefined } catch (error) {
    if (error instanceof DecodeError) return true // a To that cannot be read is sent back as it came
    throw error
  }
}

/** Without semicolons and white space at its end. */
function bracketed(value: string): string {
  let end = value.length
  for (let c = 0; end > 0 && ((c = value.charCodeAt(end - 1)) === SEMI || isLws(c));) end--
  return value.slice(0, end)
}
