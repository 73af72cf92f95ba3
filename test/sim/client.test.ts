/** Clients of an overlay in virtual time (RFC 6940 §4.2): attached, reachable, following, surviving. */
import { describe, expect, test } from 'vitest'
import { compareBytes, utf8Bytes } from '../../src-main/base/bytes.ts'
import type { SocketAddress } from '../../src-main/ports/secureStream.ts'
import type { AppPipe } from '../../src-main/reload/overlay/overlay.ts'
import { distance } from '../../src-main/reload/topology/ring.ts'
import { Kind } from '../../src-main/reload/wire/kinds.ts'
import { encodeSipRegistration } from '../../src-main/reload/usages/sipRegistration.ts'
import { makeIdentity, overlayName, Ring, type RingNode } from '../support/overlayKit.ts'

const never = new AbortController().signal

async function withClient(seed: number, peers: number): Promise<{ ring: Ring; client: RingNode; peers: () => readonly RingNode[] }> {
  const ring = new Ring(seed)
  await ring.grow(peers)
  const client = await ring.make({ clientMode: true })
  await client.overlay.start()
  await ring.until(() => client.overlay.status.phase === 'joined', 20_000)
  await ring.advance(2_000)
  return { ring, client, peers: () => ring.live.filter((node) => node !== client) }
}
const links = (node: RingNode): string[] => node.overlay.neighbours().map(({ userName }) => userName.split('@')[0]!)
const behind = (nodes: readonly RingNode[], client: RingNode): RingNode[] =>
  [...nodes].sort((a, b) => compareBytes(distance(client.identity.nodeId, a.identity.nodeId), distance(client.identity.nodeId, b.identity.nodeId)))
const reaches = async (ring: Ring, from: RingNode, client: RingNode): Promise<boolean> =>
  ring.wait(from.overlay.ping(client.overlay.route, never).then(() => true, () => false), 20_000)

