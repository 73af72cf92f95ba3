/**
 * SIP requests and responses (RFC 3261 §7). A message is its start line, its header lines and its body; typed header
 * fields are parsed when first asked for and remembered until the lines change, so that forwarding parses only what
 * it needs. A typed getter throws DecodeError when the field is there but malformed, or is missing and mandatory.
 */
import { DecodeError } from '../../base/errors.ts'
import { type CSeq, parseCSeq, parseDeltaSeconds, parseMediaType, parseTokenWithParams, type TokenWithParams } from './fields.ts'
import { Headers } from './headers.ts'
import { parseNumber } from './lexer.ts'
import { type NameAddr, parseNameAddr } from './nameAddr.ts'
import { reasonPhrase } from './reasonPhrases.ts'
import { parseUri, type Uri } from './uri.ts'
import { parseVia, type Via } from './via.ts'

/** What makes a request unfit to be served, with the response it deserves. */
export interface Defect { readonly status: number; readonly reason: string }

export const EMPTY_BODY = new Uint8Array(0)
const encoder = new TextEncoder()
const decoder = new TextDecoder()

abstract class Message {
  private cache = new Map<string, unknown>()
  private cachedRevision = -1

  protected constructor(readonly headers: Headers, public body: Uint8Array) {}

  /** Start line without line break. */
  abstract get startLine(): string

  get via(): Via { return this.typed('via', () => parseVia(this.firstOf('Via'))) }
  get vias(): readonly Via[] { return this.typed('vias', () => this.headers.getList('Via').map(parseVia)) }
  get from(): NameAddr { return this.typed('from', () => parseNameAddr(this.single('From'))) }
  get to(): NameAddr { return this.typed('to', () => parseNameAddr(this.single('To'))) }
  get fromTag(): string | undefined { return this.from.params.get('tag') }
  get toTag(): string | undefined { return this.to.params.get('tag') }
  get callId(): string {
    return this.typed('callId', () => {
      const value = this.single('Call-ID')
      if (value === '' || /\s/.test(value)) throw new DecodeError('Call-ID')
      return value
    })
  }
  get cseq(): CSeq { return this.typed('cseq', () => parseCSeq(this.single('CSeq'))) }
  /** undefined when absent; §20.22 bounds it at 255. */
  get maxForwards(): number | undefined {
    return this.typed('maxForwards', () => this.optional('Max-Forwards', (text) => parseNumber(text.trim(), 255, 'Max-Forwards')))
  }
  get contacts(): readonly NameAddr[] | '*' {
    return this.typed('contacts', () => {
      const list = this.headers.getList('Contact')
      return list.length === 1 && list[0] === '*' ? '*' as const : list.map(parseNameAddr)
    })
  }
  get routes(): readonly NameAddr[] { return this.typed('routes', () => this.headers.getList('Route').map(parseNameAddr)) }
  get recordRoutes(): readonly NameAddr[] { return this.typed('recordRoutes', () => this.headers.getList('Record-Route').map(parseNameAddr)) }
  get expires(): number | undefined { return this.typed('expires', () => this.optional('Expires', parseDeltaSeconds)) }
  get contentType(): TokenWithParams | undefined { return this.typed('contentType', () => this.optional('Content-Type', parseMediaType)) }
  get event(): TokenWithParams | undefined { return this.typed('event', () => this.optional('Event', parseTokenWithParams)) }
  get subscriptionState(): TokenWithParams | undefined {
    return this.typed('subscriptionState', () => this.optional('Subscription-State', parseTokenWithParams))
  }

  /** Option tags and other lists of tokens, in lower case. */
  tokens(name: string): readonly string[] {
    return this.typed(`tokens ${name}`, () => this.headers.getList(name).map((item) => item.toLowerCase()))
  }

  /** The body as UTF-8. */
  get text(): string { return decoder.decode(this.body) }

  setBody(contentType: string, body: Uint8Array | string): this {
    this.headers.set('Content-Type', contentType)
    this.body = typeof body === 'string' ? encoder.encode(body) : body
    return this
  }

