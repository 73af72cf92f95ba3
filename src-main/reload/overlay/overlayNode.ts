/**
 * The `Overlay` service over the parts that `createOverlay` composed: start and stop, status, and the errors of
 * the layers below put into the codes users can meet. One start, one stop: afterwards a new one is made.
 */
import { equalBytes, toHex } from '../../base/bytes.ts'
import type { Counters } from '../../base/counters.ts'
import { DecodeError, invariant, PeerError } from '../../base/errors.ts'
import type { Event } from '../../base/event.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Crypto } from '../../ports/crypto.ts'
import type { Log } from '../../ports/log.ts'
import type { AppAttach } from '../attach/appAttach.ts'
import type { Attach } from '../attach/attach.ts'
import type { OverlayConfiguration } from '../config/configuration.ts'
import type { LiveConfiguration } from '../config/liveConfiguration.ts'
import type { Connection, ConnectionTable } from '../forwarding/connectionTable.ts'
import type { MessageCounts } from '../forwarding/messageCounts.ts'
import type { LinkFactory } from '../link/linkFactory.ts'
import type { Storage } from '../storage/storage.ts'
import type { Membership } from '../topology/membership.ts'
import { ReloadError, RequestTimeout } from '../transaction/exchange.ts'
import type { TransactionLayer } from '../transaction/transactionLayer.ts'
import type { FetchClient } from '../usages/fetchClient.ts'
import type { RobustFetch } from '../usages/robustFetch.ts'
import type { StoreClient } from '../usages/storeClient.ts'
import { errorName } from '../wire/constants.ts'
import { hashToResourceId } from '../wire/identifiers.ts'
import type { BootstrapSource } from './bootstrapSource.ts'
import type { ConfigUpdates } from './configUpdate.ts'
import { DiagnosticClient, type PingReport } from './diagnosticClient.ts'
import type { Figures } from './figures.ts'
import type { NodeLifecycle } from './lifecycle.ts'
import { traceRoute, type TraceHop } from './trace.ts'
import type { AppPipe, DestinationSpec, FetchOptions, Neighbour, Overlay, OverlayStatus, ValueSelector, ValueToStore, VerifiedValue } from './overlay.ts'

export interface OverlayParts {
  readonly clock: Clock
  readonly crypto: Crypto
  readonly log: Log
  readonly nodeId: Uint8Array
  readonly name: string
  readonly counters: Counters
  readonly messages: MessageCounts
  readonly figures: Figures
  readonly factory: LinkFactory
  readonly table: ConnectionTable
  readonly transactions: TransactionLayer
  readonly attach: Attach
  readonly appAttach: AppAttach
  readonly membership: Membership
  readonly storage: Storage
  readonly storeClient: StoreClient
  readonly fetchClient: FetchClient
  readonly robustFetch: RobustFetch
  readonly lifecycle: NodeLifecycle
  readonly bootstrap: BootstrapSource
  readonly onPipe: Event<AppPipe>
  readonly live: Pick<LiveConfiguration, 'current'>
  readonly configUpdates: ConfigUpdates
  readonly onDocument: Event<Uint8Array>
  readonly onMissed: Event<void>
  readonly onExcluded: Overlay['onExcluded']
}

/** Waiting for sockets to close; with the 1.5 s of Leave less than the 3 s promised. */
const CLOSE_MS = 1_000
const CLIENT_MS = 15_000

export class OverlayNode implements Overlay {
  readonly nodeId: Uint8Array
  readonly name: string
  readonly onStatus: Event<OverlayStatus>
  readonly onRoute: Event<void>
  readonly onPipe: Event<AppPipe>
  readonly onDocument: Event<Uint8Array>
  readonly onMissed: Event<void>
  readonly onExcluded: Overlay['onExcluded']
  private readonly diagnostics: DiagnosticClient
  private state: 'new' | 'running' | 'stopped' = 'new'
  private stopping: Promise<void> | undefined

  constructor(private readonly parts: OverlayParts) {
    this.nodeId = parts.nodeId
    this.name = parts.name
    this.onStatus = parts.lifecycle.onStatus
    this.onRoute = parts.lifecycle.onRoute
    this.onPipe = parts.onPipe
    this.onDocument = parts.onDocument
    this.onMissed = parts.onMissed
    this.onExcluded = parts.onExcluded
    this.diagnostics = new DiagnosticClient({ clock: parts.clock, nodeId: parts.nodeId, configuration: () => parts.live.current, sender: parts.transactions })
  }

