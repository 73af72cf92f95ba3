/** Whole overlay nodes in virtual time: joining, responsibility, routing, leaving, crashing (RFC 6940 §10). */
import { describe, expect, test } from 'vitest'
import { sleep, untilAborted } from '../../src-main/base/abort.ts'
import { Notifier } from '../../src-main/base/notifier.ts'
import type { SocketAddress } from '../../src-main/ports/secureStream.ts'
import type { BootstrapSource } from '../../src-main/reload/overlay/bootstrapSource.ts'
import { Ring } from '../support/overlayKit.ts'

const never = new AbortController().signal
const phases = (ring: Ring): string[] => ring.nodes.map((n) => n.overlay.status.phase)

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

/** Random Resource-IDs and all the edges: each Node-ID and the id behind it. */
async function expectUniqueResponsibility(ring: Ring, samples: number): Promise<void> {
  const ids = Array.from({ length: samples }, () => ring.random.bytes(16)).concat(ring.live.map((n) => n.identity.nodeId))
  for (const [i, id] of ids.entries()) {
    const from = ring.live[i % ring.live.length]!
    expect(await ring.answerer(from, id), `resource ${i} from ${from.name}`).toBe(ring.owner(id).name)
  }
}

describe('a ring', () => {
  test('a first peer that may stand alone is responsible for everything', async () => {
    const ring = new Ring(1)
    await ring.grow(1)
    const [only] = ring.nodes
    expect(only?.overlay.status).toMatchObject({ phase: 'alone', size: 1, listen: { host: '10.0.0.1', port: 6084 } })
    await expectUniqueResponsibility(ring, 5)
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

  test('a node that meets the first peer while that one still looks for others joins as soon as there is a ring', async () => {
    const ring = new Ring(3)
    // as on a LAN, where looking for others has no end of its own
    const listening: BootstrapSource['candidates'] = async function* (signal) {
      yield* ring.bootstrapAddresses
      await sleep(ring.clock, 3_600_000, signal).catch(() => undefined)
    }
    const first = await ring.make({ candidates: listening })
    const second = await ring.make({ candidates: listening })
    await Promise.all([first.overlay.start(), second.overlay.start()])
    await ring.until(() => second.overlay.status.phase === 'joined' && first.overlay.status.phase === 'joined', 5_500)
    expect(await ring.close()).toBe(0)
  })

  test('whoever is met by a member that looks for others joins at once, over the very link', async () => {
    const ring = new Ring(4)
    // as on a LAN: who comes says so, and whoever looks hears it at once; the others are heard when they answer, within a second
    const said: SocketAddress[] = [], news = new Notifier()
    const listening: BootstrapSource['candidates'] = async function* (signal) {
      await sleep(ring.clock, 600, signal).catch(() => undefined)
      for (let next = 0; !signal.aborted;) {
        const address = said[next]
        if (address !== undefined) { next++; yield address } else await untilAborted(news.wait(), signal).catch(() => undefined)
      }
    }
    const took: number[] = []
    for (let i = 0; i < 12; i++) {
      const node = await ring.make({ candidates: listening })
      await node.overlay.start()
      said.push({ host: `10.0.0.${i + 1}`, port: 6084 })
      news.notify()
      const from = ring.clock.monotonic()
      await ring.until(() => ['joined', 'alone'].includes(node.overlay.status.phase), 40_000, 5)
      if (i > 0) took.push(ring.clock.monotonic() - from)
      await ring.advance(i === 0 ? 1_000 : 1_700)
    }
    expect(Math.max(...took)).toBeLessThan(1_000)
    expect(await ring.close()).toBe(0)
  })

  test.each([2, 3, 8, 16])('of %i peers: each Resource-ID has one responsible peer, and anybody pings anybody', async (count) => {
    const ring = new Ring(10 + count)
    await ring.grow(count)
    expect(phases(ring)).toEqual(ring.nodes.map(() => 'joined'))
    await expectUniqueResponsibility(ring, 2 * count)
    const most = await pingEveryPair(ring)
    expect(most).toBeLessThanOrEqual(4)
    for (const { overlay } of ring.nodes) {
      expect(Math.abs(overlay.status.size - count), `size ${overlay.status.size}`).toBeLessThanOrEqual(count <= 8 ? 0 : count / 2)
      expect(overlay.neighbours().filter((n) => n.relation.includes('successor')).length).toBe(Math.min(3, count - 1))
      expect(overlay.neighbours().filter((n) => n.relation.includes('predecessor')).length).toBe(Math.min(3, count - 1))
    }
    expect(await ring.close()).toBe(0)
  }, 60_000)

  test.each([40, 41, 42, 43])('joining takes round trips, not timeouts (seed %i)', async (seed) => {
    const ring = new Ring(seed)
    ring.network.latencyMs = 10
    await ring.grow(1)
    for (let i = 0; i < 6; i++) {
      const node = await ring.make()
      await node.overlay.start()
      await ring.until(() => node.overlay.status.phase === 'joined', 1_000)
    }
    expect(await ring.close()).toBe(0)
  })

  test('peers that join at the same moment are all admitted', async () => {
    const ring = new Ring(30)
    await ring.grow(1)
    const joining = [await ring.make(), await ring.make(), await ring.make(), await ring.make(), await ring.make()]
    await Promise.all(joining.map(({ overlay }) => overlay.start()))
    await ring.until(() => phases(ring).every((phase) => phase === 'joined'), 120_000)
    await ring.advance(10_000)
    await expectUniqueResponsibility(ring, 12)
    expect(await ring.close()).toBe(0)
  }, 60_000)

  test('a peer that leaves tells its neighbours, and the ring closes at once', async () => {
    const ring = new Ring(31)
    await ring.grow(6)
    const leaving = ring.nodes[2]!
    await ring.wait(leaving.overlay.stop(), 3_000)
    expect(leaving.overlay.status).toMatchObject({ phase: 'stopped', listen: null })
    await ring.advance(500)
    await expectUniqueResponsibility(ring, 10)
    for (const { overlay } of ring.live) expect(overlay.neighbours().filter((n) => n.relation.includes('successor')).length).toBe(3)
    expect(await ring.close()).toBe(0)
  })

  test.each([1, 2])('%i peers that crash are replaced by the next ones in the tables', async (crashing) => {
    const ring = new Ring(32)
    await ring.grow(8)
    const sorted = [...ring.nodes].sort((a, b) => Buffer.compare(a.identity.nodeId, b.identity.nodeId))
    const victims = sorted.slice(2, 2 + crashing)
    for (const victim of victims) {
      ring.network.crash(victim.host)
      // The process is gone: nothing of it runs on.
      await ring.wait(victim.overlay.stop(), 3_000)
    }
    await ring.advance(40_000)
    expect(ring.live).toHaveLength(8 - crashing)
    await expectUniqueResponsibility(ring, 12)
    for (const { overlay } of ring.live) {
      expect(overlay.neighbours().filter((n) => n.relation.includes('successor')).length).toBe(3)
      expect(overlay.neighbours().filter((n) => n.relation.includes('predecessor')).length).toBe(3)
    }
    expect(await ring.close()).toBe(0)
  }, 60_000)

  test('a peer whose host vanishes without a word is found missing by its silence', async () => {
    const ring = new Ring(33)
    await ring.grow(4)
    const gone = ring.nodes[3]!
    for (const other of ring.nodes.slice(0, 3)) ring.network.sever(gone.host, other.host)
    await ring.advance(60_000)
    for (const { overlay } of ring.nodes.slice(0, 3)) expect(overlay.neighbours().filter((n) => n.routable)).toHaveLength(2)
    const id = gone.identity.nodeId
    const answerer = await ring.answerer(ring.nodes[0]!, id)
    expect(ring.nodes.slice(0, 3).map((n) => n.name)).toContain(answerer)
    // And it comes back when the network does.
    ring.network.heal()
    await ring.advance(120_000)
    await expectUniqueResponsibility(ring, 8)
    expect(await ring.close()).toBe(0)
  }, 60_000)

  test('a peer that restarts with the same Node-ID takes its place again', async () => {
    const ring = new Ring(34)
    await ring.grow(4)
    const old = ring.nodes[2]!
    ring.network.crash(old.host)
    await ring.wait(old.overlay.stop(), 3_000)
    const again = await ring.make({ identity: old.identity, host: old.host, firstPeer: false })
    await again.overlay.start()
    await ring.until(() => again.overlay.status.phase === 'joined', 60_000)
    await ring.advance(2_000)
    await expectUniqueResponsibility(ring, 8)
    expect(await ring.close()).toBe(0)
  })

  test('an organiser that restarts finds the ring again, though nobody has its address but the others', async () => {
    const ring = new Ring(36)
    await ring.grow(3)
    const old = ring.nodes[0]!
    const known = old.remembered
    expect(known.length).toBeGreaterThan(0)
    await ring.wait(old.overlay.stop(), 3_000)
    await ring.advance(5_000)
    const again = await ring.make({ identity: old.identity, host: old.host, firstPeer: true, bootstrap: known })
    await again.overlay.start()
    await ring.until(() => again.overlay.status.size === 3, 15_000)
    await expectUniqueResponsibility(ring, 6)
    expect(await ring.close()).toBe(0)
  })

  test('peers that lost the organiser look for it soon, and meet its new ring', async () => {
    const ring = new Ring(37)
    await ring.grow(3)
    const old = ring.nodes[0]!
    await ring.wait(old.overlay.stop(), 3_000)
    await ring.advance(1_000)
    const again = await ring.make({ identity: old.identity, host: old.host, firstPeer: true, bootstrap: [] })
    await again.overlay.start()
    await ring.until(() => ring.live.length === 3 && ring.live.every(({ overlay }) => overlay.status.size === 3), 45_000)
    await expectUniqueResponsibility(ring, 6)
    expect(await ring.close()).toBe(0)
  })

  test('two rings that could not see each other become one', async () => {
    const ring = new Ring(35)
    await ring.grow(3)
    const other = await ring.make({ firstPeer: true, bootstrap: [] })
    await other.overlay.start()
    await ring.until(() => other.overlay.status.phase === 'alone', 10_000)
    const bridge = await ring.make({ firstPeer: true, bootstrap: [{ host: other.host, port: 6084 }, ...ring.bootstrapAddresses] })
    await bridge.overlay.start()
    await ring.advance(400_000)
    expect(phases(ring)).toEqual(ring.nodes.map(() => 'joined'))
    await expectUniqueResponsibility(ring, 10)
    expect(await ring.close()).toBe(0)
  }, 60_000)
})
