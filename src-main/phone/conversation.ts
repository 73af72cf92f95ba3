/**
 * What both directions of a call do alike once it is answered: hold on both sides, keys (RFC 4733 where the other side
 * takes them, else INFO), offers of the other side, transfer as who asks. Ties the call's view, its sound and its
 * dialog together; how the call began and ends is left to incomingCall.ts and outgoingCall.ts.
 */
import { PeerError } from '../base/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import { directionOf, takesTelephoneEvents } from '../sdp/rewrite.ts'
import type { DialogInfo, EstablishedCall, IncomingInfo, IncomingRefer } from '../sip/ua/userAgent.ts'
import type { Call } from './call.ts'
import { Hold } from './hold.ts'
import { LocalDescription } from './localDescription.ts'
import type { MediaSession } from './mediaPort.ts'
import { Transfer } from './transfer.ts'

export interface ConversationUser {
  /** The other side went to somebody else at our request. */
  onTransferred(): void
  /** The other side asks us to call somebody else in its place. */
  onReferred(refer: IncomingRefer): void
}

/** Between two keys sent by INFO, so that they stay apart and in order. */
const keyGapMs = 250
const encoder = new TextEncoder()

export class Conversation {
  private readonly description: LocalDescription
  private readonly hold: Hold
  private transferring: Transfer | undefined
  private readonly keys: string[] = []
  private keyTimer: Timer | undefined
  private over = false

  /** @param local what we said, `remote` what the other side said, whoever offered */
  constructor(
    private readonly clock: Clock, private readonly call: Call, private readonly leg: EstablishedCall, private readonly session: MediaSession,
    local: string, remote: string, private readonly user: ConversationUser, private readonly signal: AbortSignal,
  ) {
    this.description = new LocalDescription(local, remote)
    this.hold = new Hold(clock, { sendOffer: (held) => { this.sendOffer(held) }, onChanged: () => { this.onHoldChanged() } })
    this.noteTheirs(remote)
  }

  get dialog(): DialogInfo | undefined { return this.leg.dialog }

  setHeld(held: boolean): void { this.hold.want(held) }

  /** @param keys 0-9, *, #, A-D */
  sendKeys(keys: string): void {
    if (takesTelephoneEvents(this.description.theirs)) { this.session.sendKeys(keys); return }
    const idle = this.keys.length === 0 && this.keyTimer === undefined
    this.keys.push(...keys.toUpperCase())
    if (idle) this.nextKey()
  }

  /** @throws PeerError 'invalid-argument' while another transfer runs, or before the call is answered */
  transfer(target: string, shown: string, replaces?: DialogInfo): void {
    if (this.transferring?.active === true) throw new PeerError('invalid-argument', 'a transfer is under way')
    this.transferring = new Transfer(this.leg, this.hold, target, shown, replaces, {
      onTransferChanged: (view) => { this.call.setTransfer(view) },
      onTransferred: () => { this.user.onTransferred() },
    })
    this.transferring.start()
  }

  /** re-INVITE or UPDATE of the other side. */
  async onOffer(offer: string): Promise<string> {
    const quick = this.description.answer(offer, this.hold.wanted)
    const answer = quick ?? this.description.adopt(await this.session.answer(offer, this.signal), offer, this.hold.wanted)
    if (quick === undefined) this.call.secured(offer)
    this.noteTheirs(offer)
    return answer
  }

  onReanswered(answer: string): void {
    this.description.answered(answer)
    this.noteTheirs(answer)
  }

  onReferred(refer: IncomingRefer): void { this.user.onReferred(refer) }

  /** Keys as INFO (application/dtmf-relay, application/dtmf). @returns false when the body means nothing to us */
  onInfo({ contentType, body }: IncomingInfo): boolean {
    const text = new TextDecoder().decode(body.subarray(0, 200))
    const key = contentType === 'application/dtmf-relay' ? /^\s*Signal\s*=\s*([0-9A-D*#])\s*$/im.exec(text)?.[1] : contentType === 'application/dtmf' ? /^\s*([0-9A-D*#])\s*$/i.exec(text)?.[1] : undefined
    if (key === undefined) return false
    this.call.onKey(key.toUpperCase())
    return true
  }

  close(): void {
    this.over = true
    this.hold.stop()
    this.transferring?.stop()
    this.keyTimer?.cancel()
  }

  private sendOffer(held: boolean): void {
    this.leg.reoffer(this.description.offer(held), {
      onAnswered: (answer) => {
        this.description.answered(answer)
        if (!held) this.noteTheirs(answer) // to a side on hold nobody has to say whether it is held itself
        this.hold.onAnswered()
      },
      onRefused: (_status, retryMs) => { this.hold.onRefused(retryMs) },
    })
  }

  private onHoldChanged(): void {
    if (this.over) return
    this.show()
    this.transferring?.onHoldChanged()
  }

  private noteTheirs(sdp: string): void {
    const direction = directionOf(sdp)
    this.call.setHeldByThem(direction === 'sendonly' || direction === 'inactive')
    this.show()
  }

  private show(): void {
    const byMe = this.hold.wanted
    this.call.setHeldByMe(byMe)
    this.session.setFlow({ send: !byMe && !this.call.isHeldByThem, receive: !byMe })
  }

  private nextKey(): void {
    this.keyTimer = undefined
    const key = this.keys.shift()
    if (key === undefined || this.over) return
    this.leg.inform('application/dtmf-relay', encoder.encode(`Signal=${key}\r\nDuration=160\r\n`))
    this.keyTimer = this.clock.setTimer(keyGapMs, () => { this.nextKey() })
  }
}
