/** Two user agents over real UDP and TCP sockets on loopback, on the system's clock. */
import { afterEach, describe, expect, it } from 'vitest'
import { createNodeNetwork } from '../../../src-main/node/network.ts'
import type { SipElement } from '../../../src-main/sip/element/element.ts'
import type { Connection } from '../../../src-main/sip/ua/userAgent.ts'
import { OFFER } from '../../support/sipPeers.ts'
import { callOnce, listeningElement } from './elements.ts'

const elements: SipElement[] = []
afterEach(async () => { for (const element of elements.splice(0)) await element.close() })

async function element(name: string): ReturnType<typeof listeningElement> {
  const made = await listeningElement(name)
  elements.push(made.element)
  return made
}

describe('user agents over sockets', () => {
  for (const transport of ['UDP', 'TCP'] as const) {
    it(`calls, writes and subscribes over ${transport}`, async () => {
      const alice = await element('alice'), bob = await element('bob')
      const connection: Connection = transport === 'UDP' ? alice.element.udpFlow(bob.address) : await alice.element.connectTcp(bob.address, AbortSignal.timeout(5000))
      const leg = { connection, requestUri: `sip:bob@127.0.0.1:${bob.address.port}` }
      expect(await callOnce(alice.element, leg, OFFER)).toEqual(['180', 'answered'])
      expect(bob.element.userAgent.size + alice.element.userAgent.size).toBe(0)
      const response = await alice.element.userAgent.request(leg, 'MESSAGE', { to: 'bob@office.example', body: new Uint8Array(700) }, AbortSignal.timeout(5000))
      expect([response.status, response.reason]).toEqual([200, '700'])
      const state = await new Promise<string>((done) => {
        const subscription = alice.element.userAgent.subscribe(leg, { to: 'bob@office.example', event: 'presence', accept: 'application/pidf+xml', expiresS: 60 }, {
          onNotify: (_type, body) => { done(new TextDecoder().decode(body)); subscription.end() }, onTerminated: (reason) => { done(reason) },
        })
      })
      expect(state).toContain('<basic>open</basic>')
    })
  }

  it('places a call whose INVITE is too large for UDP over TCP (RFC 3261 §18.1.1)', async () => {
    const alice = await element('alice'), bob = await element('bob')
    const leg = { connection: alice.element.udpFlow(bob.address), requestUri: `sip:bob@127.0.0.1:${bob.address.port}` }
    const large = OFFER + 'a=candidate:1 1 udp 1 10.0.0.1 4000 typ host\r\n'.repeat(40)
    expect(await callOnce(alice.element, leg, large)).toEqual(['180', 'answered'])
  })

  it('falls back to UDP when the other side has no TCP', async () => {
    const alice = await element('alice'), bob = await element('bob')
    const udpOnly = createNodeNetwork()
    const socket = await udpOnly.bindDatagram({ host: '127.0.0.1', port: 0 })
    // a relay without TCP in front of Bob's UDP socket
    let caller: { host: string; port: number } | undefined
    socket.user = {
      onDatagram: (bytes, from) => {
        if (from.port === bob.address.port) { if (caller !== undefined) socket.send(bytes, caller) } else { caller = from; socket.send(bytes, bob.address) }
      },
      onError: () => {},
    }
    const leg = { connection: alice.element.udpFlow(socket.address), requestUri: 'sip:bob@office.example' }
    const large = OFFER + 'a=candidate:1 1 udp 1 10.0.0.1 4000 typ host\r\n'.repeat(40)
    try { expect(await callOnce(alice.element, leg, large)).toEqual(['180', 'answered']) } finally { socket.close() }
  })

  it('drops and counts garbage on its ports and goes on', async () => {
    const alice = await element('alice'), bob = await element('bob')
    const network = createNodeNetwork()
    const socket = await network.bindDatagram({ host: '127.0.0.1', port: 0 })
    const stream = await network.connectStream(bob.address, AbortSignal.timeout(5000))
    const closed = new Promise<void>((done) => { stream.user = { onData: () => {}, onDrain: () => {}, onClose: () => { done() } } })
    for (let i = 0; i < 50; i++) socket.send(crypto.getRandomValues(new Uint8Array(200)), bob.address)
    stream.write(new TextEncoder().encode('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))
    await closed
    const leg = { connection: alice.element.udpFlow(bob.address), requestUri: `sip:bob@127.0.0.1:${bob.address.port}` }
    expect(await callOnce(alice.element, leg, OFFER)).toEqual(['180', 'answered'])
    expect(bob.element.transport.counters.malformed).toBeGreaterThan(1)
    socket.close()
  })

  it('says port-in-use', async () => {
    const bob = await element('bob')
    const other = (await element('other')).element
    await expect(other.listen(bob.address)).rejects.toMatchObject({ code: 'port-in-use' })
  })
})
