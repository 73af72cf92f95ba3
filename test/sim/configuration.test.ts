/** ConfigUpdate through living rings in virtual time (RFC 6940 §6.3.2.1, §6.5.4, §11.1). */
import { describe, expect, test } from 'vitest'
import { utf8Bytes } from '../../src-main/base/bytes.ts'
import { standardKinds, type OverlayConfiguration, type RequiredKind } from '../../src-main/reload/config/configuration.ts'
import { configurationOf, parseOverlayDocument } from '../../src-main/reload/config/overlayDocument.ts'
import type { NodeIdentity } from '../../src-main/reload/overlay/createOverlay.ts'
import { makeIdentity, overlayName, Ring, signedDocument, type RingNode } from '../support/overlayKit.ts'

const never = new AbortController().signal
const wall: RequiredKind = { id: 0xf0000007, name: '', dataModel: 'dictionary', accessControl: 'USER-NODE-MATCH', maxCount: 10, maxSize: 100 }
const sequenceOf = (document: Uint8Array): number => configurationOf(parseOverlayDocument(document), overlayName).configuration.sequence
const latest = (node: RingNode): number | undefined => { const last = node.documents.at(-1); return last === undefined ? undefined : sequenceOf(last) }

interface Organised { readonly ring: Ring; readonly organiser: RingNode; readonly signer: NodeIdentity; document(more?: Partial<OverlayConfiguration>): Promise<Uint8Array> }

async function organised(seed: number, count: number): Promise<Organised> {
  const ring = new Ring(seed)
  const signer = await makeIdentity('organiser', 0, { nodeId: ring.random.bytes(16) })
  const first = await signedDocument(signer)
  for (let i = 0; i < count; i++) {
    const node = await ring.make({ document: first, ...(i === 0 && { identity: signer }) })
    await node.overlay.start()
    await ring.until(() => node.overlay.status.phase === 'joined' || node.overlay.status.phase === 'alone', 30_000)
  }
  await ring.advance(500)
  return { ring, organiser: ring.nodes[0]!, signer, document: (more = {}) => signedDocument(signer, more) }
}

const store = (ring: Ring, node: RingNode, kind: number, text: string): Promise<void> => {
  const user = ring.nodes.indexOf(node) === 0 ? 'organiser' : node.name
  return ring.wait(node.overlay.store(node.overlay.resourceId(`${user}@${overlayName}`), [{ kind, key: node.identity.nodeId, value: utf8Bytes(text), lifetimeS: 3600 }], never))
}
const read = async (ring: Ring, by: RingNode, of: RingNode, kind: number): Promise<readonly string[]> => {
  const found = await ring.wait(by.overlay.fetch(by.overlay.resourceId(`${of.name}@${overlayName}`), kind, { model: 'dictionary', keys: [] }, never))
  return found.map(({ value }) => new TextDecoder().decode(value))
}

