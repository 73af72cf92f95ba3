/**
 * The overlay as usages and the SIP glue see it: one joined (or joining) RELOAD node. `createOverlay` in this
 * folder makes one; nothing above this file knows routing, links or messages.
 */
import type { Event } from '../../base/event.ts'
import type { Certificate } from '../../ports/crypto.ts'
import type { OverlayConfiguration } from '../config/configuration.ts'
import type { PingReport } from './diagnosticClient.ts'
import type { TraceHop } from './trace.ts'
import type { SocketAddress } from '../../ports/secureStream.ts'
import type { ValueSelector, VerifiedValue } from '../usages/fetchClient.ts'
import type { ValueToStore } from '../usages/storeClient.ts'

export type { ValueSelector, ValueToStore, VerifiedValue }

export type OverlayPhase = 'stopped' | 'starting' | 'joining' | 'joined' | 'alone' | 'offline'

export interface OverlayStatus {
  readonly phase: OverlayPhase
  readonly step: 'listen' | 'bootstrap' | 'attach' | 'join' | null
  readonly listen: SocketAddress | null
  /** Estimated number of peers, this one included. */
  readonly size: number
}

export interface Neighbour {
  readonly nodeId: Uint8Array
  readonly userName: string
  readonly remote: SocketAddress
  readonly relation: readonly ('predecessor' | 'successor' | 'finger' | 'client' | 'link')[]
  readonly rttMs: number | null
  readonly routable: boolean
}

/** Where a message goes: Node-IDs of 16 bytes in order, or a Resource-ID alone or in the last place. */
export type DestinationSpec = readonly ({ readonly node: Uint8Array } | { readonly resource: Uint8Array })[]

export interface FetchOptions {
  /** The look-up matters: replicas are asked too when the responsible peer's answer is empty, late or fails its checks. */
  readonly robust?: boolean
}

/** A direct, mutually authenticated byte pipe to one node, made by AppAttach (RFC 6940 §6.5.2). */
export interface AppPipe {
  readonly application: number
  /** certificate verified against the overlay and, for the caller, against the Node-ID asked for */
  readonly peerCertificate: Certificate
  readonly peerNodeId: Uint8Array
  readonly peerUserName: string
  readonly local: SocketAddress
  readonly remote: SocketAddress
  readonly transport: 'TLS' | 'DTLS-UDP'
  user: { onData(bytes: Uint8Array): void; onClose(cause?: Error): void } | undefined
  send(bytes: Uint8Array): void
  close(): void
}

export interface Overlay {
  readonly nodeId: Uint8Array
  readonly name: string
  readonly status: OverlayStatus
  readonly onStatus: Event<OverlayStatus>
  /** Pipes opened to us for an application of `acceptApplication`. */
  readonly onPipe: Event<AppPipe>
  readonly counters: Readonly<Record<string, number>>
  /** How others reach this node: its Node-ID, or for a client of a peer that is not responsible for it [peer, client]. */
  readonly route: readonly { readonly node: Uint8Array }[]
  readonly onRoute: Event<void>
  /** The configuration in force; another one after each `onDocument`. */
  readonly configuration: OverlayConfiguration
  /** A newer overlay document is in force (RFC 6940 §6.5.4): its exact bytes, to be kept for the next start. */
  readonly onDocument: Event<Uint8Array>
  /** A newer document came that nobody has signed whom the present one names: changes of keys were missed (RFC 6940 §6.5.4). */
  readonly onMissed: Event<void>
  /** This node is not, or cannot be, in the overlay any more, and stops: an error code and why. */
  readonly onExcluded: Event<{ readonly code: 'certificate-invalid' | 'overlay-incompatible'; readonly why: string }>
  /** Listens, finds the overlay and joins; keeps trying in the background until `stop`. Resolves when listening. @throws PeerError 'port-in-use' */
  start(): Promise<void>
  /** Leaves in order (Leave to neighbours) and closes everything; resolves within 3 s. */
  stop(): Promise<void>
  /**
   * Puts a newer document into force, here and from here everywhere.
   * @param options.vouched it came from a server that the overlay's root vouches for, and so need not be signed by whom the present one names
   * @throws PeerError 'overlay-file-damaged'
   */
  updateDocument(document: Uint8Array, options?: { readonly vouched?: boolean }): void
  neighbours(): readonly Neighbour[]
  /** H(name): the first 128 bits of SHA-1 (RFC 6940 §10.2). */
  resourceId(name: Uint8Array | string): Uint8Array
  /** Answer AppAttach for this application from now on. */
  acceptApplication(application: number): void
  /** @throws PeerError 'not-joined', 'network-timeout', or with the RELOAD error's name in the message */
  store(resourceId: Uint8Array, values: readonly ValueToStore[], signal: AbortSignal): Promise<void>
  /** Values that fail their checks are left out and counted. @throws as `store` */
  fetch(resourceId: Uint8Array, kind: number, selector: ValueSelector, signal: AbortSignal, options?: FetchOptions): Promise<readonly VerifiedValue[]>
  /** @throws PeerError 'peer-unreachable', 'peer-unverified', 'network-timeout', 'not-joined' */
  appAttach(destination: DestinationSpec, application: number, signal: AbortSignal): Promise<AppPipe>
  /** The peers on the way to a node or resource, ourselves first. @throws PeerError 'not-joined' */
  trace(to: { readonly node: Uint8Array } | { readonly resource: Uint8Array }, signal: AbortSignal): Promise<readonly TraceHop[]>
  /** Round trip through the overlay to a node, or to whoever is responsible for a resource, and what it tells of itself (RFC 7851). @throws as `appAttach` */
  ping(destination: DestinationSpec, signal: AbortSignal): Promise<PingReport>
}
