import { describe, expect, test } from 'vitest'
import { decode, encode } from '../../../../../src-main/base/presentation.ts'
import { DiagnosticServer } from '../../../../../src-main/reload/overlay/diagnosticServer.ts'
import type { IncomingRequest, Outcome } from '../../../../../src-main/reload/transaction/exchange.ts'
import { decodeBody, encodeContents } from '../../../../../src-main/reload/wire/bodies.ts'
import { ErrorCode, ExtensionType, MessageCode } from '../../../../../src-main/reload/wire/constants.ts'
import { toNode } from '../../../../../src-main/reload/wire/destination.ts'
import { ALL_DIAGNOSTICS, flagsFor, readDiagnostics } from '../../../../../src-main/reload/wire/diagnostics.ts'
import { diagnosticsRequest, diagnosticsResponse, type DiagnosticsRequest, type DiagnosticsResponse } from '../../../../../src-main/reload/wire/extensions.ts'
import { wildcardNodeId } from '../../../../../src-main/reload/wire/identifiers.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'

const now = 1_700_000_000_000
const node = (fill: number): Uint8Array => new Uint8Array(16).fill(fill)
const self = node(1), reader = node(2), other = node(3), next = node(4)

function setUp(): DiagnosticServer {
  return new DiagnosticServer({
    clock: { now: () => now }, random: new SeededRandom(1), nodeId: self,
    configuration: () => ({ diagnosticKinds: [{ kind: 1, accessNodes: [reader] }, { kind: 2, accessNodes: [other, reader] }, { kind: 3, accessNodes: [reader] }] }),
    figures: () => ({ STATUS_INFO: 3, ROUTING_TABLE_SIZE: 12, SOFTWARE_VERSION: 'x' }),
    nextPeer: (destination) => destination.type === 'node' ? { next } : { error: ErrorCode.notFound, info: '' },
  })
}

const asked = (more: Partial<DiagnosticsRequest> = {}): DiagnosticsRequest => ({ expiration: BigInt(now + 1_000), timestampInitiated: BigInt(now - 5), dMFlags: 0n, diagnosticExtensionsList: [], ...more })

function ping(by: Uint8Array, request: DiagnosticsRequest | undefined, more: Partial<IncomingRequest> = {}): IncomingRequest {
  return {
    code: MessageCode.pingReq, body: encodeContents('pingReq', { padding: new Uint8Array(9) }).messageBody, signer: { nodeId: by } as IncomingRequest['signer'], certificates: [], previousHop: by,
    destination: { node: self }, transactionId: 1n, ttl: 97, hops: 4,
    extensions: request === undefined ? [] : [{ type: ExtensionType.diagnosticPing, critical: false, extensionContents: encode(diagnosticsRequest, request) }], ...more,
  }
}
const errorOf = (outcome: Outcome): number | undefined => 'error' in outcome ? outcome.error : undefined
function responseOf(outcome: Outcome): DiagnosticsResponse | undefined {
  if ('error' in outcome) throw new Error(`error ${outcome.error}`)
  const [extension] = outcome.extensions ?? []
  if (extension === undefined) return undefined
  expect(extension).toMatchObject({ type: ExtensionType.diagnosticPing, critical: false })
  return decode(diagnosticsResponse, extension.extensionContents)
}

describe('a Ping', () => {
  test('without the extension is answered without it, with a response_id that is random and the time', () => {
    const server = setUp()
    const ids = new Set<bigint>()
    for (let i = 0; i < 20; i++) {
      const outcome = server.servePing(ping(other, undefined))
      if ('error' in outcome) throw new Error('an error')
      expect(outcome.extensions).toBeUndefined()
      const { responseId, time } = decodeBody('pingAns', outcome.body)
      expect(time).toBe(BigInt(now))
      ids.add(responseId)
    }
    expect(ids.size).toBe(20)
    expect([...ids].some((id) => id > 0xffff_ffffn)).toBe(true)
  })

  test('with the extension gets the times and the TTL that arrived as hop_counter, from any peer', () => {
    const response = responseOf(setUp().servePing(ping(other, asked())))
    expect(response).toMatchObject({ timestampInitiated: BigInt(now - 5), timestampReceived: BigInt(now), hopCounter: 97, diagnosticInfoList: [] })
    const ahead = Number(response!.expiration) - now
    expect(ahead).toBeGreaterThanOrEqual(1_000)
    expect(ahead).toBeLessThanOrEqual(600_000)
  })

  test('to the broadcast Node-ID is a Ping and no more', () => {
    expect(responseOf(setUp().servePing(ping(reader, asked({ dMFlags: ALL_DIAGNOSTICS }), { destination: { node: wildcardNodeId } })))).toBeUndefined()
  })
})

