/** The user agent as the phone layer sees it; see `api.ts` for what the parts mean. */
import type { ClientSubscription, ClientSubscriptionUser, Connection, FinalResponse, InviteClientCall, InviteClientUser, InviteOptions, Leg, RequestOptions, SubscribeOptions } from './api.ts'

export type * from './api.ts'

export declare class UserAgent {
  /** Takes over a connection (overlay pipe or socket flow): its requests arrive at this UA until it closes. */
  attach(connection: Connection): void
  invite(leg: Leg, options: InviteOptions, user: InviteClientUser): InviteClientCall
  /**
   * One request outside a dialog (MESSAGE, OPTIONS); resolves with the final response.
   * @throws PeerError 'network-timeout', 'peer-unreachable'; the signal's reason when aborted
   */
  request(leg: Leg, method: string, options: RequestOptions, signal: AbortSignal): Promise<FinalResponse>
  subscribe(leg: Leg, options: SubscribeOptions, user: ClientSubscriptionUser): ClientSubscription
  /** Ends everything without waiting: calls get BYE or CANCEL, subscriptions are terminated, timers are gone. */
  close(): void
}
