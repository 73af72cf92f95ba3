/** What a ring is for, in virtual time: AppAttach pipes (RFC 6940 §6.5.2), Store and Fetch, and what must be refused. */
import { describe, expect, test } from 'vitest'
import { PeerError } from '../../src-main/base/errors.ts'
import { utf8Bytes } from '../../src-main/base/bytes.ts'
import type { AppPipe } from '../../src-main/reload/overlay/overlay.ts'
import { encodeSipRegistration } from '../../src-main/reload/usages/sipRegistration.ts'
import { Kind } from '../../src-main/reload/wire/kinds.ts'
import { credentialsOf, makeAuthority } from '../support/certificates.ts'
import { makeIdentity, Ring, sharedAuthority, type RingNode } from '../support/overlayKit.ts'

const never = new AbortController().signal
const sip = 5060

function collect(pipe: AppPipe): { readonly text: () => string; readonly closed: () => boolean } {
  let text = ''
  let closed = false
  pipe.user = { onData: (bytes) => { text += new TextDecoder().decode(bytes) }, onClose: () => { closed = true } }
  return { text: () => text, closed: () => closed }
}

async function ringOf(count: number, seed: number): Promise<Ring> {
  const ring = new Ring(seed)
  await ring.grow(count)
  return ring
}

describe('AppAttach', () => {
  test('gives both ends a pipe whose certificate is the other end’s', async () => {
    const ring = await ringOf(5, 50)
    const [alice, , , bob] = ring.nodes as [RingNode, RingNode, RingNode, RingNode]
    bob.overlay.acceptApplication(sip)
    const accepted: AppPipe[] = []
    bob.overlay.onPipe((pipe) => accepted.push(pipe))
    const pipe = await ring.wait(alice.overlay.appAttach([{ node: bob.identity.nodeId }], sip, never))
    await ring.advance(100)
    const [other] = accepted
    expect(pipe).toMatchObject({ application: sip, peerUserName: 'user3@office.example', transport: 'TLS' })
    expect(pipe.peerNodeId).toEqual(bob.identity.nodeId)
    expect(other).toMatchObject({ application: sip, peerUserName: 'user0@office.example' })
    const here = collect(pipe)
    const there = collect(other!)
    pipe.send(utf8Bytes('OPTIONS '))
    pipe.send(utf8Bytes('sip:bob'))
    other!.send(utf8Bytes('200 OK'))
    await ring.advance(100)
    expect([here.text(), there.text()]).toEqual(['200 OK', 'OPTIONS sip:bob'])
    other!.close()
    await ring.advance(100)
    expect([here.closed(), there.closed()]).toEqual([true, true])
    expect(await ring.close()).toBe(0)
  })

  test('is answered with Error_Not_Found for an application that is not served', async () => {
    const ring = await ringOf(2, 51)
    const [alice, bob] = ring.nodes as [RingNode, RingNode]
    await expect(ring.wait(alice.overlay.appAttach([{ node: bob.identity.nodeId }], sip, never))).rejects.toThrow('Error_Not_Found')
    expect(await ring.close()).toBe(0)
  })

  test('to a node that is not there fails after the request’s lifetime', async () => {
    const ring = await ringOf(3, 52)
    const failed = ring.nodes[0]!.overlay.appAttach([{ node: ring.random.bytes(16) }], sip, never)
    await expect(ring.wait(failed)).rejects.toMatchObject({ code: 'network-timeout' })
    expect(ring.clock.monotonic()).toBeGreaterThan(15_000)
    expect(await ring.close()).toBe(0)
  })

  test('several at once to the same node each get their own pipe, also to oneself', async () => {
    const ring = await ringOf(3, 53)
    const [alice, bob] = ring.nodes as [RingNode, RingNode]
    for (const { overlay } of ring.nodes) overlay.acceptApplication(sip)
    const pipes = await ring.wait(Promise.all([bob, bob, alice].map(({ identity }) => alice.overlay.appAttach([{ node: identity.nodeId }], sip, never))))
    expect(new Set(pipes.map((pipe) => pipe.remote.port)).size).toBe(3)
    expect(await ring.close()).toBe(0)
  })

  test('can be given up by its signal', async () => {
    const ring = await ringOf(2, 54)
    const given = new AbortController()
    const pipe = ring.nodes[0]!.overlay.appAttach([{ node: ring.random.bytes(16) }], sip, given.signal)
    await ring.advance(100)
    given.abort(new PeerError('cancelled'))
    await expect(ring.wait(pipe)).rejects.toMatchObject({ code: 'cancelled' })
    expect(await ring.close()).toBe(0)
  })
})

