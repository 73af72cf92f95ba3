/**
 * All calls of this phone: places them, takes them in, finds them by id for the user, writes their history.
 * Owns the calls; an ended one stays in view for a while so that its end can be read.
 */
import type { CallView } from '@shared/model/index.ts'
import { PeerError } from '../base/errors.ts'
import { Emitter, type Event } from '../base/event.ts'
import type { Timer } from '../ports/clock.ts'
import type { InviteServerCall } from '../sip/ua/userAgent.ts'
import { normaliseAor } from './address.ts'
import { Call } from './call.ts'
import { historyOf } from './callEnd.ts'
import { randomId } from './identifier.ts'
import { IncomingCall } from './incomingCall.ts'
import type { MediaPort } from './mediaPort.ts'
import { OutgoingCall, type OutgoingDeps } from './outgoingCall.ts'
import type { HistoryService } from './historyService.ts'

export interface CallServiceDeps extends OutgoingDeps {
  readonly history: Pick<HistoryService, 'add'>
  /** What a bare name is completed with. */
  readonly domain: () => string
  /** The name to show for an address; `given` is what the other side calls itself. */
  readonly nameOf: (aor: string, given: string) => string
  /** Calls at the same time, ringing ones included; 20 unless told otherwise. */
  readonly maxCalls?: number
}

const keepEndedMs = 30_000
const maxEnded = 20

interface Held { readonly control: OutgoingCall | IncomingCall; forget: Timer | undefined }

export class CallService {
  private readonly held = new Map<string, Held>()
  private readonly changed = new Emitter<CallView>()
  private readonly removed = new Emitter<string>()
  /** Every step of every call. */
  readonly onChanged: Event<CallView> = this.changed.event
  /** An ended call leaves the view. */
  readonly onRemoved: Event<string> = this.removed.event

  constructor(private readonly deps: CallServiceDeps) {}

  all(): readonly CallView[] { return [...this.held.values()].map((each) => each.control.call.view()) }

  get(id: string): CallView | undefined { return this.held.get(id)?.control.call.view() }

  /** A call is up: answered and not over. */
  get inCall(): boolean { return this.all().some((call) => call.state === 'connecting' || call.state === 'active') }

  /**
   * Places a call; its fate is told by `onChanged`.
   * @param media makes the sound of this call
   * @returns the id of the call
   * @throws PeerError 'address-invalid', 'too-many-requests'
   */
  place(uri: string, media: MediaPort): string {
    const aor = normaliseAor(uri, this.deps.domain())
    if (this.running >= this.maxCalls) throw new PeerError('too-many-requests', `more than ${this.maxCalls} calls`)
    const call = new Call(this.deps.clock, randomId(this.deps.random), 'out', { aor, displayName: this.deps.nameOf(aor, ''), verified: false })
    const control = new OutgoingCall(this.deps, call, aor)
    this.hold(control)
    control.place(media)
    return call.id
  }

  /** The user agent's fact: somebody calls. */
  incoming(invite: InviteServerCall): void {
    if (this.running >= this.maxCalls) { invite.reject(486); return }
    const { from, identity } = invite
    const call = new Call(this.deps.clock, randomId(this.deps.random), 'in', {
      aor: from.aor, displayName: this.deps.nameOf(from.aor, from.displayName), verified: identity?.aor === from.aor,
    })
    this.hold(new IncomingCall(this.deps.clock, this.deps.log, call, invite))
  }

  /** @throws PeerError 'call-unknown' when it is not ringing here (any more) */
  answer(id: string, media: MediaPort): void {
    const { control } = this.find(id)
    if (!(control instanceof IncomingCall) || control.call.current !== 'incoming') throw new PeerError('call-unknown', 'this call is not ringing here')
    control.answer(media)
  }

  /** @param busy only this device is busy; others of ours go on ringing. @throws PeerError 'call-unknown' */
  reject(id: string, busy = false): void {
    const { control } = this.find(id)
    if (control instanceof IncomingCall) control.reject(busy)
    else control.hangUp()
  }

  /** Cancels, rejects or ends, as the call's state wants. @throws PeerError 'call-unknown' */
  hangUp(id: string): void { this.find(id).control.hangUp() }

  /** @throws PeerError 'call-unknown' */
  mute(id: string, muted: boolean): void { this.find(id).control.call.mute(muted) }

  /** Ends every call. */
  stop(): void {
    for (const { control } of [...this.held.values()]) {
      if (control.call.current === 'incoming') control.finish('missed')
      else control.hangUp()
    }
    for (const id of [...this.held.keys()]) this.forget(id)
  }

  private get maxCalls(): number { return this.deps.maxCalls ?? 20 }
  private get running(): number { return [...this.held.values()].filter((each) => !each.control.call.ended).length }

  private find(id: string): Held {
    const held = this.held.get(id)
    if (held === undefined) throw new PeerError('call-unknown', 'no such call')
    return held
  }

  private hold(control: OutgoingCall | IncomingCall): void {
    const { call } = control
    this.held.set(call.id, { control, forget: undefined })
    call.user = {
      onChanged: () => { this.onCallChanged(call) },
      onMediaFailed: (end) => { control.finish(end) },
    }
    this.changed.emit(call.view())
  }

  private onCallChanged(call: Call): void {
    const view = call.view()
    const held = this.held.get(call.id)
    if (view.state === 'ended' && held !== undefined && held.forget === undefined) {
      held.forget = this.deps.clock.setTimer(keepEndedMs, () => { this.forget(call.id) })
      this.deps.history.add(historyOf(view))
    }
    this.changed.emit(view)
    const ended = [...this.held].filter(([, each]) => each.control.call.ended)
    for (const [id] of ended.slice(0, Math.max(0, ended.length - maxEnded))) this.forget(id)
  }

  private forget(id: string): void {
    this.held.get(id)?.forget?.cancel()
    if (this.held.delete(id)) this.removed.emit(id)
  }
}
