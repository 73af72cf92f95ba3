/**
 * The response context of one proxied request (RFC 3261 §16.7): starts the branches, those of equal q together and
 * better ones first, passes 1xx and 2xx on, and when all branches have failed sends the best of their responses.
 */
import { DecodeError, PeerError } from '../../base/errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { BridgedRequest } from '../bridge/mediaGateway.ts'
import { makeResponse, type SipRequest, type SipResponse } from '../message/message.ts'
import type { ServerTransaction, ServerTransactionUser } from '../transaction/transaction.ts'
import type { TransactionLayer } from '../transaction/transactionLayer.ts'
import type { Connection } from '../transport/connection.ts'
import { Branch, type BranchUser } from './branch.ts'
import { bestResponse } from './bestResponse.ts'

/** What one branch sends, and where. */
export interface Forward {
  readonly request: SipRequest
  readonly connection: Connection
  readonly q: number
  /** Rewrites the descriptions of its responses. */
  readonly media?: BridgedRequest
  /** Other flows to the same phone (RFC 5626 §7): the next is taken when this one turns out to have failed. */
  readonly instead?: readonly Forward[]
}

/** RFC 3326: tells the other devices that the call is not missed. */
const COMPLETED_ELSEWHERE: readonly (readonly [string, string])[] = [['Reason', 'SIP;cause=200;text="Call completed elsewhere"']]

/** The phone's timer begins later than ours. */
const GRACE_MS = 500
const NONE: never[] = []

export class ResponseContext implements BranchUser, ServerTransactionUser {
  private waiting: Forward[]
  private branches: Branch[] = []
  private finals: SipResponse[] = []
  /** 2xx by To tag whose description was rewritten: a retransmission is passed on the same, rewritten once only. */
  private successes: Map<string, SipResponse> | undefined = undefined
  private media: Map<Branch, BridgedRequest> | undefined = undefined
  /** What was forwarded on a branch whose phone has other flows. */
  private flows: Map<Branch, Forward> | undefined = undefined
  /** Branches that begin once their phone has forgotten the request that it refused. */
  private resting: Map<Timer, Forward> | undefined = undefined
  /** From as the caller wrote it, where the branches have another. */
  private readonly callerFrom: string | undefined
  private over = false
  private cancelled = false
  /** The last branch ended in silence, with its connection, or with 503: another server may do better (RFC 3263 §4.3). */
  private unheard = false
  private searching: AbortController | undefined = undefined

  /**
   * @param server its request is the one that came
   * @param onOver last call, when no branch is left
   * @param more another way to the same place, asked for when a server did not answer; rejects when none is left
   */
  constructor(
    private readonly clock: Clock, private readonly transactions: TransactionLayer, private readonly server: ServerTransaction,
    forwards: readonly Forward[], private readonly mark: string, private readonly serverName: string, private readonly onOver: (self: ResponseContext) => void,
    private more?: (signal: AbortSignal) => Promise<readonly Forward[]>,
  ) {
    this.waiting = [...forwards]
    if (forwards.length > 1) this.waiting.sort((a, b) => b.q - a.q)
    const from = server.request.headers.get('From')
    this.callerFrom = forwards.some(({ request }) => request.headers.get('From') !== from) ? from : undefined
    server.user = this
  }

  start(): void { this.startNext() }

  onCancel(cancel: SipRequest): void { this.cancel(cancel.headers.getLines('Reason').map((value) => ['Reason', value] as const)) }
  onTransportError(): void { this.cancel([]) }

  /** §16.10: every branch that has no final response. */
  cancel(headers: readonly (readonly [string, string])[]): void {
    this.cancelled = true
    if (this.resting !== undefined) this.finals.push(this.localResponse(487))
    this.dropWaiting()
    for (const branch of [...this.branches]) branch.cancel(headers)
    if (this.searching === undefined) { this.conclude(); return }
    this.searching.abort(new PeerError('cancelled'))
    if (!this.server.answered) this.server.respond(this.localResponse(487))
    this.finish()
  }

  /** As the element closes. */
  close(): void {
    this.dropWaiting()
    this.searching?.abort(new PeerError('cancelled'))
    for (const branch of this.branches) branch.stop()
    this.finish()
  }

