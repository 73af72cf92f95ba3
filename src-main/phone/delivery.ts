/**
 * Delivers the waiting messages of one person, one after the other and oldest first, until none waits. A message
 * that cannot be delivered now stops the queue; it is tried again after 5 s, 10 s, … 5 minutes, or at once when
 * the person is heard of (`wake`). Owns that timer; it leaves the messages' keeping to its user.
 */
import type { MessageView } from '@shared/model/index.ts'
import type { ErrorCode } from '@shared/errorCodes.ts'
import { PeerError } from '../base/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { UserAgent } from '../sip/ua/userAgent.ts'
import { sipUri } from './address.ts'
import { endOutside } from './outsideFailure.ts'
import type { TargetResolver } from './targetResolver.ts'

export interface DeliveryResult {
  readonly state: 'delivered' | 'queued' | 'failed'
  readonly error: ErrorCode | null
}

export interface DeliveryUser {
  /** Oldest first. */
  waiting(): readonly MessageView[]
  /** Where it is to go. */
  uriOf(message: MessageView): string
  onAttempt(message: MessageView): void
  onResult(message: MessageView, result: DeliveryResult): void
  /** Nothing waits any more: the last call. */
  onEmpty(): void
}

export interface DeliveryDeps {
  readonly clock: Clock
  readonly log: Log
  readonly resolver: TargetResolver
  readonly userAgent: Pick<UserAgent, 'request'>
}

const firstRetryMs = 5_000
const lastRetryMs = 300_000
/** heard of during an attempt that failed: soon, but never in a tight loop */
const wokenRetryMs = 1_000
const maxTargets = 10
const delivered: DeliveryResult = { state: 'delivered', error: null }

export class Delivery {
  private readonly abort = new AbortController()
  private busy = false
  /** heard of while busy: a failure of this attempt is worth another soon */
  private woken = false
  private retryMs = firstRetryMs
  private timer: Timer | undefined

  constructor(private readonly deps: DeliveryDeps, private readonly aor: string, private readonly user: DeliveryUser) {}

  /** Starts delivering, or starts again without waiting. */
  wake(): void {
    if (this.abort.signal.aborted) return
    this.timer?.cancel()
    this.retryMs = firstRetryMs
    if (this.busy) { this.woken = true; return }
    this.busy = true
    this.run().catch((cause: unknown) => {
      this.busy = false
      this.deps.log.error('message.delivery', { cause: String(cause) })
    })
  }

  stop(): void {
    this.timer?.cancel()
    this.abort.abort()
  }

  private async run(): Promise<void> {
    for (;;) {
      const message = this.user.waiting()[0]
      if (this.abort.signal.aborted) return
      if (message === undefined) { this.stop(); this.user.onEmpty(); return }
      this.woken = false
      this.user.onAttempt(message)
      const result = await this.attempt(message)
      if (this.abort.signal.aborted) return
      this.user.onResult(message, result)
      // the user may have decided to keep waiting for somebody whom the overlay does not know (now)
      const stillWaits = this.user.waiting().some((each) => each.id === message.id)
      if (stillWaits) break
      this.retryMs = firstRetryMs
    }
    this.busy = false
    const waitMs = this.woken ? wokenRetryMs : this.retryMs
    this.timer = this.deps.clock.setTimer(waitMs, () => {
      const grown = Math.min(lastRetryMs, 2 * waitMs)
      this.wake()
      this.retryMs = Math.max(firstRetryMs, grown)
    })
  }

  private async attempt(message: MessageView): Promise<DeliveryResult> {
    const { signal } = this.abort
    const body = new TextEncoder().encode(message.text)
    try {
      const targets = (await this.deps.resolver.resolve(this.user.uriOf(message), signal)).slice(0, maxTargets)
      if (targets.length === 0) return { state: 'queued', error: 'user-offline' }
      // an answer may be lost with its pipe: by the Call-ID the other side knows a message that it has already
      const options = { to: sipUri(this.aor), callId: `${message.id}-message`, contentType: 'text/plain;charset=UTF-8', body }
      return await firstDelivered(targets.map((target) =>
        this.deps.userAgent.request({ connection: target.connection, requestUri: target.requestUri }, 'MESSAGE', options, signal)
          .then((response) => (target.outside === true ? resultOutside(response.status, response.reason) : resultOf(response.status)),
            (cause: unknown) => (target.outside === true && !signal.aborted ? resultOutside(408, '') : resultOfFailure(cause)))))
    } catch (cause) {
      if (!signal.aborted) this.deps.log.debug('message.waits', { aor: this.aor, cause: String(cause) })
      return resultOfFailure(cause)
    }
  }
}

/** Resolves at the first delivery; without one, with the best of what was left: waiting, else the refusal. */
function firstDelivered(attempts: readonly Promise<DeliveryResult>[]): Promise<DeliveryResult> {
  return new Promise((resolve, reject) => {
    for (const attempt of attempts) attempt.then((result) => { if (result.state === 'delivered') resolve(result) }, reject)
    Promise.all(attempts).then((results) => {
      const failed = results.find((result) => result.state === 'failed')
      resolve(results.find((result) => result.state !== 'failed') ?? failed ?? { state: 'queued', error: 'user-offline' })
    }, reject)
  })
}

/** RFC 3428 §7 and RFC 3261 §21: what may pass is waited out, what is a decision is final. */
function resultOf(status: number): DeliveryResult {
  if (status >= 200 && status < 300) return delivered
  switch (status) {
    case 404: case 410: case 604: return { state: 'failed', error: 'user-unknown' }
    case 413: return { state: 'failed', error: 'message-too-long' }
    case 408: case 480: case 486: return { state: 'queued', error: 'user-offline' }
    case 401: case 403: case 407: case 603: case 607: return { state: 'failed', error: 'message-refused' }
    case 405: case 415: case 488: case 501: case 606: return { state: 'failed', error: 'message-unsupported' }
    default: return status >= 500 && status < 600 ? { state: 'queued', error: 'peer-unreachable' } : { state: 'failed', error: 'peer-unreachable' }
  }
}

/** Nobody tells us when somebody outside is back: what does not arrive now has failed. */
function resultOutside(status: number, reason: string): DeliveryResult {
  if (status >= 200 && status < 300) return delivered
  const end = endOutside(status, reason, false)
  if (end === 'domain-unknown' || end === 'domain-unverified' || end === 'domain-unreachable' || end === 'domain-user-unknown') return { state: 'failed', error: end }
  return status === 480 || status === 486 || status === 600 ? { state: 'failed', error: 'domain-unreachable' } : resultOf(status)
}

function resultOfFailure(cause: unknown): DeliveryResult {
  if (!(cause instanceof PeerError)) return { state: 'queued', error: 'peer-unreachable' }
  const final = cause.code === 'user-unknown' || cause.code === 'outside-off' || cause.code === 'address-invalid' || cause.code === 'peer-unverified'
  return { state: final ? 'failed' : 'queued', error: cause.code }
}
