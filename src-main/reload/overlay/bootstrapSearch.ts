/**
 * Finding nodes of the overlay to join through, or to look for a partition with (RFC 6940 §11.4, §10.7.4.4):
 * dials the addresses of all sources, each a little after the one before as long as nobody has answered, and hands
 * out who answered, in the order they did. A connection costs both ends a handshake: none is made to be thrown away.
 */
import { equalBytes, mapKey } from '../../base/bytes.ts'
import { PeerError } from '../../base/errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Certificate } from '../../ports/crypto.ts'
import type { Log } from '../../ports/log.ts'
import { Notifier } from '../../base/notifier.ts'
import type { SecureStream, SocketAddress } from '../../ports/secureStream.ts'
import type { ConnectionTable } from '../forwarding/connectionTable.ts'
import type { LinkFactory } from '../link/linkFactory.ts'
import type { BootstrapSource } from './bootstrapSource.ts'

export interface SearchDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly nodeId: Uint8Array
  readonly source: BootstrapSource
  readonly factory: LinkFactory
  readonly table: Pick<ConnectionTable, 'get' | 'all' | 'whenChanged'>
  nodeIdsOf(certificate: Certificate): readonly Uint8Array[]
  /** Who is at the other end of a stream that was dialled, `introduction`. */
  introduce(stream: SecureStream, signal: AbortSignal): Promise<Uint8Array | undefined>
}

const MAX_DIALS = 8
/** Between two dials while neither is answered (as RFC 8305 §8 does between two addresses). */
const APART_MS = 250
/** Who could not let us in is asked again after this, then after twice as long and so on: most likely it is joining itself. */
const AGAIN_MS = 500

/**
 * Node-IDs of nodes that were dialled and are not connected otherwise. Ends when all addresses were tried, or
 * `limitMs` after the start, but not while there is somebody to hand out.
 */
export function findNodes(deps: SearchDependencies, limitMs: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  return search(deps, limitMs, signal, false)
}

/**
 * As `findNodes`, for one who wants to get in: also nodes that are connected or become so, whoever has opened the link;
 * and each of them again, as long as it is there and has not been of use.
 */
export function findWaysIn(deps: SearchDependencies, limitMs: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  return search(deps, limitMs, signal, true)
}

/** @param outside we are not a member: whoever is connected is of use, and is asked again */
async function* search(deps: SearchDependencies, limitMs: number, signal: AbortSignal, outside: boolean): AsyncGenerator<Uint8Array> {
  const ending = new AbortController()
  // Ours ends with the caller's; not by AbortSignal.any, which would leave something at it after each search.
  const until = ending.signal
  const onEnd = (): void => { ending.abort(signal.reason) }
  if (signal.aborted) onEnd()
  else signal.addEventListener('abort', onEnd, { once: true })
  const timer = deps.clock.setTimer(limitMs, () => { ending.abort(new PeerError('timeout')) })
  const found: Uint8Array[] = []
  const known = new Set<string>()
  const later = new Set<Timer>()
  const changed = new Notifier()
  const onAbort = (): void => { changed.notify() }
  until.addEventListener('abort', onAbort)
  let walking = true
  let dials = 0
  let dialledAt = -Infinity
  /** Whoever was handed out is being tried. */
  let busy = false

  const offer = (node: Uint8Array): void => {
    if (known.has(mapKey(node))) return
    known.add(mapKey(node))
    found.push(node)
    changed.notify()
  }
  const offerAgain = (node: Uint8Array, afterMs: number): void => {
    const timer = deps.clock.setTimer(afterMs, () => {
      later.delete(timer)
      if (deps.table.get(node) === undefined) known.delete(mapKey(node))
      else found.push(node)
      changed.notify()
    })
    later.add(timer)
  }
  const offerConnected = async (): Promise<void> => {
    while (!until.aborted) {
      for (const { nodeId } of deps.table.all()) if (deps.table.get(nodeId) !== undefined) offer(nodeId)
      await deps.table.whenChanged(until)
    }
  }
  /** Who is there is known without another handshake. */
  const linked = ({ host, port }: SocketAddress): boolean => deps.table.all().some(({ link: { initiatedByUs, isSuspect, stream: { remote } } }) =>
    initiatedByUs && !isSuspect && remote.host === host && remote.port === port)
  const dial = async (address: SocketAddress): Promise<void> => {
    try {
      const stream = await deps.factory.dial(address, (certificate) => {
        const nodeIds = deps.nodeIdsOf(certificate)
        if (nodeIds.length === 0) return 'names no node of the overlay'
        const others = nodeIds.filter((id) => !equalBytes(id, deps.nodeId))
        if (others.length === 0) return 'ourselves'
        return others.some((id) => deps.table.get(id) === undefined) ? undefined : 'connected already'
      }, until)
      const peer = await deps.introduce(stream, until)
      if (peer !== undefined && deps.table.get(peer) !== undefined) offer(peer)
    } catch (error) {
      deps.log.debug('bootstrap candidate failed', { address: `${address.host}:${address.port}`, error: String(error) })
    }
    dials--
    changed.notify()
  }
  /** Not before there is need of another one. */
  const turn = async (): Promise<void> => {
    for (;;) {
      const early = dials === 0 ? 0 : dialledAt + APART_MS - deps.clock.monotonic()
      if (until.aborted || (!busy && found.length === 0 && dials < MAX_DIALS && early <= 0)) return
      const apart = early > 0 ? deps.clock.setTimer(early, () => { changed.notify() }) : undefined
      await changed.wait()
      apart?.cancel()
    }
  }
  const walk = async (): Promise<void> => {
    try {
      for await (const address of deps.source.candidates(until)) {
        await turn()
        if (until.aborted) break
        if (linked(address)) continue
        dials++
        dialledAt = deps.clock.monotonic()
        void dial(address)
      }
    } catch (error) {
      if (!until.aborted) deps.log.warn('bootstrap source failed', { error: String(error) })
    }
    walking = false
    changed.notify()
  }
  try {
    void walk()
    if (outside) offerConnected().catch(() => { /* the search is over */ })
    const times = new Map<string, number>()
    for (;;) {
      const next = found.shift()
      if (next !== undefined) {
        busy = true
        yield next
        busy = false
        const before = times.get(mapKey(next)) ?? 0
        times.set(mapKey(next), before + 1)
        if (outside) offerAgain(next, AGAIN_MS * 2 ** before)
        changed.notify()
      } else if ((!walking && dials === 0 && later.size === 0) || until.aborted) return
      else await changed.wait()
    }
  } finally {
    timer.cancel()
    until.removeEventListener('abort', onAbort)
    signal.removeEventListener('abort', onEnd)
    ending.abort(new PeerError('cancelled'))
    for (const each of later) each.cancel()
  }
}
