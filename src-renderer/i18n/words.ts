/** Puts data of the contract into words: errors, ends of calls, warnings. */
import { isErrorCode } from '@shared/errorCodes.ts'
import type { CallView, HistoryEntry } from '@shared/model/index.ts'

type Say = (key: string, values?: Record<string, unknown>) => string
type Has = (key: string) => boolean

export function errorWords(code: string | null, t: Say): { title: string; text: string } {
  const known = isErrorCode(code) ? code : 'internal'
  return { title: t(`errors.${known}.what`), text: t(`errors.${known}.do`) }
}

/** A warning by its own words, else by the error of the same code, else as the peer put it. */
export function warningWords(warning: { code: string; detail: string }, t: Say, te: Has): { title: string; text: string } {
  const values = { detail: warning.detail }
  if (te(`warnings.${warning.code}.what`)) return { title: t(`warnings.${warning.code}.what`, values), text: t(`warnings.${warning.code}.do`, values) }
  if (isErrorCode(warning.code)) return errorWords(warning.code, t)
  return { title: warning.detail, text: '' }
}

/** Why a call is over, with the other side's name. */
export function endWords(call: Pick<CallView, 'end'>, name: string, t: Say): { title: string; text: string } {
  const end = call.end ?? 'hung-up'
  return { title: t(`callEnd.${end}.what`, { name }), text: t(`callEnd.${end}.do`, { name }) }
}

export function outcomeWords(entry: Pick<HistoryEntry, 'outcome' | 'direction' | 'end'>, t: Say): string {
  return entry.outcome === 'answered' ? t(`history.answered.${entry.direction}`) : t(`history.outcome.${entry.outcome}`)
}

/** The state words of a running call. */
export function callStateWords(call: Pick<CallView, 'state' | 'callWaiting'>, name: string, t: Say): string {
  if (call.callWaiting === true) return t('call.state.waiting', { name })
  return t(`call.state.${call.state}`, { name })
}
