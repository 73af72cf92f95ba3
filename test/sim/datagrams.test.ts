/** Links with the limits of datagrams, and Via Lists of compact IDs, in virtual time (RFC 6940 §6.3.2.2, §6.7). */
import { describe, expect, test } from 'vitest'
import { Kind } from '../../src-main/reload/wire/kinds.ts'
import { Ring, type RingNode } from '../support/overlayKit.ts'

const never = new AbortController().signal
const all = { model: 'array' as const, ranges: [{ first: 0, last: 0xffffffff }] }

/** Everybody stores a certificate; every so many-th node reads everybody's and pings everybody. */
async function work(ring: Ring, every = 1): Promise<{ readonly mostHops: number }> {
  let mostHops = 0
  const place = (node: RingNode): Uint8Array => node.overlay.resourceId(node.identity.nodeId)
  for (const node of ring.live) {
    const value = node.identity.certificate.der
    await ring.wait(node.overlay.store(place(node), [{ kind: Kind.certificateByNode, index: 1, value, lifetimeS: 600 }], never))
  }
  for (const [i, from] of ring.live.entries()) {
    if (i % every !== 0) continue
    for (const to of ring.live) {
      const [value] = await ring.wait(from.overlay.fetch(place(to), Kind.certificateByNode, all, never))
      expect(value?.value).toEqual(to.identity.certificate.der)
      const { hops } = await ring.wait(from.overlay.ping([{ node: to.identity.nodeId }], never))
      mostHops = Math.max(mostHops, hops)
    }
  }
  return { mostHops }
}
const sum = (ring: Ring, counter: string): number => ring.nodes.reduce((total, { overlay }) => total + (overlay.counters[counter] ?? 0), 0)

describe('a ring over datagrams', { timeout: 120_000 }, () => {
  test('cuts what is too long for the next link, again where a later one is smaller, and nobody notices', async () => {
    const ring = new Ring(80)
    const mtus = [1400, 1280, 900, 1400, 700, 1200]
    mtus.forEach((mtu, i) => ring.network.mtus.set(`10.0.0.${i + 1}`, mtu))
    await ring.grow(mtus.length)
    await work(ring)
    expect(sum(ring, 'sent.fragmented')).toBeGreaterThan(20)
    expect([ring.network.traffic.oversized, sum(ring, 'dropped.fragment'), sum(ring, 'dropped.malformed'), sum(ring, 'request.timeout')]).toEqual([0, 0, 0, 0])
    expect(await ring.close()).toBe(0)
  })

  test('streams among them carry whole messages', async () => {
    const ring = new Ring(81)
    ring.network.mtus.set('10.0.0.2', 1000)
    await ring.grow(4)
    await work(ring)
    const fragmenting = ring.nodes.filter(({ overlay }) => (overlay.counters['sent.fragmented'] ?? 0) > 0)
    expect(fragmenting.length).toBeGreaterThan(1)
    expect(ring.network.traffic.oversized).toBe(0)
    expect(await ring.close()).toBe(0)
  })
})

describe('Via Lists of compact IDs', { timeout: 120_000 }, () => {
  test('lead every answer back over the same nodes', async () => {
    const ring = new Ring(82)
    for (let i = 0; i < 14; i++) {
      const node = await ring.make({ compactVia: 'always' })
      await node.overlay.start()
      await ring.until(() => node.overlay.status.phase === 'joined' || node.overlay.status.phase === 'alone', 30_000)
    }
    await ring.advance(5_000)
    const before = sum(ring, 'forwarded')
    const { mostHops } = await work(ring, 4)
    expect(mostHops).toBeGreaterThan(1)
    expect(sum(ring, 'forwarded') - before).toBeGreaterThan(10)
    expect([sum(ring, 'dropped.opaqueId'), sum(ring, 'request.timeout')]).toEqual([0, 0])
    expect(await ring.close()).toBe(0)
  })
})
