/**
 * The checks a user agent server makes before it serves a request (RFC 3261 §8.2, in their order), and the requests
 * that are answered the same inside and outside of dialogs.
 */
import { DecodeError } from '../../base/errors.ts'
import { parseMediaType } from '../message/fields.ts'
import type { SipRequest } from '../message/message.ts'
import { aorOf } from '../message/uri.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { HeaderList, PeerIdentity } from './api.ts'
import { FEATURE_PARAMS } from './capabilities.ts'
import { ALLOW, contactOf, KNOWN_METHODS, partyOf, reply, SDP, SUPPORTED_OPTIONS, type UaContext } from './context.ts'
import { sessionTimerFault } from './sessionTimer.ts'

interface Refusal { readonly status: number; readonly reason?: string; readonly headers?: HeaderList }

const SESSION_METHODS = new Set(['INVITE', 'UPDATE', 'PRACK'])
/** RFC 4028 §9: the requests that set or refresh a session's time. */
const TIMED_METHODS = new Set(['INVITE', 'UPDATE'])
const ALLOWED = new Set(ALLOW.split(', '))

/** @returns true when the request has been refused. */
export function refuse(context: UaContext, request: SipRequest, transaction: ServerTransaction): boolean {
  let refusal: Refusal | undefined
  try { refusal = inspect(context, request, transaction) } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    refusal = { status: 400, reason: `Bad Request: ${error.message}` }
  }
  if (refusal === undefined) return false
  reply(context, transaction, refusal.status, refusal.reason, refusal.headers)
  return true
}

function inspect(context: UaContext, request: SipRequest, transaction: ServerTransaction): Refusal | undefined {
  const { method } = request
  if (!KNOWN_METHODS.has(method)) return { status: 501, headers: [['Allow', ALLOW]] }
  if (!ALLOWED.has(method)) return { status: 405, headers: [['Allow', ALLOW]] }
  if (request.uri.kind === 'other') return { status: 416 }
  if (context.transactions.isMerged(transaction)) return { status: 482 }
  if (method !== 'CANCEL') {
    const unsupported = request.headers.getList('Require').filter((tag) => !SUPPORTED_OPTIONS.includes(tag.toLowerCase()))
    if (unsupported.length > 0) return { status: 420, headers: [['Unsupported', unsupported.join(', ')]] }
  }
  void request.contacts
  void request.recordRoutes
  void request.expires
  void request.event
  void request.vias
  const encoding = request.headers.get('Content-Encoding')?.toLowerCase()
  if (encoding !== undefined && encoding !== 'identity' && encoding !== '') return { status: 415, headers: [['Accept-Encoding', 'identity']] }
  if (TIMED_METHODS.has(method)) {
    const fault = sessionTimerFault(request)
    if (fault !== undefined) return { status: 422, headers: [['Min-SE', String(fault.minSe)]] }
  }
  if (SESSION_METHODS.has(method) && request.body.length > 0 && request.contentType?.value !== SDP && !optionalBody(request)) {
    return { status: 415, headers: [['Accept', SDP]] }
  }
  if (method === 'INVITE' && !acceptsSdp(request)) return { status: 406, headers: [['Accept', SDP]] }
  if (request.toTag === undefined) return identityFault(request, transaction.connection.peerIdentity)
  return undefined
}

/** §20.1: the description we would send must be among what the caller understands. */
function acceptsSdp(request: SipRequest): boolean {
  if (!request.headers.has('Accept')) return true
  return request.headers.getList('Accept').map(parseMediaType).some(({ value }) => value === SDP || value === 'application/*' || value === '*/*' || value.startsWith('multipart/'))
}

/** §20.11: a body marked optional may be ignored. */
function optionalBody(request: SipRequest): boolean {
  return /;\s*handling\s*=\s*optional\b/i.test(request.headers.get('Content-Disposition') ?? '')
}

/** Whoever has proven who they are may not write another's name into From. */
function identityFault(request: SipRequest, identity: PeerIdentity | undefined): Refusal | undefined {
  if (identity === undefined) return undefined
  return aorOf(request.from.uri) === lowerDomain(identity.aor) ? undefined : { status: 403, reason: 'From is not who sends' }
}

function lowerDomain(aor: string): string {
  const at = aor.lastIndexOf('@')
  return aor.slice(0, at + 1) + aor.slice(at + 1).toLowerCase()
}

/** OPTIONS and MESSAGE; anything else does not fit where it came. */
export function serveAnywhere(context: UaContext, request: SipRequest, transaction: ServerTransaction): void {
  switch (request.method) {
    case 'OPTIONS': {
      const headers: [string, string][] = [
        ['Contact', `${contactOf(context, transaction.connection)}${FEATURE_PARAMS}`], ['Allow', ALLOW], ['Accept', `${SDP}, text/plain`], ['Accept-Encoding', 'identity'],
        ['Supported', SUPPORTED_OPTIONS.join(', ')], ['Allow-Events', context.eventPackages.join(', ')],
      ]
      reply(context, transaction, 200, undefined, headers)
      return
    }
    case 'MESSAGE': serveMessage(context, request, transaction); return
    case 'PUBLISH': servePublish(context, request, transaction); return
    case 'SUBSCRIBE':
      reply(context, transaction, 489, undefined, [['Allow-Events', context.eventPackages.join(', ')]])
      return
    default: reply(context, transaction, 481)
  }
}

/** RFC 3903 §6: an event package that nobody here keeps is refused with those that can be watched. */
function servePublish(context: UaContext, request: SipRequest, transaction: ServerTransaction): void {
  const identity = transaction.connection.peerIdentity
  let answered = false
  const respond = (status: number, reason?: string): void => {
    if (answered) return
    answered = true
    const headers: HeaderList = status === 200 ? [['SIP-ETag', context.transactions.token()], ['Expires', String(Math.min(request.expires ?? 3600, 3600))]]
      : status === 489 ? [['Allow-Events', context.eventPackages.join(', ')]] : []
    reply(context, transaction, status, reason, headers)
  }
  const known = context.user.onPublish?.({
    event: request.event?.value.toLowerCase() ?? '', ...(identity === undefined ? {} : { identity }), contentType: request.contentType?.value ?? '', body: request.body, respond,
  })
  if (known !== true) respond(489)
}

function serveMessage(context: UaContext, request: SipRequest, transaction: ServerTransaction): void {
  const identity = transaction.connection.peerIdentity
  let answered = false
  context.user.onMessage({
    from: partyOf(request.from), ...(identity === undefined ? {} : { identity }),
    contentType: request.contentType?.value ?? 'text/plain', body: request.body, callId: request.callId, cseq: request.cseq.number,
    respond: (status, reason) => {
      if (answered) return
      answered = true
      reply(context, transaction, status, reason)
    },
  })
}