describe('a new configuration', { timeout: 30_000 }, () => {
  test('reaches every peer within two seconds, and is kept', async () => {
    const { ring, organiser, document } = await organised(1, 12)
    const next = await document({ sequence: 1, chordUpdateIntervalS: 300 })
    organiser.overlay.updateDocument(next)
    await ring.until(() => ring.nodes.every((node) => latest(node) === 1), 2_000)
    for (const node of ring.nodes) expect(node.documents).toEqual([next])
    // The ring goes on with it.
    for (const node of ring.nodes) await ring.wait(node.overlay.ping([{ resource: ring.random.bytes(16) }], never))
    expect(await ring.close()).toBe(0)
  })

  test('whose signers a node has missed is refused by it, and taken from a server that the root vouches for (RFC 6940 §6.5.4)', async () => {
    const { ring, organiser, signer, document } = await organised(9, 4)
    const heir = ring.nodes[2]!
    const late = await ring.make({ document: await signedDocument(signer) })
    const missed: unknown[] = []
    late.overlay.onMissed(() => { missed.push(ring.clock.monotonic()) })
    organiser.overlay.updateDocument(await document({ sequence: 1, configurationSigners: [heir.identity.nodeId] }))
    await ring.advance(2_000)
    const newest = await signedDocument(heir.identity, { sequence: 2 })
    heir.overlay.updateDocument(newest)
    await ring.until(() => ring.nodes.every((node) => node === late || latest(node) === 2), 2_000)
    await late.overlay.start()
    await ring.until(() => missed.length > 0, 20_000)
    expect(latest(late)).toBeUndefined()
    expect(() => { late.overlay.updateDocument(newest) }).toThrow(/configuration-signature/)
    late.overlay.updateDocument(newest, { vouched: true })
    expect(latest(late)).toBe(2)
    const impostor = await signedDocument(organiser.identity, { sequence: 3, configurationSigners: [heir.identity.nodeId] })
    expect(() => { late.overlay.updateDocument(impostor, { vouched: true }) }).toThrow(/configuration-signature/)
    await ring.until(() => late.overlay.status.phase === 'joined', 30_000)
    expect(await ring.close()).toBe(0)
  })

  test('is refused when the previous configuration-signer did not sign it, or when it is not newer', async () => {
    const { ring, organiser, document } = await organised(2, 4)
    const impostor = ring.nodes[2]!
    const forged = await signedDocument(impostor.identity, { sequence: 1 })
    expect(() => { organiser.overlay.updateDocument(forged) }).toThrow(/configuration-signature/)
    const older = await document({ sequence: 65_534 })
    expect(() => { organiser.overlay.updateDocument(older) }).toThrow(/not-newer/)
    expect(() => { organiser.overlay.updateDocument(utf8Bytes('<overlay')) }).toThrow()
    await ring.advance(3_000)
    expect(ring.nodes.flatMap(({ documents }) => documents)).toEqual([])
    expect(await ring.close()).toBe(0)
  })

  test('comes to a peer that joins with an older one: Error_Config_Too_Old and a ConfigUpdate', async () => {
    const { ring, organiser, document } = await organised(3, 5)
    const old = await document()
    organiser.overlay.updateDocument(await document({ sequence: 1 }))
    await ring.advance(2_000)
    organiser.overlay.updateDocument(await document({ sequence: 2 }))
    await ring.advance(2_000)
    const late = await ring.make({ document: old })
    await late.overlay.start()
    await ring.until(() => late.overlay.status.phase === 'joined', 5_000)
    expect(late.documents.map(sequenceOf)).toEqual([2])
    expect(ring.nodes.reduce((sum, { overlay }) => sum + (overlay.counters['sent.Error_Config_Too_Old'] ?? 0), 0)).toBeGreaterThan(0)
    await ring.wait(late.overlay.ping([{ node: organiser.identity.nodeId }], never))
    expect(await ring.close()).toBe(0)
  })

  test('comes also to a peer whose TTL is above the initial-ttl that it does not know yet', async () => {
    const { ring, organiser, document } = await organised(7, 5)
    const old = await document()
    organiser.overlay.updateDocument(await document({ sequence: 1, initialTtl: 40 }))
    await ring.advance(2_000)
    const late = await ring.make({ document: old })
    await late.overlay.start()
    await ring.until(() => late.overlay.status.phase === 'joined', 10_000)
    expect(late.documents.map(sequenceOf)).toEqual([1])
    expect(await ring.close()).toBe(0)
  })

  test('comes into a ring with a peer that joins with it: Error_Config_Too_New, then the request again', async () => {
    const { ring, document } = await organised(4, 5)
    const late = await ring.make({ document: await document({ sequence: 7 }) })
    await late.overlay.start()
    await ring.until(() => late.overlay.status.phase === 'joined', 10_000)
    await ring.until(() => ring.nodes.slice(0, 5).every((node) => latest(node) === 7), 3_000)
    expect(ring.nodes.reduce((sum, { overlay }) => sum + (overlay.counters['sent.Error_Config_Too_New'] ?? 0), 0)).toBeGreaterThan(0)
    expect(await ring.close()).toBe(0)
  })

  test('after 65534 comes 0', async () => {
    const ring = new Ring(5)
    const signer = await makeIdentity('organiser', 0, { nodeId: ring.random.bytes(16) })
    const node = await ring.make({ identity: signer, document: await signedDocument(signer, { sequence: 65_534 }) })
    await node.overlay.start()
    node.overlay.updateDocument(await signedDocument(signer, { sequence: 0 }))
    expect(node.documents.map(sequenceOf)).toEqual([0])
    expect(await ring.close()).toBe(0)
  })

  test('that names a plug-in we do not have makes the node leave', async () => {
    const { ring, organiser, document } = await organised(6, 3)
    const next = await document({ sequence: 1, mandatoryExtensions: ['urn:example:unheard-of'] })
    // The organiser's own program does not let it happen; somebody with a newer one brings it along.
    expect(() => { organiser.overlay.updateDocument(next) }).toThrow(/unsupported/)
    expect(ring.nodes.map(({ excluded }) => excluded)).toEqual([[], [], []])
    const newer = await ring.make({ document: next })
    await newer.overlay.start()
    await ring.until(() => ring.nodes.slice(0, 3).some(({ excluded }) => excluded.length > 0), 10_000)
    await ring.advance(3_000)
    for (const { excluded, overlay } of ring.nodes.slice(0, 3)) if (excluded.length > 0) expect([excluded, overlay.status.phase]).toEqual([['overlay-incompatible'], 'stopped'])
    expect(await ring.close()).toBe(0)
  })
})

