import { encode, decode, type Packet } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { LanDiscovery, writeAdvertisement, type Advertisement } from '../../../../src-main/connectivity/lanDiscovery.ts'
import { createNodeClock } from '../../../../src-main/node/clock.ts'
import { createNodeMulticastDns, toMessage } from '../../../../src-main/node/multicastDns.ts'
import { createNodeRandom } from '../../../../src-main/node/random.ts'

const advertisement: Advertisement = {
  overlayName: `t${process.pid}.example`, overlayHash: 7, rootFingerprint: '12'.repeat(32), open: true, listen: { host: '127.0.0.1', port: 7123 }, configurationPort: 7124,
}
const port = 20_000 + process.pid % 20_000
const until = async (condition: () => boolean): Promise<void> => {
  for (let i = 0; i < 100 && !condition(); i++) await new Promise((resolve) => { setTimeout(resolve, 50) })
}

describe('multicast DNS on node', () => {
  it('finds a peer of this machine over loopback, and hears it leave', async () => {
    const open = createNodeMulticastDns(['127.0.0.1'], port)
    const organiser = new LanDiscovery(createNodeClock(), createNodeRandom(), open), guest = new LanDiscovery(createNodeClock(), createNodeRandom(), open)
    try {
      await organiser.advertise(advertisement)
      await guest.browse()
      await until(() => guest.hints().length > 0)
      expect(guest.hints()).toMatchObject([{ name: advertisement.overlayName, open: true, peers: 1, configurationUrl: 'https://127.0.0.1:7124/.well-known/reload-config' }])
      expect(guest.peers()[0]?.addresses).toEqual([{ host: '127.0.0.1', port: 7123 }])
      await organiser.stop()
      await until(() => guest.hints().length === 0)
      expect(guest.hints()).toEqual([])
    } finally {
      await Promise.all([organiser.stop(), guest.stop()])
    }
  })
  it('drops what is no DNS, or DNS of no use', async () => {
    const { createSocket } = await import('node:dgram')
    const mdns = await createNodeMulticastDns(['127.0.0.1'], port + 1)()
    const heard: number[] = []
    mdns.onMessage(({ message }) => { heard.push(message.records.length + message.questions.length) })
    const socket = createSocket('udp4')
    const send = (bytes: Uint8Array): Promise<void> => new Promise((resolve) => { socket.send(bytes, port + 1, '127.0.0.1', () => { resolve() }) })
    for (let i = 0; i < 50; i++) await send(createNodeRandom().bytes(i * 7))
    await send(encode({ type: 'response', answers: [{ type: 'CNAME', name: 'x', data: 'y' }, { type: 'SRV', name: 'x', data: { port: 1, target: 'y' } }] } as Packet))
    await until(() => heard.includes(1))
    expect(heard).toContain(1)
    await new Promise<void>((resolve) => { socket.close(resolve) })
    await mdns.close()
  })
  it('reads back from the wire what was advertised', () => {
    const message = writeAdvertisement(advertisement, 'x')
    const wire = encode({
      type: 'response', answers: message.records.map((record) => ({
        name: record.name, ttl: record.ttlS, type: record.type,
        data: record.type === 'PTR' ? record.target : record.type === 'A' ? record.address : record.type === 'SRV' ? { target: record.target, port: record.port } : Object.entries(record.entries).map(([k, v]) => `${k}=${v}`),
      })),
    } as Packet)
    expect(toMessage('response', decode(wire) as never)).toEqual(message)
  })
})
