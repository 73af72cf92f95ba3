/**
 * Links whose certificate holds several Node-IDs, while it is not known which of them the other end acts under
 * (RFC 6940 §4.2.1, §6.1.2). Such a link stands under one of them, so that Ping and Attach can be answered over it:
 * one that nobody else has, then the one that its own requests are signed with. Owns the time until it must attach.
 */
import { equalBytes } from '../../base/bytes.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { SecureStream } from '../../ports/secureStream.ts'
import type { Link } from '../link/link.ts'
import type { Connection } from './connection.ts'

interface Held {
  readonly connection: Connection
  /** Those the other end may act under. */
  readonly nodeIds: readonly Uint8Array[]
  readonly timer: Timer
}

/** So long a link may stay without an Attach. */
const ATTACH_WITHIN_MS = 60_000

export class UnattachedLinks {
  private readonly held = new Map<Link, Held>()
  /** Node-IDs that an Attach is under way with, the oldest first. */
  private readonly expected: Uint8Array[] = []

  constructor(private readonly clock: Clock) {}

  get size(): number { return this.held.size }
  links(): readonly Link[] { return [...this.held.keys()] }

  hold(connection: Connection, nodeIds: readonly Uint8Array[]): void {
    const timer = this.clock.setTimer(ATTACH_WITHIN_MS, () => { connection.link.close() })
    this.held.set(connection.link, { connection, nodeIds, timer })
  }

  release(link: Link): Held | undefined {
    const held = this.held.get(link)
    held?.timer.cancel()
    this.held.delete(link)
    return held
  }

  of(link: Link): Held | undefined { return this.held.get(link) }
  ofStream(stream: SecureStream): Link | undefined { return this.links().find((link) => link.stream === stream) }

  /** The link that stands under this Node-ID. */
  find(nodeId: Uint8Array): Held | undefined {
    if (this.held.size === 0) return undefined
    return [...this.held.values()].find(({ connection }) => equalBytes(connection.link.nodeId, nodeId))
  }

  /** A link from outside that may be one of this node: one that stands under its Node-ID already, or else the newest. */
  incomingOf(nodeId: Uint8Array): Connection | undefined {
    const possible = [...this.held.values()].filter(({ connection, nodeIds }) => !connection.link.initiatedByUs && nodeIds.some((id) => equalBytes(id, nodeId)))
    return (possible.find(({ connection }) => equalBytes(connection.link.nodeId, nodeId)) ?? possible.at(-1))?.connection
  }

  expect(nodeId: Uint8Array): () => void {
    this.expected.push(nodeId)
    return () => {
      const at = this.expected.indexOf(nodeId)
      if (at >= 0) this.expected.splice(at, 1)
    }
  }

  /** Which of these Node-IDs an Attach waits for. */
  expectedOf(nodeIds: readonly Uint8Array[]): Uint8Array | undefined {
    return this.expected.find((id) => nodeIds.some((other) => equalBytes(id, other)))
  }
}
