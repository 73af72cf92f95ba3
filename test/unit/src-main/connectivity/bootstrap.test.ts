import { describe, expect, it } from 'vitest'
import { createBootstrap } from '../../../../src-main/connectivity/bootstrap.ts'
import { createMemoryBootstrapCache } from '../../../../src-main/connectivity/bootstrapCache.ts'
import { LanDiscovery, writeAdvertisement, type Advertisement } from '../../../../src-main/connectivity/lanDiscovery.ts'
import { Emitter } from '../../../../src-main/base/event.ts'
import type { MdnsMessage } from '../../../../src-main/ports/multicastDns.ts'
import type { SocketAddress } from '../../../../src-main/ports/secureStream.ts'
import { SeededRandom } from '../../../support/seededRandom.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'

const at = (host: string, port = 6084): SocketAddress => ({ host, port })
const root = 'cd'.repeat(32)
const heard: Advertisement = { overlayName: 'office.example', overlayHash: 1, rootFingerprint: root, open: false, listen: at('0.0.0.0'), configurationPort: undefined }

function lanOf(fail = false): { lan: LanDiscovery; say(advertisement: Advertisement, id: string, host: string): void; queries: MdnsMessage[] } {
  const emitter = new Emitter<{ message: MdnsMessage; from: SocketAddress }>()
  const queries: MdnsMessage[] = []
  const lan = new LanDiscovery(new VirtualClock(), new SeededRandom(1), () => fail ? Promise.reject(new Error('no multicast'))
    : Promise.resolve({ onMessage: emitter.event, send: (message: MdnsMessage) => { queries.push(message) }, close: () => Promise.resolve() }))
  return { lan, queries, say: (advertisement, id, host) => { emitter.emit({ message: writeAdvertisement(advertisement, id), from: at(host, 5353) }) } }
}

describe('bootstrap (RFC 6940 §11.4)', () => {
  it('tries cached peers first, newest first, then the configured nodes, each once', async () => {
    const cache = createMemoryBootstrapCache()
    cache.remember('office.example', at('192.0.2.1'), 1)
    cache.remember('office.example', at('192.0.2.2'), 2)
    cache.remember('home.example', at('192.0.2.66'), 3)
    const bootstrap = createBootstrap({ overlayName: 'office.example', rootFingerprint: root, cache, lan: undefined, now: () => 5_000, nodes: () => [at('192.0.2.1'), at('192.0.2.9')] })
    const found: string[] = []
    for await (const { host } of bootstrap.candidates(new AbortController().signal)) found.push(host)
    expect(found).toEqual(['192.0.2.2', '192.0.2.1', '192.0.2.9'])
  })
  it('goes on with what is heard on the LAN of the same overlay and root, until it is aborted', async () => {
    const { lan, say, queries } = lanOf()
    const bootstrap = createBootstrap({ overlayName: 'office.example', rootFingerprint: root, cache: createMemoryBootstrapCache(), lan, now: () => 5_000, nodes: () => [at('192.0.2.9')] })
    const stop = new AbortController()
    const found: string[] = []
    for await (const { host } of bootstrap.candidates(stop.signal)) {
      found.push(host)
      if (host === '192.0.2.9') {
        await new Promise((resolve) => { setTimeout(resolve, 0) })
        expect(queries.length).toBe(1)
        say({ ...heard, overlayName: 'home.example' }, 'a', '192.0.2.5')
        say({ ...heard, rootFingerprint: 'ee'.repeat(32) }, 'b', '192.0.2.6')
        say(heard, 'c', '192.0.2.7')
        say(heard, 'c', '192.0.2.7')
      } else stop.abort()
    }
    expect(found).toEqual(['192.0.2.9', '192.0.2.7'])
    await lan.stop()
  })
  it('says that the LAN cannot be asked and ends with what it has', async () => {
    const failures: unknown[] = []
    const { lan } = lanOf(true)
    const bootstrap = createBootstrap({ overlayName: 'office.example', rootFingerprint: root, cache: createMemoryBootstrapCache(), lan, now: () => 5_000, nodes: () => [at('192.0.2.9')], onLanFailure: (cause) => { failures.push(cause) } })
    const found: SocketAddress[] = []
    for await (const address of bootstrap.candidates(new AbortController().signal)) found.push(address)
    expect(found).toHaveLength(1)
    expect(failures).toHaveLength(1)
  })
  it('caches ten peers an overlay and forgets the oldest', () => {
    const cache = createMemoryBootstrapCache()
    for (let i = 0; i < 15; i++) cache.remember('office.example', at(`192.0.2.${i}`), i)
    expect(cache.list('office.example').map(({ host }) => host)).toEqual(Array.from({ length: 10 }, (_, i) => `192.0.2.${14 - i}`))
    cache.forget('office.example', at('192.0.2.14'))
    expect(cache.list('office.example')).toHaveLength(9)
  })

  it('tries a peer that it was connected to first at the next start', async () => {
    const cache = createMemoryBootstrapCache()
    const options = { overlayName: 'office.example', rootFingerprint: root, cache, lan: undefined, now: () => 5_000, nodes: () => [at('192.0.2.9')] }
    createBootstrap(options).remember(at('192.0.2.77'))
    const found: string[] = []
    for await (const { host } of createBootstrap(options).candidates(new AbortController().signal)) found.push(host)
    expect(found).toEqual(['192.0.2.77', '192.0.2.9'])
  })
})