describe('bad-node', { timeout: 30_000 }, () => {
  test('closes the links to a revoked node everywhere within seconds, and lets it in no more', async () => {
    const { ring, organiser, document } = await organised(10, 8)
    const bad = ring.nodes[4]!
    organiser.overlay.updateDocument(await document({ sequence: 1, badNodes: [bad.identity.nodeId] }))
    await ring.until(() => bad.overlay.status.phase === 'stopped', 3_000)
    expect(bad.excluded).toEqual(['certificate-invalid'])
    const good = ring.nodes.filter((node) => node !== bad)
    const linkedTo = (node: RingNode): string[] => node.overlay.neighbours().map(({ userName }) => userName)
    await ring.until(() => good.every((node) => !linkedTo(node).includes(`${bad.name}@${overlayName}`)), 3_000)
    await ring.until(() => good.every((node) => node.overlay.status.phase === 'joined'), 10_000)

    // It comes back with the old document and its old certificate.
    const again = await ring.make({ identity: bad.identity, document: await document(), host: '10.0.9.9' })
    await again.overlay.start()
    await ring.advance(30_000)
    expect(again.overlay.status.phase).not.toBe('joined')
    expect(good.flatMap(linkedTo)).not.toContain(`${bad.name}@${overlayName}`)
    for (const node of good) await ring.wait(node.overlay.ping([{ node: good[0]!.identity.nodeId }], never))
    expect(await ring.close()).toBe(0)
  })

  test('what a revoked node stored is not handed out any more', async () => {
    const { ring, organiser, document } = await organised(11, 6)
    const [, bad, good] = ring.nodes as [RingNode, RingNode, RingNode]
    organiser.overlay.updateDocument(await document({ sequence: 1, requiredKinds: [...standardKinds(), wall] }))
    await ring.advance(2_000)
    await store(ring, bad, wall.id, 'mine')
    await ring.advance(1_000)
    expect(await read(ring, good, bad, wall.id)).toEqual(['mine'])
    organiser.overlay.updateDocument(await document({ sequence: 2, requiredKinds: [...standardKinds(), wall], badNodes: [bad.identity.nodeId] }))
    await ring.advance(5_000)
    expect(await read(ring, good, bad, wall.id)).toEqual([])
    expect(ring.nodes.reduce((sum, { overlay }) => sum + (overlay.counters['dropped.signer'] ?? 0), 0)).toBeGreaterThanOrEqual(2)
    expect(await ring.close()).toBe(0)
  })
})