  /** The message as it goes on the wire. Content-Length always says the body's real length. */
  encode(): Uint8Array {
    this.headers.set('Content-Length', String(this.body.length))
    const head = encoder.encode(`${this.startLine}\r\n${this.headers.print()}\r\n`)
    if (this.body.length === 0) return head
    const out = new Uint8Array(head.length + this.body.length)
    out.set(head)
    out.set(this.body, head.length)
    return out
  }

  private typed<T>(key: string, parse: () => T): T {
    if (this.cachedRevision !== this.headers.revision) { this.cache = new Map(); this.cachedRevision = this.headers.revision }
    if (this.cache.has(key)) return this.cache.get(key) as T
    const value = parse()
    this.cache.set(key, value)
    return value
  }

  private firstOf(name: string): string {
    const first = this.headers.getList(name)[0]
    if (first === undefined) throw new DecodeError(`${name} is missing`)
    return first
  }

  private single(name: string): string {
    const value = this.headers.get(name)
    if (value === undefined) throw new DecodeError(`${name} is missing`)
    if (this.headers.count(name) > 1) throw new DecodeError(`more than one ${name}`)
    return value
  }

  private optional<T>(name: string, parse: (text: string) => T): T | undefined {
    const value = this.headers.get(name)
    return value === undefined ? undefined : parse(value)
  }
}

export class SipRequest extends Message {
  readonly kind = 'request'
  private parsedUri: { readonly text: string; readonly uri: Uri } | undefined
  /** Set by the parser when the message can be answered but not served. */
  defect: Defect | undefined

  constructor(readonly method: string, public requestUri: string, headers: Headers = new Headers(), body: Uint8Array = EMPTY_BODY) {
    super(headers, body)
    this.defect = undefined
    this.parsedUri = undefined
  }

  get startLine(): string { return `${this.method} ${this.requestUri} SIP/2.0` }

  /** The Request-URI parsed. @throws DecodeError */
  get uri(): Uri {
    if (this.parsedUri?.text !== this.requestUri) this.parsedUri = { text: this.requestUri, uri: parseUri(this.requestUri) }
    return this.parsedUri.uri
  }

  clone(): SipRequest {
    const out = new SipRequest(this.method, this.requestUri, this.headers.clone(), this.body)
    out.defect = this.defect
    return out
  }
}

export class SipResponse extends Message {
  readonly kind = 'response'

  constructor(readonly status: number, readonly reason: string = reasonPhrase(status), headers: Headers = new Headers(), body: Uint8Array = EMPTY_BODY) {
    super(headers, body)
  }

  get startLine(): string { return `SIP/2.0 ${this.status} ${this.reason}` }
  get provisional(): boolean { return this.status < 200 }
  get successful(): boolean { return this.status >= 200 && this.status < 300 }

  clone(): SipResponse { return new SipResponse(this.status, this.reason, this.headers.clone(), this.body) }
}

export type SipMessage = SipRequest | SipResponse

/** A response with the header fields that RFC 3261 §8.2.6.2 copies from the request. @param toTag added when To has none */
export function makeResponse(request: SipRequest, status: number, reason?: string, toTag?: string): SipResponse {
  const response = new SipResponse(status, reason === undefined || reason === '' ? reasonPhrase(status) : reason.replace(/[\r\n]+/g, ' '))
  for (const value of request.headers.getLines('Via')) response.headers.append('Via', value)
  for (const name of ['From', 'To', 'Call-ID', 'CSeq'] as const) {
    const value = request.headers.get(name)
    if (value === undefined) continue
    response.headers.append(name, name === 'To' && toTag !== undefined && !hasTag(value) ? `${bracketed(value)};tag=${toTag}` : value)
  }
  if (status === 100) {
    const timestamp = request.headers.get('Timestamp')
    if (timestamp !== undefined) response.headers.append('Timestamp', timestamp)
  } else for (const value of request.headers.getLines('Record-Route')) if (status < 300) response.headers.append('Record-Route', value)
  return response
}

function hasTag(value: string): boolean {
  try { return parseNameAddr(value).params.has('tag') } catch (error) {
    if (error instanceof DecodeError) return true // a To that cannot be read is sent back as it came
    throw error
  }
}

function bracketed(value: string): string { return value.replace(/[;\s]+$/, '') }
