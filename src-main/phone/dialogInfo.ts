/** Dialog information documents (RFC 4235 §4.1): what calls the owner has, for lamps of phones. Pure; versions are told to it. */
import type { CallEnd, CallView } from '@shared/model/index.ts'
import { sipUri } from './address.ts'
import { escapeXml } from './xmlText.ts'

export const dialogInfoType = 'application/dialog-info+xml'

/** @param version counts up from 0 in each subscription. @param full 'partial' names only the dialogs that changed */
export function buildDialogInfo(aor: string, version: number, full: boolean, calls: readonly CallView[]): Uint8Array {
  const own = escapeXml(sipUri(aor))
  return new TextEncoder().encode([
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="${version}" state="${full ? 'full' : 'partial'}" entity="${own}">`,
    ...calls.map((call) => dialog(call, own)), '</dialog-info>', '',
  ].join('\n'))
}

/** The part of a call that these documents show: two calls of the same text need no new document. */
export function dialogKey(call: CallView): string { return `${call.id} ${stateOf(call)} ${call.remote.displayName}` }

function dialog(call: CallView, own: string): string {
  const remote = escapeXml(sipUri(call.remote.aor))
  const name = call.remote.displayName === '' ? '' : ` display="${escapeXml(call.remote.displayName)}"`
  return `<dialog id="${escapeXml(call.id)}" direction="${call.direction === 'out' ? 'initiator' : 'recipient'}">${state(call)}`
    + `<local><identity>${own}</identity></local><remote><identity${name}>${remote}</identity></remote></dialog>`
}

function state(call: CallView): string {
  const event = call.state === 'ended' ? ` event="${eventOf(call.end)}"` : ''
  return `<state${event}>${stateOf(call)}</state>`
}

/** §3.7.1 */
function stateOf(call: CallView): 'trying' | 'early' | 'confirmed' | 'terminated' {
  switch (call.state) {
    case 'finding': case 'calling': return 'trying'
    case 'ringing': case 'incoming': return 'early'
    case 'connecting': case 'active': return 'confirmed'
    case 'ended': return 'terminated'
  }
}

function eventOf(end: CallEnd | null): string {
  switch (end) {
    case 'cancelled': case 'missed': case 'answered-elsewhere': return 'cancelled'
    case 'hung-up': return 'local-bye'
    case 'remote-hung-up': return 'remote-bye'
    case 'transferred': return 'replaced'
    case 'network-timeout': case 'call-no-answer': return 'timeout'
    case 'call-declined': case 'call-busy': case 'rejected': return 'rejected'
    default: return 'error'
  }
}
