/**
 * Asks other peers by RFC 7851: Ping with the Diagnostic_Ping extension, and PathTrack. Asks each time for those
 * figures that the configuration lets this node read; a peer that tells none, or knows no diagnostics, still answers.
 */
import { equalBytes } from '../../base/bytes.ts'
import { decode, encode } from '../../base/presentation.ts'
import { DecodeError } from '../../base/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { OverlayConfiguration } from '../config/configuration.ts'
import { ReloadError, type Answer, type RequestDestination, type RequestSender } from '../transaction/exchange.ts'
import { decodeBody, encodeContents } from '../wire/bodies.ts'
import { ErrorCode, ExtensionType, MessageCode } from '../wire/constants.ts'
import type { Destination } from '../wire/destination.ts'
import { diagnosticKinds, flagsFor, readDiagnostics, type Diagnostics } from '../wire/diagnostics.ts'
import { diagnosticsRequest, diagnosticsResponse, type DiagnosticsRequest, type DiagnosticsResponse } from '../wire/extensions.ts'
import { DIAGNOSTIC_LIFE_MS, mayRead } from './diagnosticServer.ts'

export interface DiagnosticClientDependencies {
  readonly clock: Pick<Clock, 'now'>
  readonly nodeId: Uint8Array
  readonly configuration: () => Pick<OverlayConfiguration, 'diagnosticKinds' | 'initialTtl'>
  readonly sender: RequestSender
}

/** What a peer said in a DiagnosticsResponse. */
export interface DiagnosticReport {
  readonly diagnostics: Diagnostics
  /** Overlay hops that the request took, 1 for a neighbour. */
  readonly hops: number
  /** How much its clock is ahead of ours, give or take half of the round trip. */
  readonly clockOffsetMs: number
}

export interface PingReport {
  readonly rttMs: number
  /** Hops of the answer on its way back. */
  readonly hops: number
  readonly responder: Uint8Array
  readonly userName: string
  /** undefined: it knows no diagnostics. */
  readonly report: DiagnosticReport | undefined
}

export interface PathTrackReport {
  readonly nextHop: Uint8Array | undefined
  readonly answer: Answer
  readonly report: DiagnosticReport
}

export class DiagnosticClient {
  constructor(private readonly deps: DiagnosticClientDependencies) {}

  /** @throws as a request */
  ping(destination: RequestDestination, signal: AbortSignal): Promise<PingReport> {
    const body = encodeContents('pingReq', { padding: new Uint8Array(0) }).messageBody
    return this.asking(destination, async (asked) => {
      const extension = { type: ExtensionType.diagnosticPing, critical: false, extensionContents: encode(diagnosticsRequest, asked) }
      // Sent again as any request is: a path that breaks now may be there in three seconds.
      const answer = await this.deps.sender.request(destination, MessageCode.pingReq, body, signal, { extensions: [extension] })
      const { rttMs, hops, signer } = answer
      return { rttMs, hops, responder: signer.nodeId, userName: signer.userName, report: this.pingReport(answer) }
    })
  }

  /** @throws as a request */
  pathTrack(at: RequestDestination, towards: Destination, signal: AbortSignal, transmissions: number): Promise<PathTrackReport> {
    return this.asking(at, async (asked) => {
      const body = encodeContents('pathTrackReq', { destination: towards, request: asked }).messageBody
      const answer = await this.deps.sender.request(at, MessageCode.pathTrackReq, body, signal, { transmissions, pathErrorsEnd: true })
      const { nextHop, response } = decodeBody('pathTrackAns', answer.body)
      return { nextHop: nextHop.type === 'node' ? nextHop.nodeId.slice() : undefined, answer, report: this.report(response, answer.rttMs) }
    })
  }

  /** Asks without figures where the configuration there does not let us read what it lets us read here. */
  private async asking<T>(destination: RequestDestination, ask: (asked: DiagnosticsRequest) => Promise<T>): Promise<T> {
    const last = destination.at(-1)
    const ourselves = last !== undefined && 'node' in last && equalBytes(last.node, this.deps.nodeId)
    const configuration = this.deps.configuration()
    const kinds = diagnosticKinds.filter((kind) => ourselves || mayRead(configuration, this.deps.nodeId, kind))
    try {
      return await ask(this.asked(kinds))
    } catch (error) {
      if (!(error instanceof ReloadError) || error.code !== ErrorCode.forbidden || kinds.length === 0) throw error
      return await ask(this.asked([]))
    }
  }

  private asked(kinds: readonly number[]): DiagnosticsRequest {
    const now = this.deps.clock.now()
    return { expiration: BigInt(now + DIAGNOSTIC_LIFE_MS), timestampInitiated: BigInt(now), dMFlags: flagsFor(kinds), diagnosticExtensionsList: [] }
  }

  private pingReport({ extensions, rttMs }: Answer): DiagnosticReport | undefined {
    const found = extensions.find(({ type }) => type === ExtensionType.diagnosticPing)
    if (found === undefined) return undefined
    try {
      return this.report(decode(diagnosticsResponse, found.extensionContents, 'the DiagnosticsResponse'), rttMs)
    } catch (error) {
      if (error instanceof DecodeError) return undefined
      throw error
    }
  }

  private report(response: DiagnosticsResponse, rttMs: number): DiagnosticReport {
    return {
      diagnostics: readDiagnostics(response.diagnosticInfoList),
      hops: Math.max(1, this.deps.configuration().initialTtl - response.hopCounter + 1),
      clockOffsetMs: Math.round(Number(response.timestampReceived - response.timestampInitiated) - rttMs / 2),
    }
  }
}
