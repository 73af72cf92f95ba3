/**
 * Sees to it that the certificate is renewed in good time (RFC 6940 §13.3): asks for a new one when a sixth of its life
 * is left, again and again until somebody answers, and puts it to use when nobody is talking.
 */
import { PeerError } from '../base/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'

export interface RenewalUser<T> {
  /** The certificate in use; undefined while there is none to renew. */
  current(): { readonly notBefore: number; readonly notAfter: number } | undefined
  /** Asks for another one; undefined when there is none yet. @throws PeerError; the signal's reason */
  renew(signal: AbortSignal): Promise<T | undefined>
  /** Whether the peer may go off the network for a moment. */
  isQuiet(): boolean
  /** The new certificate is to be used from now on. */
  use(renewed: T): Promise<void>
}

const LOOK_MS = 6 * 3_600_000
const QUIET_MS = 60_000
const REMAINING_PART = 6

export class Renewal<T> {
  private timer: Timer | undefined
  private running = new AbortController()

  constructor(private readonly clock: Clock, private readonly log: Log, private readonly user: RenewalUser<T>) {}

  start(): void {
    this.stop()
    this.running = new AbortController()
    this.later(0, () => this.look())
  }

  stop(): void {
    this.timer?.cancel()
    this.running.abort(new PeerError('cancelled', 'stopped'))
  }

  private async look(): Promise<void> {
    const certificate = this.user.current()
    const due = certificate !== undefined && certificate.notAfter - this.clock.now() < (certificate.notAfter - certificate.notBefore) / REMAINING_PART
    const renewed = due ? await this.user.renew(this.running.signal) : undefined
    if (renewed === undefined) this.later(LOOK_MS, () => this.look())
    else await this.apply(renewed)
  }

  private async apply(renewed: T): Promise<void> {
    if (!this.user.isQuiet()) { this.later(QUIET_MS, () => this.apply(renewed)); return }
    this.log.info('certificate renewed')
    this.later(LOOK_MS, () => this.look())
    await this.user.use(renewed)
  }

  private later(ms: number, step: () => Promise<void>): void {
    const { signal } = this.running
    this.timer = this.clock.setTimer(ms, () => {
      step().catch((cause: unknown) => {
        if (signal.aborted) return
        this.log.info('certificate not renewed', { cause: String(cause) })
        this.later(LOOK_MS, () => this.look())
      })
    })
  }
}
