/**
 * A transfer that we ask for (RFC 3515 §2.4, RFC 5589): REFER inside the call, then the NOTIFYs that tell how the other
 * side's new call fares. The subscription that REFER makes shares the call's dialog and ends with it.
 */
import { DecodeError } from '../../base/errors.ts'
import type { Timer } from '../../ports/clock.ts'
import type { Dialog } from '../dialog/dialog.ts'
import type { SipRequest } from '../message/message.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { Connection } from '../transport/connection.ts'
import type { ReferOptions, ReferUser } from './api.ts'
import { contactOf, reply, type UaContext } from './context.ts'
import { formatReferredBy, formatReferTo } from './referHeaders.ts'

/** 'asked': REFER sent; 'accepted': 2xx came, or a NOTIFY overtook it. */
type State = 'asked' | 'accepted' | 'over'

/** The other side lets the new call ring for as long as any other. */
const PATIENCE_MS = 120_000

export class ReferSender {
  private state: State = 'asked'
  private readonly cseq: number
  private readonly patience: Timer

  /** @throws DecodeError when the target is no URI */
  constructor(private readonly context: UaContext, dialog: Dialog, connection: Connection, options: ReferOptions, private readonly user: ReferUser) {
    const own = context.local()
    const referTo = formatReferTo(options.target, options.replaces)
    const request = dialog.createRequest('REFER')
    request.headers.append('Refer-To', referTo).append('Referred-By', formatReferredBy(own.aor, own.displayName))
      .append('Contact', contactOf(context, connection)).append('User-Agent', context.userAgentName)
    this.cseq = request.cseq.number
    this.patience = context.clock.setTimer(PATIENCE_MS, () => { this.finish(408) })
    context.transactions.request(connection, request, {
      onResponse: (response) => {
        if (response.provisional) return
        if (!response.successful) this.finish(response.status)
        else if (this.state === 'asked') this.state = 'accepted'
      },
      onTimeout: () => { this.finish(408) },
      onTransportError: () => { this.finish(503) },
    })
  }

  get active(): boolean { return this.state !== 'over' }

  /** @returns true when the NOTIFY belongs to this transfer, and is answered */
  onNotify(request: SipRequest, transaction: ServerTransaction): boolean {
    const { event, subscriptionState } = request
    const id = event?.params.get('id')
    if (this.state === 'over' || event?.value.toLowerCase() !== 'refer' || (id !== undefined && id !== String(this.cseq))) return false
    if (subscriptionState === undefined) { reply(this.context, transaction, 400, 'Subscription-State is missing'); return true }
    const status = this.statusOf(request)
    reply(this.context, transaction, 200)
    this.state = 'accepted'
    if (status !== undefined && status >= 200) this.finish(status)
    else if (subscriptionState.value.toLowerCase() === 'terminated') this.finish(487)
    else if (status !== undefined) this.user.onProgress(status)
    return true
  }

  stop(): void {
    this.state = 'over'
    this.patience.cancel()
  }

  /** The status line in the message/sipfrag body (RFC 3420). */
  private statusOf(request: SipRequest): number | undefined {
    try {
      if (request.contentType?.value !== 'message/sipfrag') return undefined
    } catch (error) {
      if (error instanceof DecodeError) return undefined
      throw error
    }
    const status = /^SIP\/2\.0 ([1-6]\d\d)\b/.exec(request.text)?.[1]
    return status === undefined ? undefined : Number(status)
  }

  private finish(status: number): void {
    if (this.state === 'over') return
    this.stop()
    this.user.onFinal(status)
  }
}
