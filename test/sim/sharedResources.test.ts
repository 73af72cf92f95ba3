/** Shared resources (RFC 8076) in a ring, in virtual time: what storing peers refuse, and what readers see. */
import { describe, expect, test } from 'vitest'
import { utf8Bytes } from '../../src-main/base/bytes.ts'
import { standardKinds, type OverlayConfiguration, type RequiredKind } from '../../src-main/reload/config/configuration.ts'
import { configurationOf, parseOverlayDocument } from '../../src-main/reload/config/overlayDocument.ts'
import { sharedArrayPrefix } from '../../src-main/reload/storage/accessControl.ts'
import { SharedResources } from '../../src-main/reload/usages/sharedResource.ts'
import { Kind, registeredKind } from '../../src-main/reload/wire/kinds.ts'
import { makeIdentity, overlayName, Ring, signedDocument, testConfiguration, type RingNode } from '../support/overlayKit.ts'

const never = new AbortController().signal
const listKind = 0xf0000010, tableKind = 0xf0000011
const variableResourceNames = { enable: true, patterns: ['.*-conf-$USER@$DOMAIN'] }

function kinds(names: boolean): readonly RequiredKind[] {
  const more = { maxCount: 64, maxSize: 1024, accessControl: 'USER-CHAIN-ACL' as const, ...(names && { variableResourceNames }) }
  const acl = registeredKind(Kind.accessControlList)
  if (acl === undefined) throw new Error('no Kind 4')
  return [...standardKinds(), { ...acl, ...more }, { id: listKind, name: '', dataModel: 'array', ...more }, { id: tableKind, name: '', dataModel: 'dictionary', ...more }]
}

interface Member { readonly node: RingNode; readonly name: string; readonly shared: SharedResources }

async function setUp(seed: number, names = false): Promise<{ ring: Ring; members: Member[]; run: <T>(work: Promise<T>) => Promise<T>; texts: (reader: Member, name: string, kind: number) => Promise<string[]> }> {
  const ring = new Ring(seed)
  const configuration: OverlayConfiguration = await testConfiguration({ requiredKinds: kinds(names) })
  const members: Member[] = []
  for (const user of ['owner', 'alice', 'bob', 'carol', 'mallory', 'erin']) {
    const node = await ring.make({ configuration, identity: await makeIdentity(user, members.length, { nodeId: ring.random.bytes(16) }) })
    await node.overlay.start()
    await ring.until(() => node.overlay.status.phase === 'joined' || node.overlay.status.phase === 'alone', 30_000)
    const byId = new Map(configuration.requiredKinds.map((kind) => [kind.id, kind]))
    const name = `${user}@${overlayName}`
    members.push({ node, name, shared: new SharedResources({ overlay: node.overlay, userName: name, kinds: { kind: (id) => byId.get(id) }, lifetimeS: 3600 }) })
  }
  await ring.advance(2_000)
  const run = <T>(work: Promise<T>): Promise<T> => ring.wait(work)
  return {
    ring, members, run,
    texts: async (reader, name, kind) => (await run(reader.shared.read(name, kind, never))).map(({ writer, value, slot }) => `${writer.split('@')[0]}/${slot}: ${new TextDecoder().decode(value)}`).sort(),
  }
}

