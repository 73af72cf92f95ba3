/**
 * One request of ours (RFC 6940 §6.2.1): transmitted when made and after each overlay-reliability-timer without
 * an acceptable answer, five times in all, always with the same bytes; then it has failed.
 */
import type { Clock, Timer } from '../../ports/clock.ts'

export interface ClientTransactionUser {
  /** False when there was nobody to send to; that counts as a lost transmission. */
  transmit(): boolean
  onTimeout(): void
}

export class ClientTransaction {
  private state: 'calling' | 'terminated' = 'calling'
  private timer: Timer | undefined
  private sent = 0
  private readonly startedAt: number
  private lastSentAt: number

  constructor(
    private readonly clock: Clock,
    private readonly reliabilityTimerMs: number,
    private readonly transmissions: number,
    private readonly user: ClientTransactionUser,
  ) {
    this.startedAt = this.lastSentAt = clock.monotonic()
  }

  /** Round trip of the answer that comes now: from the only transmission, or the first when there were several. */
  get elapsedMs(): number { return this.clock.monotonic() - (this.sent === 1 ? this.lastSentAt : this.startedAt) }
  get transmitted(): number { return this.sent }

  start(): void { this.transmit() }

  terminate(): void {
    this.state = 'terminated'
    this.timer?.cancel()
  }

  private transmit(): void {
    this.sent++
    this.lastSentAt = this.clock.monotonic()
    this.timer = this.clock.setTimer(this.reliabilityTimerMs, () => { this.onTimer() })
    this.user.transmit()
  }

  private onTimer(): void {
    switch (this.state) {
      case 'terminated': return
      case 'calling':
        if (this.sent < this.transmissions) { this.transmit(); return }
        this.state = 'terminated'
        this.user.onTimeout()
    }
  }
}
