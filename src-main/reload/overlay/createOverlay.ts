/**
 * Composition of one RELOAD node: links, router, transactions, Attach, Chord, storage and usages, introduced to
 * each other. Returns the `Overlay` that everything above knows.
 */
import { toHex } from '../../base/bytes.ts'
import { Counters } from '../../base/counters.ts'
import { Emitter } from '../../base/event.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Certificate, Crypto, PrivateKey } from '../../ports/crypto.ts'
import type { Log } from '../../ports/log.ts'
import type { Machine } from '../../ports/machine.ts'
import type { Random } from '../../ports/random.ts'
import type { SocketAddress, StreamCredentials } from '../../ports/secureStream.ts'
import { AppAttach } from '../attach/appAttach.ts'
import { Attach } from '../attach/attach.ts'
import type { OverlayConfiguration } from '../config/configuration.ts'
import { LiveConfiguration } from '../config/liveConfiguration.ts'
import { CompactIds } from '../forwarding/compactIds.ts'
import { ConnectionTable } from '../forwarding/connectionTable.ts'
import { MessageCounts } from '../forwarding/messageCounts.ts'
import { Router } from '../forwarding/router.ts'
import type { LinkFactory } from '../link/linkFactory.ts'
import { CertificateVerifier } from '../security/certificateVerifier.ts'
import { namedSender } from '../security/namedSender.ts'
import { SignatureVerifier } from '../security/signatureVerifier.ts'
import { Signer } from '../security/signer.ts'
import type { ResourceStore } from '../storage/resourceStore.ts'
import { Storage } from '../storage/storage.ts'
import { ValueChecks } from '../storage/valueChecks.ts'
import { Membership } from '../topology/membership.ts'
import { misroutes } from '../topology/misrouting.ts'
import { configuredPolicy } from '../topology/plugins.ts'
import { TopologyQueries } from '../topology/queries.ts'
import type { Outcome } from '../transaction/exchange.ts'
import { TransactionLayer } from '../transaction/transactionLayer.ts'
import { FetchClient } from '../usages/fetchClient.ts'
import { RobustFetch } from '../usages/robustFetch.ts'
import { StoreClient } from '../usages/storeClient.ts'
import { usageRules } from '../usages/usageRules.ts'
import { ErrorCode, MessageCode } from '../wire/constants.ts'
import { hashToResourceId, overlayHash } from '../wire/identifiers.ts'
import type { BootstrapSource } from './bootstrapSource.ts'
import type { SearchDependencies } from './bootstrapSearch.ts'
import { ClientLifecycle } from './clientLifecycle.ts'
import { ConfigUpdates } from './configUpdate.ts'
import { DiagnosticServer } from './diagnosticServer.ts'
import { Figures } from './figures.ts'
import { introduce } from './introduction.ts'
import { Lifecycle, type NodeLifecycle } from './lifecycle.ts'
import { Maintenance } from './maintenance.ts'
import type { AppPipe, Overlay } from './overlay.ts'
import { OverlayNode } from './overlayNode.ts'

/** The slice of `enrollment/identity` that a node needs. */
export interface NodeIdentity {
  readonly overlayName: string
  readonly nodeId: Uint8Array
  readonly certificate: Certificate
  readonly chain: readonly Certificate[]
  readonly privateKey: PrivateKey
}

