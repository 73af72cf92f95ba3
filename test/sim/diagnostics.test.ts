/** RFC 7851 in living rings: who is told what, and what a broken path looks like. */
import { describe, expect, test } from 'vitest'
import { equalBytes, toHex } from '../../src-main/base/bytes.ts'
import { withDiagnosticsFor } from '../../src-main/reload/config/configuration.ts'
import { makeIdentity, Ring, signedDocument } from '../support/overlayKit.ts'

const never = new AbortController().signal

async function organised(seed: number, count: number, diagnostics = true): Promise<Ring> {
  const ring = new Ring(seed)
  const organiser = await makeIdentity('organiser', 0, { nodeId: ring.random.bytes(16) })
  const document = await signedDocument(organiser, diagnostics ? withDiagnosticsFor({ mandatoryExtensions: [] }, [organiser.nodeId]) : {})
  for (let i = 0; i < count; i++) {
    const node = await ring.make({ document, ...(i === 0 && { identity: organiser }) })
    await node.overlay.start()
    await ring.until(() => node.overlay.status.phase === 'joined' || node.overlay.status.phase === 'alone', 30_000)
  }
  await ring.advance(12_000)
  return ring
}

describe('diagnostics (RFC 7851)', { timeout: 60_000 }, () => {
  test('every hop of a trace tells its figures to the organiser, and nobody else', async () => {
    const ring = await organised(90, 14)
    const [organiser, other] = [ring.nodes[0]!, ring.nodes[5]!]
    let longest = 0
    for (let i = 0; i < 12; i++) {
      const resource = ring.random.bytes(16)
      const hops = await ring.wait(organiser.overlay.trace({ resource }, never))
      longest = Math.max(longest, hops.length)
      expect(toHex(hops.at(-1)!.nodeId)).toBe(toHex(ring.owner(resource).identity.nodeId))
      for (const [i, { method, report, nodeId }] of hops.entries()) {
        expect(method).toBe('PathTrack')
        const { diagnostics } = report!
        const there = ring.nodes.find(({ identity }) => equalBytes(identity.nodeId, nodeId))!
        expect(diagnostics.ROUTING_TABLE_SIZE).toBe(there.overlay.neighbours().filter(({ routable }) => routable).length)
        expect(diagnostics.INSTANCES_STORED?.reduce((sum, { instances }) => sum + Number(instances), 0)).toBe(there.store.usage().reduce((sum, { instances }) => sum + instances, 0))
        expect(diagnostics.MESSAGES_SENT_RCVD?.length).toBeGreaterThan(5)
        expect(diagnostics.EWMA_BYTES_RCVD).toBeGreaterThanOrEqual(0)
        expect(report!.hops).toBe(Math.max(1, i))
        expect(report!.clockOffsetMs).toBe(0)
      }
      const shown = await ring.wait(other.overlay.trace({ resource }, never))
      expect(shown.at(-1)).toMatchObject({ end: 'responsible', method: 'PathTrack' })
      for (const { report } of shown.slice(1)) expect(report?.diagnostics).toEqual({})
    }
    expect(longest).toBeGreaterThan(2)
    const pinged = await ring.wait(organiser.overlay.ping([{ node: other.identity.nodeId }], never))
    expect(pinged).toMatchObject({ responder: other.identity.nodeId, userName: 'user5@office.example' })
    expect(pinged.report?.diagnostics.ROUTING_TABLE_SIZE).toBeGreaterThan(5)
    const back = await ring.wait(other.overlay.ping([{ node: organiser.identity.nodeId }], never))
    expect(back.report?.diagnostics).toEqual({})
    // What was counted there is what came: the two agree on the errors too.
    const count = (name: string): number => ring.nodes.reduce((sum, { overlay }) => sum + (overlay.counters[name] ?? 0), 0)
    expect(count('sent.pathTrackReq')).toBe(count('received.pathTrackReq'))
    expect(count('sent.pathTrackAns')).toBe(count('received.pathTrackAns'))
    // In a ring at rest nobody is suspected.
    expect([count('misrouted'), count('sent.Error_Loop_Detected')]).toEqual([0, 0])
    expect(await ring.close()).toBe(0)
  })

  test('that the organiser switches on and off later are there and gone again', async () => {
    const ring = await organised(91, 5, false)
    const [organiser, other] = [ring.nodes[0]!, ring.nodes[3]!]
    const told = async (): Promise<number> => Object.keys((await ring.wait(organiser.overlay.ping([{ node: other.identity.nodeId }], never))).report?.diagnostics ?? {}).length
    expect(await told()).toBe(0)
    for (const [sequence, nodes] of [[1, [organiser.identity.nodeId]], [2, []]] as const) {
      organiser.overlay.updateDocument(await signedDocument(organiser.identity, { sequence, ...withDiagnosticsFor({ mandatoryExtensions: [] }, nodes) }))
      await ring.advance(2_000)
      expect(await told() > 0).toBe(nodes.length > 0)
    }
    expect(await ring.close()).toBe(0)
  })
})
