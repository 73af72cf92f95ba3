/**
 * The registrar (RFC 3261 §10.3 step by step, RFC 3327, RFC 5626 §6): authenticates, authorises, checks the order of
 * REGISTERs, and changes all bindings of a request or none. The bindings are `bindings.ts`.
 */
import { DecodeError } from '../../base/errors.ts'
import { formatRfc3339 } from '../../base/rfc3339.ts'
import type { Clock } from '../../ports/clock.ts'
import { type Authenticator, judgeOrFault } from '../auth/authenticator.ts'
import { parseDeltaSeconds } from '../message/fields.ts'
import { makeResponse, type SipRequest, type SipResponse } from '../message/message.ts'
import { type NameAddr, parseNameAddr } from '../message/nameAddr.ts'
import { aorOf, printUri, type SipUri } from '../message/uri.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { Connection } from '../transport/connection.ts'
import { type Binding, type Bindings, isByFlow } from './bindings.ts'
import type { FlowWatch } from './flowWatch.ts'

export interface RegistrarDeps {
  readonly clock: Clock
  readonly bindings: Bindings
  readonly authenticator: Authenticator
  readonly serverName: string
  /** Is this URI our domain, by name or by address? */
  serves(uri: SipUri): boolean
  /** The address of record that this account may register by this To; undefined: it may not. */
  authorise(account: string, aor: string): string | undefined
  /** Sees to it that bindings end with flows that fail in silence. */
  readonly flows: FlowWatch
  /** Somebody has logged in over this flow. */
  onLogin?(flow: Connection): void
  token(): string
  readonly limits?: Partial<RegistrarLimits>
}

export interface RegistrarLimits {
  readonly minExpiresS: number
  readonly maxExpiresS: number
  readonly defaultExpiresS: number
  readonly maxContacts: number
  /** How often a phone that is reached over its flow must be heard (RFC 5626 §4.4); FLOW_TIMER_S when not given. */
  readonly flowTimerS?: number
}

export const DEFAULT_REGISTRAR_LIMITS: RegistrarLimits = { minExpiresS: 60, maxExpiresS: 3600, defaultExpiresS: 3600, maxContacts: 10 }
const SUPPORTED = ['path', 'outbound']
const SUPPORTED_LIST = SUPPORTED.join(', ')

type Refusal = { readonly status: number; readonly reason?: string; readonly headers?: readonly (readonly [string, string])[] }

interface Wanted { readonly contact: NameAddr; readonly expiresS: number; readonly q: number; readonly instance: string; readonly regId: number | undefined }

export class Registrar {
  private readonly limits: RegistrarLimits
  private dateSecond = Number.NaN
  private dateText = ''

  constructor(private readonly deps: RegistrarDeps) { this.limits = { ...DEFAULT_REGISTRAR_LIMITS, ...deps.limits } }

