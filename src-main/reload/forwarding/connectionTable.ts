/**
 * The Connection Table (RFC 6940 §6.5.1, §10.3): one live link per Node-ID, whoever opened it, peers and clients
 * alike. Decides which of two links to the same node survives, and hides suspect links from routing. A link whose
 * certificate holds several Node-IDs comes in only when an Attach has told which of them the other end acts under
 * (`unattachedLinks`).
 */
import { compareBytes, equalBytes, mapKey } from '../../base/bytes.ts'
import type { Counters } from '../../base/counters.ts'
import { Notifier } from '../../base/notifier.ts'
import { untilAborted } from '../../base/abort.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Certificate } from '../../ports/crypto.ts'
import type { SecureStream } from '../../ports/secureStream.ts'
import { Link, type LinkLimits, type LinkUser } from '../link/link.ts'
import type { Connection } from './connection.ts'
import { UnattachedLinks } from './unattachedLinks.ts'

export type { Connection }

export interface ConnectionTableUser {
  onUp(connection: Connection): void
  /** The node has no usable link any more. @param silent it does not acknowledge, instead of the link being closed */
  onDown(nodeId: Uint8Array, silent: boolean): void
  /** @param attached false when the sender has several Node-IDs and has not told by an Attach which one it is */
  onMessage(message: Uint8Array, from: Uint8Array, attached: boolean): void
  /** Beginning of a message over max-message-size; the link is about to close. */
  onTooLarge(head: Uint8Array, from: Uint8Array): void
}

export interface ConnectionTableDependencies {
  readonly clock: Clock
  readonly nodeId: Uint8Array
  /** Who the verified certificate belongs to; undefined when it names no node of this overlay. */
  identify(certificate: Certificate): { readonly nodeIds: readonly Uint8Array[]; readonly userName: string } | undefined
  /** The Node-ID, of those of the certificate, that a request was signed under (RFC 6940 §6.3.4); not verified. */
  signedAs(request: Uint8Array, certificate: Certificate, nodeIds: readonly Uint8Array[]): Uint8Array | undefined
  readonly limits: LinkLimits
  readonly maxLinks: number
  readonly counters: Counters
}

/** Two links opened towards each other within this time are one pair's glare, not a restart. */
const GLARE_MS = 10_000
/** A link given up still listens this long, for what is on its way. */
const RETIRE_MS = 5_000
/** So long a second link may stay unused: longer, for the other end may have given up the first one for it. */
const PROBATION_MS = 15_000

export class ConnectionTable {
  private readonly entries = new Map<string, Connection>()
  /** All of them, until one comes or goes. */
  private list: readonly Connection[] | undefined
  /** Second links to a node, which still listen: those given up, and incoming ones not used yet, which take over when they are. */
  private readonly spare = new Map<Link, { readonly connection: Connection; readonly mayTakeOver: boolean }>()
  private readonly unattached: UnattachedLinks
  /** Some link is one of datagrams: else the question is answered without looking. */
  private hasDatagrams = false
  private readonly changed = new Notifier()
  /** Of all links. */
  private readonly links: LinkUser = {
    onMessage: (link, message) => { this.onMessage(link, message) },
    onSuspect: (link) => { this.deps.counters.add('link.suspect'); if (this.isCurrent(link)) this.user.onDown(link.nodeId, true) },
    onRecovered: (link) => { const current = this.current(link); if (current !== undefined) this.up(current) },
    onTooLarge: (link, head) => { this.deps.counters.add('link.messageTooLarge'); this.user.onTooLarge(head, link.nodeId) },
    onClosed: (link) => { this.onClosed(link) },
  }

  constructor(private readonly deps: ConnectionTableDependencies, private readonly user: ConnectionTableUser) {
    this.unattached = new UnattachedLinks(deps.clock)
  }

