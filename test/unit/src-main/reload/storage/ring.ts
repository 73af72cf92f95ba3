/**
 * Peers with storage and nothing else: real certificates and signatures, a ring whose members everybody knows at
 * once, and requests that are handed over by calls. Chord, links and messages are tested elsewhere.
 */
import { toHex, utf8Bytes } from '../../../../../src-main/base/bytes.ts'
import { encode } from '../../../../../src-main/base/presentation.ts'
import { newConfiguration, standardKinds, type OverlayConfiguration, type RequiredKind } from '../../../../../src-main/reload/config/configuration.ts'
import { CertificateVerifier, type VerifiedCertificate } from '../../../../../src-main/reload/security/certificateVerifier.ts'
import { SignatureVerifier, type VerifiedSigner } from '../../../../../src-main/reload/security/signatureVerifier.ts'
import { Signer } from '../../../../../src-main/reload/security/signer.ts'
import type { StorageTopology } from '../../../../../src-main/reload/storage/dependencies.ts'
import { kindsOf } from '../../../../../src-main/reload/storage/kinds.ts'
import type { ResourceStore } from '../../../../../src-main/reload/storage/resourceStore.ts'
import { stepsTo } from '../../../../../src-main/reload/storage/ringOrder.ts'
import { Storage } from '../../../../../src-main/reload/storage/storage.ts'
import { ValueChecks } from '../../../../../src-main/reload/storage/valueChecks.ts'
import {
  ReloadError, RequestTimeout, type Answer, type IncomingRequest, type Outcome, type RequestDestination, type RequestOptions, type RequestSender,
} from '../../../../../src-main/reload/transaction/exchange.ts'
import { FetchClient } from '../../../../../src-main/reload/usages/fetchClient.ts'
import { StoreClient } from '../../../../../src-main/reload/usages/storeClient.ts'
import { usageRules } from '../../../../../src-main/reload/usages/usageRules.ts'
import { ErrorCode, MessageCode } from '../../../../../src-main/reload/wire/constants.ts'
import { hashToResourceId } from '../../../../../src-main/reload/wire/identifiers.ts'
import { encodeStoredValues, storeReq, type StoredData, type StoredDataValue } from '../../../../../src-main/reload/wire/storage.ts'
import { MemoryResourceStore } from '../../../../../src-main/store/memory/resourceStore.ts'
import { crypto, makeAuthority, makePeer, type TestAuthority, type TestPeer } from '../../../../support/certificates.ts'
import type { PrivateKey } from '../../../../../src-main/ports/crypto.ts'
import { VirtualClock, settle } from '../../../../support/virtualClock.ts'

export const overlayName = 'office.example'
/** Private Kinds, one for each data model, for any user to write at H(user name). */
export const single = 0xf0000001
export const array = 0xf0000002
export const dictionary = 0xf0000003
export const byNode = 0xf0000004
export const multiple = 0xf0000005

const privateKind = (id: number, dataModel: RequiredKind['dataModel'], accessControl: RequiredKind['accessControl'] = 'USER-MATCH', more: Partial<RequiredKind> = {}): RequiredKind =>
  ({ id, name: `test-${id}`, dataModel, accessControl, maxCount: 3, maxSize: 100, ...more })

export const testKinds: readonly RequiredKind[] = [
  ...standardKinds(), privateKind(single, 'single'), privateKind(array, 'array'), privateKind(dictionary, 'dictionary'),
  privateKind(byNode, 'single', 'NODE-MATCH'), privateKind(multiple, 'single', 'NODE-MULTIPLE', { maxNodeMultiple: 3 }),
]

export const hash = (name: Uint8Array | string): Uint8Array => hashToResourceId(crypto, name)
export const nodeIdAt = (first: number): Uint8Array => { const id = new Uint8Array(16); id[0] = first; id[15] = 1; return id }
export const bytes = utf8Bytes

/** RSA keys take long to make: one for everybody, since certificates bind the Node-ID. */
export async function makeWorld(): Promise<{ authority: TestAuthority, stranger: TestAuthority, key: PrivateKey }> {
  const authority = await makeAuthority('office.example root', new VirtualClock().now())
  return { authority, stranger: await makeAuthority('office.example root', new VirtualClock().now()), key: await crypto.generateKey('ec') }
}
export type World = Awaited<ReturnType<typeof makeWorld>>

