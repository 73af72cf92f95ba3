/** Elements over TLS and WebSocket sockets on loopback: calls, names that certificates must prove, sockets that say nothing. */
import { connect, type Socket } from 'node:net'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createNodeClock } from '../../../src-main/node/clock.ts'
import { createNodeDomainTls } from '../../../src-main/node/domainTls.ts'
import { createNodeNetwork } from '../../../src-main/node/network.ts'
import { createNodeRandom } from '../../../src-main/node/random.ts'
import { createNodeWebSockets } from '../../../src-main/node/sipWebSockets.ts'
import type { Dns } from '../../../src-main/ports/dns.ts'
import type { TlsIdentity } from '../../../src-main/ports/domainTls.ts'
import { createSipElement, type SipElement, type SipElementDeps } from '../../../src-main/sip/element/element.ts'
import { parseUri, type SipUri } from '../../../src-main/sip/message/uri.ts'
import { makeAuthority, makePeer, type TestAuthority } from '../../support/certificates.ts'
import { OFFER, quietLog } from '../../support/sipPeers.ts'
import { answering, callOnce } from './elements.ts'

let root: TestAuthority, identity: TlsIdentity, rootPem: string
beforeAll(async () => {
  root = await makeAuthority('SIP root')
  const server = await makePeer(root, 'server', 'example.com', { altNames: [{ kind: 'uri', value: 'sip:example.com' }] })
  identity = { certificate: server.certificate, chain: [], privateKey: server.key }
  rootPem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(root.certificate.der).toString('base64').replace(/(.{64})(?=.)/g, '$1\n')}\n-----END CERTIFICATE-----\n`
})

/** Every name is this machine. */
const everythingHere: Dns = { naptr: () => Promise.resolve([]), srv: () => Promise.resolve([]), addresses: () => Promise.resolve(['127.0.0.1']) }
const loopback = { host: '127.0.0.1', port: 0 }
const soon = () => AbortSignal.timeout(5000)
const elements: SipElement[] = []
afterEach(async () => { for (const element of elements.splice(0)) await element.close() })

function element(name: string, limits: SipElementDeps['limits'] = {}): SipElement {
  const made = createSipElement({
    clock: createNodeClock(), random: createNodeRandom(), network: createNodeNetwork(), log: quietLog, user: answering(), limits,
    local: () => ({ aor: `${name}@example.com`, displayName: '' }),
    outside: { dns: everythingHere, tls: createNodeDomainTls([rootPem]), identity, webSockets: createNodeWebSockets() },
  })
  elements.push(made)
  return made
}
const uri = (text: string) => parseUri(text) as SipUri

describe('TLS to other elements (RFC 5922)', () => {
  it('carries a call to a server whose certificate proves the domain of the URI, and uses the connection again (RFC 5923)', async () => {
    const alice = element('alice'), bob = element('bob')
    const { port } = await bob.listenTls(loopback)
    const { connection, hop } = await alice.reach(uri(`sips:bob@example.com:${port}`), soon())
    expect([connection.transport, hop.domain]).toEqual(['TLS', 'example.com'])
    expect(await callOnce(alice, { connection, requestUri: `sips:bob@example.com:${port}` }, OFFER)).toEqual(['180', 'answered'])
    expect((await alice.reach(uri(`sips:carol@example.com:${port}`), soon())).connection).toBe(connection)
    expect(bob.transport.connections).toBe(1)
  })

  it('refuses a server whose certificate is of another domain', async () => {
    const { port } = await element('bob').listenTls(loopback)
    await expect(element('alice').reach(uri(`sips:bob@other.example:${port}`), soon())).rejects.toMatchObject({ code: 'domain-unverified' })
  })

  it('refuses a certificate whose authority nobody trusts', async () => {
    const { port } = await element('bob').listenTls(loopback)
    const stranger = createSipElement({
      clock: createNodeClock(), random: createNodeRandom(), network: createNodeNetwork(), log: quietLog, user: answering(),
      local: () => ({ aor: 'x@example.com', displayName: '' }), outside: { dns: everythingHere, tls: createNodeDomainTls() },
    })
    elements.push(stranger)
    await expect(stranger.reach(uri(`sips:bob@example.com:${port}`), soon())).rejects.toMatchObject({ code: 'domain-unverified' })
  })

  it('closes sockets that never begin a handshake', async () => {
    const tls = createNodeDomainTls([], createNodeClock(), { handshakeTimeoutMs: 150 })
    const listener = await tls.listen(loopback, identity, () => { throw new Error('no stream was expected') })
    const socket = connect(listener.address.port, '127.0.0.1')
    await new Promise((done) => { socket.on('close', done); socket.on('error', () => {}) })
    await listener.close()
  })
})

/** @returns sockets of one address that are open and say nothing, and which of them still are */
async function silent(port: number, count: number, from: string): Promise<{ readonly sockets: Socket[]; alive(): number[] }> {
  const closed = new Set<number>()
  const sockets = await Promise.all(Array.from({ length: count }, (_, i) => new Promise<Socket>((done) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from }, () => { done(socket) })
    socket.on('error', () => { /* reset */ })
    socket.on('close', () => { closed.add(i) })
  })))
  return { sockets, alive: () => sockets.flatMap((_, i) => (closed.has(i) ? [] : [i])) }
}

describe('handshakes that never end', () => {
  it('of one address keep nobody out: TLS is opened from another and from the same one, and who waited before stays', async () => {
    const tls = createNodeDomainTls([rootPem], createNodeClock(), { maxHalfOpen: 8 })
    const listener = await tls.listen(loopback, identity, (stream) => { stream.user = { onData: () => {}, onDrain: () => {}, onClose: () => {} } })
    const patient = await silent(listener.address.port, 2, '127.0.0.2')
    const flood = await silent(listener.address.port, 40, '127.0.0.1')
    for (let i = 0; i < 3; i++) (await tls.connect(listener.address, 'example.com', undefined, soon())).destroy()
    await expect.poll(() => flood.alive().length).toBeLessThanOrEqual(6)
    expect(patient.alive()).toEqual([0, 1])
    for (const socket of [...patient.sockets, ...flood.sockets]) socket.destroy()
    await listener.close()
  })

  it('nor HTTP requests that never come at the port of WebSockets', async () => {
    const phones = element('bob')
    const { port } = await phones.listenWebSocket(loopback)
    const flood = await silent(port, 200, '127.0.0.1')
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, 'sip')
    await new Promise((done, fail) => { socket.on('open', done); socket.on('error', fail) })
    await expect.poll(() => flood.alive().length).toBeLessThanOrEqual(128)
    for (const each of flood.sockets) each.destroy()
    socket.terminate()
  })
})

describe('TLS that phones open', () => {
  it('asks for no certificate: phones stop to ask their user for one', async () => {
    const tls = createNodeDomainTls([rootPem])
    let shown: unknown = 'no stream'
    const listener = await tls.listen(loopback, identity, (stream) => { shown = stream.peerCertificate; stream.destroy() })
    const stream = await tls.connect(listener.address, 'example.com', identity, soon())
    await new Promise<void>((done) => { stream.user = { onData: () => {}, onDrain: () => {}, onClose: () => { done() } } })
    expect(shown).toBeUndefined()
    await listener.close()
  })
})

describe('TCP that others open', () => {
  it('is closed when nothing comes, or a message does not end', async () => {
    const bob = element('bob', { partialMessageMs: 200 })
    const { port } = await bob.listen(loopback)
    for (const words of ['', 'OPTIONS sip:x SIP/2.0\r\nVia']) {
      const socket = connect(port, '127.0.0.1')
      if (words !== '') socket.write(words)
      await new Promise((done) => { socket.on('close', done); socket.on('error', () => {}); socket.resume() })
    }
    expect(bob.transport.connections).toBe(0)
    expect([bob.transport.counters.refusedConnections, bob.transport.counters.malformed]).toEqual([1, 1])
  })
})

describe('SIP over WebSocket (RFC 7118)', () => {
  it('answers a message in one frame with one frame, and CRLFCRLF with CRLF', async () => {
    const { port } = await element('bob').listenWebSocket(loopback)
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, 'sip')
    const frames: string[] = []
    await new Promise((done) => { socket.on('open', done) })
    expect(socket.protocol).toBe('sip')
    const heard = new Promise<void>((done) => { socket.on('message', (data) => { frames.push((data as Buffer).toString()); if (frames.length === 2) done() }) })
    socket.send('\r\n\r\n')
    socket.send(['OPTIONS sip:bob@example.com SIP/2.0', 'Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks', 'Max-Forwards: 70', 'From: <sip:a@example.com>;tag=asdyka899',
      'To: <sip:bob@example.com>', 'Call-ID: asidkj3ss', 'CSeq: 1 OPTIONS', '', ''].join('\r\n')) // RFC 7118 §4.2: no Content-Length is needed
    await heard
    expect(frames[0]).toBe('\r\n')
    expect(frames[1]).toMatch(/^SIP\/2\.0 200 [^]*Via: SIP\/2\.0\/WS df7jal23ls0d\.invalid;branch=z9hG4bK56sdasks;received=127\.0\.0\.1\r\n/)
    socket.close()
  })

  it('refuses a client that does not offer the subprotocol', async () => {
    const { port } = await element('bob').listenWebSocket(loopback)
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, 'chat')
    expect(await new Promise((done) => { socket.on('error', (error) => { done(error.message) }) })).toContain('400')
  })

  it('carries a call between two elements', async () => {
    const bob = element('bob'), alice = element('alice')
    const { port } = await bob.listenWebSocket(loopback)
    const { WebSocketConnection } = await import('../../../src-main/sip/transport/webSocket.ts')
    const connection = new WebSocketConnection(await createNodeWebSockets().connect(`ws://127.0.0.1:${port}/`, soon()), 1)
    alice.attach(connection)
    expect(await callOnce(alice, { connection, requestUri: 'sip:bob@example.com;transport=ws' }, OFFER)).toEqual(['180', 'answered'])
  })
})
