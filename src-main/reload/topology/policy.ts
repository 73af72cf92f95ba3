/**
 * Where the overlay algorithms that the topology-plugin element names differ (RFC 6940 §10, RFC 7363 §5): how large
 * the tables are, who is told of changes, how often and with whom the ring is stabilised, how soon silence is
 * looked into. Tables, routing, joining and leaving are the same for all of them.
 */
import type { MessageExtension } from '../wire/message.ts'

/** Both nearest first, never ourselves. */
export interface NeighbourTable {
  readonly predecessors: readonly Uint8Array[]
  readonly successors: readonly Uint8Array[]
}

/** The peers that messages are routed through (RFC 7363 §2). */
export interface RoutingTable extends NeighbourTable {
  /** Those that are no neighbours. */
  readonly fingers: readonly Uint8Array[]
  readonly routablePeers: readonly Uint8Array[]
}

export interface TableSizes {
  readonly predecessors: number
  readonly successors: number
  /** Successors that hold copies (RFC 6940 §10.4); fewer than neighbours on a side. */
  readonly replicas: number
  /** Entries of the Finger Table to be filled, the farthest first; those that neighbours fill count. */
  readonly entries: number
  /** Peers of the Routing Table, neighbours included, that are searched for although each entry has one (RFC 6940 §10.7.4.3). */
  readonly wanted: number
  /** Peers of the Routing Table that are kept, even if their entries have others. */
  readonly kept: number
}

/** How near a connected node stands to us: the nearest peer on a side, one of those that share copies with us, another neighbour, or any other node. */
export type Standing = 'nearest' | 'near' | 'neighbour' | 'other'

export interface TopologyPolicy {
  readonly sizes: TableSizes
  /**
   * Which peers hear of a change of the neighbour table: all that are connected (RFC 6940 §10.7.3), or only who is
   * new in it, that we are there (RFC 7363 §5.2). Clients are told in both cases.
   */
  readonly tells: 'all' | 'newcomers'
  /** Whether a peer is searched for at once when the last one of a Finger Table entry is lost (RFC 6940 §10.7.2). */
  readonly searchesLost: boolean
  /** Milliseconds from one periodic Update to the next. */
  readonly stabilizeMs: number
  /** Milliseconds from one regular search for fingers to the next. */
  readonly searchMs: number
  /** Who gets the periodic Update (RFC 6940 §10.7.4.1, RFC 7363 §5.2). */
  updated(table: NeighbourTable): readonly Uint8Array[]
  /** Milliseconds without anything from a connected node after which a Ping asks whether it is there. */
  silentMs(standing: Standing): number
  /** Milliseconds without anything to a connected node after which it is shown that we are there; without an answer, unlike a Ping. */
  keepAliveMs(standing: Standing): number
  /** Of an algorithm that goes by what it sees. */
  readonly tuning?: Tuning
}

/** What an algorithm that tunes itself is told (RFC 7363 §6). */
export interface Tuning {
  /** We are a member from now on. @param peers a first estimate of how many there are */
  entered(peers: number): void
  /** The stabilisation timer has fired: `sizes` and `stabilizeMs` are for the next period afterwards. */
  stabilizing(table: RoutingTable): void
  /** A peer told its uptime, in seconds. */
  heard(peer: Uint8Array, uptimeS: number): void
  /** A peer of the routing table left, or does not answer. */
  failed(): void
  /** The link to this node is gone. */
  gone(peer: Uint8Array): void
  /** A peer was found for the Finger Table. */
  found(peer: Uint8Array): void
  /** A Probe came; the extensions of its answer. */
  probed(by: Uint8Array, extensions: readonly MessageExtension[]): readonly MessageExtension[]
}
