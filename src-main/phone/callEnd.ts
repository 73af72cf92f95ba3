/**
 * How the many ways a call can fail become the few that are put into words: SIP status codes (RFC 3261 §21),
 * service errors, and what the history keeps.
 */
import { callEnd, type CallEnd, type CallView, type HistoryEntry } from '@shared/model/index.ts'
import { PeerError } from '../base/errors.ts'

/** @param rang the other side had rung: then silence means nobody was there, not that nothing was reached */
export function endOfStatus(status: number, rang: boolean): CallEnd {
  if (status >= 300 && status < 400) return 'call-moved'
  switch (status) {
    case 404: case 410: case 416: case 484: case 485: case 604: return 'user-unknown'
    case 408: case 480: case 487: return rang ? 'call-no-answer' : 'user-offline'
    case 486: case 600: return 'call-busy'
    case 415: case 488: case 606: return 'call-no-common-codec'
    case 603: case 607: return 'call-declined'
    case 503: case 504: return 'network-timeout'
    default: return 'call-failed'
  }
}

/** @param status how an established call ended: 2xx for a BYE, none when its connection broke */
export function endOfSession(status: number | undefined): CallEnd {
  return status !== undefined && status < 300 ? 'remote-hung-up' : 'network-timeout'
}

/** The SIP status that tells who sent us to somebody how that call ended (RFC 3515 §2.4.5). */
export function statusOfEnd(end: CallEnd): number {
  switch (end) {
    case 'user-unknown': return 404
    case 'user-offline': case 'call-no-answer': case 'not-joined': case 'not-secure': return 480
    case 'call-busy': return 486
    case 'call-moved': return 302
    case 'cancelled': case 'hung-up': return 487
    case 'call-no-common-codec': return 488
    case 'call-declined': return 603
    case 'network-timeout': return 408
    default: return 500
  }
}

/** @param cause what a procedure rejected with */
export function endOfFailure(cause: unknown): CallEnd {
  if (!(cause instanceof PeerError)) return 'call-failed'
  const known = callEnd.safeParse(cause.code)
  if (known.success) return known.data
  if (cause.code === 'peer-unreachable') return 'user-offline'
  return cause.code === 'timeout' ? 'network-timeout' : 'call-failed'
}

/**
 * The one of several responses to show (RFC 3261 §16.7 step 6: 6xx wins; then what tells the user most, and a
 * device that could not be reached least).
 */
export function bestStatus(statuses: readonly number[]): number {
  const order = (status: number): number =>
    status >= 600 ? 0 : status === 486 ? 1 : status === 488 || status === 415 ? 2 : status === 503 || status === 408 ? 9 : status >= 500 ? 8 : 4
  return [...statuses].sort((a, b) => order(a) - order(b) || a - b)[0] ?? 408
}

/** The line of history that an ended call leaves. */
export function historyOf(call: CallView): HistoryEntry {
  const end = call.end ?? 'call-failed'
  const endedAt = call.endedAt ?? call.startedAt
  return {
    id: call.id, aor: call.remote.aor, displayName: call.remote.displayName, direction: call.direction, startedAt: call.startedAt,
    durationS: call.answeredAt === null ? 0 : Math.max(0, Math.round((endedAt - call.answeredAt) / 1000)),
    outcome: outcomeOf(call, end), end, seen: end !== 'missed', ...(call.uri !== undefined && { uri: call.uri }),
  }
}

function outcomeOf(call: CallView, end: CallEnd): HistoryEntry['outcome'] {
  if (call.answeredAt !== null) return 'answered'
  switch (end) {
    case 'missed': return 'missed'
    case 'rejected': case 'call-declined': return 'declined'
    case 'cancelled': case 'hung-up': return 'cancelled'
    case 'answered-elsewhere': return 'answered-elsewhere'
    default: return 'failed'
  }
}
