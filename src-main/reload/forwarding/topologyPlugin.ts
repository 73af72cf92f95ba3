/**
 * What routing and storage ask of the overlay algorithm (RFC 6940 §6.1, §6.4, §10). CHORD-RELOAD in
 * `reload/topology/chord` is the implementation; the router and the storage know only this.
 * All ids are 16 bytes: a Node-ID or a Resource-ID, which share one ring.
 */
export interface TopologyPlugin {
  /** Whether `id` lies in our range: (nearest predecessor, us]. A lone peer that has joined owns everything; a node that has not joined owns only its Node-ID. */
  isResponsible(id: Uint8Array): boolean
  /**
   * The connected, routable peer that a message for `id` goes to next (RFC 6940 §10.3); undefined when there is none.
   * @param from who gave us the message, and so believes that nobody is nearer than we are: it does not go back there
   */
  nextHop(id: Uint8Array, from?: Uint8Array): Uint8Array | undefined
  /** Where copies of what we are responsible for belong: our next successors, nearest first: two with CHORD-RELOAD, fewer in small rings (RFC 6940 §10.4). */
  replicaSet(): readonly Uint8Array[]
  /** Whether we should hold a copy of `resourceId`: responsible, or among as many peers behind it as have copies (RFC 6940 §10.7.3). */
  holdsReplica(resourceId: Uint8Array): boolean
  /** Whether `nodeId` is at least as close to `id` as every node in our neighbour table (response signer rule, RFC 6940 §6.3.4). */
  mayAnswerFor(nodeId: Uint8Array, id: Uint8Array): boolean
}

/** Facts of the overlay algorithm that storage acts on. Called after the tables are consistent again. */
export interface TopologyUser {
  /** Our own range grew or shrank. What left it must be handed to its new owner, see `TopologyPlugin.isResponsible`. */
  onRangeChanged(): void
  /** `replicaSet()` or the predecessors changed. */
  onNeighboursChanged(): void
  /** A neighbour says that it has become responsible for (after, upTo]: it misses who was, whom we may not miss yet. */
  onTakenOver(heir: Uint8Array, after: Uint8Array, upTo: Uint8Array): void
}

/** How storage hands data to a peer that is taking over part of our range; awaited before the final Update of a join (RFC 6940 §10.5 step 6). */
export interface HandOver {
  /** Stores, at `joining`, everything that will be its own once it is our nearest predecessor. Never rejects but for the signal. */
  handOver(joining: Uint8Array, signal: AbortSignal): Promise<void>
}