  onRegister(request: SipRequest, transaction: ServerTransaction): void {
    let response: SipResponse
    try { response = this.serve(request, transaction.connection) } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      response = this.respond(request, { status: 400, reason: `Bad Request: ${error.message}` })
    }
    transaction.respond(response)
    request.discard()
  }

  private serve(request: SipRequest, flow: Connection): SipResponse {
    const refuse = (refusal: Refusal): SipResponse => this.respond(request, refusal)
    // step 1: the domain; a proxy could pass others on, a peer has no business with them
    if (request.uri.kind !== 'sip' || !this.deps.serves(request.uri)) return refuse({ status: 404, reason: 'Not a domain of this registrar' })
    // step 2
    const unsupported = request.tokens('Require').filter((tag) => !SUPPORTED.includes(tag))
    if (unsupported.length > 0) return refuse({ status: 420, headers: [['Unsupported', unsupported.join(', ')]] })
    // step 3
    const verdict = judgeOrFault(this.deps.authenticator, request, 'server')
    if (verdict.kind === 'fault') return refuse({ status: 400, reason: `Bad Request: ${verdict.reason}` })
    if (verdict.kind === 'challenge') return refuse({ status: verdict.status, headers: verdict.headers })
    this.deps.onLogin?.(flow)
    // steps 4 and 5
    const { uri } = request.to
    const aor = uri.kind === 'sip' && this.deps.serves(uri) ? this.deps.authorise(verdict.username, aorOf(uri) ?? '') : undefined
    if (aor === undefined) return refuse({ status: 403, reason: 'Not the address of this account' })
    const path = this.pathOf(request)
    if (path === undefined) return refuse({ status: 421, headers: [['Require', 'path']] })
    const failed = this.update(request, aor, verdict.username, path, flow)
    return failed === undefined ? this.accept(request, aor, path, flow) : refuse(failed)
  }

  /** Steps 6 and 7. @returns a refusal that leaves everything as it was */
  private update(request: SipRequest, aor: string, account: string, path: readonly string[], flow: Connection): Refusal | undefined {
    const { contacts } = request
    const { bindings, clock } = this.deps
    if (contacts === '*') {
      if (request.expires !== 0) return { status: 400, reason: 'Bad Request: "*" needs Expires: 0' }
      const own = bindings.of(aor).filter((binding) => binding.account === account)
      if (own.some((binding) => outOfOrder(binding, request))) return { status: 500, reason: 'REGISTER out of order' }
      for (const binding of own) bindings.remove(binding)
      return undefined
    }
    if (contacts.length > this.limits.maxContacts) return { status: 403, reason: 'Too many contacts' }
    const flows = contacts.some(({ params }) => params.has('reg-id')) && request.tokens('Supported').includes('outbound')
    if (flows && !firstHopKeepsFlow(request, path)) return { status: 439 }
    const wanted = contacts.map((contact) => this.wanted(request, contact, flows))
    if (wanted.filter((each) => each.regId !== undefined && each.expiresS > 0).length > 1) return { status: 400, reason: 'Bad Request: more than one reg-id' }
    if (wanted.some((each) => each.expiresS > 0 && each.expiresS < Math.min(this.limits.minExpiresS, 3600))) return { status: 423, headers: [['Min-Expires', String(this.limits.minExpiresS)]] }
    const changes = wanted.map((each) => ({ each, old: bindings.find(aor, { uri: each.contact.uri, instance: each.instance, regId: each.regId }) }))
    if (changes.some(({ old }) => old !== undefined && outOfOrder(old, request))) return { status: 500, reason: 'REGISTER out of order' }
    if (changes.some(({ old }) => old !== undefined && old.account !== account)) return { status: 403, reason: 'Another account’s contact' }
    const added = changes.filter(({ each, old }) => old === undefined && each.expiresS > 0).length
    if (bindings.of(aor).length + added > this.limits.maxContacts) return { status: 403, reason: 'Too many contacts' }
    for (const { each, old } of changes) {
      if (each.expiresS === 0) { if (old !== undefined) bindings.remove(old) } else {
        bindings.put({
          aor, account, contact: printUri(each.contact.uri), uri: each.contact.uri, q: each.q, callId: request.callId, cseq: request.cseq.number,
          path, flow, instance: each.instance, regId: each.regId, userAgent: (request.headers.get('User-Agent') ?? '').slice(0, 100),
          expiresAtMs: clock.monotonic() + each.expiresS * 1000,
        }, old)
      }
    }
    return undefined
  }

  /** @param flows may a contact be bound to a flow (RFC 5626)? */
  private wanted(request: SipRequest, contact: NameAddr, flows: boolean): Wanted {
    if (contact.uri.kind !== 'sip') throw new DecodeError('a Contact that is no SIP URI')
    const { params } = contact
    const expires = params.get('expires')
    const asked = expires === undefined ? request.expires ?? this.limits.defaultExpiresS : secondsOr(expires, this.limits.defaultExpiresS)
    const regId = params.get('reg-id')
    const outbound = flows && regId !== undefined && params.has('+sip.instance')
    if (outbound && !/^[1-9]\d{0,8}$/.test(regId)) throw new DecodeError('reg-id')
    return {
      contact, expiresS: Math.min(asked, this.limits.maxExpiresS), q: parseQ(params.get('q')),
      instance: (params.get('+sip.instance') ?? '').slice(0, 200), regId: outbound ? Number(regId) : undefined,
    }
  }

  /** RFC 3327 §5.3. @returns undefined when the phone would not know of the Path that proxies have written */
  private pathOf(request: SipRequest): readonly string[] | undefined {
    const path = request.headers.getList('Path')
    if (path.length === 0) return []
    if (path.length > 10) throw new DecodeError('too many Path values')
    return request.tokens('Supported').includes('path') || request.tokens('Require').includes('path') ? path : undefined
  }

  /** Step 8: all current bindings, whoever made them. */
  private accept(request: SipRequest, aor: string, path: readonly string[], flow: Connection): SipResponse {
    const response = this.respond(request, { status: 200 })
    const now = this.deps.clock.monotonic()
    let outbound: Binding | undefined
    for (const binding of this.deps.bindings.of(aor)) {
      let contact = `<${binding.contact}>;expires=${Math.max(0, Math.ceil((binding.expiresAtMs - now) / 1000))}`
      if (binding.q !== 1) contact += `;q=${binding.q}`
      if (binding.instance !== '') contact += `;+sip.instance="${binding.instance}"`
      if (binding.regId !== undefined) { contact += `;reg-id=${binding.regId}`; if (binding.callId === request.callId) outbound = binding }
      response.headers.append('Contact', contact)
    }
    for (const value of path) response.headers.append('Path', value)
    if (outbound !== undefined) {
      response.headers.append('Require', 'outbound')
      const flowTimerS = isByFlow(outbound) ? this.deps.flows.watch(flow) : undefined
      if (flowTimerS !== undefined) response.headers.append('Flow-Timer', String(flowTimerS))
    }
    response.headers.append('Supported', SUPPORTED_LIST).append('Date', this.date())
    return response
  }

  /** Written once a second: every answer has it. */
  private date(): string {
    const second = Math.floor(this.deps.clock.now() / 1000)
    if (second !== this.dateSecond) {
      this.dateSecond = second
      this.dateText = sipDate(second * 1000)
    }
    return this.dateText
  }

  private respond(request: SipRequest, { status, reason, headers }: Refusal): SipResponse {
    const response = makeResponse(request, status, reason, this.deps.token())
    response.headers.append('Server', this.deps.serverName)
    for (const [name, value] of headers ?? []) response.headers.append(name, value)
    return response
  }
}

