/**
 * The Connection Table (RFC 6940 §6.5.1, §10.3): one live link per Node-ID, whoever opened it, peers and clients
 * alike. Decides which of two links to the same node survives, and hides suspect links from routing.
 */
import { compareBytes, equalBytes, toHex } from '../../base/bytes.ts'
import type { Counters } from '../../base/counters.ts'
import { untilAborted } from '../../base/abort.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Certificate } from '../../ports/crypto.ts'
import type { SecureStream } from '../../ports/secureStream.ts'
import { Link, type LinkLimits } from '../link/link.ts'

export interface Connection {
  readonly nodeId: Uint8Array
  readonly userName: string
  readonly certificate: Certificate
  readonly link: Link
}

export interface ConnectionTableUser {
  onUp(connection: Connection): void
  /** The node has no usable link any more. */
  onDown(nodeId: Uint8Array): void
  onMessage(message: Uint8Array, from: Uint8Array): void
  /** Beginning of a message over max-message-size; the link is about to close. */
  onTooLarge(head: Uint8Array, from: Uint8Array): void
}

export interface ConnectionTableDependencies {
  readonly clock: Clock
  readonly nodeId: Uint8Array
  /** Who the verified certificate belongs to; undefined when it names no node of this overlay. */
  identify(certificate: Certificate): { readonly nodeId: Uint8Array; readonly userName: string } | undefined
  readonly limits: LinkLimits
  readonly maxLinks: number
  readonly counters: Counters
}

/** Two links opened towards each other within this time are one pair's glare, not a restart. */
const GLARE_MS = 10_000
/** The loser of glare still listens this long, for what is on its way. */
const RETIRE_MS = 5_000

export class ConnectionTable {
  private readonly entries = new Map<string, Connection>()
  private readonly retired = new Set<Link>()
  private readonly waiting = new Map<string, Set<() => void>>()

  constructor(private readonly deps: ConnectionTableDependencies, private readonly user: ConnectionTableUser) {}

  /** Takes a fresh stream in; undefined when it is refused (and destroyed). */
  admit(stream: SecureStream, initiatedByUs: boolean): Connection | undefined {
    const { clock, counters, limits, maxLinks } = this.deps
    const who = this.deps.identify(stream.peerCertificate)
    if (who === undefined || equalBytes(who.nodeId, this.deps.nodeId) || this.entries.size + this.retired.size >= maxLinks) {
      counters.add(who === undefined ? 'link.unidentified' : equalBytes(who.nodeId, this.deps.nodeId) ? 'link.toSelf' : 'link.tooMany')
      stream.destroy()
      return undefined
    }
    const link = new Link(who.nodeId, stream, initiatedByUs, clock, limits, {
      onMessage: (_, message) => { this.user.onMessage(message, who.nodeId) },
      onSuspect: () => { counters.add('link.suspect'); if (this.isCurrent(link)) this.user.onDown(who.nodeId) },
      onRecovered: () => { const current = this.current(link); if (current !== undefined) this.up(current) },
      onTooLarge: (_, head) => { counters.add('link.messageTooLarge'); this.user.onTooLarge(head, who.nodeId) },
      onClosed: () => { this.onClosed(link) },
    })
    counters.add(initiatedByUs ? 'link.opened' : 'link.accepted')
    const connection: Connection = { ...who, certificate: stream.peerCertificate, link }
    this.place(connection)
    link.start()
    return connection
  }

  /** The connection to this node, unless there is none or its link is suspect. */
  get(nodeId: Uint8Array): Connection | undefined {
    const entry = this.entries.get(toHex(nodeId))
    return entry === undefined || entry.link.isSuspect ? undefined : entry
  }

  all(): readonly Connection[] { return [...this.entries.values()] }

  /** False when there is no link or it dropped the message. */
  send(nodeId: Uint8Array, message: Uint8Array): boolean {
    return this.entries.get(toHex(nodeId))?.link.send(message) ?? false
  }

  /** Resolves when a usable link to the node is there. @throws the signal's reason */
  async whenConnected(nodeId: Uint8Array, signal: AbortSignal): Promise<Connection> {
    const key = toHex(nodeId)
    for (;;) {
      signal.throwIfAborted()
      const there = this.get(nodeId)
      if (there !== undefined) return there
      const waiters = this.waiting.get(key) ?? new Set()
      this.waiting.set(key, waiters)
      let wake: () => void = () => undefined
      const woken = new Promise<void>((resolve) => { wake = resolve })
      waiters.add(wake)
      try {
        await untilAborted(woken, signal)
      } finally {
        waiters.delete(wake)
        if (waiters.size === 0) this.waiting.delete(key)
      }
    }
  }

  /** Ends every link in order. */
  close(): void {
    for (const { link } of [...this.entries.values()]) link.close()
    for (const link of [...this.retired]) link.close()
  }

  private place(fresh: Connection): void {
    const key = toHex(fresh.nodeId)
    const old = this.entries.get(key)
    if (old === undefined) {
      this.entries.set(key, fresh)
      this.up(fresh)
      return
    }
    const glare = !old.link.isSuspect && old.link.initiatedByUs !== fresh.link.initiatedByUs &&
      this.deps.clock.monotonic() - old.link.openedAt < GLARE_MS
    if (!glare) {
      // The node came back without our having seen it go.
      old.link.destroy('replaced')
      this.entries.set(key, fresh)
      this.up(fresh)
      return
    }
    // Both ends keep the link whose (D)TLS client has the smaller Node-ID.
    const oursSurvives = compareBytes(this.deps.nodeId, fresh.nodeId) < 0
    const freshSurvives = fresh.link.initiatedByUs === oursSurvives
    if (freshSurvives) this.entries.set(key, fresh)
    this.retire(freshSurvives ? old.link : fresh.link)
  }

  private retire(link: Link): void {
    this.deps.counters.add('link.glare')
    this.retired.add(link)
    this.deps.clock.setTimer(RETIRE_MS, () => { link.close() })
  }

  private up(connection: Connection): void {
    this.user.onUp(connection)
    for (const wake of this.waiting.get(toHex(connection.nodeId)) ?? []) wake()
  }

  private onClosed(link: Link): void {
    if (this.retired.delete(link)) return
    if (!this.isCurrent(link)) return
    this.entries.delete(toHex(link.nodeId))
    this.deps.counters.add('link.closed')
    this.user.onDown(link.nodeId)
  }

  private current(link: Link): Connection | undefined {
    const entry = this.entries.get(toHex(link.nodeId))
    return entry?.link === link ? entry : undefined
  }

  private isCurrent(link: Link): boolean { return this.current(link) !== undefined }
}
