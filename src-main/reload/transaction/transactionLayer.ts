/**
 * Requests and answers of this node (RFC 6940 §6.2): signs and retransmits requests and accepts only answers from
 * whom may give them (§6.3.4); verifies requests for us, hands them to the handler of their code and answers
 * along the reversed Via List; repeats the answer to a repeated request (§6.2.1).
 */
import { BoundedMap } from '../../base/boundedMap.ts'
import { equalBytes, toHex } from '../../base/bytes.ts'
import type { Counters } from '../../base/counters.ts'
import { DecodeError, invariant } from '../../base/errors.ts'
import { decode } from '../../base/presentation.ts'
import { TokenBucket } from '../../base/tokenBucket.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'
import { isNewerSequence } from '../config/configuration.ts'
import { isResponse, type RouterUser } from '../forwarding/router.ts'
import type { Signer } from '../security/signer.ts'
import { bucketOf, type SignatureVerifier, type VerifiedSigner } from '../security/signatureVerifier.ts'
import type { TopologyPlugin } from '../forwarding/topologyPlugin.ts'
import { ANY_CONFIGURATION_SEQUENCE, answerCode, ErrorCode, errorName, ForwardingOptionFlag, isRequest, MessageCode, messageName } from '../wire/constants.ts'
import { destinationLength, toNode, toResource, type Destination } from '../wire/destination.ts'
import { encodeWithHeader, HeaderView, type ForwardingHeader } from '../wire/forwardingHeader.ts'
import { isWildcard } from '../wire/identifiers.ts'
import { decodeMessage, errorContents, errorResponse, type Message, type MessageContents } from '../wire/message.ts'
import { ClientTransaction } from './clientTransaction.ts'
import { Reassembly } from './reassembly.ts'
import {
  ReloadError, RequestTimeout, type Answer, type IncomingRequest, type Outcome, type RequestDestination, type RequestHandler, type RequestOptions, type RequestSender,
  type SequenceKeeper,
} from './exchange.ts'

export interface TransactionDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly nodeId: Uint8Array
  /** Read at each use: a ConfigUpdate changes them. */
  readonly overlay: { readonly hash: number; readonly configurationSequence: number; readonly initialTtl: number; readonly maxMessageBytes: number; readonly reliabilityTimerMs: number }
  readonly signer: Pick<Signer, 'signMessage'>
  readonly verifier: Pick<SignatureVerifier, 'verifyMessage'>
  readonly topology: Pick<TopologyPlugin, 'mayAnswerFor'>
  readonly counters: Counters
  /** Absent: differing configurations are errors and no more. */
  readonly sequences?: SequenceKeeper
  /** The router's `originate`. */
  send(message: Uint8Array, through?: Uint8Array): boolean
}

const TRANSMISSIONS = 5
/** Maximum Request Lifetime (RFC 6940 §3). */
const REQUEST_LIFETIME_MS = 15_000
const MAX_PENDING = 1024
const MAX_CACHED = 512
/** A request is made this often at most while configurations differ. */
const MAX_RECONCILED = 2
const MAX_HINTS = 8
/** Errors of nodes on the way that would come again. */
const ENDING_ERRORS: ReadonlySet<number> = new Set([ErrorCode.unsupportedForwardingOption, ErrorCode.messageTooLarge])
/** Errors that nodes on the way may send about a request of ours: hints, except for those. */
const PATH_ERRORS: ReadonlySet<number> = new Set([
  ErrorCode.unsupportedForwardingOption, ErrorCode.messageTooLarge, ErrorCode.ttlExceeded, ErrorCode.underlayDestinationUnreachable,
  ErrorCode.underlayTimeExceeded, ErrorCode.messageExpired, ErrorCode.upstreamMisrouting, ErrorCode.loopDetected, ErrorCode.ttlHopsExceeded,
])

interface Pending {
  readonly transaction: ClientTransaction
  readonly code: number
  readonly expected: Destination
  readonly through: Uint8Array | undefined
  readonly pathErrorsEnd: boolean
  /** What nodes on the way said. */
  readonly hints: ReloadError[]
  resolve(answer: Answer): void
  reject(error: Error): void
}

/** The names of counters: they are not put together for each message. */
const receivedNames: ReadonlyMap<number, string> = new Map(Object.entries(MessageCode).map(([name, code]) => [code, `request.received.${name}`]))

