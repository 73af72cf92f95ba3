/**
 * ConfigUpdate (RFC 6940 §6.5.4, §6.3.2.1): takes newer documents and Kinds in after checking them against what is
 * in force, hands them on to whoever is connected, and brings up to date those whose messages show that they have
 * an older one. Rolls out in as many round trips as the overlay is wide. Owns no configuration: `LiveConfiguration`.
 */
import { BoundedMap } from '../../base/boundedMap.ts'
import { toHex } from '../../base/bytes.ts'
import type { Counters } from '../../base/counters.ts'
import { DecodeError, PeerError } from '../../base/errors.ts'
import { Notifier } from '../../base/notifier.ts'
import { sleep, untilAborted } from '../../base/abort.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import { kindSignerOf, readKindBlocks, type LiveConfiguration } from '../config/liveConfiguration.ts'
import { checkSuccessor, checkVouched, configurationOf, parseOverlayDocument, type BlockVerifier, type DocumentProblem, type ParsedConfiguration } from '../config/overlayDocument.ts'
import type { ConnectionTable } from '../forwarding/connectionTable.ts'
import {
  ReloadError, type IncomingRequest, type Outcome, type RequestDestination, type RequestOptions, type RequestSender, type SequenceKeeper,
} from '../transaction/exchange.ts'
import { decodeBody, encodeContents } from '../wire/bodies.ts'
import { ANY_CONFIGURATION_SEQUENCE, ErrorCode, MessageCode } from '../wire/constants.ts'
import { readUnknownKindInfo } from '../wire/message.ts'

export interface ConfigUpdateDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
  readonly live: LiveConfiguration
  readonly sender: RequestSender
  readonly verifier: BlockVerifier
  readonly table: Pick<ConnectionTable, 'all'>
  /** A newer configuration is in force; `removedKinds` are known no longer. */
  onNewConfiguration(document: Uint8Array, removedKinds: ReadonlySet<number>): void
  /** A newer configuration came that nobody we know has signed. */
  onMissed(): void
  /** The overlay goes on with something this node cannot do: it has to leave (§11.1). */
  onUnsupported(what: string): void
}

/** The same node is not given the same configuration more often than this. */
const AGAIN_MS = 5_000
/** How long a request waits for the newer configuration that its receiver says there is. */
const NEWS_MS = 6_000
const MAX_REMEMBERED = 1_024

export class ConfigUpdates implements SequenceKeeper {
  /** By Node-ID: the newest configuration that the node was given by us, or gave us. */
  private readonly given = new BoundedMap<string, { readonly sequence: number; readonly at: number }>(MAX_REMEMBERED)
  private readonly changed = new Notifier()
  private readonly stopped = new AbortController()

  constructor(private readonly deps: ConfigUpdateDependencies) {}

  /** Serves ConfigUpdateReq. @throws DecodeError */
  readonly serve = (request: IncomingRequest): Outcome => {
    const update = decodeBody('configUpdateReq', request.body)
    if (update.type === 'kind') return this.takeKinds(update.kinds)
    return this.takeDocument(update.configData, request.signer.nodeId)
  }

  /**
   * A document made here, by the overlay's organiser, or fetched. Undefined when it is in force now.
   * @param vouched it came from a server that the overlay's root vouches for
   * @throws DecodeError
   */
  apply(document: Uint8Array, vouched = false): DocumentProblem | undefined {
    const { live, verifier, clock } = this.deps
    const parsed = configurationOf(parseOverlayDocument(document), live.current.instanceName)
    const problem = vouched ? checkVouched(live.current, parsed, verifier, clock.now()) : this.check(parsed)
    if (problem === undefined) this.takeEffect(document, parsed, undefined)
    return problem
  }

  onBehind(node: Uint8Array, route: RequestDestination): void { this.push(node, route, {}) }

  async reconcile(error: ReloadError, sent: number, destination: RequestDestination, signal: AbortSignal, options: RequestOptions): Promise<boolean> {
    const node = error.signer?.nodeId
    if (node === undefined) return false
    if (error.code === ErrorCode.configTooNew) {
      if (this.deps.live.document === undefined) return false
      const { through } = options
      await this.send(node, [...destination.slice(0, -1), { node }], through === undefined ? {} : { through }, signal)
      return true
    }
    // Its ConfigUpdate is on the way, or the one of a neighbour.
    const until = AbortSignal.any([signal, this.stopped.signal])
    const patience = new AbortController()
    const limit = AbortSignal.any([until, patience.signal])
    sleep(this.deps.clock, NEWS_MS, limit).then(() => { patience.abort(new PeerError('timeout')) }, () => undefined)
    try {
      while (this.deps.live.sequence === sent) await untilAborted(this.changed.wait(), limit)
    } catch (cause) {
      if (!patience.signal.aborted || until.aborted) throw cause
    } finally {
      patience.abort(new PeerError('cancelled'))
    }
    return this.deps.live.sequence !== sent
  }

  /**
   * The sender, but told of Error_Unknown_Kind it sends the definitions to whoever lacks them and asks once more
   * (§7.4.1.2).
   */
  teaching(sender: RequestSender): RequestSender {
    return {
      request: async (destination, code, body, signal, options) => {
        try {
          return await sender.request(destination, code, body, signal, options)
        } catch (cause) {
          if (!(cause instanceof ReloadError) || cause.code !== ErrorCode.unknownKind || cause.signer === undefined) throw cause
          if (!await this.teach(cause.signer.nodeId, cause.info, options?.through, signal)) throw cause
          return await sender.request(destination, code, body, signal, options)
        }
      },
    }
  }