  /** Takes a fresh stream in; undefined when it is refused (and destroyed). */
  admit(stream: SecureStream, initiatedByUs: boolean): Connection | undefined {
    const { clock, counters, limits, maxLinks } = this.deps
    const who = this.deps.identify(stream.peerCertificate)
    const others = who?.nodeIds.filter((id) => !equalBytes(id, this.deps.nodeId)) ?? []
    const settled = who?.nodeIds.length === 1 ? others[0] : this.unattached.expectedOf(others)
    const nodeId = settled ?? others.find((id) => !this.entries.has(mapKey(id)) && this.unattached.find(id) === undefined)
    if (who === undefined || nodeId === undefined || this.entries.size + this.spare.size + this.unattached.size >= maxLinks) {
      counters.add(who === undefined ? 'link.unidentified' : others.length === 0 ? 'link.toSelf' : 'link.tooMany')
      stream.destroy()
      return undefined
    }
    const link = new Link(nodeId, stream, initiatedByUs, clock, limits, counters, this.links)
    counters.add(initiatedByUs ? 'link.opened' : 'link.accepted')
    this.hasDatagrams ||= stream.pathMtu !== undefined
    const connection: Connection = { nodeId, userName: who.userName, certificate: stream.peerCertificate, link }
    if (settled === undefined) this.unattached.hold(connection, others)
    else this.place(connection)
    link.start()
    return connection
  }

  /**
   * An Attach with this node is under way: a link that comes, or has come just before, from a certificate that holds
   * its Node-ID among several is a link to it. @returns ends the expectation
   */
  expect(nodeId: Uint8Array): () => void {
    const early = this.unattached.incomingOf(nodeId)
    if (early !== undefined) this.settle(early.link, nodeId)
    return this.unattached.expect(nodeId)
  }

  /** The other end of the link that stands under `from` acts under `nodeId`: it has attached, or was asked. */
  attached(from: Uint8Array, nodeId: Uint8Array): void {
    const held = this.unattached.find(from)
    if (held?.nodeIds.some((id) => equalBytes(id, nodeId)) === true) this.settle(held.connection.link, nodeId)
  }

  /** Under which Node-ID this stream's link stands while it is not known which it is. */
  unattachedOf(stream: SecureStream): Uint8Array | undefined { return this.unattached.ofStream(stream)?.nodeId }

  /** The connection to this node, unless there is none or its link is suspect. */
  get(nodeId: Uint8Array): Connection | undefined {
    const entry = this.entries.get(mapKey(nodeId))
    return entry === undefined || entry.link.isSuspect ? undefined : entry
  }

  /** Not to be changed; later ones are in another list. */
  all(): readonly Connection[] { return this.list ??= [...this.entries.values()] }

  /** Whether messages for this node can go over a link to it: also while it has not attached, for answers to its Ping and Attach. */
  reaches(nodeId: Uint8Array): boolean { return this.get(nodeId) !== undefined || this.unattached.find(nodeId) !== undefined }

  /** Bytes of one datagram on the path to the node; undefined for streams. */
  pathMtu(nodeId: Uint8Array): number | undefined {
    if (!this.hasDatagrams) return undefined
    return (this.entries.get(mapKey(nodeId)) ?? this.unattached.find(nodeId)?.connection)?.link.stream.pathMtu
  }

  /** False when there is no link or it dropped the message. */
  send(nodeId: Uint8Array, message: Uint8Array): boolean {
    return (this.entries.get(mapKey(nodeId)) ?? this.unattached.find(nodeId)?.connection)?.link.send(message) ?? false
  }

  /** Resolves when a usable link to the node is there. @throws the signal's reason */
  async whenConnected(nodeId: Uint8Array, signal: AbortSignal): Promise<Connection> {
    for (;;) {
      signal.throwIfAborted()
      const there = this.get(nodeId)
      if (there !== undefined) return there
      await this.whenChanged(signal)
    }
  }

  /** Resolves when some link has become usable, is so again, or has ended. @throws the signal's reason */
  whenChanged(signal: AbortSignal): Promise<void> { return untilAborted(this.changed.wait(), signal) }

  /** A new configuration: links whose certificate names no node of the overlay any more end. */
  closeUnidentified(): void {
    for (const link of this.allLinks()) {
      if (this.deps.identify(link.stream.peerCertificate) !== undefined) continue
      this.deps.counters.add('link.excluded')
      link.close()
    }
  }

  /** Ends every link in order. */
  close(): void {
    for (const link of this.allLinks()) link.close()
  }

  private allLinks(): readonly Link[] {
    return [...this.all().map(({ link }) => link), ...this.spare.keys(), ...this.unattached.links()]
  }