export interface Sent { readonly from: TestNode, readonly to: TestNode | undefined, readonly code: number, readonly body: Uint8Array }

export class TestRing {
  readonly clock = new VirtualClock()
  /** Members, in order of Node-ID. */
  members: TestNode[] = []
  readonly nodes = new Map<string, TestNode>()
  readonly sent: Sent[] = []
  configuration: OverlayConfiguration
  /** May change an answer on its way. */
  tamper: ((answer: Answer, code: number) => Answer) | undefined

  constructor(readonly world: World, kinds: readonly RequiredKind[] = testKinds) {
    this.configuration = newConfiguration({ instanceName: overlayName, rootCerts: [world.authority.certificate.der], requiredKinds: kinds })
  }

  async node(user: string, nodeId: Uint8Array, options: { store?: ResourceStore, authority?: TestAuthority, notAfter?: number } = {}): Promise<TestNode> {
    const peer = await makePeer(options.authority ?? this.world.authority, user, overlayName, {
      nodeId, key: this.world.key, nowMs: this.clock.now(), ...(options.notAfter !== undefined && { notAfter: options.notAfter }),
    })
    const node = new TestNode(this, peer, options.store ?? new MemoryResourceStore())
    this.nodes.set(toHex(nodeId), node)
    return node
  }

  /** `node` takes its place in the ring; everybody's tables change at once. */
  async enter(...nodes: TestNode[]): Promise<void> {
    this.members = [...this.members, ...nodes].sort((a, b) => (toHex(a.id) < toHex(b.id) ? -1 : 1))
    await this.changed()
  }

  async leave(...nodes: TestNode[]): Promise<void> {
    this.members = this.members.filter((member) => !nodes.includes(member))
    for (const node of nodes) node.up = false
    await this.changed()
  }

  async changed(): Promise<void> {
    for (const member of this.members) member.storage.onTopologyChanged()
    await settle()
  }

  responsible(id: Uint8Array): TestNode | undefined {
    return [...this.members].sort((a, b) => (stepsTo(id, a.id) < stepsTo(id, b.id) ? -1 : 1))[0]
  }

  close(): void { for (const node of this.nodes.values()) node.storage.close() }
}

export class TestNode implements RequestSender {
  up = true
  /** Refuses all replicas, as a peer that believes that none belong here. */
  refuses = false
  readonly counted: string[] = []
  readonly signer: Signer
  readonly verifier: SignatureVerifier
  readonly topology: StorageTopology
  readonly storage: Storage
  readonly fetchClient: FetchClient
  readonly storeClient: StoreClient

  constructor(readonly ring: TestRing, readonly peer: TestPeer, readonly store: ResourceStore) {
    const { clock } = ring
    const configuration = (): OverlayConfiguration => ring.configuration
    this.signer = new Signer(crypto, { overlayName, nodeId: peer.nodeId, certificate: peer.certificate, chain: [], privateKey: peer.key })
    this.verifier = new SignatureVerifier(crypto, new CertificateVerifier(crypto, clock, ring.configuration))
    this.topology = ringTopology(ring, peer.nodeId)
    const count = (event: string): void => { this.counted.push(event) }
    const usages = usageRules(configuration)
    const kinds = kindsOf(configuration)
    this.storage = new Storage({
      clock, crypto, store, topology: this.topology, sender: this, verifier: this.verifier, kinds, usages,
      maxMessageBytes: () => ring.configuration.maxMessageSize, count,
    })
    this.fetchClient = new FetchClient(this, new ValueChecks(this.verifier, hash, usages), kinds, count)
    this.storeClient = new StoreClient(this, this.signer, kinds, clock, this.fetchClient)
  }

  get id(): Uint8Array { return this.peer.nodeId }
  get user(): string { return this.peer.userName }

  /** Our identity as others have verified it. */
  get verified(): VerifiedSigner {
    const certificate: VerifiedCertificate = { certificate: this.peer.certificate, hash: crypto.sha256(this.peer.certificate.der), chain: [], nodeIds: [this.id], userName: this.user }
    return { certificate, nodeId: this.id, userName: this.user }
  }

