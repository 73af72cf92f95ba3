/**
 * A transfer that the other side asks of us (RFC 3515 §2.4.2-2.4.5): the answer to its REFER, and NOTIFYs with the
 * status of the new call, one at a time and the newest first, in the call's own dialog.
 */
import { DecodeError } from '../../base/errors.ts'
import type { Dialog } from '../dialog/dialog.ts'
import { makeResponse } from '../message/message.ts'
import { reasonPhrase } from '../message/reasonPhrases.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { Connection } from '../transport/connection.ts'
import type { IncomingRefer, Party } from './api.ts'
import { contactOf, reply, type UaContext } from './context.ts'
import { formatReferredBy, readReferTo } from './referHeaders.ts'

type State = 'asked' | 'accepted' | 'over'

/** How long the subscription lives at most: longer than any call rings. */
const EXPIRES_S = 180

export class ReferReceiver implements IncomingRefer {
  private state: State = 'asked'
  private readonly cseq: number
  /** RFC 4488: the other side wants no notifications. */
  private readonly silent: boolean
  private notifying = false
  private waiting: string | undefined
  private lastStatus = 100

  private constructor(
    private readonly context: UaContext, private readonly dialog: Dialog, private readonly connection: Connection,
    private readonly transaction: ServerTransaction, readonly target: Party, readonly replaces: string | undefined, readonly referredBy: string,
  ) {
    const { request } = transaction
    this.cseq = request.cseq.number
    this.silent = request.headers.get('Refer-Sub')?.trim().toLowerCase().startsWith('false') === true
  }

  /** @returns undefined when the REFER does not say whom to call, or asks for something else than a call */
  static read(context: UaContext, dialog: Dialog, connection: Connection, transaction: ServerTransaction): ReferReceiver | undefined {
    const { headers } = transaction.request
    try {
      if (headers.count('Refer-To') !== 1) return undefined
      const { target, method, replaces } = readReferTo(headers.get('Refer-To') ?? '')
      if (method !== 'INVITE') return undefined
      const remote = transaction.request.from
      const referredBy = headers.get('Referred-By') ?? formatReferredBy(aorOfRemote(dialog), remote.displayName)
      return new ReferReceiver(context, dialog, connection, transaction, target, replaces, referredBy)
    } catch (error) {
      if (error instanceof DecodeError) return undefined
      throw error
    }
  }

  get active(): boolean { return this.state !== 'over' }

  accept(): void {
    if (this.state !== 'asked') return
    this.state = 'accepted'
    const response = makeResponse(this.transaction.request, 202)
    response.headers.append('Contact', contactOf(this.context, this.connection)).append('Server', this.context.userAgentName)
    if (this.silent) response.headers.append('Refer-Sub', 'false')
    this.transaction.respond(response)
    this.notify(100, reasonPhrase(100)) // §2.4.4: the first NOTIFY follows at once
  }

  reject(status: number): void {
    if (this.state !== 'asked') return
    this.state = 'over'
    reply(this.context, this.transaction, status)
  }

  /** Whoever was told has not said a word: no. */
  declineIfUnanswered(): void { this.reject(603) }

  notify(status: number, reason: string): void {
    if (this.state !== 'accepted') return
    this.lastStatus = status
    this.waiting = `SIP/2.0 ${status} ${reason}\r\n`
    this.flush()
    if (status >= 200 && this.silent) this.state = 'over'
  }

  stop(): void { this.state = 'over' }

  private flush(): void {
    const { waiting } = this
    if (waiting === undefined || this.notifying || this.state !== 'accepted' || this.silent) return
    this.waiting = undefined
    const final = this.lastStatus >= 200
    const request = this.dialog.createRequest('NOTIFY')
    request.headers.append('Event', `refer;id=${this.cseq}`)
      .append('Subscription-State', final ? 'terminated;reason=noresource' : `active;expires=${EXPIRES_S}`)
      .append('Contact', contactOf(this.context, this.connection)).append('User-Agent', this.context.userAgentName)
    request.setBody('message/sipfrag;version=2.0', waiting)
    this.notifying = true
    const sent = (): void => { this.notifying = false; this.flush() }
    this.context.transactions.request(this.connection, request, { onResponse: (response) => { if (!response.provisional) sent() }, onTimeout: sent, onTransportError: sent })
    if (final) this.state = 'over'
  }
}

function aorOfRemote(dialog: Dialog): string {
  const { uri } = dialog.remote
  return uri.kind === 'sip' ? `${uri.user === undefined ? '' : `${uri.user}@`}${uri.host}` : 'anonymous@anonymous.invalid'
}
