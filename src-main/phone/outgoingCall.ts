/**
 * A call we place (RFC 3261 §13.2): look-up and offer run at the same time, then an INVITE goes to every device
 * of the person called with one Call-ID and From tag; the first answer wins and the others are cancelled with the
 * reason that lets them tell "answered elsewhere" from "missed" (RFC 3326).
 */
import type { CallEnd, CallView } from '@shared/model/index.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Random } from '../ports/random.ts'
import type { HeaderList, InviteClientCall, InviteClientUser, UserAgent } from '../sip/ua/userAgent.ts'
import { PeerError } from '../base/errors.ts'
import { dialled, hostOf, isSecure, sipUri } from './address.ts'
import type { Call } from './call.ts'
import { bestStatus, endOfFailure, endOfSession, endOfStatus } from './callEnd.ts'
import { endOutside } from './outsideFailure.ts'
import { Conversation, type ConversationUser } from './conversation.ts'
import { randomId } from './identifier.ts'
import type { MediaPort, MediaSession } from './mediaPort.ts'
import { resolveEach, type Target, type TargetResolver } from './targetResolver.ts'

export interface OutgoingDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly resolver: TargetResolver
  readonly userAgent: Pick<UserAgent, 'invite'>
  /** Is this an address of another domain? */
  readonly leavesOverlay?: (aor: string) => boolean
  /** A call has this Call-ID: for who records what is said about it. */
  readonly noteDialog?: (id: string, callId: string) => void
}

/** After so long nobody is there. */
export const noAnswerMs = 60_000
const maxTargets = 10
const maxForwards = 5
const completedElsewhere = 'SIP;cause=200;text="Call completed elsewhere"'

interface Fork { call: InviteClientCall | undefined; done: boolean }

export class OutgoingCall {
  private readonly abort = new AbortController()
  private readonly forks: Fork[] = []
  private readonly statuses: number[] = []
  private session: MediaSession | undefined
  /** What makes the sound, for a call that takes the place of this one. */
  media: MediaPort | undefined
  conversation: Conversation | undefined
  private offered = ''
  private winner: Fork | undefined
  private timer: Timer | undefined
  private rang = false
  /** A device rings that is in no other call. */
  private ringsFreely = false
  /** Where responses have sent us: never twice (RFC 3261 §8.1.3.4). */
  private readonly visited = new Set<string>()
  private forwards: string[] = []
  /** The first place where we were sent and do not go by ourselves. */
  private notFollowed: string | undefined
  /** How it ended where the answer came from outside, or from nobody. */
  private outsideEnd: CallEnd | undefined
  private redirecting = false
  /** More devices may be reached. */
  private searching = true

  /** @param headers for the INVITE of a call that a transfer asks for; `uri` leads to `aor` */
  constructor(
    private readonly deps: OutgoingDeps, readonly call: Call, private readonly aor: string,
    private readonly user: (control: OutgoingCall) => ConversationUser, private readonly headers: HeaderList = [],
    private readonly uri: string = sipUri(aor),
  ) {}

  /** Starts; what happens is seen on the call. */
  place(media: MediaPort): void {
    this.run(media).catch((cause: unknown) => {
      if (this.call.ended) return
      this.deps.log.info('call.failed', { call: this.call.id, cause: String(cause) })
      this.finish(endOfFailure(cause))
    })
  }

  hangUp(): void {
    this.finish(this.winner === undefined ? 'cancelled' : 'hung-up')
  }

  /** Ends signalling and call alike; the first reason stays. */
  finish(end: CallEnd): void {
    if (this.call.ended) return
    this.timer?.cancel()
    this.conversation?.close()
    this.abort.abort()
    for (const fork of this.forks) if (!fork.done) fork.call?.end()
    this.call.finish(end)
  }

  private async run(media: MediaPort): Promise<void> {
    const { signal } = this.abort
    this.media = media
    this.session = this.call.open(media)
    const early: Target[] = []
    let take = (target: Target): void => { early.push(target) }
    // The first device that is reached begins the call; those reached later are called, too.
    const found = new Promise<void>((resolve, reject) => {
      resolveEach(this.deps.resolver, this.uri, signal, (target) => { take(target); resolve() })
        .finally(() => { this.searching = false; this.failIfAllHave() }).then(resolve, reject)
    })
    const [, offer] = await Promise.all([found, this.session.offer(signal)])
    if (this.call.ended) return
    if (early.length === 0) { this.finish('user-offline'); return }
    this.offered = offer
    this.visited.add(this.uri)
    this.call.to('calling')
    this.timer = this.deps.clock.setTimer(noAnswerMs, () => { this.finish(this.rang ? 'call-no-answer' : 'user-offline') })
    const dialog = this.newDialog()
    let count = early.length
    take = (target) => { if (count++ < maxTargets && this.winner === undefined) this.invite([target], dialog) }
    this.invite(early, dialog)
    this.failIfAllHave()
  }

  /** A Call-ID and From tag: a new pair for each place that we are sent to. */
  private newDialog(): { readonly callId: string; readonly fromTag: string } {
    const dialog = { callId: randomId(this.deps.random, 12), fromTag: randomId(this.deps.random, 6) }
    this.deps.noteDialog?.(this.call.id, dialog.callId)
    return dialog
  }

