/**
 * Text messages (RFC 3428): sends to every device of a person, keeps what cannot be delivered yet and tries
 * again, takes in what comes, keeps conversations. A message counts as delivered at the first 2xx. Owns the
 * queue; it survives a restart because every step is in the store first.
 */
import type { ConversationView, MessageView } from '@shared/model/index.ts'
import { PeerError } from '../base/errors.ts'
import { Emitter, type Event } from '../base/event.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Random } from '../ports/random.ts'
import type { IncomingMessage, UserAgent } from '../sip/ua/userAgent.ts'
import { dialled, hostOf, normaliseAor, sipUri, userPart } from './address.ts'
import { Delivery, type DeliveryResult } from './delivery.ts'
import { randomId } from './identifier.ts'
import type { MessageStore } from './stores.ts'
import type { TargetResolver } from './targetResolver.ts'

export interface MessageServiceDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly resolver: TargetResolver
  readonly userAgent: Pick<UserAgent, 'request'>
  readonly store: MessageStore
  readonly domain: () => string
  readonly nameOf: (aor: string, given: string) => string
  /** Somebody we know exists: "user unknown" then means "away for long", and the message waits. */
  readonly isContact: (aor: string) => boolean
}

export const maxTextLength = 20_000
/** UTF-8 takes at most three bytes for a UTF-16 unit. */
const maxBodyBytes = 3 * maxTextLength
const maxUndelivered = 1000
const maxNames = 1000

export class MessageService {
  private readonly deliveries = new Map<string, Delivery>()
  /** What people call themselves, for conversations with those who are no contacts. */
  private readonly givenNames = new Map<string, string>()
  /** What an address said about the way besides the address of record, by message. */
  private readonly ways = new Map<string, string>()
  private readonly message = new Emitter<MessageView>()
  private readonly conversationChanged = new Emitter<ConversationView>()
  private undelivered = 0
  private running = false
  /** A message is new or its state changed. */
  readonly onMessage: Event<MessageView> = this.message.event
  readonly onConversation: Event<ConversationView> = this.conversationChanged.event

  constructor(private readonly deps: MessageServiceDeps) {}

  /** Takes up what an earlier run left undelivered. */
  start(): void {
    this.running = true
    const left = this.deps.store.undelivered()
    this.undelivered = left.length
    for (const message of left) {
      // by which way it was to leave the overlay is not kept: the user decides anew
      if (hostOf(message.aor) !== hostOf(`@${this.deps.domain()}`)) this.settle(message, { state: 'failed', error: 'domain-unreachable' })
      else if (message.state === 'sending') this.deps.store.put({ ...message, state: 'queued' })
    }
    for (const aor of new Set(left.map((message) => message.aor))) this.deliveryTo(aor).wake()
  }

  stop(): void {
    this.running = false
    for (const delivery of this.deliveries.values()) delivery.stop()
    this.deliveries.clear()
  }

  /** @throws PeerError 'address-invalid', 'message-too-long', 'invalid-argument' (empty), 'too-many-requests' */
  send(uri: string, text: string): MessageView {
    const { aor, uri: way } = dialled(uri, this.deps.domain())
    if (text === '') throw new PeerError('invalid-argument', 'an empty message')
    if (text.length > maxTextLength) throw new PeerError('message-too-long', `more than ${maxTextLength} characters`)
    if (this.undelivered >= maxUndelivered) throw new PeerError('too-many-requests', `${maxUndelivered} messages wait already`)
    const message: MessageView = {
      id: randomId(this.deps.random), aor, direction: 'out', text, at: this.deps.clock.now(), state: 'sending', error: null,
    }
    this.undelivered++
    this.ways.set(message.id, way)
    this.keep(message)
    if (this.running) this.deliveryTo(aor).wake()
    return message
  }

  /** Tries a failed or waiting message again, now. @throws PeerError 'invalid-argument' when there is none such */
  retry(id: string): MessageView {
    const message = this.deps.store.get(id)
    if (message === undefined || message.direction !== 'out' || message.state === 'delivered') throw new PeerError('invalid-argument', 'no message to send again')
    if (message.state === 'failed') this.undelivered++
    const again: MessageView = { ...message, state: 'sending', error: null }
    this.keep(again)
    if (this.running) this.deliveryTo(message.aor).wake()
    return again
  }

