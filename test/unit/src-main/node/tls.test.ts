/** One SecureContext for each identity: kept while a listener holds it, bounded otherwise. */
import { createServer, type AddressInfo } from 'node:net'
import { connect, TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import { ContextCache, type ContextCredentials } from '../../../../src-main/node/tls.ts'
import { makeAuthority, makePeer, type TestAuthority, type TestPeer } from '../../../support/certificates.ts'

let root: TestAuthority, alice: TestPeer, bob: TestPeer
beforeAll(async () => {
  root = await makeAuthority()
  alice = await makePeer(root, 'alice')
  bob = await makePeer(root, 'bob')
})
const of = ({ certificate, key }: TestPeer): ContextCredentials => ({ certificate, chain: [], privateKey: key })

describe('contexts of TLS', () => {
  it('are one for each certificate, chain and key', async () => {
    const cache = new ContextCache()
    const context = cache.use(of(alice))
    expect(cache.use({ ...of(alice) })).toBe(context)
    expect(cache.use(of(bob))).not.toBe(context)
    expect(cache.use({ ...of(alice), chain: [root.certificate] })).not.toBe(context)
    expect(cache.use(of(await makePeer(root, 'alice', 'office.example', { key: alice.key })))).not.toBe(context)
    expect(cache.size).toBe(4)
  })

  it('are not found with a key that is not the certificate’s', () => {
    const cache = new ContextCache()
    cache.use(of(alice))
    expect(() => cache.use({ ...of(alice), privateKey: bob.key })).toThrow(/key values mismatch/)
    expect(cache.size).toBe(1)
  })

  it('stay while a listener holds them, and go with the last one', () => {
    const cache = new ContextCache()
    const context = cache.hold(of(alice))
    expect(cache.hold(of(alice))).toBe(context)
    cache.release(of(alice))
    expect(cache.use(of(alice))).toBe(context)
    cache.release(of(alice))
    expect(cache.size).toBe(0)
    cache.release(of(alice))
    expect(cache.use(of(alice))).not.toBe(context)
  })

  it('that nobody holds are bounded: the one used longest ago goes first, one that is held never', async () => {
    const cache = new ContextCache()
    const held = cache.hold(of(bob))
    const peers = await Promise.all(Array.from({ length: 9 }, (_, i) => makePeer(root, `peer${String(i)}`, 'office.example', { key: alice.key })))
    const contexts = peers.slice(0, 8).map((peer) => cache.use(of(peer)))
    expect(cache.use(of(peers[0] as TestPeer))).toBe(contexts[0])
    cache.use(of(peers[8] as TestPeer))
    expect(cache.size).toBe(9)
    expect(cache.use(of(peers[0] as TestPeer))).toBe(contexts[0])
    expect(cache.use(of(bob))).toBe(held)
    expect(cache.use(of(peers[1] as TestPeer))).not.toBe(contexts[1])
  })

  it.each([[undefined, 'X25519'], ['P-256', 'prime256v1']])('agree on a key by X25519, and with others (%s) by what they know', async (theirs, agreed) => {
    const secureContext = new ContextCache().use(of(alice))
    const server = createServer((raw) => { new TLSSocket(raw, { isServer: true, secureContext }).on('error', () => { raw.destroy() }) })
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
    const { port } = server.address() as AddressInfo
    const client = await new Promise<TLSSocket>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...(theirs === undefined ? { secureContext: new ContextCache().use(of(bob)) } : { ecdhCurve: theirs }) })
      socket.once('secureConnect', () => { resolve(socket) })
      socket.once('error', reject)
    })
    expect(client.getEphemeralKeyInfo()).toMatchObject({ type: 'ECDH', name: agreed })
    client.destroy()
    server.close()
  })
})
