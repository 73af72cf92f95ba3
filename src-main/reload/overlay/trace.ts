/**
 * The path that messages for an id take, hop by hop: RouteQuery (RFC 6940 §6.4.2.4, §10.8) asked of each peer in turn,
 * until one names itself. Each is asked by way of those before it, so that it is the path itself that answers.
 */
import { equalBytes } from '../../base/bytes.ts'
import type { RequestDestination, RequestSender } from '../transaction/exchange.ts'
import { ReloadError, RequestTimeout } from '../transaction/exchange.ts'
import { decodeBody, encodeContents } from '../wire/bodies.ts'
import { MessageCode } from '../wire/constants.ts'
import { toNode, toResource } from '../wire/destination.ts'
import { isWildcard } from '../wire/identifiers.ts'

export interface TraceHop {
  readonly nodeId: Uint8Array
  /** Of its certificate; undefined when it did not answer. */
  readonly userName: string | undefined
  /** Round trip of the question, along the path; 0 for ourselves. */
  readonly rttMs: number | undefined
  /** Why the path ends here: it is the one responsible, or the destination itself; it did not answer, or the path turns back. */
  readonly end: 'responsible' | 'silent' | 'loop' | 'refused' | undefined
}

const MAX_HOPS = 64

/**
 * @param nodeId our own: where the path begins
 * @throws the signal's reason
 */
export async function traceRoute(sender: RequestSender, nodeId: Uint8Array, to: { readonly node: Uint8Array } | { readonly resource: Uint8Array }, signal: AbortSignal): Promise<readonly TraceHop[]> {
  const destination = 'node' in to ? toNode(to.node) : toResource(to.resource)
  const target = 'node' in to ? to.node : to.resource
  const body = encodeContents('routeQueryReq', { sendUpdate: false, destination, overlaySpecificData: new Uint8Array(0) }).messageBody
  const hops: TraceHop[] = []
  const path: { readonly node: Uint8Array }[] = []
  for (let at = nodeId; hops.length < MAX_HOPS;) {
    const here: RequestDestination = equalBytes(at, nodeId) ? [{ node: nodeId }] : [...path, { node: at }]
    const before = hops.some((hop) => equalBytes(hop.nodeId, at))
    if (before) { hops.push({ nodeId: at, userName: undefined, rttMs: undefined, end: 'loop' }); break }
    let next: Uint8Array
    try {
      const answer = await sender.request(here, MessageCode.routeQueryReq, body, signal, { transmissions: 2 })
      next = decodeBody('routeQueryAns', answer.body).nextPeer.slice()
      const last = equalBytes(next, at) || isWildcard(next)
      hops.push({ nodeId: at, userName: answer.signer.userName, rttMs: hops.length === 0 ? 0 : answer.rttMs, end: last ? 'responsible' : undefined })
      if (last) break
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof ReloadError) && !(error instanceof RequestTimeout)) throw error
      // A client, or a node that knows no RouteQuery, is still what was looked for.
      const refused = error instanceof ReloadError
      hops.push({ nodeId: at, userName: error instanceof ReloadError ? error.signer?.userName : undefined, rttMs: undefined, end: refused && equalBytes(at, target) ? 'responsible' : refused ? 'refused' : 'silent' })
      break
    }
    if (!equalBytes(at, nodeId)) path.push({ node: at })
    at = next
  }
  return hops
}
