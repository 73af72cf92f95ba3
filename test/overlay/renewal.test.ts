/** A certificate renewed by itself, by whole installations over real sockets, ten months later. */
import { afterEach, expect, it } from 'vitest'
import { createNodeCrypto } from '../../src-main/node/crypto.ts'
import { createNodeHttpClient, createNodeHttpServerFactory } from '../../src-main/node/http.ts'
import { createNodeMulticastDns } from '../../src-main/node/multicastDns.ts'
import { createNodeNetwork } from '../../src-main/node/network.ts'
import { createNodeRandom } from '../../src-main/node/random.ts'
import { createNodeSecureNetwork } from '../../src-main/node/secureNetwork.ts'
import { PeerApp } from '../../src-main/peer/peerApp.ts'
import { defaultNetwork } from '../../src-main/peer/ports.ts'
import type { SocketAddress } from '../../src-main/ports/network.ts'
import { openStores, type Stores } from '../../src-main/store/stores.ts'
import { createMemoryKeychain, shiftedClock } from '../support/enrolment.ts'
import { silentLog } from '../support/overlayKit.ts'

const dayMs = 86_400_000
const open: PeerApp[] = []
afterEach(async () => { await Promise.all(open.splice(0).map((app) => app.close())) })

/** What an installation keeps, and the time it lives in. */
interface Installation { readonly stores: Stores; readonly keychain: ReturnType<typeof createMemoryKeychain>; readonly clock: ReturnType<typeof shiftedClock> }
const install = (): Installation => ({ stores: openStores(':memory:'), keychain: createMemoryKeychain(), clock: shiftedClock() })

async function start({ stores, keychain, clock }: Installation, port: number, bootstrap: SocketAddress[] = []): Promise<PeerApp> {
  const app = new PeerApp({
    ports: {
      clock, random: createNodeRandom(), crypto: createNodeCrypto(), network: createNodeNetwork(), secureNetwork: createNodeSecureNetwork(clock), http: createNodeHttpClient(),
      httpServers: createNodeHttpServerFactory(), multicastDns: createNodeMulticastDns(), keychain, log: silentLog,
    },
    stores, network: { ...defaultNetwork, listen: { host: '127.0.0.1', port }, bootstrap, multicast: false },
  })
  open.push(app)
  await app.load()
  return app
}
const until = async (holds: () => boolean): Promise<void> => { await expect.poll(holds, { timeout: 30_000, interval: 50 }).toBe(true) }
const isUp = (app: PeerApp): boolean => app.peer?.registration.isRegistered === true && app.peer.overlay.status.phase === 'joined'

it('is in use as soon as nobody is talking: the peer is back in the overlay under the same Node-ID', async () => {
  const olga = install(), alice = install()
  let o = await start(olga, 0)
  await o.account.create({ name: 'office.example', userName: 'olga' })
  await o.start()
  const { link = '' } = o.account.invite('alice')
  const port = o.peer?.overlay.status.listen?.port ?? 0
  let a = await start(alice, 0, [{ host: '127.0.0.1', port }])
  await a.account.join({ text: link })
  await a.start()
  await until(() => isUp(a) && isUp(o))
  const before = a.account.account?.identity
  await Promise.all(open.splice(0).map((app) => app.close()))

  for (const { clock } of [olga, alice]) clock.offsetMs = 320 * dayMs
  o = await start(olga, port)
  await o.start()
  a = await start(alice, 0, [{ host: '127.0.0.1', port }])
  expect(a.account.account?.identity.certificate.der).toEqual(before?.certificate.der)
  await a.start()
  await until(() => (a.account.account?.identity.certificate.notAfter ?? 0) > (before?.certificate.notAfter ?? 0))
  await until(() => isUp(a) && isUp(o))
  expect(a.peer?.identity.certificate.der).toEqual(alice.stores.identity.load()?.certificate)
  expect(a.peer?.identity.nodeId).toEqual(before?.nodeId)
  const never = new AbortController().signal
  const { responder } = await (o.peer?.overlay.ping([{ node: before?.nodeId ?? new Uint8Array(16) }], never) ?? Promise.reject(new Error('no peer')))
  expect(responder).toEqual(before?.nodeId)
})