describe('figures (RFC 7851 §7)', () => {
  const told = (by: Uint8Array, flags: bigint): readonly string[] | number | undefined => {
    const outcome = setUp().servePing(ping(by, asked({ dMFlags: flags })))
    return errorOf(outcome) ?? Object.keys(readDiagnostics(responseOf(outcome)?.diagnosticInfoList ?? []))
  }

  test('are told to those nodes that the configuration names for them', () => {
    expect(told(reader, flagsFor([1, 2]))).toEqual(['STATUS_INFO', 'ROUTING_TABLE_SIZE'])
    expect(told(other, flagsFor([2]))).toEqual(['ROUTING_TABLE_SIZE'])
  })

  test('that the initiator is not authorised for are Error_Forbidden, and by default nobody is', () => {
    expect(told(other, flagsFor([1, 2]))).toBe(ErrorCode.forbidden)
    expect(told(reader, flagsFor([6]))).toBe(ErrorCode.forbidden)
    expect(told(node(9), flagsFor([1]))).toBe(ErrorCode.forbidden)
    expect(errorOf(setUp().servePing(ping(reader, asked({ diagnosticExtensionsList: [{ kind: 0xf000, diagnosticExtensionContents: new Uint8Array(0) }] }))))).toBe(ErrorCode.forbidden)
  })

  test('are all that may be told when all are asked for', () => {
    expect(told(reader, ALL_DIAGNOSTICS)).toEqual(['STATUS_INFO', 'ROUTING_TABLE_SIZE'])
    expect(told(other, ALL_DIAGNOSTICS)).toEqual(['ROUTING_TABLE_SIZE'])
    expect(told(node(9), ALL_DIAGNOSTICS)).toBe(ErrorCode.forbidden)
    expect(told(self, ALL_DIAGNOSTICS)).toHaveLength(3)
  })

  test('that are not known are left out of the answer', () => {
    expect(told(reader, flagsFor([1, 3]))).toEqual(['STATUS_INFO'])
  })
})

describe('a diagnostic request', () => {
  const outcome = (more: Partial<DiagnosticsRequest>): number | undefined => errorOf(setUp().servePing(ping(reader, asked(more))))

  test('that has expired is Error_Message_Expired', () => {
    expect(outcome({ expiration: BigInt(now) })).toBe(ErrorCode.messageExpired)
    expect(outcome({ expiration: BigInt(now + 1) })).toBeUndefined()
  })

  test('that holds for more than 600 seconds, or sets reserved flags, is Error_Invalid_Message', () => {
    expect(outcome({ expiration: BigInt(now + 600_000) })).toBeUndefined()
    expect(outcome({ expiration: BigInt(now + 600_001) })).toBe(ErrorCode.invalidMessage)
    expect(() => outcome({ dMFlags: 3n })).toThrow('reserved')
  })
})

describe('PathTrack (RFC 7851 §4.3.1)', () => {
  const pathTrack = (destination: Parameters<typeof toNode>[0] | 'resource', request = asked()): Outcome => setUp().servePathTrack({
    ...ping(reader, undefined), code: MessageCode.pathTrackReq,
    body: encodeContents('pathTrackReq', { destination: destination === 'resource' ? { type: 'resource', resourceId: node(9) } : toNode(destination), request }).messageBody,
  })

  test('is answered with the next hop, and with figures as a Ping is', () => {
    const outcome = pathTrack(other, asked({ dMFlags: flagsFor([2]) }))
    if ('error' in outcome) throw new Error('an error')
    const { nextHop, response } = decodeBody('pathTrackAns', outcome.body)
    expect(nextHop).toEqual(toNode(next))
    expect(response).toMatchObject({ hopCounter: 97 })
    expect(readDiagnostics(response.diagnosticInfoList)).toEqual({ ROUTING_TABLE_SIZE: 12 })
  })

  test('fails as RouteQuery does where there is no way, and when it has expired', () => {
    expect(errorOf(pathTrack('resource'))).toBe(ErrorCode.notFound)
    expect(errorOf(pathTrack(other, asked({ expiration: 1n })))).toBe(ErrorCode.messageExpired)
  })
})