  /** Newest first. @throws PeerError 'address-invalid' */
  list(uri: string, before?: number, limit = 100): readonly MessageView[] {
    return this.deps.store.list(normaliseAor(uri, this.deps.domain()), before, limit)
  }

  conversations(): readonly ConversationView[] {
    return this.deps.store.conversations().map((each) => ({ ...each, displayName: this.name(each.aor) }))
  }

  /** @throws PeerError 'address-invalid' */
  markRead(uri: string): void {
    const aor = normaliseAor(uri, this.deps.domain())
    this.deps.store.markRead(aor)
    this.tellConversation(aor)
  }

  /** The name to show for `aor` changed. */
  noteName(aor: string): void { this.tellConversation(aor) }

  /** `aor` was heard of: what waits for it goes now. */
  noteReachable(aor: string): void { this.deliveries.get(aor)?.wake() }

  /** We are in the overlay (again): everything that waits goes now. */
  noteOnline(): void { for (const delivery of this.deliveries.values()) delivery.wake() }

  /** The user agent's fact: a MESSAGE came. It is answered when it is in the store. */
  receive(request: IncomingMessage): void {
    const { from } = request
    if (request.contentType !== 'text/plain') { request.respond(415); return }
    if (request.body.length > maxBodyBytes) { request.respond(413); return }
    let text: string
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(request.body)
    } catch (cause) {
      this.deps.log.info('message.not-utf8', { from: from.aor, cause: String(cause) })
      request.respond(400, 'Not UTF-8')
      return
    }
    if (text.length > maxTextLength) { request.respond(413); return }
    // RFC 3261 §8.2.2.2, beyond a transaction's life: the same request again is answered, not shown twice
    const id = receivedId(from.aor, request.callId, request.cseq)
    if (this.deps.store.get(id) === undefined) {
      if (from.displayName !== '' && (this.givenNames.size < maxNames || this.givenNames.has(from.aor))) this.givenNames.set(from.aor, from.displayName.slice(0, 100))
      this.keep({ id, aor: from.aor, direction: 'in', text, at: this.deps.clock.now(), state: 'received', error: null })
    }
    request.respond(200)
  }

  private name(aor: string): string { return this.deps.nameOf(aor, this.givenNames.get(aor) ?? userPart(aor)) }

  private keep(message: MessageView): void {
    this.deps.store.put(message)
    this.message.emit(message)
    this.tellConversation(message.aor)
  }

  private tellConversation(aor: string): void {
    for (const each of this.deps.store.conversations(aor)) this.conversationChanged.emit({ ...each, displayName: this.name(aor) })
  }

  private deliveryTo(aor: string): Delivery {
    let delivery = this.deliveries.get(aor)
    if (delivery === undefined) {
      delivery = new Delivery(this.deps, aor, {
        waiting: () => this.deps.store.undelivered().filter((message) => message.aor === aor),
        onAttempt: (message) => { if (message.state !== 'sending') this.keep({ ...message, state: 'sending', error: null }) },
        onResult: (message, result) => { this.settle(message, result) },
        uriOf: (message) => this.ways.get(message.id) ?? sipUri(aor),
        onEmpty: () => { this.deliveries.delete(aor) },
      })
      this.deliveries.set(aor, delivery)
    }
    return delivery
  }

  private settle(message: MessageView, result: DeliveryResult): void {
    if (!this.running) return
    const known = result.error === 'user-unknown' && (this.deps.isContact(message.aor) || this.hasHeardFrom(message.aor))
    const state = result.state === 'failed' && known ? 'queued' : result.state
    if (state !== 'queued') this.undelivered = Math.max(0, this.undelivered - 1)
    if (state === 'delivered') this.ways.delete(message.id)
    this.keep({ ...message, state, error: result.error })
  }

  private hasHeardFrom(aor: string): boolean {
    return this.deps.store.list(aor, undefined, 50).some((message) => message.direction === 'in' || message.state === 'delivered')
  }
}

/** The same for the same request, so that the store itself remembers what was received (64 bits of FNV-1a). */
function receivedId(aor: string, callId: string, cseq: number): string {
  let id = ''
  for (const seed of [0x811c9dc5, 0x01234567]) {
    let hash = seed
    for (const byte of new TextEncoder().encode(`${aor}\n${callId}\n${cseq}`)) hash = Math.imul(hash ^ byte, 0x01000193)
    id += (hash >>> 0).toString(16).padStart(8, '0')
  }
  return `in-${id}`
}