describe('a shared resource', { timeout: 60_000 }, () => {
  test('is written by its owner and those who have a chain of delegations to him, each at places of his own', async () => {
    const { ring, members, run, texts } = await setUp(90)
    const [owner, alice, bob, carol, mallory, erin] = members as [Member, Member, Member, Member, Member, Member]
    await run(owner.shared.create(owner.name, listKind, never))
    await run(owner.shared.grant(owner.name, listKind, alice.name, true, never))
    await run(alice.shared.grant(owner.name, listKind, bob.name, false, never))
    for (const [writer, text, slot] of [[owner, 'first', 0], [alice, 'second', 0], [alice, 'third', 7], [bob, 'fourth', 0]] as const) {
      await run(writer.shared.write(owner.name, listKind, utf8Bytes(text), never, slot))
    }
    const written = ['alice/0: second', 'alice/7: third', 'bob/0: fourth', 'owner/0: first']
    for (const reader of [erin, owner]) expect(await texts(reader, owner.name, listKind)).toEqual(written)
    expect((await run(erin.shared.grants(owner.name, listKind, never))).map(({ toUser, by, allowDelegation }) => `${by.split('@')[0]} → ${toUser.split('@')[0]} ${allowDelegation}`))
      .toEqual(expect.arrayContaining(['owner → owner true', 'owner → alice true', 'alice → bob false']))

    // The storing peer refuses: who has no chain, who may not hand on, another Kind, the places of others, another's root.
    await expect(run(mallory.shared.write(owner.name, listKind, utf8Bytes('spam'), never))).rejects.toThrow('Error_Forbidden')
    await expect(run(bob.shared.grant(owner.name, listKind, carol.name, false, never))).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(run(alice.shared.write(owner.name, tableKind, utf8Bytes('other Kind'), never))).rejects.toThrow('Error_Forbidden')
    const at = owner.node.overlay.resourceId(owner.name)
    const store = (from: Member, index: number, value: Uint8Array | undefined, kind = listKind): Promise<void> => from.node.overlay.store(at, [{ kind, index, value, lifetimeS: 60 }], never)
    await expect(run(store(alice, sharedArrayPrefix(bob.node.identity.nodeId) * 256, utf8Bytes('mine')))).rejects.toThrow('Error_Forbidden')
    await expect(run(store(bob, sharedArrayPrefix(alice.node.identity.nodeId) * 256, undefined))).rejects.toThrow('Error_Forbidden')
    await expect(run(mallory.shared.create(owner.name, listKind, never))).rejects.toMatchObject({ code: 'invalid-argument' })
    await expect(run(store(alice, sharedArrayPrefix(alice.node.identity.nodeId) * 256, utf8Bytes('appended'), Kind.accessControlList))).rejects.toThrow('Error_Forbidden')
    expect(await texts(erin, owner.name, listKind)).toEqual(written)

    // One removes what is one's own; the owner removes anything.
    await run(alice.shared.write(owner.name, listKind, undefined, never, 7))
    await run(store(owner, sharedArrayPrefix(bob.node.identity.nodeId) * 256, undefined))
    expect(await texts(erin, owner.name, listKind)).toEqual(['alice/0: second', 'owner/0: first'])
    expect(await ring.close()).toBe(0)
  })

  test('whoever loses the right loses it at once, and with him those he let in', async () => {
    const { ring, members, run, texts } = await setUp(91)
    const [owner, alice, bob, carol, , erin] = members as [Member, Member, Member, Member, Member, Member]
    await run(owner.shared.create(owner.name, tableKind, never))
    await run(owner.shared.grant(owner.name, tableKind, alice.name, true, never))
    await run(owner.shared.grant(owner.name, tableKind, carol.name, false, never))
    await run(alice.shared.grant(owner.name, tableKind, bob.name, true, never))
    for (const writer of [alice, bob, carol]) await run(writer.shared.write(owner.name, tableKind, utf8Bytes('here'), never))
    expect(await texts(erin, owner.name, tableKind)).toEqual(['alice/0: here', 'bob/0: here', 'carol/0: here'])
    await run(owner.shared.revoke(owner.name, tableKind, alice.name, never))
    expect(await texts(erin, owner.name, tableKind)).toEqual(['carol/0: here'])
    await expect(run(bob.shared.write(owner.name, tableKind, utf8Bytes('again'), never))).rejects.toThrow('Error_Forbidden')
    // The items of the subtree are gone, too.
    expect((await run(erin.shared.grants(owner.name, tableKind, never))).map(({ toUser }) => toUser).sort()).toEqual([carol.name, owner.name])
    // Without its root nobody but the owner may.
    await run(owner.shared.revoke(owner.name, tableKind, owner.name, never))
    await expect(run(carol.shared.write(owner.name, tableKind, utf8Bytes('again'), never))).rejects.toThrow('Error_Forbidden')
    expect(await texts(erin, owner.name, tableKind)).toEqual([])
    expect(await ring.close()).toBe(0)
  })

  test('survives the peer that stores it', async () => {
    const { ring, members, run, texts } = await setUp(92)
    const [owner, alice, , , , erin] = members as [Member, Member, Member, Member, Member, Member]
    await run(owner.shared.create(owner.name, listKind, never))
    await run(owner.shared.grant(owner.name, listKind, alice.name, false, never))
    await run(alice.shared.write(owner.name, listKind, utf8Bytes('kept'), never))
    await ring.advance(2_000)
    const storing = ring.owner(owner.node.overlay.resourceId(owner.name))
    ring.network.crash(storing.host)
    await ring.wait(storing.overlay.stop())
    await ring.advance(20_000)
    const reader = [erin, owner, alice].find(({ node }) => node !== storing) as Member
    expect(await texts(reader, owner.name, listKind)).toEqual(['alice/0: kept'])
    const writer = [alice, owner].find(({ node }) => node !== storing) as Member
    await run(writer.shared.write(owner.name, listKind, utf8Bytes('more'), never, 1))
    expect(await texts(reader, owner.name, listKind)).toHaveLength(2)
    await ring.close()
  })

  test('may have a name that fits its owner’s by a pattern of the configuration', async () => {
    const { ring, members, run, texts } = await setUp(93, true)
    const [owner, alice, , , mallory, erin] = members as [Member, Member, Member, Member, Member, Member]
    const name = `board-conf-${owner.name}`
    await run(owner.shared.create(name, tableKind, never))
    await run(owner.shared.grant(name, tableKind, alice.name, false, never))
    await run(alice.shared.write(name, tableKind, utf8Bytes('agenda'), never))
    await run(owner.shared.write(name, tableKind, utf8Bytes('minutes'), never))
    expect(await texts(erin, name, tableKind)).toEqual(['alice/0: agenda', 'owner/0: minutes'])
    await expect(run(mallory.shared.write(name, tableKind, utf8Bytes('spam'), never))).rejects.toThrow('Error_Forbidden')
    await expect(run(mallory.shared.create(name, tableKind, never))).rejects.toMatchObject({ code: 'invalid-argument' })
    await run(owner.shared.revoke(name, tableKind, alice.name, never))
    expect(await texts(erin, name, tableKind)).toEqual(['owner/0: minutes'])
    expect(await ring.close()).toBe(0)
  })
})

test('the configuration says which Kinds have variable resource names', async () => {
  const signer = await makeIdentity('organiser', 0)
  const document = await signedDocument(signer, { requiredKinds: kinds(true) })
  const { configuration } = configurationOf(parseOverlayDocument(document), overlayName)
  expect(configuration.requiredKinds.filter(({ accessControl }) => accessControl === 'USER-CHAIN-ACL').map((kind) => kind.variableResourceNames)).toEqual([variableResourceNames, variableResourceNames, variableResourceNames])
  expect(new TextDecoder().decode(await signedDocument(signer))).not.toContain('share')
})