export interface OverlayDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly crypto: Crypto
  readonly log: Log
  readonly identity: NodeIdentity
  readonly configuration: OverlayConfiguration
  /** The overlay document that `configuration` was read from; without it others cannot be given it (RFC 6940 §6.5.4). */
  readonly document?: Uint8Array
  /**
   * Called for the overlay's links and for the pipes of applications: `connectivity/linkFactories`.
   * @param listen addresses in order; the next is taken when a port is in use
   */
  readonly linkFactory: (credentials: StreamCredentials, listen: readonly SocketAddress[]) => LinkFactory
  readonly resourceStore: ResourceStore
  /** What diagnostics may tell of program and machine (RFC 7851); absent: nothing. */
  readonly machine?: Machine
  readonly bootstrap: BootstrapSource
  /** undefined: port 6084 on all addresses, another free one when it is taken. */
  readonly listen: SocketAddress | undefined
  /** A client of the overlay (RFC 6940 §4.2): does not join, stores nothing, routes nothing. */
  readonly clientMode?: boolean
  /** May stand alone as the overlay's first peer (RFC 6940 §11.4). */
  readonly firstPeer: boolean
  /** For several nodes of one overlay in one process: what one has verified need not be verified again by the others. */
  readonly certificates?: CertificateVerifier
  /** Via Lists with compact IDs: by default only where a message is too long for a link's datagrams, see `Router`. */
  readonly compactVia?: 'always' | 'datagrams'
}

const MAX_LINKS = 256
const linkLimits = { maxQueuedBytes: 1024 * 1024, messagesPerSecond: 500, messageBurst: 2000 }

