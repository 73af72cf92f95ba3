/**
 * CHORD-SELF-TUNING (RFC 7363): periodic recovery whose interval, and the sizes of the tables, follow from estimates
 * of how many peers there are and how fast they come and go. At the end of each stabilisation period the
 * estimates are made anew, from the routing table and from what fingers share.
 */
import type { Clock } from '../../../ports/clock.ts'
import type { Log } from '../../../ports/log.ts'
import type { Random } from '../../../ports/random.ts'
import type { RequestSender } from '../../transaction/exchange.ts'
import { unique } from '../chord.ts'
import type { NeighbourTable, RoutingTable, Standing, TableSizes, TopologyPolicy, Tuning } from '../policy.ts'
import type { ChordParameters } from '../reloadPolicy.ts'
import { EstimateProbes } from './estimateProbes.ts'
import { FailureHistory } from './failureHistory.ts'
import { networkSize } from './networkSize.ts'
import { joinRate, PeerAges } from './peerAges.ts'
import { SharedEstimates, type Estimates } from './sharedEstimates.ts'
import { stabilizationMs } from './stabilizationInterval.ts'
import { tableSizes } from './tableSizes.ts'

export interface SelfTuningDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly nodeId: Uint8Array
  readonly sender: RequestSender
  /** Of the configuration document, read at each use. */
  parameters(): Pick<ChordParameters, 'chordUpdateIntervalS'> & { readonly peersToProbe: number }
}

/** Of a joining peer, which knows little: the lower limit that RFC 7363 §6.6 recommends. */
const FIRST_MS = 15_000
/** The lower limit of the stabilisation interval: docs/decisions/0010 says why it is not 15 s. */
const LEAST_MS = 180_000
/**
 * Keep-alives go out before Tr (15 s), and 2·Tr without anything are waited for (RFC 7363
 * §6.3.1). Those that share copies with us are watched more closely: data is safe for as long as losses are noticed.
 */
const KEEP_ALIVE_MS = { nearest: 3_000, near: 3_000, neighbour: 10_000, other: 10_000 } as const
const SILENT_MS = { nearest: 5_500, near: 5_500, neighbour: 30_000, other: 30_000 } as const

export class SelfTuningPolicy implements TopologyPolicy, Tuning {
  readonly tells = 'newcomers'
  readonly searchesLost = false
  readonly tuning = this
  sizes: TableSizes = tableSizes(1)
  /** The first period is short: nothing is known yet. */
  stabilizeMs: number = FIRST_MS
  /** Our own latest ones. */
  private own: Estimates = { peers: 1, joinRate: 0, failureRate: 0 }
  private failures: FailureHistory
  private readonly ages = new PeerAges()
  private readonly shared = new SharedEstimates()
  private readonly probes: EstimateProbes

  constructor(private readonly deps: SelfTuningDependencies) {
    const { random, log, sender } = deps
    this.failures = new FailureHistory(deps.clock.monotonic())
    this.probes = new EstimateProbes({
      random, log, sender, estimates: () => this.own,
      onEstimates: (from, estimates) => { this.shared.add(from, estimates) },
      onUptime: (of, uptimeS) => { this.heard(of, uptimeS) },
    })
  }

  /** Both stabilisations have one timer's interval (RFC 7363 §5). */
  get searchMs(): number { return this.stabilizeMs }

  /** The first predecessor and the first successor, nobody else (RFC 7363 §5.2). */
  updated({ predecessors, successors }: NeighbourTable): readonly Uint8Array[] {
    return unique([...predecessors.slice(0, 1), ...successors.slice(0, 1)])
  }

  silentMs(standing: Standing): number { return SILENT_MS[standing] }

  keepAliveMs(standing: Standing): number { return KEEP_ALIVE_MS[standing] }

  // Tuning

  entered(peers: number): void {
    this.failures = new FailureHistory(this.deps.clock.monotonic())
    this.own = { peers, joinRate: 0, failureRate: 0 }
    this.sizes = tableSizes(peers)
    this.stabilizeMs = FIRST_MS
  }

  stabilizing(table: RoutingTable): void {
    const now = this.deps.clock.monotonic()
    const { chordUpdateIntervalS, peersToProbe } = this.deps.parameters()
    const peers = networkSize(this.deps.nodeId, table)
    this.own = {
      peers, joinRate: joinRate(peers, this.ages.of(table.routablePeers, now)), failureRate: this.failures.rate(table.routablePeers.length, now),
    }
    const estimates = this.shared.close(this.own)
    this.sizes = tableSizes(estimates.peers)
    this.stabilizeMs = stabilizationMs(estimates, LEAST_MS, chordUpdateIntervalS * 1000)
    this.deps.log.debug('tuned', { ...estimates, stabilizeMs: this.stabilizeMs })
    for (const finger of this.probes.some(table.fingers, peersToProbe)) this.probes.send(finger)
  }

  heard(peer: Uint8Array, uptimeS: number): void { this.ages.heard(peer, uptimeS, this.deps.clock.monotonic()) }
  failed(): void { this.failures.failed(this.deps.clock.monotonic()) }
  gone(peer: Uint8Array): void { this.ages.forget(peer) }
  found(peer: Uint8Array): void { this.probes.send(peer) }
  readonly probed: Tuning['probed'] = (by, extensions) => this.probes.answer(by, extensions)
}
