/** Figures of a peer (RFC 7851 §5.3) in the form that clients show: plain numbers, Kinds and messages by name. */
import { messageName } from '../reload/wire/constants.ts'
import type { Diagnostics } from '../reload/wire/diagnostics.ts'
import { registeredKind } from '../reload/wire/kinds.ts'

type View = number | string | Record<string, number> | Record<string, { sent: number; received: number }>

export function diagnosticsView(diagnostics: Diagnostics): Record<string, View> {
  return Object.fromEntries(Object.entries(diagnostics).map(([name, value]): [string, View] => {
    switch (name) {
      case 'INSTANCES_STORED': return [name, Object.fromEntries((diagnostics.INSTANCES_STORED ?? []).map(({ kind, instances }) => [kindName(kind), Number(instances)]))]
      case 'MESSAGES_SENT_RCVD': return [name, Object.fromEntries((diagnostics.MESSAGES_SENT_RCVD ?? []).map(({ messageCode, sent, received }) => [
        messageName(messageCode) ?? hex(messageCode), { sent: Number(sent), received: Number(received) },
      ]))]
      default: return [name, typeof value === 'string' ? value : Number(value)]
    }
  }))
}

function kindName(kind: number): string { return registeredKind(kind)?.name ?? hex(kind) }
function hex(code: number): string { return `0x${code.toString(16).padStart(4, '0')}` }
