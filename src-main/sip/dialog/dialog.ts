/**
 * The state that two user agents share (RFC 3261 §12): identifiers, sequence numbers, route set and remote target.
 * Makes the requests of the dialog and judges the order of those that come in.
 */
import { DecodeError } from '../../base/errors.ts'
import { type SipMessage, SipRequest, type SipResponse } from '../message/message.ts'
import { type NameAddr, printNameAddr } from '../message/nameAddr.ts'
import { printUri } from '../message/uri.ts'

export type DialogState = 'early' | 'confirmed' | 'terminated'

interface DialogInit {
  readonly callId: string
  readonly localTag: string
  readonly remoteTag: string
  /** Values of From and To with their tags, as our requests carry them. */
  readonly local: string
  readonly remote: NameAddr
  readonly localSeq: number
  readonly remoteSeq: number | undefined
  readonly remoteTarget: string
  readonly routeSet: readonly NameAddr[]
  readonly state: DialogState
}

export class Dialog {
  readonly callId: string
  readonly localTag: string
  readonly remoteTag: string
  readonly remote: NameAddr
  state: DialogState
  localSeq: number
  remoteSeq: number | undefined
  remoteTarget: string
  private readonly local: string
  private routeSet: readonly NameAddr[]

  private constructor(init: DialogInit) {
    this.callId = init.callId
    this.localTag = init.localTag
    this.remoteTag = init.remoteTag
    this.local = init.local
    this.remote = init.remote
    this.localSeq = init.localSeq
    this.remoteSeq = init.remoteSeq
    this.remoteTarget = init.remoteTarget
    this.routeSet = init.routeSet
    this.state = init.state
  }

  /** §12.1.2, the client's side: from our request and a response with a To tag. @throws DecodeError */
  static fromResponse(request: SipRequest, response: SipResponse): Dialog {
    return new Dialog({
      callId: request.callId,
      localTag: request.fromTag ?? '', remoteTag: response.toTag ?? '',
      local: request.headers.get('From') ?? '', remote: response.to,
      localSeq: request.cseq.number, remoteSeq: undefined,
      remoteTarget: contactOf(response) ?? request.requestUri,
      routeSet: [...response.recordRoutes].reverse(),
      state: response.provisional ? 'early' : 'confirmed',
    })
  }

  /** §12.1.1, the server's side: from a request that came in, under the tag that our response carries. @throws DecodeError */
  static fromRequest(request: SipRequest, localTag: string, state: DialogState = 'confirmed'): Dialog {
    const params = request.to.params.clone()
    params.set('tag', localTag)
    return new Dialog({
      callId: request.callId,
      localTag, remoteTag: request.fromTag ?? '',
      local: printNameAddr({ ...request.to, params }), remote: request.from,
      localSeq: 0, remoteSeq: request.cseq.number,
      remoteTarget: contactOf(request) ?? printUri(request.from.uri),
      routeSet: request.recordRoutes,
      state,
    })
  }

  get key(): string { return dialogKey(this.callId, this.localTag, this.remoteTag) }

  /** §13.2.2.4: the 2xx that confirms an early dialog sets the route set anew. @throws DecodeError */
  confirm(response: SipResponse): void {
    this.routeSet = [...response.recordRoutes].reverse()
    this.refreshTarget(response)
    this.state = 'confirmed'
  }

  /** §12.2.1.1. @param cseq given for ACK, which carries its INVITE's number */
  createRequest(method: string, cseq?: number): SipRequest {
    const number = cseq ?? ++this.localSeq
    const [first, ...rest] = this.routeSet
    // a first router without lr expects itself in the Request-URI and the target as last Route
    const strict = first !== undefined && first.uri.kind === 'sip' && !first.uri.params.has('lr')
    const request = new SipRequest(method, strict ? printUri(first.uri) : this.remoteTarget)
    const { headers } = request
    for (const route of strict ? rest : this.routeSet) headers.append('Route', printNameAddr(route))
    if (strict) headers.append('Route', `<${this.remoteTarget}>`)
    headers.append('Max-Forwards', '70').append('From', this.local).append('To', printNameAddr(this.remote))
    headers.append('Call-ID', this.callId).append('CSeq', `${number} ${method}`)
    return request
  }

  /** §12.2.2: false when the request is older than one that has been seen; answered 500. */
  acceptSequence(request: SipRequest): boolean {
    const { number } = request.cseq
    if (this.remoteSeq !== undefined && number <= this.remoteSeq) return false
    this.remoteSeq = number
    return true
  }

  /** The Contact of a target refresh request, or of its 2xx, replaces the remote target. @throws DecodeError */
  refreshTarget(message: SipMessage): void { this.remoteTarget = contactOf(message) ?? this.remoteTarget }
}

export function dialogKey(callId: string, localTag: string, remoteTag: string): string { return `${callId} ${localTag} ${remoteTag}` }

function contactOf(message: SipMessage): string | undefined {
  const { contacts } = message
  if (contacts === '*') throw new DecodeError('Contact * outside REGISTER')
  const [first] = contacts
  return first === undefined ? undefined : printUri(first.uri)
}
