import type { Log } from '../../src-main/ports/log.ts'
import { createSipElement, type SipElement, type SipElementDeps } from '../../src-main/sip/element/element.ts'
import type { IncomingMessage, InviteClientUser, InviteServerCall, InviteServerUser, ServerSubscription, UserAgentUser } from '../../src-main/sip/ua/userAgent.ts'
import { type MemoryConnection, memoryConnectionPair, type MemoryConnectionOptions } from './memoryConnection.ts'
import { SeededRandom } from './seededRandom.ts'
import { VirtualClock } from './virtualClock.ts'

export const quietLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quietLog }

export const OFFER = 'v=0\r\no=alice 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'
export const ANSWER = OFFER.replaceAll('alice', 'bob').replaceAll('10.0.0.1', '10.0.0.2')

/** A user agent whose user writes down what it is told. */
export class TestPeer implements UserAgentUser {
  readonly element: SipElement
  readonly calls: InviteServerCall[] = []
  readonly messages: IncomingMessage[] = []
  readonly subscriptions: ServerSubscription[] = []
  readonly log: string[] = []
  /** Called with each call after it was noted; a peer without one just lets it ring. */
  take: ((call: InviteServerCall) => void) | undefined

  constructor(name: string, clock: VirtualClock, seed: number, limits?: SipElementDeps['limits']) {
    this.element = createSipElement({
      clock, random: new SeededRandom(seed), log: quietLog, user: this, userAgentName: 'Ringway/test',
      local: () => ({ aor: `${name}@office.example`, displayName: name }), ...(limits === undefined ? {} : { limits }),
    })
  }

  get ua(): SipElement['userAgent'] { return this.element.userAgent }

  onInvite(call: InviteServerCall): void {
    call.user = this.serverUser()
    this.calls.push(call)
    this.take?.(call)
  }
  onMessage(request: IncomingMessage): void { this.messages.push(request) }
  onSubscribe(subscription: ServerSubscription): void { this.subscriptions.push(subscription) }

  serverUser(): InviteServerUser {
    return {
      onCancelled: (reason) => { this.log.push(`cancelled ${reason}`) },
      onEstablished: () => { this.log.push('established') },
      onAnswer: (answer) => { this.log.push(`answer ${answer.length}`) },
      onEnded: (reason) => { this.log.push(`ended ${reason.text}`) },
      onOffer: () => ANSWER,
    }
  }

  clientUser(overrides: Partial<InviteClientUser> = {}): InviteClientUser {
    return {
      onProgress: (status) => { this.log.push(`progress ${status}`) },
      onAnswered: (answer, remote) => { this.log.push(`answered ${answer === ANSWER} ${remote.aor}`) },
      onFailed: (status, reason) => { this.log.push(`failed ${status} ${reason}`) },
      onEnded: (reason) => { this.log.push(`ended ${reason.text}`) },
      onOffer: () => ANSWER,
      ...overrides,
    }
  }
}

export interface Pair {
  readonly clock: VirtualClock
  readonly alice: TestPeer
  readonly bob: TestPeer
  /** Alice's and Bob's end. */
  readonly a: MemoryConnection
  readonly b: MemoryConnection
  readonly leg: { readonly connection: MemoryConnection; readonly requestUri: string }
}

export function sipPair(options: MemoryConnectionOptions = {}, limits?: SipElementDeps['limits']): Pair {
  const clock = new VirtualClock()
  const alice = new TestPeer('alice', clock, 1), bob = new TestPeer('bob', clock, 2, limits)
  const [a, b] = memoryConnectionPair(clock, options)
  alice.ua.attach(a)
  bob.ua.attach(b)
  return { clock, alice, bob, a, b, leg: { connection: a, requestUri: 'sip:bob@office.example' } }
}

/** Start lines of what one end has sent. */
export function startLines(connection: MemoryConnection): string[] { return connection.sent.map((text) => text.slice(0, text.indexOf('\r\n'))) }

/** Closes both ends and returns what is left that should not be: timers, transactions, dialogs. */
export async function leftovers(pair: Pair): Promise<number> {
  await pair.alice.element.close()
  await pair.bob.element.close()
  pair.clock.advance(10) // bytes in flight
  return pair.clock.pending + pair.alice.ua.size + pair.bob.ua.size + pair.alice.element.transactions.size + pair.bob.element.transactions.size
}
