/**
 * All calls of this phone: places them, takes them in, finds them by id for the user, writes their history.
 * Owns the calls; an ended one stays in view for a while so that its end can be read.
 */
import type { CallView } from '@shared/model/index.ts'
import { PeerError } from '../base/errors.ts'
import { Emitter, type Event } from '../base/event.ts'
import type { Timer } from '../ports/clock.ts'
import type { DialogInfo, IncomingRefer, InviteServerCall, Replaced } from '../sip/ua/userAgent.ts'
import { dialled, hostOf, normaliseAor, reachableTarget, sipUri } from './address.ts'
import { Call } from './call.ts'
import { historyOf } from './callEnd.ts'
import type { ConversationUser } from './conversation.ts'
import { followTransfer } from './referral.ts'
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
  /** Callers may hear that we are in another call. */
  readonly tellsInCall?: () => boolean
  /** Calls at the same time, ringing ones included; 20 unless told otherwise. */
  readonly maxCalls?: number
}

/** What happens to the other calls when one becomes the one talked in. */
export interface Focus { readonly holdOthers?: boolean }

type Control = OutgoingCall | IncomingCall

const keepEndedMs = 30_000
const maxEnded = 20

interface Held { readonly control: Control; forget: Timer | undefined }

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

  /** Nothing rings, is looked for or talked on. */
  get isIdle(): boolean { return this.all().every((call) => call.state === 'ended') }

  /**
   * Places a call; its fate is told by `onChanged`.
   * @param address as people type it
   * @param media makes the sound of this call
   * @returns the id of the call
   * @throws PeerError 'address-invalid', 'too-many-requests'
   */
  place(address: string, media: MediaPort, focus: Focus = {}): string {
    const { aor, uri } = dialled(address, this.deps.domain())
    if (this.running >= this.maxCalls) throw new PeerError('too-many-requests', `more than ${this.maxCalls} calls`)
    if (focus.holdOthers === true) this.holdOthers(undefined)
    const call = new Call(this.deps.clock, randomId(this.deps.random), 'out', { aor, displayName: this.deps.nameOf(aor, ''), verified: false }, uri === sipUri(aor) ? {} : { uri })
    const control = new OutgoingCall(this.deps, call, aor, (each) => this.userOf(each), [], uri)
    this.keep(control)
    control.place(media)
    return call.id
  }

  /** The user agent's fact: somebody calls. */
  incoming(invite: InviteServerCall): void {
    if (invite.replaces !== undefined) { this.replace(invite, invite.replaces); return }
    if (this.running >= this.maxCalls) { invite.reject(486); return }
    this.take(invite)
  }

  private take(invite: InviteServerCall, continues?: Control): IncomingCall {
    const { from, identity, referredBy } = invite
    const call = new Call(this.deps.clock, randomId(this.deps.random), 'in', {
      aor: from.aor, displayName: this.deps.nameOf(from.aor, from.displayName), verified: identity?.aor === from.aor,
    }, { ...(continues !== undefined && { continues: continues.call.id }), ...(referredBy !== undefined && { referredBy }) })
    this.deps.noteDialog?.(call.id, invite.callId)
    const control = new IncomingCall(this.deps.clock, this.deps.log, call, invite, (each) => this.userOf(each), continues === undefined && this.inCall && this.deps.tellsInCall?.() !== false)
    this.keep(control)
    return control
  }

  /** RFC 3891 §3: whoever names a dialog of ours by its secret tags is let into its place, without ringing. */
  private replace(invite: InviteServerCall, replaced: Replaced): void {
    const old = [...this.held.values()].map((each) => each.control).find(({ conversation }) => matches(conversation?.dialog, replaced))
    if (old === undefined) { invite.reject(481); return }
    if (old.call.ended) { invite.reject(603); return }
    if (replaced.earlyOnly) { invite.reject(486); return }
    if (old.media === undefined) { invite.reject(480); return }
    const control = this.take(invite, old)
    if (old.call.isMuted) control.call.mute(true)
    control.answer(old.media, () => { old.finish('transferred') })
  }

  /** @throws PeerError 'call-unknown' when it is not ringing here (any more) */
  answer(id: string, media: MediaPort, focus: Focus = {}): void {
    const { control } = this.find(id)
    if (!(control instanceof IncomingCall) || control.call.current !== 'incoming') throw new PeerError('call-unknown', 'this call is not ringing here')
    if (focus.holdOthers === true) this.holdOthers(id)
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

  /** Puts the other side on hold (RFC 3264 §8.4); silence falls at once. @throws PeerError 'call-unknown' before the answer or after the end */
  hold(id: string): void { this.conversationOf(id).setHeld(true) }

  /** @throws PeerError 'call-unknown' */
  resume(id: string, focus: Focus = {}): void {
    const conversation = this.conversationOf(id)
    if (focus.holdOthers === true) this.holdOthers(id)
    conversation.setHeld(false)
  }

  /** Sends keys: 0-9, *, #, A-D. @throws PeerError 'call-unknown', 'invalid-argument' */
  sendKeys(id: string, keys: string): void {
    if (!/^[0-9A-D*#]{1,64}$/i.test(keys)) throw new PeerError('invalid-argument', 'keys are 0-9, *, # and A-D')
    this.conversationOf(id).sendKeys(keys)
  }

  /** Sends the other side of `id` to somebody (RFC 5589 §6). @throws PeerError 'call-unknown', 'address-invalid', 'invalid-argument' */
  transfer(id: string, uri: string): void {
    const aor = normaliseAor(uri, this.deps.domain())
    this.conversationOf(id).transfer(sipUri(aor), aor)
  }

  /** Joins the other sides of two calls of ours (RFC 5589 §7). @throws PeerError 'call-unknown', 'invalid-argument' */
  join(id: string, withId: string): void {
    const first = this.conversationOf(id), second = this.conversationOf(withId)
    const { dialog } = second
    if (first === second || dialog === undefined) throw new PeerError('invalid-argument', 'two answered calls are needed')
    const { call } = this.find(withId).control
    const { aor } = call.view().remote
    first.transfer(reachableTarget(dialog.remoteTarget, aor, this.deps.domain()), aor, dialog)
    // whoever is joined hangs up on us before the news comes from the other side
    call.setTransfer({ by: 'me', target: this.find(id).control.call.view().remote.aor, state: 'calling', status: null })
  }

  private holdOthers(id: string | undefined): void {
    for (const [other, { control }] of this.held) if (other !== id && !control.call.ended) control.conversation?.setHeld(true)
  }

  private conversationOf(id: string): NonNullable<Control['conversation']> {
    const { control } = this.find(id)
    if (control.conversation === undefined || control.call.ended) throw new PeerError('call-unknown', 'this call is not answered, or over')
    return control.conversation
  }

  private userOf(control: Control): ConversationUser {
    return {
      onTransferred: () => {
        // the consultation call of an attended transfer has done its work too
        for (const { control: other } of [...this.held.values()]) {
          if (other !== control && other.call.isLeaving && other.call.view().transfer?.target === control.call.view().remote.aor) other.finish('transferred')
        }
        control.finish('transferred')
      },
      onReferred: (refer) => { this.follow(control, refer) },
    }
  }

  /** RFC 3515 §2.4.2: the other side sends us to somebody, inside a call that the user has taken. */
  private follow(control: Control, refer: IncomingRefer): void {
    if (control.media === undefined || this.running >= this.maxCalls) { refer.reject(480); return }
    let aor: string, uri: string
    try { ({ aor, uri } = dialled(refer.target.uri, this.deps.domain())) } catch (cause) {
      if (!(cause instanceof PeerError)) throw cause
      refer.reject(400)
      return
    }
    // nobody but the user leads a call out of the overlay, or from one domain outside to another
    if (hostOf(aor) !== hostOf(`@${this.deps.domain()}`) && hostOf(aor) !== hostOf(control.call.view().remote.aor)) { refer.reject(403); return }
    const headers: [string, string][] = [['Referred-By', refer.referredBy]]
    if (refer.replaces !== undefined) headers.push(['Replaces', refer.replaces])
    const { remote } = control.call.view()
    const call = new Call(this.deps.clock, randomId(this.deps.random), 'out', { aor, displayName: this.deps.nameOf(aor, refer.target.displayName), verified: false }, { continues: control.call.id, referredBy: remote.aor })
    const next = new OutgoingCall(this.deps, call, aor, (each) => this.userOf(each), headers, uri)
    refer.accept()
    followTransfer(control.call, aor, refer, this.onChanged, call.id)
    this.keep(next)
    if (control.call.isMuted) call.mute(true)
    next.place(control.media)
  }

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

  private keep(control: Control): void {
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

function matches(dialog: DialogInfo | undefined, wanted: Replaced): boolean {
  return dialog !== undefined && dialog.callId === wanted.callId && dialog.localTag === wanted.localTag && dialog.remoteTag === wanted.remoteTag
}