describe('Store and Fetch', () => {
  test('what one peer stores every other reads, with the writer’s certificate', async () => {
    const ring = await ringOf(6, 60)
    const [alice] = ring.nodes as [RingNode]
    const resource = alice.overlay.resourceId('user0@office.example')
    const value = alice.identity.certificate.der
    await ring.wait(alice.overlay.store(resource, [{ kind: Kind.certificateByUser, value, lifetimeS: 3600 }], never))
    for (const { overlay } of ring.nodes) {
      const [found, ...more] = await ring.wait(overlay.fetch(resource, Kind.certificateByUser, { model: 'array', ranges: [{ first: 0, last: 0xffff_ffff }] }, never))
      expect(more).toEqual([])
      expect(found).toMatchObject({ signerUserName: 'user0@office.example', signerNodeId: alice.identity.nodeId, value })
    }
    expect(await ring.close()).toBe(0)
  })

  test('values move to the peer that becomes responsible by joining, and survive a crash of it', async () => {
    const ring = await ringOf(3, 61)
    const writers = [...ring.nodes]
    const resources = writers.map(({ overlay, name }) => overlay.resourceId(`${name}@office.example`))
    for (const [i, { overlay, identity }] of writers.entries()) {
      await ring.wait(overlay.store(resources[i]!, [{ kind: Kind.certificateByUser, value: identity.certificate.der, lifetimeS: 3600 }], never))
    }
    const all = { model: 'array' as const, ranges: [{ first: 0, last: 0xffff_ffff }] }
    const readAll = async (): Promise<number[]> => {
      const counts: number[] = []
      for (const resource of resources) counts.push((await ring.wait(ring.live.at(-1)!.overlay.fetch(resource, Kind.certificateByUser, all, never))).length)
      return counts
    }
    await ring.grow(3)
    expect(await readAll()).toEqual([1, 1, 1])
    await ring.advance(60_000)
    const owner = ring.owner(resources[0]!)
    ring.network.crash(owner.host)
    await ring.wait(owner.overlay.stop())
    await ring.advance(60_000)
    expect(await readAll()).toEqual([1, 1, 1])
    expect(await ring.close()).toBe(0)
  })

  test('a value for a name that is not the writer’s is refused', async () => {
    const ring = await ringOf(3, 62)
    const [alice, bob] = ring.nodes as [RingNode, RingNode]
    const bobs = alice.overlay.resourceId('user1@office.example')
    const refused = alice.overlay.store(bobs, [{ kind: Kind.certificateByUser, value: alice.identity.certificate.der, lifetimeS: 3600 }], never)
    await expect(ring.wait(refused)).rejects.toThrow('Error_Forbidden')
    expect(await ring.wait(bob.overlay.fetch(bobs, Kind.certificateByUser, { model: 'array', ranges: [{ first: 0, last: 0xffff_ffff }] }, never))).toEqual([])
    expect(await ring.close()).toBe(0)
  })
})

