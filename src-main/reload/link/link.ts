/**
 * One TLS-TCP-FH overlay link (RFC 6940 §6.6.2, §6.6.5): frames messages, acknowledges each at once, measures
 * the round trip by the acks, suspects the link when acks stay away and gives it up 30 s later. There is no
 * retransmission: TCP does that. Bounds what a slow receiver or a flooding sender can cost.
 * What the messages mean is the router's business.
 */
import type { Counters } from '../../base/counters.ts'
import { DecodeError } from '../../base/errors.ts'
import { TokenBucket } from '../../base/tokenBucket.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { SecureStream, SecureStreamUser } from '../../ports/secureStream.ts'
import { encodeAck, encodeDataHead, FrameDecoder, FrameTooLarge, ReceivedSequences } from './framing.ts'
import { RoundTripTime } from './roundTripTime.ts'

export interface LinkUser {
  onMessage(link: Link, message: Uint8Array): void
  /** Acks stay away: the link should not be routed over for now (RFC 6940 §6.6.5). */
  onSuspect(link: Link): void
  /** Acks came again after `onSuspect`. */
  onRecovered(link: Link): void
  /** A message over max-message-size announces itself; the link closes after this call (RFC 6940 §6.6). `head` is its beginning. */
  onTooLarge(link: Link, head: Uint8Array): void
  /** Last call. */
  onClosed(link: Link, cause: string): void
}

export interface LinkLimits {
  /** max-message-size of the overlay document */
  readonly maxMessageBytes: number
  /** Bytes we queue for a peer that does not read before messages to it are dropped. */
  readonly maxQueuedBytes: number
  /** Messages per second, sustained, and the burst, above which a sender's messages are dropped. */
  readonly messagesPerSecond: number
  readonly messageBurst: number
}

/** Suspicion waits this many RTOs and at least so long: a busy computer is not a broken link. */
const SUSPECT_RTOS = 4
const SUSPECT_MIN_MS = 3000
/** One stall must not make the next one go unnoticed for minutes. */
const SUSPECT_MAX_MS = 10_000
const GRACE_MS = 30_000
const MAX_OUTSTANDING = 256
/** Nothing waits, as on most links; never written to. */
const NONE: number[] = []

export class Link implements SecureStreamUser {
  readonly openedAt: number
  private readonly decoder: FrameDecoder
  private readonly received = new ReceivedSequences()
  private readonly rtt = new RoundTripTime()
  /** When the messages were sent that wait for acks, from number `unacked` on. */
  private outstanding: number[] = NONE
  private unacked = 0
  private state: 'up' | 'suspect' | 'closed' = 'up'
  /** Closed by us, and the peer does not know yet. */
  private retired = false
  private sequence = 0
  private queuedBytes = 0
  private timer: Timer | undefined
  private readonly flood: TokenBucket
  private heardAt: number
  private spokeAt: number

  /** @param nodeId who is at the other end; the Connection Table changes it once when a node of several Node-IDs says which it is */
  constructor(
    public nodeId: Uint8Array,
    readonly stream: SecureStream,
    readonly initiatedByUs: boolean,
    private readonly clock: Clock,
    private readonly limits: LinkLimits,
    /** The node's. */
    private readonly counters: Counters,
    private readonly user: LinkUser,
  ) {
    this.openedAt = clock.monotonic()
    this.decoder = new FrameDecoder(limits)
    this.flood = new TokenBucket(clock, limits.messagesPerSecond, limits.messageBurst)
    this.heardAt = this.spokeAt = this.openedAt
  }

  /** Takes the stream over; call in the turn in which it came, once the link can be found by its Node-ID. */
  start(): void { this.stream.user = this }

  get rttMs(): number | null { return this.rtt.smoothedMs }
  get isSuspect(): boolean { return this.state === 'suspect' }
  get isClosed(): boolean { return this.state === 'closed' }
  /** Something was sent that waits for its ack: if none comes the link becomes suspect by itself. */
  get awaitsAck(): boolean { return this.outstanding !== NONE }
  /** Milliseconds since anything came from the peer. */
  get silentMs(): number { return this.clock.monotonic() - this.heardAt }

  /** Milliseconds since anything went to the peer. */
  get quietMs(): number { return this.clock.monotonic() - this.spokeAt }

  /**
   * Shows the peer that we are there, as a STUN Binding Indication does where there is ICE (RFC 6940 §6.5.1.10,
   * RFC 7363 §6.3.1): repeats the last acknowledgement, which has no answer and means nothing else.
   */
  keepAlive(): void {
    const { last } = this.received
    if (!this.isClosed && last !== undefined) this.write(encodeAck(last.sequence, last.received))
  }

