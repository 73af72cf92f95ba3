/**
 * Hold and resume from our side (RFC 3264 §8.4): what the user wants, what both sides have agreed on, one offer at a
 * time, and another try after glare (RFC 3261 §14.1). Knows no SDP: its user makes and sends the offers.
 */
import { assertNever } from '../base/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'

export interface HoldUser {
  /** Offer this to the other side; `onAnswered` or `onRefused` follows. */
  sendOffer(held: boolean): void
  /** `wanted` changed, or nothing is under way any more. */
  onChanged(): void
}

type State = 'steady' | 'offering' | 'waiting'

const maxTries = 6

export class Hold {
  private state: State = 'steady'
  private agreed = false
  private offered = false
  private tries = 0
  private timer: Timer | undefined
  private wantedNow = false

  constructor(private readonly clock: Clock, private readonly user: HoldUser) {}

  /** The user's wish; the sound follows it at once. */
  get wanted(): boolean { return this.wantedNow }
  /** Nothing is under way. */
  get steady(): boolean { return this.state === 'steady' }

  want(held: boolean): void {
    if (this.wantedNow === held) return
    this.wantedNow = held
    this.tries = 0
    this.step()
    this.user.onChanged()
  }

  onAnswered(): void {
    if (this.state !== 'offering') return
    this.state = 'steady'
    this.agreed = this.offered
    this.step()
    if (this.steady) this.user.onChanged()
  }

  /** @param retryMs after glare; undefined when the other side does not want it: all stays as agreed */
  onRefused(retryMs: number | undefined): void {
    if (this.state !== 'offering') return
    if (retryMs !== undefined && ++this.tries < maxTries) {
      this.state = 'waiting'
      this.timer = this.clock.setTimer(retryMs, () => { this.state = 'steady'; this.step() })
      return
    }
    this.state = 'steady'
    this.wantedNow = this.agreed
    this.user.onChanged()
  }

  stop(): void { this.timer?.cancel() }

  private step(): void {
    switch (this.state) {
      case 'steady':
        if (this.wantedNow === this.agreed) return
        this.state = 'offering'
        this.offered = this.wantedNow
        this.user.sendOffer(this.offered)
        return
      case 'offering': case 'waiting': return // looked at again when that is over
      default: assertNever(this.state)
    }
  }
}
