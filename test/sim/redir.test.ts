/** ReDiR in a living ring: real storage, access policy, replicas (RFC 7374). */
import { expect, test } from 'vitest'
import { compareBytes, toHex } from '../../src-main/base/bytes.ts'
import { Redir } from '../../src-main/reload/usages/redir.ts'
import { Ring, silentLog, type RingNode } from '../support/overlayKit.ts'

const never = new AbortController().signal
const redirOf = (ring: Ring, node: RingNode): Redir =>
  new Redir({ overlay: node.overlay, clock: ring.clock, random: ring.random, log: silentLog, branchingFactor: () => node.overlay.configuration.redirBranchingFactor })

test('peers that offer a service are found by those who need one, and not after they left or vanished', { timeout: 30_000 }, async () => {
  const ring = new Ring(50)
  await ring.grow(10)
  const providers = ring.nodes.slice(2, 6)
  const services = providers.map((node) => redirOf(ring, node))
  for (const service of services) service.register('turn-server')
  await ring.advance(3_000)
  expect(services.map(({ namespaces }) => namespaces)).toEqual(services.map(() => ['turn-server']))

  const expectNearest = async (offered: readonly RingNode[]): Promise<void> => {
    const sorted = offered.map(({ identity }) => identity.nodeId).sort(compareBytes)
    for (const node of ring.live) {
      const found = await ring.wait(redirOf(ring, node).lookUp('turn-server', node.identity.nodeId, never))
      const expected = sorted.find((id) => compareBytes(id, node.identity.nodeId) >= 0)
      expect(sorted.map(toHex)).toContain(toHex(found!.provider.nodeId))
      if (expected !== undefined) expect(toHex(found!.provider.nodeId)).toBe(toHex(expected))
    }
  }
  await expectNearest(providers)
  await ring.wait(services[0]!.unregister('turn-server', never))
  await ring.advance(1_000)
  await expectNearest(providers.slice(1))
  // One vanishes: its records run out.
  services[1]!.close()
  await ring.advance(610_000)
  await expectNearest(providers.slice(2))
  await ring.wait(Promise.all(services.map((service) => service.stop(1_000))))
  expect(await ring.wait(redirOf(ring, ring.nodes[0]!).lookUp('turn-server', ring.nodes[0]!.identity.nodeId, never))).toBeUndefined()
  expect(await ring.close()).toBe(0)
})
