/** Looking up an address of record (RFC 7904 §4.2) and reaching its devices (§5.1). */
import { describe, expect, it } from 'vitest'
import { toHex } from '../../../../src-main/base/bytes.ts'
import { PeerError } from '../../../../src-main/base/errors.ts'
import { OverlayTransport } from '../../../../src-main/p2psip/overlayTransport.ts'
import { OverlayResolver } from '../../../../src-main/p2psip/resolver.ts'
import { certificateByUserKind } from '../../../../src-main/reload/usages/certificateStore.ts'
import { sipRegistrationKind } from '../../../../src-main/reload/usages/sipRegistration.ts'
import { FEATURE_PREDICATE, schemesOf } from '../../../../src-main/sip/ua/capabilities.ts'
import { nodeOf, ScriptedOverlay, ScriptedPipe } from '../../../support/scriptedOverlay.ts'

const never = new AbortController().signal
const bob = 'bob@office.example'

function world() {
  const overlay = new ScriptedOverlay()
  const resolver = new OverlayResolver(overlay, new OverlayTransport(overlay, () => {}))
  const reached = async (uri: string): Promise<string[]> => (await resolver.resolve(uri, never)).map(({ identity }) => identity?.nodeId ?? '').sort()
  const asked = (): string[] => overlay.fetched.filter(({ kind }) => kind === sipRegistrationKind).map(({ name }) => name)
  return { overlay, resolver, reached, asked }
}
const ids = (...nodes: number[]): string[] => nodes.map((n) => toHex(nodeOf(n)))

