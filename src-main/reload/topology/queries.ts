/**
 * What others may ask about our place in the ring: RouteQuery (RFC 6940 §6.4.2.4, §10.8), the next hop we would take,
 * and Probe (§6.4.2.5), how much we are responsible for.
 */
import { equalBytes } from '../../base/bytes.ts'
import type { ConnectionTable } from '../forwarding/connectionTable.ts'
import type { IncomingRequest, Outcome } from '../transaction/exchange.ts'
import { decodeBody, encodeContents, type BodyOf } from '../wire/bodies.ts'
import { ErrorCode, NODE_ID_LENGTH } from '../wire/constants.ts'
import type { Destination } from '../wire/destination.ts'
import type { Chord } from './chord.ts'
import type { TopologyPolicy } from './policy.ts'
import { distance, fraction } from './ring.ts'
import type { Updates } from './updates.ts'

const BILLION = 1_000_000_000

export class TopologyQueries {
  constructor(
    private readonly chord: Chord, private readonly updates: Updates, private readonly table: Pick<ConnectionTable, 'get'>, private readonly resourceCount: () => number,
    private readonly policy: () => Pick<TopologyPolicy, 'tuning'>,
  ) {}

  readonly serveRouteQuery = (request: IncomingRequest): Outcome => {
    const { sendUpdate, destination } = decodeBody('routeQueryReq', request.body)
    const hop = this.nextPeer(destination)
    if ('error' in hop) return hop
    if (sendUpdate && equalBytes(request.previousHop, request.signer.nodeId)) this.updates.send(request.signer.nodeId, 'full')
    return { body: encodeContents('routeQueryAns', { nextPeer: hop.next }).messageBody }
  }

  /** The peer that a message for `destination` goes to from here; ourselves when we are responsible. */
  nextPeer(destination: Destination): { readonly next: Uint8Array } | { readonly error: number; readonly info: string } {
    const id = destination.type === 'node' ? destination.nodeId : destination.type === 'resource' ? destination.resourceId : undefined
    // Opaque IDs are not resolved for others: they hide where a request came from.
    if (id?.length !== NODE_ID_LENGTH) return { error: ErrorCode.forbidden, info: 'only nodes and resources are looked for' }
    const connected = destination.type === 'node' && this.table.get(id) !== undefined
    const next = this.chord.isResponsible(id) ? this.chord.nodeId : connected ? id : this.chord.nextHop(id)
    return next === undefined ? { error: ErrorCode.notFound, info: 'no route' } : { next }
  }

  /** "In the order they were requested", and nothing else; what is not known is passed over (RFC 6940 §6.4.2.5.2). */
  readonly serveProbe = (request: IncomingRequest): Outcome => {
    const probeInfo: BodyOf<'probeAns'>['probeInfo'][number][] = []
    for (const type of new Set(decodeBody('probeReq', request.body).requestedInfo)) {
      if (type === 1) probeInfo.push({ type: 'responsible_set', responsiblePpb: this.responsiblePpb })
      else if (type === 2) probeInfo.push({ type: 'num_resources', numResources: this.resourceCount() })
      else if (type === 3) probeInfo.push({ type: 'uptime', uptime: this.updates.uptimeS })
    }
    const extensions = this.policy().tuning?.probed(request.signer.nodeId, request.extensions)
    return { body: encodeContents('probeAns', { probeInfo }).messageBody, ...(extensions !== undefined && { extensions }) }
  }

  /** Our part of the ring in parts per billion. */
  private get responsiblePpb(): number {
    if (!this.chord.isMember) return 0
    const predecessor = this.chord.predecessors[0]
    return predecessor === undefined ? BILLION : Math.round(fraction(distance(predecessor, this.chord.nodeId)) * BILLION)
  }
}
