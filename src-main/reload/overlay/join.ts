/**
 * How this node joins (RFC 6940 §10.5): Attach to the admitting peer through a bootstrap node, Attach to the
 * neighbours it names, Join, wait for the Update that names us its predecessor. A procedure: all state is in
 * the membership's tables.
 */
import { withAny, withTimeout } from '../../base/abort.ts'
import { equalBytes } from '../../base/bytes.ts'
import { PeerError } from '../../base/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Attach } from '../attach/attach.ts'
import type { ConnectionTable } from '../forwarding/connectionTable.ts'
import { inRange, nextId } from '../topology/ring.ts'
import { unique, type Membership } from '../topology/membership.ts'
import type { RequestSender } from '../transaction/exchange.ts'
import { encodeContents } from '../wire/bodies.ts'
import { MessageCode } from '../wire/constants.ts'

export interface JoinDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly nodeId: Uint8Array
  readonly table: Pick<ConnectionTable, 'all' | 'whenChanged'>
  readonly attach: Pick<Attach, 'attach'>
  readonly membership: Membership
  readonly sender: RequestSender
  onStep(step: 'attach' | 'join'): void
}

const UPDATE_MS = 5_000
const NEIGHBOUR_MS = 8_000
/** "A peer MUST attempt to maintain at least three" (RFC 6940 §10.7). */
const SUCCESSORS = 3
/** The hand-over has 10 s at the admitting peer, and others may be before us. */
const ADMISSION_MS = 30_000

/**
 * Joins through the connected node `bootstrap`. Afterwards we are a member of the ring.
 * @throws what a request throws, PeerError 'overlay-unreachable', the signal's reason
 */
export async function joinThrough(deps: JoinDependencies, bootstrap: Uint8Array, signal: AbortSignal): Promise<void> {
  const { nodeId, attach, membership } = deps
  membership.forget()
  deps.onStep('attach')
  membership.wanted(bootstrap)
  const admitting = (await attach.attach([{ resource: nextId(nodeId) }], signal, { through: bootstrap })).nodeId
  membership.wanted(admitting)
  await whileLinked(deps, admitting, signal, (until) => joinAt(deps, admitting, until))
}

/** From the neighbours that the admitting peer names to its Update that names us: then we are a member. */
async function joinAt(deps: JoinDependencies, admitting: Uint8Array, signal: AbortSignal): Promise<void> {
  const { clock, nodeId, membership, sender } = deps
  const named = await tableOf(deps, admitting, signal) ?? await successorsByPing(deps, admitting, signal)
  const others = unique(named).filter((id) => !equalBytes(id, nodeId) && !equalBytes(id, admitting))
  // A neighbour that is not reached is most likely gone; the ring will tell.
  const reached = await Promise.allSettled(others.map((id) => attachNeighbour(deps, id, admitting, signal)))
  signal.throwIfAborted()
  deps.log.debug('neighbours attached', { reached: reached.filter((r) => r.status === 'fulfilled').length, of: others.length })

  deps.onStep('join')
  const body = encodeContents('joinReq', { joiningPeerId: nodeId, overlaySpecificData: new Uint8Array(0) }).messageBody
  await sender.request([{ node: admitting }], MessageCode.joinReq, body, signal)
  const final = await withTimeout(clock, ADMISSION_MS, 'overlay-unreachable', signal, (until) => membership.updateFrom(admitting, (lists) => {
    const nearest = lists.predecessors[0]
    return nearest !== undefined && (equalBytes(nearest, nodeId) || standsBetween(nodeId, nearest, admitting))
  }, until))
  // Somebody who joined meanwhile is nearer to us: that one is to admit us.
  if (!equalBytes(final.predecessors[0] as Uint8Array, nodeId)) throw new PeerError('overlay-unreachable', 'another peer has become responsible')
  membership.enter()
}

/** Without the admitting peer there is nothing to wait for. @throws what `work` throws, PeerError 'overlay-unreachable' when the link to it goes */
async function whileLinked({ table }: JoinDependencies, node: Uint8Array, signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const linked = new AbortController(), over = new AbortController()
  const watch = async (): Promise<void> => {
    while (table.all().some(({ nodeId }) => equalBytes(nodeId, node))) await table.whenChanged(over.signal)
    linked.abort(new PeerError('overlay-unreachable', 'the link to the admitting peer has gone'))
  }
  watch().catch(() => { /* the join is over */ })
  try {
    await withAny([signal, linked.signal], work)
  } finally {
    over.abort(new PeerError('cancelled'))
  }
}

/** The neighbours of the admitting peer, by its Update; undefined when none comes. */
async function tableOf({ clock, membership, log }: JoinDependencies, admitting: Uint8Array, signal: AbortSignal): Promise<readonly Uint8Array[] | undefined> {
  try {
    const { predecessors, successors } = await withTimeout(clock, UPDATE_MS, 'overlay-unreachable', signal, (until) => membership.updateFrom(admitting, () => true, until))
    return [...predecessors, ...successors]
  } catch (error) {
    signal.throwIfAborted()
    log.debug('no table from the admitting peer', { error: String(error) })
    return undefined
  }
}

/**
 * Without that table (RFC 6940 §10.5): whoever answers a Ping to the place right behind a peer is its successor. Ours is
 * the admitting peer; predecessors come with later Updates.
 */
async function successorsByPing({ nodeId, sender, log }: JoinDependencies, admitting: Uint8Array, signal: AbortSignal): Promise<readonly Uint8Array[]> {
  const body = encodeContents('pingReq', { padding: new Uint8Array(0) }).messageBody
  const found = [admitting]
  try {
    for (let last = admitting; found.length < SUCCESSORS;) {
      const { signer } = await sender.request([{ resource: nextId(last) }], MessageCode.pingReq, body, signal, { through: admitting, transmissions: 2 })
      // Round the ring: there are no more.
      if ([nodeId, ...found].some((id) => equalBytes(id, signer.nodeId))) break
      last = signer.nodeId
      found.push(last)
    }
  } catch (error) {
    signal.throwIfAborted()
    log.debug('successors not found', { error: String(error) })
  }
  return found
}

async function attachNeighbour(deps: JoinDependencies, id: Uint8Array, via: Uint8Array, signal: AbortSignal): Promise<void> {
  const { clock, attach, membership } = deps
  await withTimeout(clock, NEIGHBOUR_MS, 'peer-unreachable', signal, (until) => attach.attach([{ node: via }, { node: id }], until, { forUpdate: true }))
  membership.wanted(id)
  await withTimeout(clock, UPDATE_MS, 'peer-unreachable', signal, (until) => membership.updateFrom(id, () => true, until))
}

function standsBetween(after: Uint8Array, id: Uint8Array, before: Uint8Array): boolean {
  return !equalBytes(id, before) && !equalBytes(id, after) && inRange(after, id, before)
}