interface Served { readonly at: number; body: Uint8Array | undefined }

export class TransactionLayer implements RequestSender, RouterUser {
  private readonly pending = new Map<bigint, Pending>()
  private readonly served = new BoundedMap<string, Served>(MAX_CACHED)
  private readonly fragments: Reassembly
  private readonly handlers = new Map<number, RequestHandler>()
  private readonly pathErrors: TokenBucket

  constructor(private readonly deps: TransactionDependencies) {
    this.pathErrors = new TokenBucket(deps.clock, 10, 50)
    this.fragments = new Reassembly(deps.clock, () => deps.overlay.maxMessageBytes, () => { this.drop('fragment') })
  }

  /** Serves requests of this code; one handler each. */
  handle(code: number, handler: RequestHandler): void {
    invariant(isRequest(code) && !this.handlers.has(code), `message code ${code} has a handler already`)
    this.handlers.set(code, handler)
  }

  async request(destination: RequestDestination, code: number, body: Uint8Array, signal: AbortSignal, options: RequestOptions = {}): Promise<Answer> {
    for (let reconciled = 0; ; reconciled++) {
      const sent = this.deps.overlay.configurationSequence
      try {
        return await this.requestOnce(destination, code, body, signal, options)
      } catch (error) {
        const differs = error instanceof ReloadError && (error.code === ErrorCode.configTooOld || error.code === ErrorCode.configTooNew)
        if (!differs || code === MessageCode.configUpdateReq || reconciled === MAX_RECONCILED || this.deps.sequences === undefined) throw error
        if (!await this.deps.sequences.reconcile(error, sent, destination, signal, options)) throw error
      }
    }
  }

  private requestOnce(destination: RequestDestination, code: number, body: Uint8Array, signal: AbortSignal, options: RequestOptions): Promise<Answer> {
    const list = destination.map((d) => 'node' in d ? toNode(d.node) : toResource(d.resource))
    const expected = list.at(-1)
    invariant(expected !== undefined, 'a request needs a destination')
    return new Promise((resolve, reject) => {
      if (signal.aborted) { reject(signal.reason as Error); return }
      if (this.pending.size >= MAX_PENDING) { reject(new RequestTimeout('too many requests under way')); return }
      const transactionId = this.freshTransactionId()
      const sequence = options.configurationSequence === undefined ? {} : { configurationSequence: options.configurationSequence }
      const message = this.build({ transactionId, destinationList: list, maxResponseLength: this.deps.overlay.maxMessageBytes, ...sequence }, { messageCode: code, messageBody: body, extensions: options.extensions ?? [] }, options.certificates ?? [])
      if (message.length > this.deps.overlay.maxMessageBytes) { reject(new ReloadError(ErrorCode.messageTooLarge, new TextEncoder().encode(`${message.length} bytes`))); return }
      const finish = (act: () => void): void => {
        transaction.terminate()
        this.pending.delete(transactionId)
        signal.removeEventListener('abort', onAbort)
        act()
      }
      const onAbort = (): void => { finish(() => { reject(signal.reason as Error) }) }
      const transaction = new ClientTransaction(this.deps.clock, this.deps.overlay.reliabilityTimerMs, options.transmissions ?? TRANSMISSIONS, {
        transmit: () => {
          this.deps.counters.add(transaction.transmitted > 1 ? 'request.retransmitted' : `request.sent.${messageName(code) ?? code}`)
          return this.deps.send(message, options.through)
        },
        onTimeout: () => {
          this.deps.counters.add('request.timeout')
          const said = this.pending.get(transactionId)?.hints.at(-1)
          const hint = said === undefined ? '' : `; a node on the way said ${errorName(said.code)}`
          finish(() => { reject(new RequestTimeout(`${messageName(code) ?? code}: no answer${hint}`)) })
        },
      })
      this.pending.set(transactionId, {
        transaction, code, expected, through: options.through, pathErrorsEnd: options.pathErrorsEnd === true, hints: [],
        resolve: (answer) => { finish(() => { resolve(answer) }) },
        reject: (error) => { finish(() => { reject(error) }) },
      })
      signal.addEventListener('abort', onAbort, { once: true })
      transaction.start()
    })
  }

  /** Fails everything under way. */
  close(): void {
    for (const { reject } of [...this.pending.values()]) reject(new RequestTimeout('stopped'))
    this.served.clear()
    this.fragments.close()
  }