export function createOverlay(deps: OverlayDependencies): Overlay {
  const { clock, random, crypto, log, identity, bootstrap } = deps
  const live = new LiveConfiguration(deps.configuration, deps.document)
  const configuration = (): OverlayConfiguration => live.current
  const { nodeId } = identity
  const counters = new Counters()
  const messages = new MessageCounts()
  const certificates = deps.certificates ?? new CertificateVerifier(crypto, clock, deps.configuration)
  const verifier = new SignatureVerifier(crypto, certificates)
  const signer = new Signer(crypto, identity)
  const identify = (certificate: Certificate): { nodeIds: readonly Uint8Array[]; userName: string } | undefined => {
    const verified = certificates.verifyParsed(certificate)
    return typeof verified === 'string' ? undefined : verified
  }
  const nodeIdsOf = (certificate: Certificate): readonly Uint8Array[] => identify(certificate)?.nodeIds ?? []
  const credentials: StreamCredentials = {
    certificate: identity.certificate, chain: identity.chain, privateKey: identity.privateKey,
    acceptPeer: (certificate, chain) => {
      const verified = certificates.verifyParsed(certificate, chain)
      if (typeof verified !== 'string') return undefined
      counters.add(`certificate.${verified}`)
      return verified
    },
  }
  const name = deps.configuration.instanceName
  const clientMode = deps.clientMode === true
  // Asked at each use: a ConfigUpdate changes what they say.
  const overlay = {
    hash: overlayHash(crypto, name),
    get configurationSequence() { return live.sequence },
    get initialTtl() { return live.current.initialTtl },
    get maxMessageBytes() { return live.current.maxMessageSize },
    get reliabilityTimerMs() { return live.current.overlayReliabilityTimerMs },
  }

  // Parts call each other only after all of them exist.
  const table: ConnectionTable = new ConnectionTable({
    clock, nodeId, identify, signedAs: (request, certificate, nodeIds) => namedSender(crypto, request, certificate, nodeIds),
    limits: { ...linkLimits, get maxMessageBytes() { return live.current.maxMessageSize } }, maxLinks: MAX_LINKS, counters,
  }, {
    onUp: (connection) => { membership.onLinkUp(connection.nodeId) },
    onDown: (peer, silent) => { compactIds.release(peer); membership.onLinkDown(peer, silent); if (clientMode) lifecycle.refresh() },
    onMessage: (message, from, attached) => { router.receive(message, from, attached) },
    onTooLarge: (head, from) => { transactions.onTooLarge(head, from) },
  })
  const topology = {
    isResponsible: (id: Uint8Array) => membership.chord.isResponsible(id),
    nextHop: (id: Uint8Array, from?: Uint8Array) => membership.chord.nextHop(id, from),
    replicaSet: () => membership.chord.replicaSet(),
    holdsReplica: (id: Uint8Array) => membership.chord.holdsReplica(id),
    mayAnswerFor: (peer: Uint8Array, id: Uint8Array) => membership.chord.mayAnswerFor(peer, id),
  }
  const transactions: TransactionLayer = new TransactionLayer({
    clock, random, log: log.child('transaction'), nodeId, overlay, signer, verifier, topology, counters,
    sequences: {
      onBehind: (node, route) => { configUpdates.onBehind(node, route) },
      reconcile: (...args) => configUpdates.reconcile(...args),
    },
    send: (message, through) => router.originate(message, through),
  })
  const compactIds = new CompactIds(random)
  const router: Router = new Router({
    nodeId, overlay: overlay.hash, get initialTtl() { return live.current.initialTtl }, clock, topology, counters, messages, compactIds, compactVia: deps.compactVia ?? 'datagrams',
    misroutes: (from, id, before) => {
      const lists = membership.listsOf(from)
      return lists !== undefined && misroutes(nodeId, from, lists, id, before, (peer) => table.get(peer) !== undefined)
    },
    links: { isConnected: (peer) => table.reaches(peer), send: (peer, message) => table.send(peer, message), pathMtu: (peer) => table.pathMtu(peer) },
  }, transactions)

  const anywhere = { host: '0.0.0.0', port: 6084 }
  const factory = deps.linkFactory(credentials, deps.listen === undefined ? [anywhere, { ...anywhere, port: 0 }] : [deps.listen])
  const attach: Attach = new Attach({
    clock, log: log.child('attach'), nodeId, sender: transactions, factory, table, counters, nodeIdsOf,
    onUpdateWanted: (peer) => { membership.attached(peer) },
    onAddress: (address) => { bootstrap.remember?.(address) },
  })
  const pipes = new Emitter<AppPipe>()
  const appAttach = new AppAttach({
    clock, log: log.child('pipe'), sender: transactions, factory: deps.linkFactory(credentials, [{ host: (deps.listen ?? anywhere).host, port: 0 }]), counters, identify,
    onPipe: (pipe) => { pipes.emit(pipe) },
  })
  const policy = configuredPolicy({ clock, random, log: log.child('topology'), nodeId, sender: transactions, configuration })
  const membership: Membership = new Membership({
    clock, random, log: log.child('topology'), nodeId, sender: transactions, attach, table, counters, policy, client: clientMode,
    storage: {
      onRangeChanged: () => { storage.onRangeChanged() },
      onNeighboursChanged: () => { storage.onNeighboursChanged() },
      onTakenOver: (heir, after, upTo) => { storage.onTakenOver(heir, after, upTo) },
      handOver: (joining, signal) => storage.handOver(joining, signal),
    },
    onIsolated: () => { lifecycle.refresh() },
    onChanged: () => { lifecycle.refresh() },
  })

  const usages = usageRules(configuration)
  const documents = new Emitter<Uint8Array>()
  const missed = new Emitter<void>()
  const excluded = new Emitter<{ readonly code: 'certificate-invalid' | 'overlay-incompatible'; readonly why: string }>()
  const exclude = (code: 'certificate-invalid' | 'overlay-incompatible', why: string): void => {
    // Once: several neighbours bring the same news.
    if (node.status.phase === 'stopped') return
    log.error('excluded from the overlay', { code, why })
    excluded.emit({ code, why })
    node.stop().catch((error: unknown) => { log.error('stop', { error: String(error) }) })
  }
  const configUpdates: ConfigUpdates = new ConfigUpdates({
    clock, log: log.child('configuration'), counters, live, sender: transactions, verifier, table,
    onNewConfiguration: (document, removedKinds) => {
      certificates.reconfigure(live.current)
      figures.configured(live.current)
      table.closeUnidentified()
      appAttach.dropUnidentified()
      storage.reconfigured(removedKinds, ([signer, ...others]) => signer !== undefined && typeof certificates.verify(signer, others) !== 'string')
      documents.emit(document)
      if (identify(identity.certificate) === undefined) exclude('certificate-invalid', 'the certificate of this node is not valid in the overlay any more')
    },
    onMissed: () => { missed.emit() },
    onUnsupported: (what) => { exclude('overlay-incompatible', what) },
  })
  const teaching = configUpdates.teaching(transactions)
  const count = (event: string): void => { counters.add(event) }
  const storage: Storage = new Storage({
    clock, crypto, store: deps.resourceStore, topology: membership.chord, sender: teaching, verifier, kinds: live, usages,
    maxMessageBytes: () => live.current.maxMessageSize, count,
  })
  const checks = new ValueChecks(verifier, (name) => hashToResourceId(crypto, name), usages)
  const fetchClient = new FetchClient(teaching, checks, live, count)
  const robustFetch = new RobustFetch({
    clock, log: log.child('fetch'), sender: transactions, fetchClient, count, size: () => membership.size,
    detours: (id, most) => membership.chord.detours(id, most), behind: (id, most) => membership.chord.behind(id, most),
  })
  const storeClient = new StoreClient(teaching, signer, live, clock, fetchClient)

  const queries = new TopologyQueries(membership.chord, membership.updates, table, () => storage.resourceCount(), policy)
  const figures = new Figures({ clock, counters, messages, chord: membership.chord, storage, machine: deps.machine })
  figures.configured(live.current)
  const diagnostics = new DiagnosticServer({
    clock, random, nodeId, configuration, figures: () => figures.now(), nextPeer: (destination) => queries.nextPeer(destination),
  })
  transactions.handle(MessageCode.pingReq, diagnostics.servePing)
  transactions.handle(MessageCode.pathTrackReq, diagnostics.servePathTrack)
  transactions.handle(MessageCode.configUpdateReq, configUpdates.serve)
  transactions.handle(MessageCode.attachReq, attach.serve)
  transactions.handle(MessageCode.appAttachReq, appAttach.serve)
  transactions.handle(MessageCode.joinReq, membership.serveJoin)
  transactions.handle(MessageCode.leaveReq, membership.serveLeave)
  transactions.handle(MessageCode.updateReq, membership.serveUpdate)
  transactions.handle(MessageCode.routeQueryReq, queries.serveRouteQuery)
  transactions.handle(MessageCode.probeReq, queries.serveProbe)
  const noStorage = (): Outcome => ({ error: ErrorCode.notFound, info: 'a client stores nothing' })
  transactions.handle(MessageCode.storeReq, clientMode ? noStorage : storage.handleStore)
  transactions.handle(MessageCode.fetchReq, clientMode ? noStorage : storage.handleFetch)
  transactions.handle(MessageCode.statReq, clientMode ? noStorage : storage.handleStat)
  transactions.handle(MessageCode.findReq, clientMode ? noStorage : storage.handleFind)

  const search: SearchDependencies = {
    clock, log: log.child('bootstrap'), nodeId, source: bootstrap, factory, table, nodeIdsOf,
    introduce: (stream, signal) => introduce({ nodeId, certificate: identity.certificate, table, sender: transactions, attach, nodeIdsOf }, stream, signal),
  }
  const maintenance = new Maintenance({
    clock, random, log: log.child('maintenance'), nodeId, table, membership, sender: transactions, attach, search, policy,
  })
  const lifecycle: NodeLifecycle = clientMode ? new ClientLifecycle({
    clock, log: log.child('client'), nodeId, attach, table, membership, maintenance, search,
  }) : new Lifecycle({
    clock, random, log: log.child('lifecycle'), membership, maintenance, search, firstPeer: deps.firstPeer,
    join: { clock, log: log.child('join'), nodeId, table, attach, membership, sender: transactions },
  })
  log.debug('overlay node', { nodeId: toHex(nodeId), overlay: name })
  const node: OverlayNode = new OverlayNode({
    clock, crypto, log, nodeId, name, counters, messages, figures, factory, table, transactions, attach, appAttach, membership, storage, storeClient, fetchClient, robustFetch,
    lifecycle, bootstrap, onPipe: pipes.event, live, configUpdates, onDocument: documents.event, onMissed: missed.event, onExcluded: excluded.event,
  })
  return node
}
