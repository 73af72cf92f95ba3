/** Tracing a path through a ring by RouteQuery (RFC 6940 §10.8). */
import { expect, test } from 'vitest'
import { equalBytes, toHex } from '../../src-main/base/bytes.ts'
import { Ring } from '../support/overlayKit.ts'

const never = new AbortController().signal

test('the path to a resource ends at the peer that is responsible for it, from wherever it begins', { timeout: 60_000 }, async () => {
  const ring = new Ring(70)
  await ring.grow(16)
  let longest = 0
  for (let i = 0; i < 24; i++) {
    const from = ring.nodes[i % 16]!
    const resource = ring.random.bytes(16)
    const hops = await ring.wait(from.overlay.trace({ resource }, never))
    expect(hops[0]).toMatchObject({ rttMs: 0, nodeId: from.identity.nodeId })
    expect(hops.map(({ end }) => end)).toEqual([...hops.slice(1).map(() => undefined), 'responsible'])
    expect(toHex(hops.at(-1)!.nodeId)).toBe(toHex(ring.owner(resource).identity.nodeId))
    for (const hop of hops) expect(hop.userName).toBe(`${ring.nodes.find(({ identity }) => equalBytes(identity.nodeId, hop.nodeId))!.name}@office.example`)
    longest = Math.max(longest, hops.length - 1)
  }
  expect(longest).toBeGreaterThan(1)
  const [a, b] = [ring.nodes[3]!, ring.nodes[9]!]
  expect(toHex((await ring.wait(a.overlay.trace({ node: b.identity.nodeId }, never))).at(-1)!.nodeId)).toBe(toHex(b.identity.nodeId))
  expect(await ring.close()).toBe(0)
})

test('a client can trace too, and a silent peer is shown as the end of the path', { timeout: 60_000 }, async () => {
  const ring = new Ring(71)
  await ring.grow(8)
  const client = await ring.make({ clientMode: true })
  await client.overlay.start()
  await ring.until(() => client.overlay.status.phase === 'joined', 20_000)
  await ring.advance(2_000)
  const resource = ring.random.bytes(16)
  const hops = await ring.wait(client.overlay.trace({ resource }, never))
  const owner = ring.nodes.filter((node) => node !== client)
  expect(hops[0]?.nodeId).toEqual(client.identity.nodeId)
  expect(hops.at(-1)?.end).toBe('responsible')
  expect(owner.map(({ identity }) => toHex(identity.nodeId))).toContain(toHex(hops.at(-1)!.nodeId))
  const from = ring.nodes[0]!
  const far = ring.nodes.find((node) => node !== from && ring.owner(node.identity.nodeId) === node)!
  for (const node of ring.nodes) if (node !== far) ring.network.sever(node.host, far.host)
  const cut = await ring.wait(from.overlay.trace({ node: far.identity.nodeId }, never))
  expect(cut.at(-1)?.end).toBe('silent')
  ring.network.heal()
  expect(await ring.close()).toBe(0)
})
