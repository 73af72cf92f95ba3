/** What the parts of the user agent share, and how its requests and responses are dressed (RFC 3261 §8). */
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'
import type { DialogTable } from '../dialog/dialogTable.ts'
import { Params } from '../message/params.ts'
import { makeResponse, SipRequest, type SipResponse } from '../message/message.ts'
import { formatNameAddr, type NameAddr } from '../message/nameAddr.ts'
import { aorOf, parseUri, printUri, uriOfAor } from '../message/uri.ts'
import { bracketHost } from '../transport/address.ts'
import type { Connection } from '../transport/connection.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { TransactionLayer } from '../transaction/transactionLayer.ts'
import type { HeaderList, Leg, Party, UserAgentUser } from './api.ts'
import { FEATURE_PARAMS } from './capabilities.ts'

export interface UaLimits {
  readonly maxCalls: number
  readonly maxSubscriptions: number
  /** An incoming call that nobody answers ends after so long. */
  readonly ringMs: number
  /** Longest life a subscriber is granted. */
  readonly maxExpiresS: number
}

export const DEFAULT_UA_LIMITS: UaLimits = { maxCalls: 64, maxSubscriptions: 1024, ringMs: 300_000, maxExpiresS: 3600 }

export interface UaContext {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly transactions: TransactionLayer
  readonly dialogs: DialogTable
  readonly user: UserAgentUser
  readonly limits: UaLimits
  readonly userAgentName: string
  readonly eventPackages: readonly string[]
  local(): { readonly aor: string; readonly displayName: string }
}

/** Methods this user agent serves; the rest of the known ones get 405, unknown ones 501. */
export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, UPDATE, PRACK, INFO, REFER, PUBLISH'
export const KNOWN_METHODS: ReadonlySet<string> = new Set([...ALLOW.split(', '), 'REGISTER'])
export const SUPPORTED_OPTIONS: readonly string[] = ['100rel', 'timer', 'replaces']
export const SDP = 'application/sdp'
/** RFC 7462 §4.2, in Alert-Info of a 180. */
export const CALL_WAITING = 'urn:alert:service:call-waiting'

/** Contact of this user agent as reached over `connection`. @param secure in a sips: request, so that all that follows is sips: too (§8.1.1.8) */
export function contactOf(context: UaContext, connection: Connection, secure = false): string {
  const own = uriOfAor(context.local().aor)
  if (own.kind !== 'sip') return `<${printUri(own)}>`
  if (connection.peerIdentity !== undefined) return `<${printUri(secure ? { ...own, scheme: 'sips' } : own)}>` // the pipe is the way, no address is needed
  const transport = connection.transport === 'UDP' ? '' : `;transport=${connection.transport.toLowerCase()}`
  const user = own.user === undefined ? '' : `${own.user}@`
  return `<${secure ? 'sips' : 'sip'}:${user}${bracketHost(connection.local.host)}:${connection.local.port}${transport}>`
}

export function partyOf(value: NameAddr): Party {
  const uri = printUri(value.uri)
  return { aor: aorOf(value.uri) ?? uri, uri, displayName: value.displayName }
}

export interface OutOfDialog {
  readonly to: string
  readonly callId?: string
  readonly fromTag?: string
  readonly cseq?: number
  readonly headers?: HeaderList
}

/**
 * A request outside a dialog (§8.1.1).
 * @throws DecodeError when `to` or the leg's Request-URI is no URI
 */
export function makeRequest(context: UaContext, leg: Leg, method: string, options: OutOfDialog): SipRequest {
  const { token } = tokens(context)
  const own = context.local()
  const target = parseUri(leg.requestUri), to = uriOfAor(options.to)
  const request = new SipRequest(method, leg.requestUri)
  request.headers.append('Max-Forwards', '70')
    .append('From', formatNameAddr(own.displayName, printUri(uriOfAor(own.aor)), Params.of({ tag: options.fromTag ?? token() })))
    .append('To', formatNameAddr('', printUri(target.kind === 'sip' && to.kind === 'sip' ? { ...to, scheme: target.scheme } : to))) // §8.1.1.1
    .append('Call-ID', options.callId ?? token() + token())
    .append('CSeq', `${options.cseq ?? 1} ${method}`)
    .append('User-Agent', context.userAgentName)
  for (const [name, value] of options.headers ?? []) request.headers.append(name, value)
  return request
}

/**
 * Header fields of requests and 2xx that open a session or refresh its target.
 * @param request that `message` is, or answers: for a sips: URI the Contact is one as well (§8.1.1.8, §12.1.1)
 */
export function addCapabilities(context: UaContext, message: SipRequest | SipResponse, connection: Connection, request: SipRequest): void {
  message.headers.set('Contact', `${contactOf(context, connection, request.uri.scheme === 'sips')}${FEATURE_PARAMS}`).set('Allow', ALLOW)
  message.headers.set('Supported', SUPPORTED_OPTIONS.join(', '))
}

/** Answers a request; the To tag is added when it has none. */
export function reply(context: UaContext, transaction: ServerTransaction, status: number, reason?: string, headers: HeaderList = []): void {
  const response = makeResponse(transaction.request, status, reason, status === 100 ? undefined : tokens(context).token())
  response.headers.append('Server', context.userAgentName)
  for (const [name, value] of headers) response.headers.append(name, value)
  transaction.respond(response)
}

export function tokens(context: UaContext): { token: () => string } { return { token: () => context.transactions.token() } }

/** Uniform in [0, 1). */
export function chance(random: Random): number {
  const [a = 0, b = 0] = random.bytes(2)
  return (a * 256 + b) / 65536
}
