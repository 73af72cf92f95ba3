/** Whole overlay nodes in virtual time: joining, responsibility, routing, leaving, crashing (RFC 6940 §10). */
import { describe, expect, test } from 'vitest'
import { toHex } from '../../src-main/base/bytes.ts'
import { Ring } from '../support/overlayKit.ts'

const never = new AbortController().signal

async function pingEveryPair(ring: Ring): Promise<number> {
  let most = 0
  for (const from of ring.live) {
    for (const to of ring.live) {
      const { hops } = await ring.wait(from.overlay.ping([{ node: to.identity.nodeId }], never), 5_000)
      most = Math.max(most, hops)
    }
  }
  return most
}

describe('a ring', () => {
  test('a first peer that may stand alone is responsible for everything', async () => {
    const ring = new Ring(1)
    await ring.grow(1)
    const [only] = ring.nodes
    expect(only?.overlay.status).toMatchObject({ phase: 'alone', size: 1, listen: { host: '10.0.0.1', port: 6084 } })
    await expect(ring.wait(only!.overlay.ping([{ resource: ring.random.bytes(16) }], never))).resolves.toMatchObject({ hops: 1 })
    expect(await ring.close()).toBe(0)
  })

  test('a node that may not stand alone stays offline and joins as soon as there is somebody', async () => {
    const ring = new Ring(2)
    ring.bootstrapAddresses.push({ host: '10.0.0.2', port: 6084 })
    const late = await ring.make({ firstPeer: false, host: '10.0.0.1' })
    await late.overlay.start()
    await ring.until(() => late.overlay.status.phase === 'offline', 20_000)
    await ring.advance(30_000)
    expect(late.overlay.status.phase).not.toBe('joined')
    await expect(late.overlay.ping([{ node: late.identity.nodeId }], never)).rejects.toMatchObject({ code: 'not-joined' })
    const first = await ring.make({ firstPeer: true, host: '10.0.0.2', bootstrap: [] })
    await first.overlay.start()
    await ring.until(() => late.overlay.status.phase === 'joined' && first.overlay.status.phase === 'joined', 40_000)
    expect(await ring.close()).toBe(0)
  })

  test.each([2, 3, 8])('of %i peers: each Resource-ID has one responsible peer, and anybody pings anybody', async (count) => {
    const ring = new Ring(10 + count)
    await ring.grow(count)
    expect(ring.nodes.map((n) => n.overlay.status.phase)).toEqual(ring.nodes.map(() => 'joined'))
    await ring.advance(2_000)
    const most = await pingEveryPair(ring)
    expect(most).toBeLessThanOrEqual(count)
    expect(ring.nodes.map((n) => n.overlay.status.size)).toEqual(ring.nodes.map(() => count))
    expect(toHex(ring.nodes[0]!.overlay.nodeId)).toHaveLength(32)
    expect(await ring.close()).toBe(0)
  })
})