  // RouterUser

  onDeliver(bytes: Uint8Array, previousHop: Uint8Array, destination: Destination): void {
    let message: Message
    try {
      message = decodeMessage(bytes)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.drop('malformed')
      return
    }
    const request = isRequest(message.contents.messageCode)
    if (!request && !this.pending.has(message.header.transactionId)) { this.drop('unexpectedAnswer'); return }
    const signer = this.deps.verifier.verifyMessage(message)
    if (typeof signer === 'string') {
      this.deps.log.debug('message refused', { why: signer, code: message.contents.messageCode })
      this.drop('unverified')
      return
    }
    if (request) this.onRequest(message, signer, previousHop, destination)
    else this.onAnswer(message, signer)
  }

  /** Joins the parts of a message (RFC 6940 §6.7); the last one to come delivers it. */
  onFragment(fragment: Uint8Array, previousHop: Uint8Array, destination: Destination): void {
    const joined = this.fragments.add(fragment)
    if (joined === undefined) return
    if ('whole' in joined) this.onDeliver(joined.whole, previousHop, destination)
    else if (joined.tooLong !== undefined) this.onTooLarge(joined.tooLong, previousHop)
  }

  /** The beginning of a message over max-message-size: answered if its header is there (RFC 6940 §6.6). */
  onTooLarge(head: Uint8Array, previousHop: Uint8Array): void {
    const beginning = head.slice()
    if (beginning.length >= 20) new DataView(beginning.buffer).setUint32(16, beginning.length)
    try {
      const view = new HeaderView(beginning)
      if (!isResponse(view)) this.onRejected(view, previousHop, ErrorCode.messageTooLarge, `more than ${this.deps.overlay.maxMessageBytes} bytes`)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.drop('malformed')
    }
  }

  onRejected(view: HeaderView, previousHop: Uint8Array, error: number, info: string): void {
    if (!this.pathErrors.take()) return
    // A limit that we know and a neighbour does not may come from a configuration that it does not have yet.
    const theirs = view.configurationSequence
    const behind = theirs !== ANY_CONFIGURATION_SEQUENCE && isNewerSequence(this.deps.overlay.configurationSequence, theirs)
    if (behind && view.viaList().length === 0) this.deps.sequences?.onBehind(previousHop, [{ node: previousHop }])
    const back = isResponse(view) ? view.destinationList() : wayBack(previousHop, view.viaList())
    this.deps.counters.add(`sent.${errorName(error)}`)
    const message = this.build({ transactionId: view.transactionId, destinationList: back }, errorContents(error, info), [])
    this.deps.send(message)
  }

  // Answers to us

  private onAnswer(message: Message, signer: VerifiedSigner): void {
    const pending = this.pending.get(message.header.transactionId)
    if (pending === undefined) return
    const { messageCode, messageBody, extensions } = message.contents
    const error = messageCode === MessageCode.error ? this.readError(messageBody) : undefined
    if (messageCode === MessageCode.error ? error === undefined : messageCode !== answerCode(pending.code)) { this.drop('wrongAnswer'); return }
    if (error !== undefined) this.deps.counters.add(`received.${errorName(error.errorCode)}`)
    // Through a bootstrap node we may see another ring than ours, whose nearest peer is not ours.
    const anyone = pending.through !== undefined && pending.expected.type === 'resource'
    // Who is responsible sends no message on: that it did not get on says somebody who might be, and is not.
    const isOnTheWay = pending.expected.type === 'resource' && error !== undefined && PATH_ERRORS.has(error.errorCode) && !ENDING_ERRORS.has(error.errorCode)
    if (!anyone && (isOnTheWay || !this.maySign(signer.nodeId, pending.expected))) {
      const fatal = (pending.pathErrorsEnd && error?.errorCode !== ErrorCode.upstreamMisrouting) || (error !== undefined && ENDING_ERRORS.has(error.errorCode)) ||
        (pending.through !== undefined && equalBytes(signer.nodeId, pending.through))
      if (error === undefined || !PATH_ERRORS.has(error.errorCode)) this.drop('wrongSigner')
      else if (fatal) pending.reject(new ReloadError(error.errorCode, error.errorInfo, signer))
      else {
        this.deps.counters.add(`hint.${errorName(error.errorCode)}`)
        if (pending.hints.length < MAX_HINTS) pending.hints.push(new ReloadError(error.errorCode, error.errorInfo.slice(), signer))
      }
      return
    }
    this.deps.counters.add('answer.received')
    if (error !== undefined) pending.reject(new ReloadError(error.errorCode, error.errorInfo.slice(), signer))
    else {
      const hops = Math.max(1, this.deps.overlay.initialTtl - message.header.ttl + 1)
      pending.resolve({ code: messageCode, body: messageBody, signer, certificates: bucketOf(message.security), extensions, hops, rttMs: pending.transaction.elapsedMs, hints: pending.hints })
    }
  }