  /** Queues one message. False when it was dropped: the link is closed, the message too large or the peer too slow. */
  send(message: Uint8Array): boolean {
    if (this.state === 'closed' || message.length > this.limits.maxMessageBytes) return false
    if (this.queuedBytes + message.length > this.limits.maxQueuedBytes) { this.counters.add('link.droppedSlow'); return false }
    const sequence = this.sequence
    this.sequence = (this.sequence + 1) >>> 0
    this.remember(sequence)
    this.write(encodeDataHead(sequence, message.length))
    this.write(message)
    if (this.timer === undefined) this.watch()
    return true
  }

  /** Ends in order. */
  close(): void {
    if (this.state === 'closed') return
    this.stream.close()
    this.finish('closed by us')
  }

  /** As `close`, but what the peer has sent before it learns of the end is still taken: a link that is merely not needed loses nothing. */
  retire(): void {
    this.retired = this.state !== 'closed'
    this.close()
  }

  destroy(cause: string): void {
    if (this.state === 'closed') return
    this.stream.destroy()
    this.finish(cause)
  }

  onDrain(): void { this.queuedBytes = 0 }

  onClose(cause?: Error): void { this.finish(cause?.message ?? 'closed by peer') }

  private write(frame: Uint8Array): void {
    this.spokeAt = this.clock.monotonic()
    if (this.stream.write(frame)) this.queuedBytes = 0
    else this.queuedBytes += frame.length
  }

  onData(bytes: Uint8Array): void {
    if (this.isClosed && !this.retired) return
    this.heardAt = this.clock.monotonic()
    try {
      this.decoder.add(bytes)
      for (let frame = this.decoder.next(); frame !== undefined; frame = this.decoder.next()) {
        if (frame.type === 'ack') this.onAck(frame.ackSequence)
        else {
          if (!this.isClosed) this.write(encodeAck(frame.sequence, this.received.note(frame.sequence)))
          this.onMessage(frame.message)
        }
        if (this.isClosed && !this.retired) return
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      if (error instanceof FrameTooLarge) this.user.onTooLarge(this, error.head)
      else this.counters.add('link.malformed')
      this.retired = false
      this.close()
    }
  }

  private onMessage(message: Uint8Array): void {
    if (!this.flood.take()) { this.counters.add('link.droppedFlood'); return }
    this.user.onMessage(this, message)
  }

  private onAck(sequence: number): void {
    const place = (sequence - this.unacked) | 0
    const sentAt = this.outstanding[place]
    if (sentAt === undefined) return
    this.rtt.measure(this.clock.monotonic() - sentAt)
    // TCP keeps order: whatever was sent before this frame has arrived too.
    this.outstanding = place + 1 === this.outstanding.length ? NONE : this.outstanding.slice(place + 1)
    this.unacked = (sequence + 1) >>> 0
    if (this.state !== 'suspect') return
    this.timer?.cancel()
    this.timer = undefined
    this.state = 'up'
    this.user.onRecovered(this)
    if (!this.isClosed) this.watch()
  }

  private remember(sequence: number): void {
    const now = this.clock.monotonic()
    if (this.outstanding === NONE) { this.outstanding = [now]; this.unacked = sequence }
    // Beyond that the first ones say enough.
    else if (this.outstanding.length < MAX_OUTSTANDING && (this.unacked + this.outstanding.length) >>> 0 === sequence) this.outstanding.push(now)
  }

  /** One timer for all: what is acknowledged meanwhile is seen when it fires. */
  private watch(): void {
    const [oldest] = this.outstanding
    if (oldest === undefined) return
    const patience = Math.min(SUSPECT_MAX_MS, Math.max(SUSPECT_MIN_MS, SUSPECT_RTOS * this.rtt.rtoMs))
    const leftMs = oldest + patience - this.clock.monotonic()
    if (leftMs > 0) { this.timer = this.clock.setTimer(leftMs, () => { this.timer = undefined; this.watch() }); return }
    this.timer = this.clock.setTimer(GRACE_MS, () => { this.destroy('no acknowledgement') })
    this.state = 'suspect'
    this.user.onSuspect(this)
  }

  private finish(cause: string): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.timer?.cancel()
    this.timer = undefined
    this.outstanding = NONE
    this.user.onClosed(this, cause)
  }
}
