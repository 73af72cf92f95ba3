/**
 * What was said on the wire about each call, for diagnosis: the messages of the last calls with their times, as the
 * transport layer sent and received them (RFC 3261 §18). Lives in memory only, bounded in calls, messages and bytes.
 * Texts given out never hold credentials or media keys; bodies only when they are asked for.
 */
import { DecodeError } from '../../base/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { SipMessage } from '../message/message.ts'
import { bracketHost } from './address.ts'
import type { Connection } from './connection.ts'

/** Told of every message by the transport layer that it is given to. Must not change the message. */
export interface MessageTap {
  onMessage(message: SipMessage, connection: Connection, direction: 'in' | 'out'): void
}

export interface TracedMessage {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly direction: 'in' | 'out'
  readonly transport: string
  /** The other side: its proven address, or host and port. */
  readonly remote: string
  /** Start line, and for a response the method it answers. */
  readonly summary: string
  readonly text: string
}

export interface CallTraceView {
  readonly callId: string
  readonly messages: readonly TracedMessage[]
  /** Messages that there was no room for. */
  readonly omitted: number
}

interface Entry extends Omit<TracedMessage, 'text'> {
  readonly head: string
  readonly body: Uint8Array
  readonly bodyBytes: number
}
interface Trace { readonly callId: string; readonly ids: string[]; readonly entries: Entry[]; omitted: number }

const maxCalls = 50
const maxMessages = 200
const maxBytes = 16_384
const decoder = new TextDecoder()

export class CallTrace implements MessageTap {
  /** By Call-ID; calls of our own phone, which others that pass through cannot push out. */
  private readonly own = new Map<string, Trace>()
  /** Not (yet) known to be our phone's: those that come in, and those of the phones that we serve. */
  private readonly others = new Map<string, Trace>()

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  get size(): number { return this.own.size + this.others.size }

  /** The phone knows this call by `id`; one Call-ID may have two, when somebody calls himself. */
  claim(id: string, callId: string): void {
    const trace = this.own.get(callId) ?? this.others.get(callId) ?? { callId, ids: [], entries: [], omitted: 0 }
    this.others.delete(callId)
    this.own.delete(callId)
    if (trace.ids.length < 4) trace.ids.push(id)
    keep(this.own, trace)
  }

  onMessage(message: SipMessage, connection: Connection, direction: 'in' | 'out'): void {
    const callId = callIdOf(message)
    if (callId === undefined) return
    let trace = this.own.get(callId) ?? this.others.get(callId)
    if (trace === undefined) {
      if (message.kind !== 'request' || message.method !== 'INVITE') return
      trace = { callId, ids: [], entries: [], omitted: 0 }
      keep(this.others, trace)
    }
    if (trace.entries.length >= maxMessages) { trace.omitted++; return }
    const { peerIdentity, remote, transport, inward } = connection
    trace.entries.push({
      at: this.clock.now(), direction, transport,
      remote: inward === true ? 'this peer' : peerIdentity?.aor ?? `${bracketHost(remote.host)}:${remote.port}`,
      summary: message.kind === 'request' ? message.startLine : `${message.startLine} (${message.headers.get('CSeq') ?? ''})`,
      head: `${message.startLine}\r\n${message.headers.print()}`.slice(0, maxBytes),
      body: message.body.slice(0, maxBytes), bodyBytes: message.body.length,
    })
  }

  /**
   * @param id the phone's name for the call, or a Call-ID
   * @param bodies with bodies; keys in them are left out all the same
   * @returns undefined when the call is not known (any more)
   */
  of(id: string, bodies: boolean): CallTraceView | undefined {
    const trace = [...this.own.values()].find((each) => each.ids.includes(id)) ?? this.own.get(id) ?? this.others.get(id)
    if (trace === undefined) return undefined
    return {
      callId: trace.callId, omitted: trace.omitted,
      messages: trace.entries.map(({ head, body, bodyBytes, ...shown }) => ({ ...shown, summary: firstLine(shown.summary), text: `${redactHead(head)}\r\n${bodyText(body, bodyBytes, bodies)}` })),
    }
  }

  clear(): void {
    this.own.clear()
    this.others.clear()
  }
}

function keep(map: Map<string, Trace>, trace: Trace): void {
  map.set(trace.callId, trace)
  if (map.size <= maxCalls) return
  const oldest = map.keys().next()
  if (oldest.done !== true) map.delete(oldest.value)
}

function bodyText(body: Uint8Array, bytes: number, shown: boolean): string {
  if (bytes === 0) return ''
  if (!shown) return `[body of ${bytes} bytes]\r\n`
  return `${redactBody(decoder.decode(body))}${bytes > body.length ? `[${bytes - body.length} bytes more]\r\n` : ''}`
}

/** Credentials of both sides (RFC 3261 §22), whole and with their folded lines: a digest can be tried against word lists. */
function redactHead(head: string): string {
  return head.replace(/^((?:proxy-)?authorization|(?:proxy-)?authentication-info)([ \t]*:)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*/gim, '$1$2 [redacted]')
}

/** Media keys (RFC 4568, RFC 8866 §5.12, RFC 3830) and the passwords of ICE (RFC 8839 §5.4). */
function redactBody(body: string): string {
  return body.replace(/^(a=crypto:[ \t]*\d*[ \t]*[\w-]*)[^\r\n]*/gim, '$1 [redacted]').replace(/^(a=ice-pwd:|a=key-mgmt:|k=)[^\r\n]*/gim, '$1[redacted]')
}

/** What stands in a start line is the other side's: no control characters into a terminal. */
function firstLine(text: string): string { return text.replace(/\p{Cc}/gu, ' ').slice(0, 300) }

function callIdOf(message: SipMessage): string | undefined {
  try { return message.callId } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
