/**
 * Message waiting (RFC 3842) for the owner's phones, which ask for it by habit: there is no voice mail here, and that is
 * what they are told. A refusal would say less, and some phones ask again without pause.
 */
import type { ServerSubscription } from '../sip/ua/userAgent.ts'
import { sipUri } from './address.ts'

export const messageSummaryType = 'application/simple-message-summary'
const maxSubscriptions = 50

export class MessageSummary {
  private readonly subscriptions = new Set<ServerSubscription>()

  constructor(private readonly aor: () => string) {}

  /** The user agent's fact: somebody wants to know. Only the owner's phones and devices are told. */
  incoming(subscription: ServerSubscription): void {
    if (subscription.identity !== undefined && subscription.identity.aor !== this.aor()) { subscription.reject(403); return }
    if (this.subscriptions.size >= maxSubscriptions) { subscription.reject(503); return }
    subscription.user = { onEnded: () => { this.subscriptions.delete(subscription) } }
    subscription.accept('active')
    const lines = ['Messages-Waiting: no', `Message-Account: ${sipUri(this.aor())}`, 'Voice-Message: 0/0 (0/0)', '']
    subscription.notify(messageSummaryType, new TextEncoder().encode(lines.join('\r\n')))
    if (subscription.expiresS > 0) this.subscriptions.add(subscription)
  }

  stop(): void {
    for (const subscription of [...this.subscriptions]) subscription.terminate('deactivated')
    this.subscriptions.clear()
  }
}