  /** One INVITE to each target. */
  private invite(targets: readonly Target[], dialog = this.newDialog()): void {
    const forks = targets.slice(0, maxTargets).map((target) => ({ target, fork: { call: undefined, done: false } as Fork }))
    this.forks.push(...forks.map(({ fork }) => fork))
    for (const { target, fork } of forks) {
      if (this.call.ended) return
      const options = { to: sipUri(this.aor), offer: this.offered, headers: this.headers, ...dialog }
      fork.call = this.deps.userAgent.invite({ connection: target.connection, requestUri: target.requestUri }, options, this.userOf(fork, target))
    }
  }

  private userOf(fork: Fork, target: Target): InviteClientUser {
    return {
      onProgress: (status, _, waiting) => {
        if (status < 180 || this.winner !== undefined) return
        this.rang ||= status === 180
        this.ringsFreely ||= !waiting
        this.call.ringing(!this.ringsFreely)
      },
      onAnswered: (answer, remote) => {
        if (this.call.ended || this.winner !== undefined) { fork.done = true; fork.call?.end(completedElsewhere); return }
        this.winner = fork
        this.timer?.cancel()
        for (const other of this.forks) if (other !== fork && !other.done) { other.done = true; other.call?.end(completedElsewhere) }
        const before = this.call.view().remote
        const shown: CallView['remote'] = {
          aor: before.aor, displayName: before.displayName || remote.displayName, verified: target.identity?.aor === before.aor,
        }
        this.call.answered(answer, shown)
        this.accept(answer)
        this.converse(fork, answer)
      },
      onFailed: (status, reason, contacts) => { this.forkFailed(fork, status, target.outside === true ? reason : undefined, contacts) },
      onEnded: (reason) => {
        fork.done = true
        if (fork !== this.winner) return
        this.deps.log.info('call.ended', { call: this.call.id, reason: reason.text })
        this.finish(this.call.isLeaving && reason.status === 200 ? 'transferred' : endOfSession(reason.status))
      },
      onOffer: (offer) => (fork === this.winner ? this.conversation?.onOffer(offer) : undefined) ?? Promise.reject(new Error('no sound to renegotiate')),
      onReanswered: (answer) => { this.conversation?.onReanswered(answer) },
      onReferred: (refer) => { this.conversation?.onReferred(refer) },
      onInfo: (info) => this.conversation?.onInfo(info) ?? false,
    }
  }

  /** RFC 3261 §16.7: 6xx ends the call everywhere; otherwise the call fails when the last device has. */
  private forkFailed(fork: Fork, status: number, outside: string | undefined, contacts: readonly string[] = []): void {
    if (fork.done || this.call.ended || this.winner !== undefined) { fork.done = true; return }
    fork.done = true
    this.statuses.push(status)
    this.forwards.push(...contacts)
    if (outside !== undefined) this.outsideEnd = endOutside(status, outside, this.rang)
    if (status >= 600) this.forwards = []
    if (status >= 600) this.goOn()
    else this.failIfAllHave()
  }

  /** The call fails here when the last device has, and no other can be reached any more. */
  private failIfAllHave(): void {
    if (this.searching || this.call.ended || this.winner !== undefined || this.forks.length === 0) return
    if (this.forks.every((each) => each.done)) this.goOn()
  }

  /** The next place that we were sent to, or the end. */
  private goOn(): void {
    if (this.redirecting) return
    const next = this.nextForward()
    if (next === undefined) {
      const end = this.outsideEnd ?? endOfStatus(bestStatus(this.statuses), this.rang)
      if (end === 'call-moved' && this.notFollowed !== undefined) this.call.moved(this.notFollowed)
      this.finish(end)
      return
    }
    this.redirecting = true
    this.call.forwarded(next.aor)
    this.deps.resolver.resolve(next.uri, this.abort.signal).then((targets) => {
      this.redirecting = false
      if (!this.call.ended) this.invite(targets)
    }, (cause: unknown) => {
      this.redirecting = false
      if (this.call.ended) return
      this.deps.log.info('call.forward-failed', { call: this.call.id, cause: String(cause) })
      this.outsideEnd = endOfFailure(cause)
      this.goOn()
    })
  }

  /** RFC 3261 §8.1.3.4. Nobody but the user leads a call out of the overlay, or from a secure way to another. */
  private nextForward(): { readonly aor: string; readonly uri: string } | undefined {
    for (;;) {
      const contact = this.forwards.shift()
      if (contact === undefined || this.visited.size > maxForwards) return undefined
      let place: { readonly aor: string; readonly uri: string }
      try { place = dialled(contact, hostOf(this.aor)) } catch (cause) {
        if (!(cause instanceof PeerError)) throw cause
        continue
      }
      const leaves = hostOf(place.aor) !== hostOf(this.aor) && this.deps.leavesOverlay?.(this.aor) !== true
      if (this.visited.has(place.uri)) continue
      if (leaves || (isSecure(this.uri) && !isSecure(place.uri))) { this.notFollowed ??= place.uri; continue }
      this.visited.add(place.uri)
      return place
    }
  }

  private accept(answer: string): void {
    this.session?.accept(answer).catch((cause: unknown) => {
      this.deps.log.info('call.answer-refused', { call: this.call.id, cause: String(cause) })
      this.finish(endOfFailure(cause) === 'call-failed' ? 'call-media-failed' : endOfFailure(cause))
    })
  }

  private converse(fork: Fork, answer: string): void {
    if (fork.call === undefined || this.session === undefined || this.call.ended) return
    this.conversation = new Conversation(this.deps.clock, this.call, fork.call, this.session, this.offered, answer, this.user(this), this.abort.signal)
  }
}