describe('resolving an address of record (RFC 7904 §4.2)', () => {
  it('is a Fetch of Kind SIP-REGISTRATION without dictionary keys, one that asks the replicas too', async () => {
    const { overlay, reached } = world()
    overlay.registerDevice(bob, nodeOf(2))
    await reached('sip:bob@office.example')
    expect(overlay.fetched).toEqual([{ name: bob, kind: sipRegistrationKind, selector: { model: 'dictionary', keys: [] }, options: { robust: true } }])
  })

  it('asks at the address without scheme, in its normal form', async () => {
    const { overlay, reached, asked } = world()
    overlay.registerDevice(bob, nodeOf(2))
    for (const uri of ['sips:b%6Fb@OFFICE.example.', '"Bob" <sip:bob@office.example;transport=tls>', 'bob']) expect(await reached(uri), uri).toEqual(ids(2))
    expect(new Set(asked())).toEqual(new Set([bob]))
  })

  it('gives a target for each device: Request-URI, connection and what its certificate proves', async () => {
    const { overlay, resolver } = world()
    overlay.registerDevice(bob, nodeOf(2))
    overlay.registerDevice(bob, nodeOf(3), nodeOf(9))
    const targets = await resolver.resolve('bob', never)
    expect(targets.map(({ requestUri }) => requestUri)).toEqual(['sip:bob@office.example', 'sip:bob@office.example'])
    expect(targets.map(({ identity, connection }) => identity === connection.peerIdentity)).toEqual([true, true])
    expect(targets.map(({ identity }) => identity?.nodeId)).toEqual(ids(2, 3))
    expect(overlay.attached.map(({ destination, application }) => [destination, application])).toEqual([
      [[{ node: nodeOf(2) }], 5060], [[{ node: nodeOf(9) }, { node: nodeOf(3) }], 5060],
    ])
  })

  it('to sips: asks for Application-ID 5061 and stays sips:, and leaves out a device that takes no sips: (RFC 7904 §5.1)', async () => {
    const { overlay, resolver } = world()
    const prefers = (node: number, contactPrefs: string): void => { overlay.register(bob, { type: 'route', contactPrefs, destinationList: [{ node: nodeOf(node) }] }, nodeOf(node)) }
    overlay.registerDevice(bob, nodeOf(2))
    prefers(3, FEATURE_PREDICATE)
    prefers(4, '(& (sip.audio=TRUE) (sip.schemes=SIP))')
    const targets = await resolver.resolve('sips:bob@office.example', never)
    expect(targets.map(({ requestUri, identity }) => [requestUri, identity?.nodeId])).toEqual([2, 3].map((n) => ['sips:bob@office.example', toHex(nodeOf(n))]))
    expect(overlay.attached.map(({ application }) => application)).toEqual([5061, 5061])
    overlay.forget(bob, sipRegistrationKind)
    prefers(4, '(& (sip.audio=TRUE) (sip.schemes=SIP))')
    await expect(resolver.resolve('"Bob" <sips:bob@office.example>', never)).rejects.toMatchObject({ code: 'not-secure' })
  })

  it('calls a device that prefers sips: alone by sips:, whatever was dialled', async () => {
    const { overlay, resolver } = world()
    overlay.register(bob, { type: 'route', contactPrefs: '(sip.schemes="SIPS")', destinationList: [{ node: nodeOf(2) }] }, nodeOf(2))
    expect((await resolver.resolve('bob', never)).map(({ requestUri }) => requestUri)).toEqual(['sips:bob@office.example'])
    expect(overlay.attached.map(({ application }) => application)).toEqual([5061])
  })

  it('tells each device as soon as it is reached, and those that are not keep nobody waiting', async () => {
    const { overlay, resolver } = world()
    for (const node of [2, 3, 4]) overlay.registerDevice(bob, nodeOf(node))
    let late = (): void => undefined
    overlay.answer.attach = (node) => {
      if (node[0] === 2) return Promise.reject(new PeerError('peer-unreachable'))
      return node[0] === 3 ? new Promise((resolve) => { late = () => { resolve(new ScriptedPipe(node)) } }) : Promise.resolve(new ScriptedPipe(node))
    }
    const told: string[] = []
    const all = resolver.resolveEach('bob', never, ({ identity }) => { told.push(identity?.nodeId ?? '') })
    await expect.poll(() => told).toEqual(ids(4))
    late()
    await all
    expect(told).toEqual(ids(4, 3))
  })

  it('follows a registration of type uri to the address it names', async () => {
    const { overlay, reached, asked } = world()
    overlay.registerUri('boss@office.example', 'sip:bob@office.example')
    overlay.registerUri('boss@office.example', 'carol@OFFICE.EXAMPLE', nodeOf(201))
    overlay.registerDevice(bob, nodeOf(2))
    overlay.registerDevice('carol@office.example', nodeOf(3))
    expect(await reached('boss')).toEqual(ids(2, 3))
    expect(asked()).toEqual(['boss@office.example', bob, 'carol@office.example'])
  })

  it('removes duplicates: a device found by two ways, and an address that leads back to itself, count once', async () => {
    const { overlay, reached, asked } = world()
    overlay.registerUri(bob, 'sip:robert@office.example')
    overlay.registerUri('robert@office.example', 'sip:bob@office.example')
    overlay.registerDevice(bob, nodeOf(2))
    overlay.registerDevice('robert@office.example', nodeOf(2))
    expect(await reached('bob')).toEqual(ids(2))
    expect(asked()).toEqual([bob, 'robert@office.example'])
    expect(overlay.attached).toHaveLength(1)
  })

  it('follows addresses five deep and no deeper', async () => {
    const { overlay, reached, asked } = world()
    for (let i = 1; i < 8; i++) overlay.registerUri(`hop${String(i)}@office.example`, `sip:hop${String(i + 1)}@office.example`)
    overlay.registerDevice('hop5@office.example', nodeOf(5))
    overlay.registerDevice('hop6@office.example', nodeOf(6))
    expect(await reached('hop1')).toEqual(ids(5))
    expect(asked()).toHaveLength(5)
  })

  it('asks for at most 20 addresses and calls at most 20 devices (§8.2.1, fork explosion)', async () => {
    const many = world()
    for (let i = 0; i < 30; i++) {
      many.overlay.registerUri(bob, `sip:u${String(i)}@office.example`, nodeOf(100 + i))
      many.overlay.registerDevice(`u${String(i)}@office.example`, nodeOf(10 + i))
    }
    expect(await many.reached('bob')).toHaveLength(19)
    expect(many.asked()).toHaveLength(20)
    const devices = world()
    for (let i = 0; i < 30; i++) devices.overlay.registerDevice(bob, nodeOf(10 + i))
    expect(await devices.reached('bob')).toHaveLength(20)
    expect(devices.overlay.attached).toHaveLength(20)
  })

  it('asks nobody about an address of another domain, given or registered', async () => {
    const { overlay, resolver, reached, asked } = world()
    await expect(resolver.resolve('sip:bob@other.example', never)).rejects.toMatchObject({ code: 'user-unknown' })
    expect(overlay.fetched).toEqual([])
    overlay.registerUri(bob, 'sip:bob@other.example')
    overlay.registerDevice(bob, nodeOf(2))
    expect(await reached('bob')).toEqual(ids(2))
    expect(asked()).toEqual([bob])
  })

  it('leaves out the own node', async () => {
    const { overlay, reached } = world()
    overlay.registerDevice('alice@office.example', overlay.nodeId)
    overlay.registerDevice('alice@office.example', nodeOf(2))
    expect(await reached('alice')).toEqual(ids(2))
    expect(overlay.attached).toHaveLength(1)
  })
})