  private maySign(signer: Uint8Array, expected: Destination): boolean {
    switch (expected.type) {
      case 'node': return isWildcard(expected.nodeId) || equalBytes(signer, expected.nodeId)
      case 'resource': return this.deps.topology.mayAnswerFor(signer, expected.resourceId)
      case 'opaque_id_type': case 'compact': case 'unknown': return true
    }
  }

  private readError(body: Uint8Array): { readonly errorCode: number; readonly errorInfo: Uint8Array } | undefined {
    try {
      return decode(errorResponse, body, 'the error response')
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return undefined
    }
  }

  // Requests to us

  private onRequest(message: Message, signer: VerifiedSigner, previousHop: Uint8Array, destination: Destination): void {
    const { header, contents } = message
    const key = `${toHex(signer.nodeId)} ${header.transactionId.toString(16)}`
    const before = this.served.get(key)
    if (before !== undefined && this.deps.clock.monotonic() - before.at < REQUEST_LIFETIME_MS) {
      this.deps.counters.add('request.repeated')
      if (before.body !== undefined) this.deps.send(this.addressed(header, previousHop, before.body))
      return
    }
    const served: Served = { at: this.deps.clock.monotonic(), body: undefined }
    this.forgetServed()
    this.served.set(key, served)
    this.deps.counters.add(receivedNames.get(contents.messageCode) ?? 'request.received.unknown')
    const answer = (outcome: Outcome): void => {
      served.body = this.outcomeBytes(header, contents.messageCode, outcome)
      this.deps.send(this.addressed(header, previousHop, served.body))
    }
    const refused = this.sequenceProblem(message, signer, previousHop) ?? this.refusal(message)
    if (refused !== undefined) { answer(refused); return }
    const incoming: IncomingRequest = {
      code: contents.messageCode, body: contents.messageBody, signer, certificates: bucketOf(message.security), previousHop,
      destination: destination.type === 'resource' ? { resource: destination.resourceId } : { node: destination.type === 'node' ? destination.nodeId : this.deps.nodeId },
      transactionId: header.transactionId, extensions: contents.extensions, ttl: header.ttl, hops: header.viaList.length + 1,
    }
    const outcome = this.serve(incoming)
    if (outcome instanceof Promise) {
      outcome.then(answer, (error: unknown) => {
        this.deps.log.warn('request failed', { code: incoming.code, error: String(error) })
        answer({ error: error instanceof DecodeError ? ErrorCode.invalidMessage : ErrorCode.requestTimeout, info: error instanceof DecodeError ? error.message : '' })
      })
    } else answer(outcome)
  }

  /** RFC 6940 §6.3.2.1: both ends of a request go by the same configuration. */
  private sequenceProblem({ header, contents }: Message, signer: VerifiedSigner, previousHop: Uint8Array): Outcome | undefined {
    const ours = this.deps.overlay.configurationSequence
    const theirs = header.configurationSequence
    if (theirs === ours || (contents.messageCode === MessageCode.configUpdateReq && theirs === ANY_CONFIGURATION_SEQUENCE)) return undefined
    if (isNewerSequence(theirs, ours)) return { error: ErrorCode.configTooNew, info: String(ours) }
    const back = [previousHop, ...[...header.viaList].reverse().map((via) => via.type === 'node' ? via.nodeId : undefined)]
    // Only nodes can be named in a request of ours; other entries of a Via List mean something to those on the way alone.
    const route = back.every((node) => node !== undefined) && equalBytes(back.at(-1) ?? this.deps.nodeId, signer.nodeId) ? back.map((node) => ({ node })) : [{ node: signer.nodeId }]
    this.deps.sequences?.onBehind(signer.nodeId, route)
    return { error: ErrorCode.configTooOld, info: String(ours) }
  }

