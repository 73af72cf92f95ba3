/** Rings under churn, slow networks and simultaneous change: at rest each Resource-ID has one responsible peer again. */
import { describe, expect, test } from 'vitest'
import { Ring } from '../support/overlayKit.ts'

async function expectSound(ring: Ring): Promise<void> {
  const count = ring.live.length
  for (const { overlay, name } of ring.live) {
    expect(overlay.neighbours().filter((n) => n.relation.includes('successor')).length, `successors of ${name}`).toBe(Math.min(3, count - 1))
  }
  for (let i = 0; i < 2 * count; i++) {
    const id = ring.random.bytes(16)
    expect(await ring.answerer(ring.live[i % count]!, id)).toBe(ring.owner(id).name)
  }
}

describe('after churn', () => {
  test.each([101, 102, 103, 104])('peers come, go and crash at random (seed %i)', async (seed) => {
    const ring = new Ring(seed)
    ring.network.latencyMs = 20
    await ring.grow(5)
    const first = ring.nodes[0]!
    for (let step = 0; step < 14; step++) {
      const dice = ring.random.float()
      const others = ring.live.filter((node) => node !== first)
      const victim = others[Math.floor(ring.random.float() * others.length)]
      if (dice < 0.45 || others.length < 3) {
        const fresh = await ring.make()
        await fresh.overlay.start()
      } else if (victim !== undefined) {
        if (dice < 0.75) ring.network.crash(victim.host)
        await ring.wait(victim.overlay.stop(), 5_000)
      }
      await ring.advance(Math.floor(ring.random.float() * 4_000))
    }
    await ring.advance(120_000)
    expect(ring.nodes.map((n) => n.overlay.status.phase).filter((p) => p !== 'stopped' && p !== 'joined')).toEqual([])
    await expectSound(ring)
    expect(await ring.close()).toBe(0)
  }, 90_000)

  test('with 300 ms of latency eight peers that start together all join', async () => {
    const ring = new Ring(110)
    ring.network.latencyMs = 300
    await ring.grow(1)
    const fresh = []
    for (let i = 0; i < 7; i++) fresh.push(await ring.make())
    await Promise.all(fresh.map(({ overlay }) => overlay.start()))
    await ring.until(() => ring.nodes.every(({ overlay }) => overlay.status.phase === 'joined'), 180_000)
    await ring.advance(60_000)
    await expectSound(ring)
    expect(await ring.close()).toBe(0)
  }, 90_000)

  test('peers that all start alone at the same moment, as after a power cut, become one ring', async () => {
    const ring = new Ring(112)
    const addresses = [1, 2, 3, 4, 5, 6].map((i) => ({ host: `10.0.0.${i}`, port: 6084 }))
    for (let i = 0; i < 6; i++) await ring.make({ firstPeer: true, bootstrap: addresses })
    await Promise.all(ring.nodes.map(({ overlay }) => overlay.start()))
    await ring.until(() => ring.nodes.every(({ overlay }) => overlay.status.phase === 'joined' && overlay.status.size === 6), 120_000)
    await ring.advance(5_000)
    await expectSound(ring)
    expect(await ring.close()).toBe(0)
  }, 90_000)

  test('a ring cut in two halves goes on in both and grows together again', async () => {
    const ring = new Ring(111)
    await ring.grow(6)
    const [left, right] = [ring.nodes.slice(0, 3), ring.nodes.slice(3)]
    for (const a of left) for (const b of right) ring.network.sever(a.host, b.host)
    await ring.advance(120_000)
    for (const { overlay } of ring.nodes) expect(overlay.neighbours().filter((n) => n.routable).length).toBe(2)
    ring.network.heal()
    // Looking for other parts is done every five minutes (RFC 6940 §10.7.4.4).
    await ring.advance(700_000)
    await expectSound(ring)
    expect(await ring.close()).toBe(0)
  }, 90_000)
})
