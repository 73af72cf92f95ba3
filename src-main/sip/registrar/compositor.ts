/**
 * The event state compositor (RFC 3903 §6, step by step): takes PUBLISH of a phone that has logged in, for itself or its
 * owner, and gives each publication an entity-tag that changes with every answer. The documents are `publications.ts`.
 */
import { DecodeError } from '../../base/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import { makeResponse, type SipRequest, type SipResponse } from '../message/message.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { Publications } from './publications.ts'

export interface CompositorDeps {
  readonly clock: Clock
  readonly publications: Publications
  /** Event packages that are taken, each with the media type of its documents. */
  readonly packages: ReadonlyMap<string, string>
  readonly serverName: string
  /** Unguessable. */
  token(): string
  /** Can this document be read? @throws DecodeError */
  check(event: string, body: Uint8Array): void
}

const MIN_EXPIRES_S = 60
const DEFAULT_EXPIRES_S = 3600
const MAX_EXPIRES_S = 3600
const MAX_BODY_BYTES = 16_384
const MAX_OF_ACCOUNT = 8

type Answer = { readonly status: number; readonly reason?: string; readonly headers?: readonly (readonly [string, string])[] }

export class EventStateCompositor {
  constructor(private readonly deps: CompositorDeps) {}

  /** @param account who has logged in; the Request-URI is one that it may publish for */
  onPublish(transaction: ServerTransaction, account: string): void {
    let answer: Answer
    try { answer = this.serve(transaction.request, account) } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      answer = { status: 400, reason: `Bad Request: ${error.message}` }
    }
    transaction.respond(this.respond(transaction.request, answer))
  }

  private serve(request: SipRequest, account: string): Answer {
    const { publications, packages, clock } = this.deps
    const event = request.event?.value.toLowerCase()
    const type = event === undefined ? undefined : packages.get(event)
    if (event === undefined || type === undefined) return { status: 489, headers: [['Allow-Events', [...packages.keys()].join(', ')]] } // step 2
    const tags = request.headers.getList('SIP-If-Match')
    if (tags.length > 1) return { status: 400, reason: 'Bad Request: more than one entity-tag' }
    const [old] = tags
    const before = old === undefined ? undefined : publications.get(old)
    if (old !== undefined && (before?.account !== account || before.event !== event)) return { status: 412 } // step 4
    const asked = request.expires ?? DEFAULT_EXPIRES_S
    if (asked > 0 && asked < MIN_EXPIRES_S) return { status: 423, headers: [['Min-Expires', String(MIN_EXPIRES_S)]] } // step 5
    const expiresS = Math.min(asked, MAX_EXPIRES_S)
    const { body } = request
    if (body.length > 0) { // step 6
      if (request.contentType?.value !== type) return { status: 415, headers: [['Accept', type]] }
      if (body.length > MAX_BODY_BYTES) return { status: 413 }
      this.deps.check(event, body)
    } else if (before === undefined) return { status: 400, reason: 'Bad Request: nothing to publish' }
    if (before === undefined && [...publications.all(account)].length >= MAX_OF_ACCOUNT) return { status: 403, reason: 'Too many publications' }
    const tag = this.deps.token()
    if (expiresS === 0) { if (old !== undefined) publications.remove(old) } else {
      publications.put(tag, {
        account, event, expiresAtMs: clock.monotonic() + expiresS * 1000, contentType: type,
        body: body.length > 0 ? body.slice() : before?.body ?? body,
      }, old)
    }
    return { status: 200, headers: [['SIP-ETag', tag], ['Expires', String(expiresS)]] }
  }

  private respond(request: SipRequest, { status, reason, headers }: Answer): SipResponse {
    const response = makeResponse(request, status, reason, this.deps.token())
    response.headers.append('Server', this.deps.serverName)
    for (const [name, value] of headers ?? []) response.headers.append(name, value)
    return response
  }
}