/** RFC 5626 §6: who came through a proxy has a flow to that proxy, which says by `ob` in its Path that it keeps it. */
function firstHopKeepsFlow(request: SipRequest, path: readonly string[]): boolean {
  if (request.vias.length < 2) return true
  return path.some((value) => {
    const { uri } = parseNameAddr(value)
    return uri.kind === 'sip' && uri.params.has('ob')
  })
}

/** Step 7: within one Call-ID the number must rise; a new Call-ID starts anew. */
function outOfOrder(binding: Binding, request: SipRequest): boolean {
  return binding.callId === request.callId && request.cseq.number <= binding.cseq
}

/** §10.3 step 7: a malformed expires counts as 3600. */
function secondsOr(text: string, fallback: number): number {
  try { return parseDeltaSeconds(text) } catch (error) {
    if (error instanceof DecodeError) return fallback
    throw error
  }
}

/** §20.10: 0 to 1 with three digits; 1 when absent. */
function parseQ(text: string | undefined): number {
  if (text === undefined) return 1
  if (!/^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text)) throw new DecodeError('q value')
  return Number(text)
}

/** SIP-date (§20.17), by which phones without a clock set theirs. */
function sipDate(ms: number): string {
  const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
  const [, year = '', month = '', day = '', time = ''] = /^(\d+)-(\d+)-(\d+)T([\d:]+)Z$/.exec(formatRfc3339(ms)) ?? []
  return `${days[(Math.floor(ms / 86_400_000) + 4) % 7] ?? ''}, ${day} ${months[Number(month) - 1] ?? ''} ${year} ${time} GMT`
}