  /** Answers are kept no longer than they may be asked for again. */
  private forgetServed(): void {
    for (const [key, { at }] of this.served) {
      if (this.deps.clock.monotonic() - at < REQUEST_LIFETIME_MS) return
      this.served.delete(key)
    }
  }

  private refusal(message: Message): Outcome | undefined {
    if (message.header.options.some((option) => (option.flags & ForwardingOptionFlag.destinationCritical) !== 0)) return { error: ErrorCode.unsupportedForwardingOption }
    if (message.contents.extensions.some((extension) => extension.critical)) return { error: ErrorCode.unknownExtension }
    return this.handlers.has(message.contents.messageCode) ? undefined : { error: ErrorCode.invalidMessage, info: 'message code not supported' }
  }

  private serve(incoming: IncomingRequest): Outcome | Promise<Outcome> {
    const handler = this.handlers.get(incoming.code)
    invariant(handler !== undefined, 'refusal looks for the handler')
    try {
      return handler(incoming)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return { error: ErrorCode.invalidMessage, info: error.message }
    }
  }

  /** Contents and security block of the answer, which stay the same however often it is sent. */
  private outcomeBytes(header: ForwardingHeader, code: number, outcome: Outcome): Uint8Array {
    const contents = 'error' in outcome
      ? errorContents(outcome.error, outcome.info)
      : { messageCode: answerCode(code), messageBody: outcome.body, extensions: outcome.extensions ?? [] }
    if ('error' in outcome) this.deps.counters.add(`sent.${errorName(outcome.error)}`)
    const limit = Math.min(header.maxResponseLength === 0 ? Infinity : header.maxResponseLength, this.deps.overlay.maxMessageBytes)
    const extra = 'error' in outcome ? [] : outcome.certificates ?? []
    const bytes = this.build({ transactionId: header.transactionId, destinationList: [] }, contents, extra)
    // The header without lists is 38 bytes; the lists of the way back are not known to be the same next time.
    const lists = wayBack(this.deps.nodeId, header.viaList).reduce((sum, entry) => sum + destinationLength(entry), 0)
    // A copy: it is kept for a while, and would hold on to its message and to others with it.
    if (bytes.length + lists <= limit) return bytes.slice(38)
    this.deps.counters.add('sent.Error_Response_Too_Large')
    return this.build({ transactionId: header.transactionId, destinationList: [] }, errorContents(ErrorCode.responseTooLarge), []).slice(38)
  }

  /** RFC 6940 §6.2.2: back over the node it came from and the reversed Via List. */
  private addressed(request: ForwardingHeader, previousHop: Uint8Array, body: Uint8Array): Uint8Array {
    const { overlay } = this.deps
    const options = request.options
      .filter((o) => (o.flags & ForwardingOptionFlag.responseCopy) !== 0)
      .map((o) => ({ ...o, flags: o.flags & ~(ForwardingOptionFlag.forwardCritical | ForwardingOptionFlag.destinationCritical | ForwardingOptionFlag.responseCopy) }))
    return encodeWithHeader({
      overlay: overlay.hash, configurationSequence: overlay.configurationSequence, ttl: overlay.initialTtl, transactionId: request.transactionId,
      destinationList: wayBack(previousHop, request.viaList), options,
    }, body)
  }

  private build(fields: { readonly transactionId: bigint; readonly destinationList: readonly Destination[]; readonly maxResponseLength?: number; readonly configurationSequence?: number }, contents: MessageContents, extra: Answer['certificates']): Uint8Array {
    const { overlay, signer } = this.deps
    return signer.signMessage({ configurationSequence: overlay.configurationSequence, ...fields, overlay: overlay.hash, ttl: overlay.initialTtl }, contents, extra)
  }

  private freshTransactionId(): bigint {
    for (;;) {
      const bytes = this.deps.random.bytes(8)
      const id = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0)
      if (!this.pending.has(id)) return id
    }
  }

  private drop(why: string): void { this.deps.counters.add(`dropped.${why}`) }
}

/** RFC 6940 §6.1.2, §6.2.2: the node that it came from, and the Via List in reverse, whatever its entries mean to those who made them. */
function wayBack(previousHop: Uint8Array, viaList: readonly Destination[]): readonly Destination[] {
  return [toNode(previousHop), ...[...viaList].reverse()]
}