  get status(): OverlayStatus { return this.parts.lifecycle.status }
  get route(): readonly { readonly node: Uint8Array }[] { return this.parts.lifecycle.route.map((node) => ({ node })) }
  get configuration(): OverlayConfiguration { return this.parts.live.current }
  get counters(): Readonly<Record<string, number>> { 
    const counts = { ...this.parts.counters.snapshot(), ...this.parts.messages.byName() }
    return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  async start(): Promise<void> {
    const { lifecycle, factory, appAttach, table, counters, bootstrap, log } = this.parts
    invariant(this.state === 'new', 'an overlay node is started once')
    this.state = 'running'
    lifecycle.starting()
    try {
      const address = await factory.listen({
        onStream: (stream, initiatedByUs) => {
          if (table.admit(stream, initiatedByUs) !== undefined && initiatedByUs) bootstrap.remember?.(stream.remote)
        },
        onRefused: (reason) => { counters.add('link.refused'); log.debug('link refused', { reason }) },
      })
      await appAttach.listen()
      lifecycle.run(address)
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Whoever asks while it is being stopped waits for the same end. */
  stop(): Promise<void> { return this.stopping ??= this.shutDown() }

  private async shutDown(): Promise<void> {
    const { lifecycle, membership, attach, appAttach, transactions, storage, table, factory, clock, configUpdates, robustFetch, figures } = this.parts
    this.state = 'stopped'
    lifecycle.stop()
    await membership.leave()
    configUpdates.close()
    figures.close()
    robustFetch.close()
    membership.close()
    attach.close()
    transactions.close()
    storage.close()
    table.close()
    // A socket that does not close in time closes behind our back.
    await new Promise<void>((resolve) => {
      const timer = clock.setTimer(CLOSE_MS, resolve)
      Promise.allSettled([appAttach.close(), factory.close()]).then(() => { timer.cancel(); resolve() }, resolve)
    })
  }

  neighbours(): readonly Neighbour[] {
    const { table, membership } = this.parts
    return table.all().map((connection) => ({
      nodeId: connection.nodeId, userName: connection.userName, remote: connection.link.stream.remote,
      relation: this.relation(connection), rttMs: connection.link.rttMs, routable: membership.chord.isRoutable(connection.nodeId),
    }))
  }

  updateDocument(document: Uint8Array, { vouched = false }: { readonly vouched?: boolean } = {}): void {
    try {
      const problem = this.parts.configUpdates.apply(document, vouched)
      if (problem !== undefined) throw new PeerError('overlay-file-damaged', `the document cannot take the place of the present one: ${problem.problem}`)
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause
      throw new PeerError('overlay-file-damaged', cause.message, { cause })
    }
  }

  resourceId(name: Uint8Array | string): Uint8Array { return hashToResourceId(this.parts.crypto, name) }

  acceptApplication(application: number): void { this.parts.appAttach.accept(application) }

  async store(resourceId: Uint8Array, values: readonly ValueToStore[], signal: AbortSignal): Promise<void> {
    await this.joined(signal, () => this.parts.storeClient.store(resourceId, values, signal))
  }

  fetch(resourceId: Uint8Array, kind: number, selector: ValueSelector, signal: AbortSignal, options: FetchOptions = {}): Promise<readonly VerifiedValue[]> {
    const client = options.robust === true ? this.parts.robustFetch : this.parts.fetchClient
    return this.joined(signal, () => client.fetch(resourceId, kind, selector, signal))
  }

  appAttach(destination: DestinationSpec, application: number, signal: AbortSignal): Promise<AppPipe> {
    return this.joined(signal, () => this.parts.appAttach.connect(destination, application, signal))
  }

  ping(destination: DestinationSpec, signal: AbortSignal): Promise<PingReport> {
    return this.joined(signal, () => this.diagnostics.ping(destination, signal))
  }

  trace(to: { readonly node: Uint8Array } | { readonly resource: Uint8Array }, signal: AbortSignal): Promise<readonly TraceHop[]> {
    return this.joined(signal, () => traceRoute({ sender: this.parts.transactions, diagnostics: this.diagnostics }, this.nodeId, to, signal))
  }

  /** Runs a request and puts its failure into a user's code. */
  private async joined<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.state !== 'running' || !this.parts.lifecycle.isMember) throw new PeerError('not-joined')
    try {
      return await work()
    } catch (error) {
      if (signal.aborted || error instanceof PeerError) throw error
      if (error instanceof RequestTimeout) throw new PeerError('network-timeout', error.message, { cause: error })
      if (error instanceof ReloadError) throw new PeerError('peer-unreachable', `${errorName(error.code)}: ${error.message}`, { cause: error })
      if (error instanceof DecodeError) throw new PeerError('peer-unreachable', `unreadable answer: ${error.message}`, { cause: error })
      throw error
    }
  }

  private relation({ nodeId, link }: Connection): Neighbour['relation'] {
    const { clock, membership: { chord } } = this.parts
    const has = (list: readonly Uint8Array[]): boolean => list.some((id) => equalBytes(id, nodeId))
    const relation: ('predecessor' | 'successor' | 'finger' | 'client' | 'link')[] = []
    if (has(chord.predecessors)) relation.push('predecessor')
    if (has(chord.successors)) relation.push('successor')
    if (relation.length === 0 && !chord.isMember) relation.push('link')
    // Who has been attached for a while and never sent an Update is no peer.
    else if (relation.length === 0) relation.push(chord.isRoutable(nodeId) ? 'finger' : clock.monotonic() - link.openedAt > CLIENT_MS ? 'client' : 'link')
    return relation
  }

  toString(): string { return `overlay node ${toHex(this.nodeId)}` }
}