  onResponse(branch: Branch, response: SipResponse): void {
    if (response.status === 100) return // step 5: hop by hop
    try { this.take(branch, response) } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.broken(branch, response)
    }
  }

  /** The phone has lost or broken what the answer needs: the caller is still to hear how it ended. */
  private broken(branch: Branch, response: SipResponse): void {
    if (response.provisional || this.over) return
    this.media?.get(branch)?.onFailed()
    this.finals.push(this.localResponse(response.successful ? 502 : response.status))
    this.conclude()
  }

  /** @throws DecodeError before anything has been passed on */
  private take(branch: Branch, response: SipResponse): void {
    const repeated = this.successes !== undefined && response.successful ? this.successes.get(response.toTag ?? '') : undefined
    if (repeated !== undefined) { this.server.respond(repeated); return }
    const upstream = this.towardsCaller(response)
    if (upstream === undefined) { this.broken(branch, response); return }
    if (response.status === 488 && this.offersAnew(branch)) return
    if (response.status === 430 && this.takesAnotherFlow(branch)) return
    const media = this.media?.get(branch)
    media?.onResponse(upstream)
    if (response.provisional) { if (!this.server.answered) this.server.respond(upstream); return }
    if (response.successful) {
      const first = !this.server.answered
      if (media !== undefined) (this.successes ??= new Map<string, SipResponse>()).set(response.toTag ?? '', upstream)
      this.server.respond(upstream) // of an INVITE every 2xx is passed on, of others the machine takes the first
      this.dropWaiting()
      if (first) for (const branch of this.branches) branch.cancel(COMPLETED_ELSEWHERE)
    } else {
      this.finals.push(upstream)
      this.unheard = response.status === 503
      if (response.status >= 600) this.cancel([]) // step 5: 6xx ends the search everywhere
    }
    this.conclude()
  }

  onFailed(branch: Branch, status: 408 | 487 | 503): void {
    if (this.takesAnotherFlow(branch)) return
    this.media?.get(branch)?.onFailed()
    this.finals.push(this.localResponse(status))
    this.unheard = status !== 487
    this.conclude()
  }

  private startNext(): void {
    const q = this.waiting[0]?.q
    while (this.waiting[0] !== undefined && this.waiting[0].q === q) {
      this.startBranch(this.waiting.shift() as Forward)
    }
  }

  private startBranch(forward: Forward): void {
    const { request, connection, media, instead } = forward
    const branch = new Branch(this.clock, this.transactions, request, connection, this)
    this.branches.push(branch)
    if (instead !== undefined && instead.length > 0) (this.flows ??= new Map<Branch, Forward>()).set(branch, forward)
    if (media !== undefined) (this.media ??= new Map<Branch, BridgedRequest>()).set(branch, media)
    branch.start(this.mark)
  }

  /** RFC 5626 §7: 430, 408 or a lost connection is of the flow, not of the phone, which is asked over another one. */
  private takesAnotherFlow(branch: Branch): boolean {
    const failed = this.cancelled || this.server.answered ? undefined : this.flows?.get(branch)
    const [next, ...instead] = failed?.instead ?? []
    if (failed === undefined || next === undefined) return false
    // the same phone gets the same description, so that its sound goes over the bridge that there is
    const { body } = failed.request
    if (body.length > 0) next.request.setBody(failed.request.headers.get('Content-Type') ?? '', body)
    this.startBranch({ ...next, instead, ...(failed.media === undefined ? {} : { media: failed.media }) })
    return true
  }

  /**
   * A phone that refused one kind of sound is offered the other. While it remembers the request, for T4 on UDP, it would
   * take another with the same Call-ID and CSeq for a merged one (RFC 3261 §8.2.2.2).
   */
  private offersAnew(branch: Branch): boolean {
    const media = this.media?.get(branch)
    const request = this.cancelled || this.server.answered ? undefined : media?.again?.()
    if (request === undefined || media === undefined) return false
    const forward: Forward = { request, connection: branch.connection, q: 1, media }
    if (branch.connection.reliable) { this.startBranch(forward); return true }
    const resting = this.resting ??= new Map<Timer, Forward>()
    const timer = this.clock.setTimer(this.transactions.timers.t4 + GRACE_MS, () => {
      resting.delete(timer)
      if (resting.size === 0) this.resting = undefined
      this.startBranch(forward)
    })
    resting.set(timer, forward)
    return true
  }

  private dropWaiting(): void {
    for (const { media } of this.waiting.splice(0)) media?.onFailed()
    for (const [timer, { media }] of this.resting ?? []) { timer.cancel(); media?.onFailed() }
    this.resting = undefined
  }

  private conclude(): void {
    if (this.over || this.resting !== undefined || !this.branches.every((branch) => branch.done)) return
    if (!this.server.answered && this.waiting.length > 0 && !this.cancelled) { this.startNext(); return }
    if (!this.server.answered && this.unheard && !this.cancelled && this.more !== undefined) { this.search(this.more); return }
    if (!this.server.answered) this.server.respond(this.best())
    this.finish()
  }

  private search(more: NonNullable<typeof this.more>): void {
    if (this.searching !== undefined) return
    const abort = new AbortController()
    this.searching = abort
    more(abort.signal).then((forwards) => {
      if (abort.signal.aborted) { for (const { media } of forwards) media?.onFailed(); return }
      this.searching = undefined
      this.waiting.push(...forwards)
    }, () => {
      this.searching = undefined
      this.more = undefined // what was heard before is told
    }).then(() => { this.conclude() }, () => { this.close() })
  }

  private best(): SipResponse {
    const best = bestResponse(this.finals) ?? this.localResponse(408)
    // §16.7 step 6: 503 would make the caller avoid this proxy, which is well
    return best.status === 503 ? this.localResponse(500) : best
  }

  /** §16.7 step 3: without our Via; what no Via is left in was meant for us. From is what the caller wrote. @throws DecodeError */
  private towardsCaller(response: SipResponse): SipResponse | undefined {
    const out = response.clone()
    out.headers.replaceFirst('Via', undefined)
    if (!out.headers.has('Via')) return undefined
    void out.via // it leads to the caller
    if (this.callerFrom !== undefined) out.headers.set('From', this.callerFrom)
    return out
  }

  private localResponse(status: number): SipResponse {
    const response = makeResponse(this.server.request, status, undefined, this.transactions.token())
    response.headers.append('Server', this.serverName)
    return response
  }

  private finish(): void {
    if (this.over) return
    this.over = true
    this.waiting = this.branches = this.finals = NONE
    // only the transactions' timers keep this now, so that repeated 2xx find their way
    this.server.request.discard()
    this.onOver(this)
  }
}
