/**
 * What a member does without being asked: pings links that are silent (No-ICE links have no keepalive of their
 * own), looks for missing neighbours, Updates its neighbours periodically (RFC 6940 §10.7.4), and looks through
 * bootstrap nodes whether the overlay has fallen into parts (§10.7.4.4).
 */
import { equalBytes } from '../../base/bytes.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'
import type { Attach } from '../attach/attach.ts'
import type { ConnectionTable } from '../forwarding/connectionTable.ts'
import type { Membership } from '../topology/membership.ts'
import type { TopologyPolicy } from '../topology/policy.ts'
import type { RequestSender } from '../transaction/exchange.ts'
import { encodeContents } from '../wire/bodies.ts'
import { MessageCode } from '../wire/constants.ts'
import { findNodes, type SearchDependencies } from './bootstrapSearch.ts'

export interface MaintenanceDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly nodeId: Uint8Array
  readonly table: ConnectionTable
  readonly membership: Membership
  readonly sender: RequestSender
  readonly attach: Pick<Attach, 'attach'>
  readonly search: SearchDependencies
  policy(): Pick<TopologyPolicy, 'stabilizeMs' | 'silentMs' | 'keepAliveMs'>
}

/** How often it is looked whether neighbours are missing, and how often whether a link is silent. */
const NEIGHBOURS_MS = 5_000, LINKS_MS = 1_000
/** Bootstrap nodes asked in one look for a partition; in a ring of many peers others look as well. */
const MAX_LOOKS = { small: 3, large: 1 } as const
const SMALL_RING = 20
const LOOK_MS = 5_000

export class Maintenance {
  private neighbours: Timer | undefined
  private links: Timer | undefined
  private update: Timer | undefined
  private readonly stopped = new AbortController()

  constructor(private readonly deps: MaintenanceDependencies) {}

  start(): void {
    this.lookForNeighbours()
    this.watchLinks()
    this.scheduleUpdate()
  }

  stop(): void {
    this.neighbours?.cancel()
    this.links?.cancel()
    this.update?.cancel()
    this.stopped.abort()
  }

  /**
   * Pings our own place in the ring through bootstrap nodes (RFC 6940 §10.7.4.4). In one ring we answer ourselves; who
   * else answers stands in another one, or in a place of ours where we are not known: then Attach to it and Update it,
   * from which both rings grow together. Who cannot ask the ring may have begun to join over our link: that one is left
   * to be closed when it has not been needed for a while. True when there was somebody. @throws the signal's reason
   */
  async lookForPartition(signal: AbortSignal): Promise<boolean> {
    const { nodeId, sender, attach, membership, table, search } = this.deps
    let looks = 0
    for await (const bootstrap of findNodes(search, LOOK_MS, signal)) {
      membership.wanted(bootstrap)
      try {
        const answer = await sender.request([{ resource: nodeId }], MessageCode.pingReq, pingBody, signal, { through: bootstrap, transmissions: 2 })
        const other = answer.signer.nodeId
        if (!equalBytes(other, nodeId) && !membership.chord.isRoutable(other)) {
          const way = equalBytes(other, bootstrap) ? [{ node: other }] : [{ node: bootstrap }, { node: other }]
          await attach.attach(way, signal, { forUpdate: true })
          membership.wanted(other)
          membership.sendUpdate(other)
          return true
        }
        if (!membership.chord.isRoutable(bootstrap)) table.get(bootstrap)?.link.retire()
      } catch (error) {
        signal.throwIfAborted()
        this.deps.log.debug('bootstrap node of no use', { error: String(error) })
      }
      if (++looks >= (membership.size <= SMALL_RING ? MAX_LOOKS.small : MAX_LOOKS.large)) break
    }
    return false
  }

  private lookForNeighbours(): void {
    this.neighbours = this.deps.clock.setTimer(NEIGHBOURS_MS, () => {
      this.deps.membership.stabilize()
      this.lookForNeighbours()
    })
  }

  private watchLinks(): void {
    this.links = this.deps.clock.setTimer(LINKS_MS, () => {
      this.watch()
      this.watchLinks()
    })
  }

  private watch(): void {
    const policy = this.deps.policy()
    for (const { nodeId, link } of this.deps.table.all()) {
      const { quietMs, silentMs } = link
      const standing = this.deps.membership.chord.standing(nodeId)
      if (quietMs >= policy.keepAliveMs(standing)) link.keepAlive()
      if (link.isSuspect || link.awaitsAck || silentMs < policy.silentMs(standing)) continue
      // The ack is what counts.
      this.deps.sender.request([{ node: nodeId }], MessageCode.pingReq, pingBody, this.stopped.signal, { through: nodeId, transmissions: 1 })
        .catch((error: unknown) => { this.deps.log.debug('keepalive unanswered', { error: String(error) }) })
    }
  }

  /** With a random offset, so that peers do not fall into step (RFC 6940 §10.7.4.1). */
  private scheduleUpdate(): void {
    const [byte = 0] = this.deps.random.bytes(1)
    this.update = this.deps.clock.setTimer(this.deps.policy().stabilizeMs * (0.9 + byte / 1280), () => {
      this.deps.membership.update()
      this.scheduleUpdate()
    })
  }
}

const pingBody = encodeContents('pingReq', { padding: new Uint8Array(0) }).messageBody
