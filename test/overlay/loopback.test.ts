/** Three whole nodes over real TLS on loopback, with Node's clock, sockets and cryptography. */
import { afterEach, describe, expect, test } from 'vitest'
import { utf8Bytes } from '../../src-main/base/bytes.ts'
import { createNoIceTlsFactory } from '../../src-main/connectivity/linkFactories/noIceTls.ts'
import { createNodeClock } from '../../src-main/node/clock.ts'
import { createNodeNetwork } from '../../src-main/node/network.ts'
import { createNodeRandom } from '../../src-main/node/random.ts'
import { createNodeSecureNetwork } from '../../src-main/node/secureNetwork.ts'
import { createOverlay, type NodeIdentity } from '../../src-main/reload/overlay/createOverlay.ts'
import type { AppPipe, Overlay } from '../../src-main/reload/overlay/overlay.ts'
import { Kind } from '../../src-main/reload/wire/kinds.ts'
import { MemoryResourceStore } from '../../src-main/store/memory/resourceStore.ts'
import { connect } from 'node:net'
import { crypto } from '../support/certificates.ts'
import { makeIdentity, silentLog, testConfiguration } from '../support/overlayKit.ts'

const clock = createNodeClock()
const random = createNodeRandom()
const never = new AbortController().signal
const running: Overlay[] = []

async function startNode(identity: NodeIdentity, bootstrap: readonly Overlay[]): Promise<Overlay> {
  const configuration = await testConfiguration()
  const overlay = createOverlay({
    clock, random, crypto, log: silentLog, identity, configuration, resourceStore: new MemoryResourceStore(), firstPeer: bootstrap.length === 0,
    listen: { host: '127.0.0.1', port: 0 },
    linkFactory: (credentials, listen) => createNoIceTlsFactory({ clock, random, network: createNodeSecureNetwork(clock), interfaces: createNodeNetwork(), credentials, listen }),
    bootstrap: { async *candidates() { yield* await Promise.resolve(bootstrap.flatMap((other) => other.status.listen ?? [])) } },
  })
  running.push(overlay)
  await overlay.start()
  return overlay
}

async function until(condition: () => boolean, limitMs = 20_000): Promise<void> {
  const start = clock.monotonic()
  while (!condition()) {
    if (clock.monotonic() - start > limitMs) throw new Error(`not so after ${limitMs} ms: ${running.map((o) => JSON.stringify(o.status)).join(' ')}`)
    await new Promise((resolve) => { setTimeout(resolve, 10) })
  }
}

afterEach(async () => { await Promise.all(running.splice(0).map((overlay) => overlay.stop())) })

async function ringOfThree(): Promise<[Overlay, Overlay, Overlay]> {
  const first = await startNode(await makeIdentity('organiser', 0), [])
  await until(() => first.status.phase === 'alone')
  const second = await startNode(await makeIdentity('alice', 1), [first])
  await until(() => second.status.phase === 'joined')
  const third = await startNode(await makeIdentity('bob', 2), [first])
  await until(() => [first, second, third].every(({ status }) => status.phase === 'joined' && status.size === 3))
  return [first, second, third]
}

describe('three peers over TLS', () => {
  test('join, ping each other, store and fetch', async () => {
    const peers = await ringOfThree()
    for (const from of peers) for (const to of peers) expect((await from.ping([{ node: to.nodeId }], never)).hops).toBe(1)
    const [, alice, bob] = peers
    const resource = alice.resourceId('alice@office.example')
    const value = utf8Bytes('not a certificate')
    await expect(alice.store(resource, [{ kind: Kind.certificateByUser, value, lifetimeS: 60 }], never)).rejects.toMatchObject({ code: 'peer-unreachable' })
    expect(await bob.fetch(resource, Kind.certificateByUser, { model: 'array', ranges: [{ first: 0, last: 0xffff_ffff }] }, never)).toEqual([])
  })

  test('a pipe carries bytes both ways and tells its end', async () => {
    const [, alice, bob] = await ringOfThree()
    bob.acceptApplication(5060)
    const accepted = new Promise<AppPipe>((resolve) => { bob.onPipe(resolve) })
    const pipe = await alice.appAttach([{ node: bob.nodeId }], 5060, never)
    const other = await accepted
    expect(other.peerUserName).toBe('alice@office.example')
    const big = random.bytes(300_000)
    let received = 0
    let echoed = 0
    const closed = new Promise<void>((resolve) => { pipe.user = { onData: (bytes) => { echoed += bytes.length }, onClose: () => { resolve() } } })
    other.user = { onData: (bytes) => { received += bytes.length; other.send(bytes) }, onClose: () => undefined }
    pipe.send(big)
    await until(() => received === big.length && echoed === big.length)
    other.close()
    await closed
  })

  test('garbage on the port harms nobody', async () => {
    const [first, alice] = await ringOfThree()
    const { port } = first.status.listen!
    await Promise.all(Array.from({ length: 20 }, () => new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => { socket.write(random.bytes(2_000)) })
      socket.on('error', () => undefined)
      socket.resume() // an alert that nobody reads would keep it from closing
      socket.on('close', () => { resolve() })
    })))
    expect(first.counters['link.refused']).toBe(20)
    expect((await alice.ping([{ node: first.nodeId }], never)).hops).toBe(1)
  })

  test('stopping is orderly and quick, and the others notice at once', async () => {
    const [first, alice, bob] = await ringOfThree()
    const start = clock.monotonic()
    await bob.stop()
    expect(clock.monotonic() - start).toBeLessThan(3_000)
    await until(() => first.status.size === 2 && alice.status.size === 2, 3_000)
    expect(bob.status.phase).toBe('stopped')
  })

  test('a port in use is told by its code', async () => {
    const [first] = await ringOfThree()
    const overlay = createOverlay({
      clock, random, crypto, log: silentLog, identity: await makeIdentity('carol', 3), configuration: await testConfiguration(), resourceStore: new MemoryResourceStore(),
      firstPeer: false, listen: first.status.listen!,
      linkFactory: (credentials, listen) => createNoIceTlsFactory({ clock, random, network: createNodeSecureNetwork(clock), interfaces: createNodeNetwork(), credentials, listen }),
      bootstrap: { async *candidates() { yield* await Promise.resolve([]) } },
    })
    await expect(overlay.start()).rejects.toMatchObject({ code: 'port-in-use' })
    expect(overlay.status.phase).toBe('stopped')
  })
})
