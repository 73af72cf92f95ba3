/**
 * Answers Ping with the Diagnostic_Ping extension and PathTrack (RFC 7851): the next hop to anybody of the overlay,
 * figures of this peer to those whom the configuration names for them (§7); by default to nobody.
 */
import { equalBytes, readU64 } from '../../base/bytes.ts'
import { decode, encode } from '../../base/presentation.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { OverlayConfiguration } from '../config/configuration.ts'
import type { IncomingRequest, Outcome } from '../transaction/exchange.ts'
import { decodeBody, encodeContents } from '../wire/bodies.ts'
import { ErrorCode, ExtensionType } from '../wire/constants.ts'
import { toNode, type Destination } from '../wire/destination.ts'
import { diagnosticKinds, requestedKinds, writeDiagnostics, type Diagnostics } from '../wire/diagnostics.ts'
import { diagnosticsRequest, diagnosticsResponse, type DiagnosticsRequest, type DiagnosticsResponse } from '../wire/extensions.ts'
import { isWildcard } from '../wire/identifiers.ts'

export interface DiagnosticServerDependencies {
  readonly clock: Pick<Clock, 'now'>
  readonly random: Random
  readonly nodeId: Uint8Array
  readonly configuration: () => Pick<OverlayConfiguration, 'diagnosticKinds'>
  /** What there is to tell of this peer now. */
  readonly figures: () => Diagnostics
  /** As RouteQuery has it: the next peer on the way, ourselves where it ends, or an error. */
  readonly nextPeer: (destination: Destination) => { readonly next: Uint8Array } | { readonly error: number; readonly info: string }
}

/** Requests and answers of ours hold so long: clocks of home computers are not exact. */
export const DIAGNOSTIC_LIFE_MS = 120_000
/** "This value MUST have a value between 1 and 600 seconds in the future" (§5.1). */
const LONGEST_LIFE_MS = 600_000

export class DiagnosticServer {
  constructor(private readonly deps: DiagnosticServerDependencies) {}

  readonly servePing = (request: IncomingRequest): Outcome => {
    decodeBody('pingReq', request.body)
    const responseId = readU64(this.deps.random.bytes(8), 0)
    const { messageBody: body } = encodeContents('pingAns', { responseId, time: BigInt(this.deps.clock.now()) })
    const asked = request.extensions.find(({ type }) => type === ExtensionType.diagnosticPing)
    // A broadcast is not to carry one (§6.1).
    if (asked === undefined || ('node' in request.destination && isWildcard(request.destination.node))) return { body }
    const response = this.respond(decode(diagnosticsRequest, asked.extensionContents, 'the DiagnosticsRequest'), request)
    if ('error' in response) return response
    return { body, extensions: [{ type: ExtensionType.diagnosticPing, critical: false, extensionContents: encode(diagnosticsResponse, response) }] }
  }

  readonly servePathTrack = (request: IncomingRequest): Outcome => {
    const { destination, request: asked } = decodeBody('pathTrackReq', request.body)
    const response = this.respond(asked, request)
    if ('error' in response) return response
    const hop = this.deps.nextPeer(destination)
    if ('error' in hop) return hop
    return { body: encodeContents('pathTrackAns', { nextHop: toNode(hop.next), response }).messageBody }
  }

  /** §6.3. @throws DecodeError */
  private respond(asked: DiagnosticsRequest, { signer, ttl }: IncomingRequest): DiagnosticsResponse | { readonly error: number; readonly info: string } {
    const now = this.deps.clock.now()
    if (asked.expiration <= BigInt(now)) return { error: ErrorCode.messageExpired, info: `it is ${now} here` }
    if (asked.expiration > BigInt(now + LONGEST_LIFE_MS)) return { error: ErrorCode.invalidMessage, info: 'expiration is more than 600 s ahead' }
    const wanted = requestedKinds(asked)
    const allowed = (kind: number): boolean => mayRead(this.deps.configuration(), signer.nodeId, kind) || equalBytes(signer.nodeId, this.deps.nodeId)
    const kinds = wanted === 'all' ? diagnosticKinds.filter(allowed) : wanted
    const forbidden = wanted === 'all' && kinds.length === 0 ? diagnosticKinds[0] : kinds.find((kind) => !allowed(kind))
    if (forbidden !== undefined) return { error: ErrorCode.forbidden, info: `diagnostic Kind ${forbidden}` }
    return {
      expiration: BigInt(now + DIAGNOSTIC_LIFE_MS), timestampInitiated: asked.timestampInitiated, timestampReceived: BigInt(now), hopCounter: ttl,
      diagnosticInfoList: kinds.length === 0 ? [] : writeDiagnostics(this.deps.figures(), kinds),
    }
  }
}

/** Whether the configuration lets `nodeId` read a diagnostic Kind (§7). */
export function mayRead({ diagnosticKinds: rules }: Pick<OverlayConfiguration, 'diagnosticKinds'>, nodeId: Uint8Array, kind: number): boolean {
  return rules.some((rule) => rule.kind === kind && rule.accessNodes.some((node) => equalBytes(node, nodeId)))
}