describe('Kinds', { timeout: 30_000 }, () => {
  test('a private Kind that a new document defines can be stored; when it goes, so does its data', async () => {
    const { ring, organiser, document } = await organised(20, 6)
    const [, writer, reader] = ring.nodes as [RingNode, RingNode, RingNode]
    await expect(store(ring, writer, wall.id, 'early')).rejects.toMatchObject({ code: 'invalid-argument' })
    organiser.overlay.updateDocument(await document({ sequence: 1, requiredKinds: [...standardKinds(), wall] }))
    await ring.advance(2_000)
    await store(ring, writer, wall.id, 'hello')
    await ring.advance(1_000)
    expect(await read(ring, reader, writer, wall.id)).toEqual(['hello'])
    expect(ring.nodes.filter((node) => node.store.areas().some(({ kind }) => kind === wall.id)).length).toBeGreaterThanOrEqual(3)
    organiser.overlay.updateDocument(await document({ sequence: 2 }))
    await ring.advance(2_000)
    expect(ring.nodes.filter((node) => node.store.areas().some(({ kind }) => kind === wall.id))).toEqual([])
    await expect(read(ring, reader, writer, wall.id)).rejects.toMatchObject({ code: 'invalid-argument' })
    expect(await ring.close()).toBe(0)
  })

  test('on Error_Unknown_Kind the requester sends the kind-block and asks again; forged ones are refused', async () => {
    const ring = new Ring(21)
    const signer = await makeIdentity('organiser', 0, { nodeId: ring.random.bytes(16) })
    const without = await signedDocument(signer)
    const withWall = await signedDocument(signer, { requiredKinds: [...standardKinds(), wall] })
    const make = async (document: Uint8Array, identity?: NodeIdentity): Promise<RingNode> => {
      const node = await ring.make({ document, ...(identity !== undefined && { identity }) })
      await node.overlay.start()
      await ring.until(() => node.overlay.status.phase === 'joined' || node.overlay.status.phase === 'alone', 30_000)
      return node
    }
    await make(without, signer)
    for (let i = 0; i < 3; i++) await make(without)
    const teacher = await make(withWall)
    await store(ring, teacher, wall.id, 'taught')
    expect(await read(ring, teacher, teacher, wall.id)).toEqual(['taught'])
    const taught = ring.nodes.reduce((sum, { overlay }) => sum + (overlay.counters['config.kinds'] ?? 0), 0)
    const mine = ring.owner(teacher.overlay.resourceId(`${teacher.name}@${overlayName}`)) === teacher
    expect(taught).toBeGreaterThanOrEqual(mine ? 0 : 1)
    expect(ring.nodes.some(({ overlay }) => (overlay.counters['sent.Error_Unknown_Kind'] ?? 0) > 0)).toBe(true)

    const forger = await makeIdentity('forger', 1, { nodeId: ring.random.bytes(16) })
    const other: RequiredKind = { ...wall, id: 0xf0000008 }
    const forged = await signedDocument(forger, { configurationSigners: [signer.nodeId], kindSigners: [signer.nodeId], requiredKinds: [...standardKinds(), other] })
    const liar = await ring.make({ document: forged, identity: forger })
    await liar.overlay.start()
    await ring.until(() => liar.overlay.status.phase === 'joined', 30_000)
    const at = liar.overlay.resourceId(`forger@${overlayName}`)
    if (ring.owner(at) !== liar) {
      await expect(ring.wait(liar.overlay.store(at, [{ kind: other.id, key: forger.nodeId, value: utf8Bytes('x'), lifetimeS: 60 }], never))).rejects.toMatchObject({ code: 'peer-unreachable' })
      expect(ring.nodes.some(({ overlay }) => (overlay.counters['config.refused.kind'] ?? 0) > 0)).toBe(true)
    }
    expect(await ring.close()).toBe(0)
  })
})