describe('a client', { timeout: 60_000 }, () => {
  test('attaches to the responsible peer and to the next one; it is no peer of the ring', async () => {
    const { ring, client, peers } = await withClient(60, 8)
    expect(links(client).sort()).toEqual(behind(peers(), client).slice(0, 2).map(({ name }) => name).sort())
    expect(client.overlay.route).toEqual([{ node: client.identity.nodeId }])
    await ring.advance(60_000)
    for (const peer of peers()) {
      for (const { userName, routable, relation } of peer.overlay.neighbours()) {
        if (userName.startsWith(`${client.name}@`)) expect([routable, relation]).toEqual([false, ['client']])
      }
    }
    // Each Resource-ID is still a peer's, also those next to the client.
    const at = client.identity.nodeId
    expect(await ring.answerer(peers()[0]!, at)).toBe(behind(peers(), client)[0]!.name)
    expect(await ring.close()).toBe(0)
  })

  test('keeps the link by which a peer that looked for others has met it', async () => {
    const ring = new Ring(67)
    const host = '10.0.0.99', met: SocketAddress[] = []
    const peer = await ring.make({ candidates: async function* () { yield* await Promise.resolve([...met]) } })
    await peer.overlay.start()
    await ring.until(() => peer.overlay.status.phase === 'alone', 10_000)
    const client = await ring.make({ clientMode: true, host, bootstrap: [] })
    await client.overlay.start()
    met.push({ host, port: 6084 })
    await ring.until(() => client.overlay.status.phase === 'joined', 60_000)
    const phases: string[] = []
    client.overlay.onStatus(({ phase }) => { phases.push(phase) })
    await ring.advance(120_000)
    expect(phases).toEqual([])
    expect(peer.overlay.counters['link.unneeded'] ?? 0).toBe(0)
    expect(await ring.close()).toBe(0)
  })

  test('stores, fetches and is reached by its Node-ID from every peer; it keeps nothing itself', async () => {
    const { ring, client, peers } = await withClient(61, 8)
    const at = client.overlay.resourceId(`${client.name}@${overlayName}`)
    const value = encodeSipRegistration({ type: 'route', contactPrefs: '', destinationList: client.overlay.route })
    await ring.wait(client.overlay.store(at, [{ kind: Kind.sipRegistration, key: client.identity.nodeId, value, lifetimeS: 60 }], never))
    for (const peer of peers()) {
      expect(await ring.wait(peer.overlay.fetch(at, Kind.sipRegistration, { model: 'dictionary', keys: [] }, never))).toHaveLength(1)
      expect(await reaches(ring, peer, client)).toBe(true)
    }
    expect(client.store.areas()).toEqual([])
    expect(await ring.wait(client.overlay.fetch(at, Kind.sipRegistration, { model: 'dictionary', keys: [] }, never, { robust: true }))).toHaveLength(1)
    expect(await ring.close()).toBe(0)
  })

  test('opens and takes application pipes', async () => {
    const { ring, client, peers } = await withClient(62, 6)
    const caller = peers()[3]!
    const taken: AppPipe[] = []
    client.overlay.acceptApplication(5060)
    client.overlay.onPipe((pipe) => { taken.push(pipe) })
    const pipe = await ring.wait(caller.overlay.appAttach(client.overlay.route, 5060, never))
    const heard: string[] = []
    await ring.until(() => taken.length === 1, 1_000)
    taken[0]!.user = { onData: (bytes) => { heard.push(new TextDecoder().decode(bytes)) }, onClose: () => undefined }
    pipe.send(utf8Bytes('hello'))
    await ring.advance(100)
    expect(heard).toEqual(['hello'])
    expect(pipe.peerUserName).toBe(`${client.name}@${overlayName}`)
    expect(await ring.close()).toBe(0)
  })

  test('is reached by [peer, client] through a peer that is not responsible for it', async () => {
    const { ring, client, peers } = await withClient(63, 8)
    const spare = behind(peers(), client)[1]!
    for (const peer of peers()) {
      await ring.wait(peer.overlay.ping([{ node: spare.identity.nodeId }, { node: client.identity.nodeId }], never))
    }
    expect(await ring.close()).toBe(0)
  })

  test('follows when a new peer becomes responsible for it', async () => {
    const { ring, client, peers } = await withClient(64, 8)
    // One bit above the client: nothing can come between.
    const nodeId = client.identity.nodeId.slice()
    nodeId[15] = (nodeId[15]! + 1) & 0xff
    const newcomer = await ring.make({ identity: await makeIdentity('newcomer', 3, { nodeId }) })
    await newcomer.overlay.start()
    await ring.until(() => newcomer.overlay.status.phase === 'joined', 20_000)
    await ring.until(() => client.overlay.neighbours().some(({ userName }) => userName.startsWith('newcomer@')), 5_000)
    await ring.until(() => client.overlay.route.length === 1, 5_000)
    for (const peer of peers()) expect(await reaches(ring, peer, client)).toBe(true)
    expect(await ring.close()).toBe(0)
  })

  test('survives the death of its peer, and of the next one: reachable again within seconds', async () => {
    const { ring, client, peers } = await withClient(65, 10)
    for (let i = 0; i < 3; i++) {
      const home = behind(peers(), client)[0]!
      ring.network.crash(home.host)
      home.overlay.stop().catch(() => undefined)
      await ring.advance(5_000)
      expect(client.overlay.status.phase).toBe('joined')
      for (const peer of peers().filter((node) => node !== home)) expect(await reaches(ring, peer, client)).toBe(true)
      await ring.advance(30_000)
    }
    expect(await ring.close()).toBe(0)
  })

  test('that lost everybody looks for the overlay again', async () => {
    const { ring, client, peers } = await withClient(66, 4)
    for (const peer of peers()) ring.network.sever(client.host, peer.host)
    await ring.until(() => client.overlay.status.phase === 'offline', 90_000)
    await expect(client.overlay.ping([{ node: client.identity.nodeId }], never)).rejects.toMatchObject({ code: 'not-joined' })
    ring.network.heal()
    await ring.until(() => client.overlay.status.phase === 'joined', 40_000)
    expect(await reaches(ring, peers()[1]!, client)).toBe(true)
    expect(await ring.close()).toBe(0)
  })
})