describe('somebody who is not reached', () => {
  it('is unknown when the overlay holds no certificate of that user name, and offline when it does', async () => {
    const { overlay, resolver } = world()
    await expect(resolver.resolve('bob', never)).rejects.toMatchObject({ code: 'user-unknown' })
    overlay.putCertificate(bob, nodeOf(2))
    await expect(resolver.resolve('bob', never)).rejects.toMatchObject({ code: 'user-offline' })
    expect(overlay.fetched.map(({ name, kind }) => [name, kind])).toEqual([[bob, sipRegistrationKind], [bob, certificateByUserKind], [bob, sipRegistrationKind], [bob, certificateByUserKind]])
  })

  it('is offline when no device answers; one that does is enough', async () => {
    const { overlay, resolver, reached } = world()
    overlay.registerDevice(bob, nodeOf(2))
    overlay.answer.attach = () => Promise.reject(new PeerError('peer-unreachable'))
    await expect(resolver.resolve('bob', never)).rejects.toMatchObject({ code: 'user-offline' })
    overlay.registerDevice(bob, nodeOf(3))
    overlay.answer.attach = (node) => (node[0] === 3 ? Promise.resolve(new ScriptedPipe(node)) : Promise.reject(new PeerError('peer-unreachable')))
    expect(await reached('bob')).toEqual(ids(3))
  })

  it('is unverified when a device presents a certificate without the Node-ID called (RFC 7904 §5.1)', async () => {
    const { overlay, resolver } = world()
    overlay.registerDevice(bob, nodeOf(2))
    overlay.registerDevice(bob, nodeOf(3))
    overlay.answer.attach = (node) => Promise.reject(new PeerError(node[0] === 3 ? 'peer-unverified' : 'peer-unreachable'))
    await expect(resolver.resolve('bob', never)).rejects.toMatchObject({ code: 'peer-unverified' })
  })

  it('is not called unknown when the overlay does not answer', async () => {
    const { overlay, resolver } = world()
    overlay.answer.fetch = () => Promise.reject(new PeerError('network-timeout'))
    await expect(resolver.resolve('bob', never)).rejects.toMatchObject({ code: 'network-timeout' })
    expect(overlay.fetched).toHaveLength(1)
  })

  it('a registered address that is malformed or not answered does not take the other devices with it', async () => {
    const { overlay, reached } = world()
    overlay.registerUri('boss@office.example', 'sip:@', nodeOf(200))
    overlay.registerUri('boss@office.example', 'sip:bob@office.example', nodeOf(201))
    overlay.registerDevice('boss@office.example', nodeOf(5))
    const fetch = overlay.answer.fetch
    overlay.answer.fetch = (fetched, signal) => (fetched.name === bob ? Promise.reject(new PeerError('network-timeout')) : fetch(fetched, signal))
    expect(await reached('boss')).toEqual(ids(5))
  })

  it('rejects with the reason of the signal when the caller gives up', async () => {
    const { overlay, resolver } = world()
    overlay.registerDevice(bob, nodeOf(2))
    overlay.answer.attach = () => new Promise(() => { /* never */ })
    const stop = new AbortController()
    const resolving = resolver.resolve('bob', stop.signal)
    stop.abort(new PeerError('cancelled', 'hung up'))
    await expect(resolving).rejects.toMatchObject({ code: 'cancelled' })
  })
})

describe('reading the registrations of an address', () => {
  it('gives them as they stand, connects to nobody, and leaves nothing out', async () => {
    const { overlay, resolver } = world()
    overlay.registerUri(bob, 'sip:carol@office.example', nodeOf(2))
    overlay.registerDevice(bob, overlay.nodeId)
    expect(await resolver.lookup('bob', never)).toEqual([
      { nodeId: toHex(nodeOf(2)), registration: { type: 'uri', uri: 'sip:carol@office.example' }, lifetimeS: 3600 },
      { nodeId: toHex(overlay.nodeId), registration: { type: 'route', contactPrefs: '', destinationList: [{ node: overlay.nodeId }] }, lifetimeS: 3600 },
    ])
    expect(await resolver.lookup('carol', never)).toEqual([])
    expect(overlay.attached).toEqual([])
    expect(overlay.fetched.map(({ options }) => options)).toEqual([{ robust: true }, { robust: true }])
  })
})

it.each([
  [FEATURE_PREDICATE, ['sip', 'sips']], ['(sip.schemes=SIPS)', ['sips']], ['(& (sip.audio=TRUE) ( sip.schemes = "<sip>" ))', ['sip']], ['(! (sip.schemes=SIPS))', undefined],
  ['(& (! (sip.schemes=SIP)) (sip.schemes=SIPS))', ['sips']], ['', undefined], ['((((', undefined],
])('the schemes that a predicate asks for: %s', (predicate, schemes) => {
  expect(schemesOf(predicate)).toEqual(schemes === undefined ? undefined : new Set(schemes))
})