  /** Gives the configuration in force to everybody connected but those who gave or were given it. */
  spread(): void {
    for (const { nodeId } of this.deps.table.all()) this.push(nodeId, [{ node: nodeId }], { through: nodeId })
  }

  close(): void { this.stopped.abort(new PeerError('cancelled', 'stopped')) }

  private takeDocument(document: Uint8Array, from: Uint8Array): Outcome {
    const { live, counters, log } = this.deps
    const parsed = configurationOf(parseOverlayDocument(document), live.current.instanceName)
    const problem = this.check(parsed)
    if (problem === undefined) {
      this.note(from, parsed.configuration.sequence)
      counters.add('config.taken')
      this.takeEffect(document.slice(), parsed, from)
      return { body: new Uint8Array(0) }
    }
    switch (problem.problem) {
      case 'not-newer':
        // The same one again, from another neighbour: nothing is wrong with it.
        if (parsed.configuration.sequence === live.sequence) {
          this.note(from, live.sequence)
          counters.add('config.repeated')
          return { body: new Uint8Array(0) }
        }
        counters.add('config.refused.old')
        return { error: ErrorCode.configTooOld, info: `${live.sequence} is in force` }
      case 'other-overlay': return { error: ErrorCode.incompatibleWithOverlay }
      case 'unsupported':
        counters.add('config.unsupported')
        log.error('configuration not supported', { what: problem.what })
        this.deps.onUnsupported(problem.what)
        return { body: new Uint8Array(0) }
      case 'configuration-signature': case 'kind-signature': case 'expired':
        counters.add(`config.refused.${problem.problem}`)
        log.warn('configuration refused', { ...problem, from: toHex(from) })
        // It is newer: the keys that sign may have changed while we were away.
        if (problem.problem === 'configuration-signature') this.deps.onMissed()
        return { error: ErrorCode.forbidden, info: problem.problem }
    }
  }

  private check(parsed: ParsedConfiguration): DocumentProblem | undefined {
    return checkSuccessor(this.deps.live.current, parsed, this.deps.verifier, this.deps.clock.now())
  }

  private takeEffect(document: Uint8Array, parsed: ParsedConfiguration, from: Uint8Array | undefined): void {
    const removed = this.deps.live.replace(document, parsed)
    this.deps.log.info('configuration', { sequence: parsed.configuration.sequence, from: from === undefined ? 'here' : toHex(from) })
    // First the news, also for those whom it excludes; then what follows from it.
    this.spread()
    this.deps.onNewConfiguration(document, removed)
    this.changed.notify()
  }

  private takeKinds(blocks: readonly Uint8Array[]): Outcome {
    const { live, verifier, counters } = this.deps
    const refuse = (info: string): Outcome => { counters.add('config.refused.kind'); return { error: ErrorCode.forbidden, info } }
    const taken = []
    for (const { kind, element } of readKindBlocks(blocks)) {
      const signer = kindSignerOf(element, live.current.kindSigners, verifier)
      if (signer === undefined) return refuse(`Kind ${kind.id} is not signed by a kind-signer`)
      taken.push({ kind, element, signer })
    }
    for (const { kind, element, signer } of taken) if (!live.add(kind, element, signer)) return refuse(`Kind ${kind.id} is known otherwise`)
    counters.add('config.kinds', taken.length)
    return { body: new Uint8Array(0) }
  }

  private async teach(node: Uint8Array, info: Uint8Array, through: Uint8Array | undefined, signal: AbortSignal): Promise<boolean> {
    let unknown: readonly number[]
    try {
      unknown = readUnknownKindInfo(info)
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause
      return false
    }
    const blocks = unknown.slice(0, 16).map((id) => this.deps.live.kindBlock(id))
    if (blocks.length === 0 || blocks.some((block) => block === undefined)) return false
    const body = encodeContents('configUpdateReq', { type: 'kind', kinds: blocks as Uint8Array[] }).messageBody
    await this.deps.sender.request([{ node }], MessageCode.configUpdateReq, body, signal, { configurationSequence: ANY_CONFIGURATION_SEQUENCE, ...(through !== undefined && { through }) })
    this.deps.counters.add('config.taught')
    return true
  }

  /** Once per node and configuration, in the background. */
  private push(node: Uint8Array, route: RequestDestination, options: RequestOptions): void {
    const key = toHex(node)
    const { live, clock, counters, log } = this.deps
    if (live.document === undefined || this.stopped.signal.aborted) return
    const before = this.given.get(key)
    if (before?.sequence === live.sequence && clock.monotonic() - before.at < AGAIN_MS) return
    this.note(node, live.sequence)
    this.send(node, route, options, this.stopped.signal).catch((cause: unknown) => {
      if (this.stopped.signal.aborted) return
      counters.add('config.push.failed')
      log.debug('configuration not delivered', { to: key, cause: String(cause) })
    })
  }

  private async send(node: Uint8Array, route: RequestDestination, options: RequestOptions, signal: AbortSignal): Promise<void> {
    const { live, counters, sender } = this.deps
    if (live.document === undefined) return
    counters.add('config.pushed')
    const body = encodeContents('configUpdateReq', { type: 'config', configData: live.document }).messageBody
    try {
      await sender.request(route, MessageCode.configUpdateReq, body, signal, { ...options, configurationSequence: ANY_CONFIGURATION_SEQUENCE })
    } catch (cause) {
      // It has got a newer one meanwhile, and will tell.
      if (!(cause instanceof ReloadError) || cause.code !== ErrorCode.configTooOld) throw cause
    }
    this.note(node, live.sequence)
  }

  private note(node: Uint8Array, sequence: number): void {
    this.given.set(toHex(node), { sequence, at: this.deps.clock.monotonic() })
  }
}