  private onMessage(link: Link, message: Uint8Array): void {
    const held = this.unattached.of(link)
    if (held === undefined) {
      this.prefer(link)
      this.user.onMessage(message, link.nodeId, true)
      return
    }
    // Answers go to the Node-ID that asked, and only the sender knows that by heart.
    const named = this.deps.signedAs(message, held.connection.certificate, held.nodeIds)
    if (named !== undefined) link.nodeId = named
    this.user.onMessage(message, link.nodeId, false)
  }

  private settle(link: Link, nodeId: Uint8Array): void {
    const held = this.unattached.release(link)
    if (held === undefined) return
    link.nodeId = nodeId
    this.place({ ...held.connection, nodeId })
  }

  private place(fresh: Connection): void {
    const old = this.entries.get(mapKey(fresh.nodeId))
    if (old === undefined) { this.enter(fresh); return }
    const glare = !old.link.isSuspect && old.link.initiatedByUs !== fresh.link.initiatedByUs &&
      this.deps.clock.monotonic() - old.link.openedAt < GLARE_MS
    if (glare) {
      // Both ends keep the link whose (D)TLS client has the smaller Node-ID.
      this.deps.counters.add('link.glare')
      const oursSurvives = compareBytes(this.deps.nodeId, fresh.nodeId) < 0
      const survivor = fresh.link.initiatedByUs === oursSurvives ? fresh : old
      this.put(survivor)
      this.setAside(survivor === fresh ? old : fresh, false)
    } else if (fresh.link.initiatedByUs || old.link.isSuspect) this.replace(old, fresh)
    // The node may have come back without our having seen it go, or may only look whether we are here.
    else this.setAside(fresh, true)
  }

  /** A message came over a link that stood aside: the node uses it, so its other one is gone. */
  private prefer(link: Link): void {
    const aside = this.spare.get(link)
    if (aside === undefined || !aside.mayTakeOver) return
    this.spare.delete(link)
    const old = this.entries.get(mapKey(link.nodeId))
    if (old !== undefined) this.replace(old, aside.connection)
    else this.enter(aside.connection)
  }

  private replace(old: Connection, fresh: Connection): void {
    // Of two links within seconds both are alive; an older one is a node's that came back.
    const restarted = old.link.isSuspect || this.deps.clock.monotonic() - old.link.openedAt >= GLARE_MS
    this.remove(old.nodeId)
    this.setAside(old, false)
    if (restarted) this.user.onDown(old.nodeId, false)
    this.enter(fresh)
  }

  private enter(connection: Connection): void {
    this.put(connection)
    this.up(connection)
  }

  private put(connection: Connection): void {
    this.entries.set(mapKey(connection.nodeId), connection)
    this.list = undefined
  }

  private remove(nodeId: Uint8Array): void {
    this.entries.delete(mapKey(nodeId))
    this.list = undefined
  }

  /** What is on its way over a second link is still taken. */
  private setAside(connection: Connection, mayTakeOver: boolean): void {
    this.spare.set(connection.link, { connection, mayTakeOver })
    this.deps.clock.setTimer(mayTakeOver ? PROBATION_MS : RETIRE_MS, () => { if (this.spare.has(connection.link)) connection.link.retire() })
  }

  private up(connection: Connection): void {
    this.user.onUp(connection)
    this.changed.notify()
  }

  private onClosed(link: Link): void {
    if (this.spare.delete(link) || this.unattached.release(link) !== undefined) return
    if (!this.isCurrent(link)) return
    this.remove(link.nodeId)
    this.deps.counters.add('link.closed')
    this.user.onDown(link.nodeId, false)
    const aside = [...this.spare.values()].find(({ connection }) => equalBytes(connection.nodeId, link.nodeId))
    if (aside === undefined || this.entries.has(mapKey(link.nodeId))) { this.changed.notify(); return }
    this.spare.delete(aside.connection.link)
    this.enter(aside.connection)
  }

  private current(link: Link): Connection | undefined {
    const entry = this.entries.get(mapKey(link.nodeId))
    return entry?.link === link ? entry : undefined
  }

  private isCurrent(link: Link): boolean { return this.current(link) !== undefined }
}
