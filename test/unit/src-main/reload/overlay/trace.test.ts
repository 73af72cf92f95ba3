/** How a trace asks, of peers that know more or less of RFC 7851. The whole of it in a ring: test/sim/diagnostics.test.ts. */
import { describe, expect, test } from 'vitest'
import { equalBytes, toHex, utf8Bytes } from '../../../../../src-main/base/bytes.ts'
import { DiagnosticClient } from '../../../../../src-main/reload/overlay/diagnosticClient.ts'
import { traceRoute, type TraceHop } from '../../../../../src-main/reload/overlay/trace.ts'
import { ReloadError, RequestTimeout, type Answer, type RequestSender } from '../../../../../src-main/reload/transaction/exchange.ts'
import { decodeBody, encodeContents } from '../../../../../src-main/reload/wire/bodies.ts'
import { ErrorCode, MessageCode } from '../../../../../src-main/reload/wire/constants.ts'
import { toNode } from '../../../../../src-main/reload/wire/destination.ts'
import { flagsFor, writeDiagnostics } from '../../../../../src-main/reload/wire/diagnostics.ts'

const node = (n: number): Uint8Array => new Uint8Array(16).fill(n)
const now = 1_700_000_000_000
const never = new AbortController().signal
const [US, LAST] = [0, 3]

/** How a peer takes PathTrack: it knows it, says that it does not, keeps silent, tells no figures, or has its clock wrong. */
type Manner = 'knows' | 'unknown' | 'silent' | 'reticent' | 'late' | 'dead' | { readonly brokenBy: number; readonly error: number }

/** A path of nodes 0 to 3; 0 is us. */
function setUp(manners: Readonly<Record<number, Manner>>): { trace: () => Promise<readonly TraceHop[]>; asked: string[] } {
  const asked: string[] = []
  const answer = (at: number, body: Uint8Array): Answer => ({ code: 0, body, signer: { nodeId: node(at), userName: `user${at}` } as Answer['signer'], certificates: [], extensions: [], hops: 1, rttMs: 10 })
  const sender: RequestSender = {
    request: async (destination, code, body) => {
      const last = destination.at(-1)!
      const at = 'node' in last ? last.node[0]! : -1
      const manner = manners[at] ?? 'knows'
      const name = code === MessageCode.pathTrackReq ? 'track' : 'query'
      asked.push(`${name} ${destination.map((d) => 'node' in d ? d.node[0] : '?').join('>')}`)
      await Promise.resolve()
      if (manner === 'dead' || (manner === 'silent' && name === 'track')) throw new RequestTimeout('no answer')
      if (typeof manner === 'object') throw new ReloadError(manner.error, utf8Bytes(''), { nodeId: node(manner.brokenBy), userName: 'x' } as Answer['signer'])
      const error = (errorCode: number): ReloadError => new ReloadError(errorCode, utf8Bytes(''), { nodeId: node(at), userName: `user${at}` } as Answer['signer'])
      const next = Math.min(at + 1, LAST)
      if (name === 'query') return answer(at, encodeContents('routeQueryAns', { nextPeer: node(next) }).messageBody)
      if (manner === 'unknown') throw error(ErrorCode.invalidMessage)
      if (manner === 'late') throw error(ErrorCode.messageExpired)
      const { request } = decodeBody('pathTrackReq', body)
      expect(Number(request.expiration) - now).toBeGreaterThan(1_000)
      if (request.dMFlags !== 0n && manner === 'reticent') throw error(ErrorCode.forbidden)
      const wanted = [2].filter((kind) => (request.dMFlags & flagsFor([kind])) !== 0n)
      return answer(at, encodeContents('pathTrackAns', {
        nextHop: toNode(node(next)),
        response: {
          expiration: BigInt(now + 9_000), timestampInitiated: request.timestampInitiated, timestampReceived: request.timestampInitiated + 65n, hopCounter: 100 - at + 1,
          diagnosticInfoList: writeDiagnostics({ ROUTING_TABLE_SIZE: 7 }, wanted),
        },
      }).messageBody)
    },
  }
  const diagnostics = new DiagnosticClient({
    clock: { now: () => now }, nodeId: node(US), sender, configuration: () => ({ initialTtl: 100, diagnosticKinds: [{ kind: 2, accessNodes: [node(US)] }] }),
  })
  return { asked, trace: () => traceRoute({ sender, diagnostics }, node(US), { resource: node(LAST) }, never) }
}

describe('a trace', () => {
  test('asks each peer by PathTrack, by way of those before it, and stops where next_hop is the responder', async () => {
    const { trace, asked } = setUp({})
    const hops = await trace()
    expect(asked).toEqual(['track 0', 'track 1', 'track 1>2', 'track 1>2>3'])
    expect(hops.map(({ nodeId, method, end, report }) => [nodeId[0], method, end, report?.diagnostics, report?.hops])).toEqual([
      [0, 'PathTrack', undefined, { ROUTING_TABLE_SIZE: 7 }, 1], [1, 'PathTrack', undefined, { ROUTING_TABLE_SIZE: 7 }, 1],
      [2, 'PathTrack', undefined, { ROUTING_TABLE_SIZE: 7 }, 2], [3, 'PathTrack', 'responsible', { ROUTING_TABLE_SIZE: 7 }, 3],
    ])
    // It was 65 ms later there when 5 ms had passed.
    expect(hops[1]?.report?.clockOffsetMs).toBe(60)
  })

  test('takes less where less is told, and RouteQuery where PathTrack is not known or comes too late', async () => {
    const { trace, asked } = setUp({ 1: 'reticent', 2: 'unknown', 3: 'late' })
    const hops = await trace()
    expect(asked).toEqual(['track 0', 'track 1', 'track 1', 'track 1>2', 'query 1>2', 'track 1>2>3', 'query 1>2>3'])
    expect(hops.map(({ method, report }) => [method, report?.diagnostics])).toEqual([
      ['PathTrack', { ROUTING_TABLE_SIZE: 7 }], ['PathTrack', {}], ['RouteQuery', undefined], ['RouteQuery', undefined],
    ])
    expect(hops.at(-1)).toMatchObject({ end: 'responsible' })
  })

  test('ends at a peer that answers neither', async () => {
    expect((await setUp({ 2: 'silent' }).trace()).map(({ end }) => end)).toEqual([undefined, undefined, undefined, 'responsible'])
    const hops = await setUp({ 2: 'dead' }).trace()
    expect(hops.map(({ end }) => end)).toEqual([undefined, undefined, 'silent'])
    expect(hops[2]).toMatchObject({ rttMs: undefined, method: undefined, error: undefined })
  })

  test('shows the error of a node on the way, and who sent it', async () => {
    const { trace, asked } = setUp({ 2: { brokenBy: 1, error: ErrorCode.underlayDestinationUnreachable } })
    const hops = await trace()
    expect(hops.at(-1)).toMatchObject({ end: 'broken', error: `Error_Underlay_Destination_Unreachable from ${toHex(node(1))}` })
    expect(equalBytes(hops.at(-1)!.nodeId, node(2))).toBe(true)
    expect(asked).toHaveLength(3)
  })
})
