/**
 * Session timers (RFC 4028): what both sides agree on in Session-Expires and Min-SE, and the timer that refreshes the
 * session at half its time or ends it when the other side has not.
 */
import { DecodeError } from '../../base/errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import { parseDeltaSeconds } from '../message/fields.ts'
import { parseParams } from '../message/params.ts'
import type { SipMessage, SipRequest, SipResponse } from '../message/message.ts'

export interface SessionInterval {
  readonly intervalS: number
  readonly weRefresh: boolean
}

/** §5: less than this is refused, by us and by everybody. */
export const MIN_SE_S = 90
export const SESSION_EXPIRES_S = 1800
const MAX_INTERVAL_S = 86_400

interface SessionExpires { readonly intervalS: number; readonly refresher: string | undefined }

/** undefined when absent. @throws DecodeError */
export function readSessionExpires(message: SipMessage): SessionExpires | undefined {
  const value = message.headers.get('Session-Expires')
  if (value === undefined) return undefined
  const semi = value.indexOf(';')
  const params = parseParams(value, semi < 0 ? value.length : semi)
  return { intervalS: Math.min(MAX_INTERVAL_S, parseDeltaSeconds(semi < 0 ? value : value.slice(0, semi))), refresher: params.get('refresher')?.toLowerCase() }
}

/** Min-SE of a 422, never below what the RFC allows. @throws DecodeError */
export function readMinSe(message: SipMessage): number {
  return Math.max(MIN_SE_S, Math.min(MAX_INTERVAL_S, parseDeltaSeconds((message.headers.get('Min-SE') ?? '').split(';')[0] ?? '')))
}

/** §7.1: asks for a timer. @param refresher left out in the first request, so that the answerer may choose */
export function askForTimer(request: SipRequest, intervalS: number, refresher?: 'uac' | 'uas'): void {
  request.headers.set('Session-Expires', `${intervalS}${refresher === undefined ? '' : `;refresher=${refresher}`}`)
  if (intervalS > SESSION_EXPIRES_S) request.headers.set('Min-SE', String(intervalS))
}

/** §7.2: what the answerer has made of it. @throws DecodeError */
export function intervalFromResponse(response: SipResponse): SessionInterval | undefined {
  const given = readSessionExpires(response)
  return given === undefined ? undefined : { intervalS: Math.max(MIN_SE_S, given.intervalS), weRefresh: given.refresher !== 'uas' }
}

/**
 * §9: the answerer's choice, written into the 2xx.
 * @returns undefined when the session has no timer; 'too small' when the request deserves 422
 * @throws DecodeError
 */
export function intervalForRequest(request: SipRequest): SessionInterval | 'too small' | undefined {
  const asked = readSessionExpires(request)
  const supported = request.tokens('Supported').includes('timer')
  if (asked === undefined) return supported ? { intervalS: SESSION_EXPIRES_S, weRefresh: false } : undefined
  if (asked.intervalS < MIN_SE_S) return supported ? 'too small' : undefined
  return { intervalS: asked.intervalS, weRefresh: !supported || asked.refresher === 'uas' }
}

export function writeInterval(response: SipResponse, interval: SessionInterval): void {
  response.headers.set('Session-Expires', `${interval.intervalS};refresher=${interval.weRefresh ? 'uas' : 'uac'}`)
  if (!interval.weRefresh) response.headers.set('Require', 'timer')
}

export class SessionTimer {
  private timer: Timer | undefined
  private current: SessionInterval | undefined

  constructor(private readonly clock: Clock, private readonly user: { onRefreshDue(): void; onExpired(): void }) {}

  get interval(): SessionInterval | undefined { return this.current }

  /** Starts anew, with each answered request that refreshes the session. */
  start(interval: SessionInterval | undefined): void {
    this.stop()
    this.current = interval
    if (interval === undefined) return
    const { intervalS, weRefresh } = interval
    // §10: refresh at half the time; the other side gives up min(32 s, a third) before its end
    const delayS = weRefresh ? intervalS / 2 : intervalS - Math.min(32, intervalS / 3)
    this.timer = this.clock.setTimer(delayS * 1000, () => { if (weRefresh) this.user.onRefreshDue(); else this.user.onExpired() })
  }

  /** The refresh could not be sent now, or was put off by the other side. */
  retry(delayMs: number): void {
    this.timer?.cancel()
    this.timer = this.clock.setTimer(delayMs, () => { this.user.onRefreshDue() })
  }

  stop(): void { this.timer?.cancel() }
}

/** True when the header fields can be read; a malformed one counts as a defect of the request. */
export function sessionTimerFault(request: SipRequest): { readonly minSe: number } | undefined {
  try { return intervalForRequest(request) === 'too small' ? { minSe: MIN_SE_S } : undefined } catch (error) {
    if (error instanceof DecodeError) return { minSe: MIN_SE_S }
    throw error
  }
}