  async request(destination: RequestDestination, code: number, body: Uint8Array, signal: AbortSignal, options: RequestOptions = {}): Promise<Answer> {
    await Promise.resolve()
    signal.throwIfAborted()
    const last = destination.at(-1)
    if (last === undefined) throw new RequestTimeout('no destination')
    const to = 'node' in last ? this.ring.nodes.get(toHex(last.node)) : this.ring.responsible(last.resource)
    this.ring.sent.push({ from: this, to, code, body })
    if (to === undefined || !to.up) throw new RequestTimeout('nobody there')
    const outcome = to.serve(this.incoming(code, body, last, options.certificates))
    if ('error' in outcome) throw new ReloadError(outcome.error, typeof outcome.info === 'string' ? utf8Bytes(outcome.info) : outcome.info ?? new Uint8Array(), to.verified)
    const answer: Answer = { code: code + 1, body: outcome.body, signer: to.verified, certificates: [to.peer.certificate.der, ...outcome.certificates ?? []], extensions: [], hops: 1, rttMs: 1 }
    return this.ring.tamper?.(answer, code) ?? answer
  }

  serve(request: IncomingRequest): Outcome {
    switch (request.code) {
      case MessageCode.storeReq: return this.refuses ? { error: ErrorCode.forbidden, info: 'no replica belongs here' } : this.storage.handleStore(request)
      case MessageCode.fetchReq: return this.storage.handleFetch(request)
      case MessageCode.statReq: return this.storage.handleStat(request)
      case MessageCode.findReq: return this.storage.handleFind(request)
      default: throw new Error(`no handler for ${request.code}`)
    }
  }

  /** A request of ours as its receiver sees it. */
  incoming(code: number, body: Uint8Array, destination: RequestDestination[number], certificates: readonly Uint8Array[] = []): IncomingRequest {
    return { code, body, signer: this.verified, certificates: [this.peer.certificate.der, ...certificates], previousHop: this.id, destination, transactionId: 1n, extensions: [], ttl: 100, hops: 1 }
  }

  /** A value signed by us. */
  sign(resourceId: Uint8Array, kind: number, value: StoredDataValue, options: { time?: bigint, lifetime?: number } = {}): StoredData {
    const storageTime = options.time ?? BigInt(this.ring.clock.now())
    return { storageTime, lifetime: options.lifetime ?? 3600, value, signature: this.signer.signStoredData({ resourceId, kind, storageTime, value }) }
  }

  /** Sends a Store to `to` and returns what it makes of it. */
  store1(to: TestNode, resource: Uint8Array, kinds: readonly { kind: number, generation?: bigint, values: readonly StoredData[] }[], replicaNumber = 0, certificates: readonly Uint8Array[] = []): Outcome {
    const kindData = kinds.map(({ kind, generation, values }) => ({ kind, generationCounter: generation ?? 0n, values: encodeStoredValues(values) }))
    return to.storage.handleStore(this.incoming(MessageCode.storeReq, encode(storeReq, { resource, replicaNumber, kindData }), { resource }, certificates))
  }

  /** Kind-IDs held here, by Resource-ID. */
  holds(resource: Uint8Array): readonly number[] { return this.store.areas(resource).map((area) => area.kind) }
}

function ringTopology(ring: TestRing, nodeId: Uint8Array): StorageTopology {
  const self = (): TestNode | undefined => ring.members.find((member) => toHex(member.id) === toHex(nodeId))
  const clockwise = (): Uint8Array[] => ring.members.map((member) => member.id).filter((id) => toHex(id) !== toHex(nodeId))
    .sort((a, b) => (stepsTo(nodeId, a) < stepsTo(nodeId, b) ? -1 : 1))
  return {
    nodeId,
    get isMember() { return self() !== undefined },
    get successors() { return clockwise().slice(0, 3) },
    get predecessors() { return clockwise().reverse().slice(0, 3) },
    isResponsible: (id) => self() !== undefined && toHex(ring.responsible(id)?.id ?? new Uint8Array()) === toHex(nodeId),
    replicas: 2,
    replicaSet: () => clockwise().slice(0, 2),
    holdsReplica: (id) => self() !== undefined && [...ring.members].sort((a, b) => (stepsTo(id, a.id) < stepsTo(id, b.id) ? -1 : 1)).slice(0, 3).some((member) => toHex(member.id) === toHex(nodeId)),
  }
}

export const existing = (text: string): { exists: true, value: Uint8Array } => ({ exists: true, value: utf8Bytes(text) })
export const removed = { exists: false, value: new Uint8Array(0) }
