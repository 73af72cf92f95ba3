/**
 * The path that messages for an id take, hop by hop, until one peer names itself: PathTrack (RFC 7851 §4.3) asked of
 * each in turn, or RouteQuery (RFC 6940 §6.4.2.4, §10.8) of those that know no PathTrack. Each is asked by way of
 * those before it, so that it is the path itself that answers.
 */
import { equalBytes, toHex } from '../../base/bytes.ts'
import type { Answer, RequestDestination, RequestSender } from '../transaction/exchange.ts'
import { ReloadError, RequestTimeout } from '../transaction/exchange.ts'
import { decodeBody, encodeContents } from '../wire/bodies.ts'
import { errorName, ErrorCode, MessageCode } from '../wire/constants.ts'
import { toNode, toResource, type Destination } from '../wire/destination.ts'
import { isWildcard } from '../wire/identifiers.ts'
import type { DiagnosticClient, DiagnosticReport } from './diagnosticClient.ts'

export interface TraceHop {
  readonly nodeId: Uint8Array
  /** Of its certificate; undefined when it did not answer. */
  readonly userName: string | undefined
  /** Round trip of the question, along the path; 0 for ourselves. */
  readonly rttMs: number | undefined
  /** How it was asked; undefined when it did not answer. */
  readonly method: 'PathTrack' | 'RouteQuery' | undefined
  /** What it told of itself; undefined for RouteQuery. */
  readonly report: DiagnosticReport | undefined
  /**
   * Why the path ends here: it is the one responsible, or the destination itself; it did not answer, will not say, or the
   * path turns back; broken: a node on the way said that nothing gets here.
   */
  readonly end: 'responsible' | 'silent' | 'loop' | 'refused' | 'broken' | undefined
  /** The error that was the answer, or that came on the way, in RELOAD's words, and who sent it when it was another node. */
  readonly error: string | undefined
}

const MAX_HOPS = 64
/** A peer that knows no PathTrack may keep silent about it: then RouteQuery has its turn. */
const PATH_TRACK_TRANSMISSIONS = 1
const ROUTE_QUERY_TRANSMISSIONS = 2

interface Tracer { readonly sender: RequestSender; readonly diagnostics: DiagnosticClient }
interface Said { readonly next: Uint8Array | undefined; readonly answer: Answer; readonly method: 'PathTrack' | 'RouteQuery'; readonly report: DiagnosticReport | undefined }

/**
 * @param nodeId our own: where the path begins
 * @throws the signal's reason
 */
export async function traceRoute(tracer: Tracer, nodeId: Uint8Array, to: { readonly node: Uint8Array } | { readonly resource: Uint8Array }, signal: AbortSignal): Promise<readonly TraceHop[]> {
  const destination = 'node' in to ? toNode(to.node) : toResource(to.resource)
  const target = 'node' in to ? to.node : to.resource
  const silent = { userName: undefined, rttMs: undefined, method: undefined, report: undefined, error: undefined }
  const hops: TraceHop[] = []
  const path: { readonly node: Uint8Array }[] = []
  for (let at = nodeId; hops.length < MAX_HOPS;) {
    const here: RequestDestination = equalBytes(at, nodeId) ? [{ node: nodeId }] : [...path, { node: at }]
    if (hops.some((hop) => equalBytes(hop.nodeId, at))) { hops.push({ ...silent, nodeId: at, end: 'loop' }); break }
    let said: Said
    try {
      said = await ask(tracer, here, destination, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof RequestTimeout) hops.push({ ...silent, nodeId: at, end: 'silent' })
      else if (error instanceof ReloadError) hops.push({ ...silent, nodeId: at, ...refusal(error, at, target) })
      else throw error
      break
    }
    const { next, answer, method, report } = said
    const last = next === undefined || equalBytes(next, at) || isWildcard(next)
    const [hint] = answer.hints ?? []
    hops.push({
      nodeId: at, userName: answer.signer.userName, rttMs: hops.length === 0 ? 0 : answer.rttMs, method, report, end: last ? 'responsible' : undefined,
      error: hint === undefined ? undefined : errorFrom(hint),
    })
    if (last) break
    if (!equalBytes(at, nodeId)) path.push({ node: at })
    at = next
  }
  return hops
}

async function ask({ sender, diagnostics }: Tracer, here: RequestDestination, destination: Destination, signal: AbortSignal): Promise<Said> {
  try {
    const { nextHop, answer, report } = await diagnostics.pathTrack(here, destination, signal, PATH_TRACK_TRANSMISSIONS)
    return { next: nextHop, answer, method: 'PathTrack', report }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof RequestTimeout) && !(error instanceof ReloadError && WITHOUT_PATH_TRACK.has(error.code))) throw error
    const body = encodeContents('routeQueryReq', { sendUpdate: false, destination, overlaySpecificData: new Uint8Array(0) }).messageBody
    const answer = await sender.request(here, MessageCode.routeQueryReq, body, signal, { transmissions: ROUTE_QUERY_TRANSMISSIONS })
    return { next: decodeBody('routeQueryAns', answer.body).nextPeer.slice(), answer, method: 'RouteQuery', report: undefined }
  }
}

/** It knows no PathTrack, or its clock and ours differ too much. */
const WITHOUT_PATH_TRACK: ReadonlySet<number> = new Set([ErrorCode.invalidMessage, ErrorCode.messageExpired])

function refusal(error: ReloadError, at: Uint8Array, target: Uint8Array): Pick<TraceHop, 'end' | 'userName' | 'error'> {
  const { code, signer } = error
  if (signer !== undefined && !equalBytes(signer.nodeId, at)) return { end: 'broken', userName: undefined, error: errorFrom(error) }
  // A client, or a node that knows neither, is still what was looked for.
  return { end: equalBytes(at, target) ? 'responsible' : 'refused', userName: signer?.userName, error: errorName(code) }
}

function errorFrom({ code, signer }: ReloadError): string { return signer === undefined ? errorName(code) : `${errorName(code)} from ${toHex(signer.nodeId)}` }
