/**
 * The redirect server (RFC 3261 §8.3): answers 302 with contacts that the caller can reach without us. A phone that
 * is registered here has an address of its own; of a person elsewhere in the overlay the peer is asked for one.
 */
import { withTimeout } from '../../base/abort.ts'
import { DecodeError, PeerError } from '../../base/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Caller, LocationService, LocationTarget } from '../locationService.ts'
import { Params } from '../message/params.ts'
import { makeResponse, SipRequest } from '../message/message.ts'
import { formatNameAddr } from '../message/nameAddr.ts'
import { printUri } from '../message/uri.ts'
import type { ServerTransaction } from '../transaction/transaction.ts'
import type { TransactionLayer } from '../transaction/transactionLayer.ts'
import type { Connection } from '../transport/connection.ts'

export interface RedirectDeps {
  readonly clock: Clock
  readonly log: Log
  readonly transactions: TransactionLayer
  readonly location: LocationService
  readonly serverName: string
}

const ASK_MS = 3000
/** §20.10: how long the contacts may be used without asking again. */
const EXPIRES_S = 60

export class RedirectServer {
  constructor(private readonly deps: RedirectDeps) {}

  onRequest(transaction: ServerTransaction, caller: Caller): void {
    const abort = new AbortController()
    transaction.user = { onCancel: () => { abort.abort(new PeerError('cancelled')) } }
    this.contacts(transaction.request, caller, abort.signal).then((contacts) => {
      if (contacts.length === 0) this.answer(transaction, 480, 'No contact that can be reached directly')
      else this.answer(transaction, 302, undefined, [...contacts.map((contact) => ['Contact', contact] as const), ['Expires', String(EXPIRES_S)]])
    }).catch((cause: unknown) => {
      this.deps.log.info('redirect.failed', { cause: String(cause) })
      this.answer(transaction, abort.signal.aborted ? 487 : statusOf(cause), cause instanceof PeerError ? cause.code : undefined)
    })
  }

  private async contacts(request: SipRequest, caller: Caller, signal: AbortSignal): Promise<string[]> {
    const { uri } = request
    if (uri.kind !== 'sip') throw new DecodeError('Request-URI')
    const targets = await this.deps.location.locate(uri, caller, signal)
    const found = await Promise.all(targets.map(async (target) => {
      const contact = target.contact ?? await this.ask(target, request, signal)
      return contact === undefined ? undefined : formatNameAddr('', contact, Params.of({ q: String(target.q) }))
    }))
    // §8.3: never the URI that was asked for; §26.2.2: from sips: to nothing less
    return found.filter((contact): contact is string => contact !== undefined && !contact.includes(`<${request.requestUri}>`) && (uri.scheme === 'sip' || contact.startsWith('<sips:')))
  }

  /** The address of a peer's own proxy, by OPTIONS through the overlay; undefined when it has none. */
  private async ask(target: LocationTarget, request: SipRequest, signal: AbortSignal): Promise<string | undefined> {
    const { connection } = target
    if (connection === 'own' || connection.peerIdentity === undefined) return undefined
    try {
      return await withTimeout(this.deps.clock, ASK_MS, 'network-timeout', signal, () => this.options(connection, target, request))
    } catch (cause) {
      if (!(cause instanceof PeerError) || signal.aborted) throw cause
      return undefined
    }
  }

  private options(connection: Connection, target: LocationTarget, request: SipRequest): Promise<string | undefined> {
    const { transactions } = this.deps
    const options = new SipRequest('OPTIONS', target.requestUri)
    const own = printUri(request.uri)
    options.headers.append('Max-Forwards', '70').append('From', `<${own}>;tag=${transactions.token()}`).append('To', `<${target.requestUri}>`)
      .append('Call-ID', transactions.token() + transactions.token()).append('CSeq', '1 OPTIONS').append('Request-Disposition', 'redirect')
    return new Promise((resolve, reject) => {
      transactions.request(connection, options, {
        onResponse: (response) => {
          if (response.provisional) return
          try {
            const first = response.contacts === '*' ? undefined : response.contacts[0]?.uri
            // a URI without a user is no ticket, one of the domain itself leads back to us
            resolve(first?.kind === 'sip' && first.port !== undefined ? printUri(first) : undefined)
          } catch (error) {
            if (error instanceof DecodeError) resolve(undefined)
            else reject(error instanceof Error ? error : new Error(String(error)))
          }
        },
        onTimeout: () => { resolve(undefined) },
        onTransportError: () => { resolve(undefined) },
      })
    })
  }

  private answer(transaction: ServerTransaction, status: number, reason?: string, headers: readonly (readonly [string, string])[] = []): void {
    if (transaction.answered) return
    const response = makeResponse(transaction.request, status, reason, this.deps.transactions.token())
    response.headers.append('Server', this.deps.serverName)
    for (const [name, value] of headers) response.headers.append(name, value)
    transaction.respond(response)
  }
}

function statusOf(cause: unknown): number {
  if (cause instanceof DecodeError) return 400
  if (!(cause instanceof PeerError)) return 500
  switch (cause.code) {
    case 'user-unknown': return 404
    case 'unauthorised': return 403
    case 'user-offline': case 'peer-unreachable': case 'not-secure': return 480
    default: return 504
  }
}