describe('the overlay refuses', () => {
  test('a node whose certificate is of another authority', async () => {
    const ring = await ringOf(2, 70)
    const stranger = await makeIdentity('mallory', 2, { authority: await makeAuthority('office.example root', Date.UTC(2025, 11, 1)) })
    const outside = await ring.make({ identity: stranger, firstPeer: false })
    await outside.overlay.start()
    await ring.advance(20_000)
    expect(outside.overlay.status.phase).not.toBe('joined')
    expect(ring.nodes[0]!.overlay.neighbours()).toHaveLength(1)
    expect(await ring.close()).toBe(0)
  })

  test('a member’s garbage: counted and dropped, and the link closes when it cannot be followed', async () => {
    const ring = await ringOf(2, 71)
    const [alice] = ring.nodes as [RingNode]
    const member = await makeIdentity('eve', 3)
    const peer = { certificate: member.certificate, key: member.privateKey, nodeId: member.nodeId, userName: 'eve@office.example' }
    const { secure } = ring.network.host('10.0.0.66')
    for (const bytes of [
      // A data frame with something that is no RELOAD message, a frame of unknown type, an oversized frame, an ack of nothing.
      Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4), Uint8Array.of(0x42), Uint8Array.of(0x80, 0, 0, 0, 0, 0xff, 0xff, 0xff, ...new Uint8Array(alice.overlay.configuration.maxMessageSize)), Uint8Array.of(0x81, 9, 9, 9, 9, 0, 0, 0, 0),
      Uint8Array.of(0x03, ...ring.random.bytes(5_000)),
    ]) {
      const stream = await ring.wait(secure.connect({ host: alice.host, port: 6084 }, credentialsOf(peer, await sharedAuthority()), never))
      stream.user = { onData: () => undefined, onDrain: () => undefined, onClose: () => undefined }
      stream.write(bytes)
      await ring.advance(100)
      stream.destroy()
      await ring.advance(100)
    }
    expect(alice.overlay.counters).toMatchObject({ 'dropped.malformed': 2, 'link.malformed': 2, 'link.messageTooLarge': 1 })
    await expect(ring.wait(ring.nodes[1]!.overlay.ping([{ node: alice.identity.nodeId }], never))).resolves.toMatchObject({ hops: 1 })
    expect(await ring.close()).toBe(0)
  })

  test('a stream on the pipe’s port that belongs to no AppAttach', async () => {
    const ring = await ringOf(2, 72)
    const [alice] = ring.nodes as [RingNode]
    const member = await makeIdentity('eve', 3)
    const peer = { certificate: member.certificate, key: member.privateKey, nodeId: member.nodeId, userName: 'eve@office.example' }
    const port = [...ring.network.listeners.values()].find((l) => l.address.host === alice.host && l.address.port !== 6084)!.address
    const stream = await ring.wait(ring.network.host('10.0.0.66').secure.connect(port, credentialsOf(peer, await sharedAuthority()), never))
    let closed = false
    stream.user = { onData: () => undefined, onDrain: () => undefined, onClose: () => { closed = true } }
    await ring.advance(100)
    expect(closed).toBe(true)
    expect(alice.overlay.counters['pipe.unmatched']).toBe(1)
    expect(await ring.close()).toBe(0)
  })
})

test('registrations can be read by every node, clients too (RFC 7904 §8.2.4)', { timeout: 60_000 }, async () => {
  const ring = await ringOf(6, 59)
  const client = await ring.make({ clientMode: true })
  await client.overlay.start()
  await ring.until(() => client.overlay.status.phase === 'joined', 20_000)
  const bob = ring.nodes[3]!
  const place = bob.overlay.resourceId(`${bob.name}@office.example`)
  const value = encodeSipRegistration({ type: 'route', contactPrefs: '', destinationList: [{ node: bob.identity.nodeId }] })
  await ring.wait(bob.overlay.store(place, [{ kind: Kind.sipRegistration, key: bob.identity.nodeId, value, lifetimeS: 600 }], never))
  for (const node of ring.nodes) {
    const found = await ring.wait(node.overlay.fetch(place, Kind.sipRegistration, { model: 'dictionary', keys: [] }, never))
    expect(found.map(({ value: read }) => read)).toEqual([value])
  }
  expect(await ring.close()).toBe(0)
})
