import { beforeAll, describe, expect, test } from 'vitest'
import { createNoIceTlsFactory, hostAddresses } from '../../../../../src-main/connectivity/linkFactories/noIceTls.ts'
import type { SecureStream, SocketAddress } from '../../../../../src-main/ports/secureStream.ts'
import type { Candidate, LinkFactory } from '../../../../../src-main/reload/link/linkFactory.ts'
import { credentialsOf, type TestPeer } from '../../../../support/certificates.ts'
import { makeIdentity, sharedAuthority } from '../../../../support/overlayKit.ts'
import { MemoryNetwork } from '../../../../support/memoryNetwork.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'

let peers: TestPeer[]
beforeAll(async () => {
  peers = (await Promise.all(['a', 'b'].map((name, i) => makeIdentity(name, i)))).map((i) => ({ certificate: i.certificate, key: i.privateKey, nodeId: i.nodeId, userName: '' }))
})
const never = new AbortController().signal
const host = (address: string, family: 4 | 6 = 4, internal = false): { host: string; family: 4 | 6; internal: boolean } => ({ host: address, family, internal })

async function factoryAt(network: MemoryNetwork, index: number, listen: readonly SocketAddress[]): Promise<{ factory: LinkFactory; streams: string[]; address: SocketAddress }> {
  const { secure, interfaces } = network.host(listen[0]!.host)
  const factory = createNoIceTlsFactory({ clock: network.clock, random: new SeededRandom(index), network: secure, interfaces, credentials: credentialsOf(peers[index]!, await sharedAuthority()), listen })
  const streams: string[] = []
  const address = await factory.listen({ onStream: (stream: SecureStream, ours) => { streams.push(`${ours ? 'to' : 'from'} ${stream.remote.host}`) }, onRefused: () => undefined })
  return { factory, streams, address }
}
const candidate = (address: string, priority: number, port = 6084): Candidate => ({ address: { host: address, port }, overlayLink: 4, foundation: '1', priority, type: 'host' })

describe('host candidates', () => {
  test('of a socket on one address are that address', () => {
    expect(hostAddresses('127.0.0.1', [host('192.168.1.2')])).toEqual(['127.0.0.1'])
  })

  test('of a socket on any address are those of the interfaces, IPv4 first, without loopback and link-local ones', () => {
    const all = [host('127.0.0.1', 4, true), host('fd00::5', 6), host('169.254.3.4'), host('fe80::1', 6), host('192.168.1.2'), host('10.1.2.3')]
    expect(hostAddresses('0.0.0.0', all)).toEqual(['192.168.1.2', '10.1.2.3'])
    expect(hostAddresses('::', all)).toEqual(['192.168.1.2', '10.1.2.3', 'fd00::5'])
  })

  test('without a network are loopback', () => {
    expect(hostAddresses('0.0.0.0', [host('127.0.0.1', 4, true)])).toEqual(['127.0.0.1'])
  })

  test('carry the listening port, descending priorities and random credentials', async () => {
    const network = new MemoryNetwork(new VirtualClock())
    const { factory } = await factoryAt(network, 0, [{ host: '10.0.0.1', port: 0 }])
    const [first, second] = [await factory.negotiate('passive'), await factory.negotiate('passive')]
    expect(first.local.candidates).toMatchObject([{ address: { host: '10.0.0.1', port: 40_000 }, overlayLink: 4, type: 'host', priority: 2_130_706_431 }])
    expect(first.local.password).not.toBe(second.local.password)
  })
})

describe('listening', () => {
  test('takes the next address when a port is in use, and fails when there is none', async () => {
    const network = new MemoryNetwork(new VirtualClock())
    await factoryAt(network, 0, [{ host: '10.0.0.1', port: 6084 }])
    expect((await factoryAt(network, 1, [{ host: '10.0.0.1', port: 6084 }, { host: '10.0.0.1', port: 0 }])).address.port).toBe(40_000)
    await expect(factoryAt(network, 1, [{ host: '10.0.0.1', port: 6084 }])).rejects.toMatchObject({ code: 'port-in-use' })
  })
})

describe('the answerer', () => {
  test('tries candidates by priority, the next at once when one fails, and takes the first to answer only', async () => {
    const clock = new VirtualClock()
    const network = new MemoryNetwork(clock)
    const one = await factoryAt(network, 0, [{ host: '10.0.0.1', port: 6084 }])
    const two = await factoryAt(network, 1, [{ host: '10.0.0.2', port: 6084 }])
    const negotiation = await two.factory.negotiate('active')
    const done = negotiation.connect({ ufrag: '', password: '', candidates: [candidate('10.0.0.1', 1), candidate('10.9.9.9', 2)] }, () => undefined, never)
    await clock.advanceAsync(20)
    await done
    expect([two.streams, one.streams]).toEqual([['to 10.0.0.1'], ['from 10.0.0.2']])
  })

  test('goes on to the next candidate after 250 ms of silence', async () => {
    const clock = new VirtualClock()
    const network = new MemoryNetwork(clock)
    await factoryAt(network, 0, [{ host: '10.0.0.1', port: 6084 }])
    const two = await factoryAt(network, 1, [{ host: '10.0.0.2', port: 6084 }])
    network.sever('10.0.0.2', '10.9.9.9')
    const done = (await two.factory.negotiate('active')).connect({ ufrag: '', password: '', candidates: [candidate('10.9.9.9', 2), candidate('10.0.0.1', 1)] }, () => undefined, never)
    await clock.advanceAsync(249)
    expect(two.streams).toEqual([])
    await clock.advanceAsync(10)
    await done
    expect(two.streams).toEqual(['to 10.0.0.1'])
    expect(clock.pending).toBe(0)
  })

  test('refuses another node than the one meant, and candidates it cannot use', async () => {
    const clock = new VirtualClock()
    const network = new MemoryNetwork(clock)
    await factoryAt(network, 0, [{ host: '10.0.0.1', port: 6084 }])
    const two = await factoryAt(network, 1, [{ host: '10.0.0.2', port: 6084 }])
    const negotiation = await two.factory.negotiate('active')
    const wrong = expect(negotiation.connect({ ufrag: '', password: '', candidates: [candidate('10.0.0.1', 1)] }, () => 'another node', never)).rejects.toMatchObject({ code: 'peer-unverified' })
    await clock.advanceAsync(20)
    await wrong
    const useless = [{ ...candidate('10.0.0.1', 1), overlayLink: 1 }, candidate('name.example', 1), candidate('10.0.0.1', 1, 0)]
    await expect(negotiation.connect({ ufrag: '', password: '', candidates: useless }, () => undefined, never)).rejects.toMatchObject({ code: 'peer-unreachable' })
    expect(two.streams).toEqual([])
  })

  test('stops with its signal', async () => {
    const clock = new VirtualClock()
    const network = new MemoryNetwork(clock)
    const two = await factoryAt(network, 1, [{ host: '10.0.0.2', port: 6084 }])
    network.sever('10.0.0.2', '10.9.9.9')
    const given = new AbortController()
    const done = expect((await two.factory.negotiate('active')).connect({ ufrag: '', password: '', candidates: [candidate('10.9.9.9', 2)] }, () => undefined, given.signal)).rejects.toThrow('enough')
    await clock.advanceAsync(5)
    given.abort(new Error('enough'))
    await done
    expect(clock.pending).toBe(0)
  })
})
