import { connect as tcpConnect, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createNodeClock } from '../../../../src-main/node/clock.ts'
import { createNodeNetwork } from '../../../../src-main/node/network.ts'
import { createNodeSecureNetwork } from '../../../../src-main/node/secureNetwork.ts'
import type { SecureListener, SecureStream } from '../../../../src-main/ports/secureStream.ts'
import { credentialsOf, makeAuthority, makePeer, type TestAuthority, type TestPeer } from '../../../support/certificates.ts'

let root: TestAuthority, otherRoot: TestAuthority, alice: TestPeer, bob: TestPeer, stranger: TestPeer
beforeAll(async () => {
  root = await makeAuthority()
  otherRoot = await makeAuthority()
  alice = await makePeer(root, 'alice')
  bob = await makePeer(root, 'bob')
  stranger = await makePeer(otherRoot, 'stranger')
})

const secure = createNodeSecureNetwork()
const loopback = { host: '127.0.0.1', port: 0 }
const never = new AbortController().signal
const open: SecureListener[] = []
afterEach(async () => { await Promise.all(open.splice(0).map((listener) => listener.close())) })

/** What a stream tells, in order. */
function record(stream: SecureStream): { bytes: Buffer; closed: Promise<Error | undefined>; drained: number } {
  const chunks: Uint8Array[] = []
  let drained = 0
  const closed = new Promise<Error | undefined>((resolve) => {
    stream.user = { onData: (chunk) => { chunks.push(chunk) }, onDrain: () => { drained++ }, onClose: resolve }
  })
  return { get bytes() { return Buffer.concat(chunks) }, closed, get drained() { return drained } }
}

async function pair(): Promise<{ listener: SecureListener; ours: SecureStream; theirs: SecureStream; refused: string[] }> {
  const refused: string[] = []
  let accept: (stream: SecureStream) => void = () => {}
  const accepted = new Promise<SecureStream>((resolve) => { accept = resolve })
  const listener = await secure.listen(loopback, credentialsOf(bob, root), (stream) => { accept(stream) }, (reason) => { refused.push(reason) })
  open.push(listener)
  const ours = await secure.connect(listener.address, credentialsOf(alice, root), never)
  return { listener, ours, theirs: await accepted, refused }
}
const until = async (condition: () => boolean): Promise<void> => {
  for (let i = 0; i < 200 && !condition(); i++) await new Promise((resolve) => { setTimeout(resolve, 10) })
}

describe('secure streams on node:tls', () => {
  it('show each end the other’s certificate', async () => {
    const { ours, theirs, listener } = await pair()
    expect(ours.peerCertificate.der).toEqual(bob.certificate.der)
    expect(theirs.peerCertificate.der).toEqual(alice.certificate.der)
    expect(ours.remote).toEqual(listener.address)
    expect(theirs.remote).toEqual(ours.local)
  })
  it('give their secrets to who asked for them and to nobody else', async () => {
    const lines: string[] = []
    const told = createNodeSecureNetwork(createNodeClock(), {}, (line) => { lines.push(new TextDecoder().decode(line)) })
    const accepted: SecureStream[] = []
    const listener = await told.listen(loopback, credentialsOf(bob, root), (stream) => { accepted.push(stream) })
    open.push(listener)
    const ours = await told.connect(listener.address, credentialsOf(alice, root), never)
    await until(() => accepted.length === 1)
    // Both ends wrote the same secrets of one connection.
    const secrets = lines.filter((line) => line.startsWith('CLIENT_TRAFFIC_SECRET_0 '))
    expect(secrets).toHaveLength(2)
    expect(new Set(secrets).size).toBe(1)
    expect(secrets[0]).toMatch(/^CLIENT_TRAFFIC_SECRET_0 [0-9a-f]{64} [0-9a-f]{64,96}\n$/)
    ours.destroy()
    const before = lines.length
    await pair()
    expect(lines.length).toBe(before)
  })
  it('carry bytes both ways, and deliver what came before anybody listened', async () => {
    const { ours, theirs } = await pair()
    ours.write(new TextEncoder().encode('early'))
    await new Promise((resolve) => { setTimeout(resolve, 50) })
    const their = record(theirs), our = record(ours)
    theirs.write(new TextEncoder().encode('answer'))
    await until(() => their.bytes.length === 5 && our.bytes.length === 6)
    expect([their.bytes.toString(), our.bytes.toString()]).toEqual(['early', 'answer'])
  })
  it('send what is written in one turn together, in order', async () => {
    const { ours, theirs } = await pair()
    const chunks: string[] = []
    theirs.user = { onData: (chunk) => { chunks.push(Buffer.from(chunk).toString()) }, onDrain: () => {}, onClose: () => {} }
    for (const text of ['one ', 'two ', 'three']) ours.write(new TextEncoder().encode(text))
    await until(() => chunks.length > 0)
    ours.write(new TextEncoder().encode('later'))
    await until(() => chunks.length > 1)
    expect(chunks).toEqual(['one two three', 'later'])
  })
  it('let a farewell out that was written just before the end', async () => {
    const first = await pair()
    const their = record(first.theirs)
    first.ours.write(new TextEncoder().encode('bye'))
    first.ours.destroy()
    await their.closed
    expect(their.bytes.toString()).toBe('bye')
  })
  it('close in order after what is queued, and say so once at both ends without a cause', async () => {
    const { ours, theirs } = await pair()
    const their = record(theirs), our = record(ours)
    const big = new Uint8Array(1_000_000).fill(7)
    ours.write(big)
    ours.close()
    ours.close()
    expect(await their.closed).toBeUndefined()
    expect(await our.closed).toBeUndefined()
    expect(their.bytes.length).toBe(big.length)
    expect(ours.write(big)).toBe(false)
  })
  it('deliver what the other end sent before it learnt of the close', async () => {
    const { ours, theirs } = await pair()
    const left = record(ours), right = record(theirs)
    theirs.write(Buffer.from('sent before'))
    ours.close()
    expect([await left.closed, await right.closed]).toEqual([undefined, undefined])
    expect(left.bytes.toString()).toBe('sent before')
  })
  it('tell of a close that came before anybody listened', async () => {
    const { ours, theirs } = await pair()
    theirs.destroy()
    await new Promise((resolve) => { setTimeout(resolve, 50) })
    await record(ours).closed
  })
  it('say when the queue is above its mark and when it has drained', async () => {
    const { ours, theirs } = await pair()
    const our = record(ours)
    expect(ours.write(new Uint8Array(2_000_000))).toBe(false)
    const their = record(theirs)
    await until(() => their.bytes.length === 2_000_000)
    expect(our.drained).toBeGreaterThan(0)
  })
  it('are refused by the connecting end when it does not trust the certificate', async () => {
    const { listener } = await pair()
    await expect(secure.connect(listener.address, credentialsOf(stranger, otherRoot), never)).rejects.toMatchObject({ code: 'peer-unverified' })
  })
  it('are refused by the listening end before a stream is handed over', async () => {
    const { listener, refused } = await pair()
    const credentials = { ...credentialsOf(stranger, root) }
    const stream = await secure.connect(listener.address, credentials, never).catch(() => undefined)
    if (stream !== undefined) await record(stream).closed
    await until(() => refused.length > 0)
    expect(refused).toEqual(['not signed by the root'])
  })
  it('are refused to who has no certificate', async () => {
    const { listener, refused } = await pair()
    const socket = tlsConnect({ ...listener.address, rejectUnauthorized: false })
    socket.on('error', () => { /* refused */ })
    await new Promise((resolve) => { socket.on('close', resolve) })
    await until(() => refused.length > 0)
    expect(refused).toEqual(['no certificate'])
  })
  it('speak TLS 1.2 or later only', async () => {
    const { listener } = await pair()
    const socket = tlsConnect({ ...listener.address, rejectUnauthorized: false, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })
    const error = await new Promise<Error>((resolve) => { socket.on('error', resolve) })
    expect(error.message).toMatch(/protocol version|unsupported protocol|alert/i)
  })
  it('drop garbage, silence and too many handshakes, and count them', async () => {
    const strict = createNodeSecureNetwork(createNodeClock(), { handshakeTimeoutMs: 150, maxHalfOpen: 3 })
    const refused: string[] = []
    const listener = await strict.listen(loopback, credentialsOf(bob, root), () => {}, (reason) => { refused.push(reason) })
    open.push(listener)
    const garbage = tcpConnect(listener.address.port, '127.0.0.1', () => { garbage.write('GET / HTTP/1.0\r\n\r\n') })
    garbage.on('error', () => { /* reset */ })
    await until(() => refused.length === 1)
    const sockets = Array.from({ length: 5 }, () => tcpConnect(listener.address.port, '127.0.0.1'))
    for (const socket of sockets) socket.on('error', () => { /* reset */ })
    await until(() => refused.length === 6)
    expect(refused[0]).toMatch(/handshake failed/)
    expect(refused.filter((reason) => reason === 'too many connections')).toHaveLength(2)
    expect(refused.filter((reason) => reason === 'handshake timeout')).toHaveLength(3)
    const stream = await strict.connect(listener.address, credentialsOf(alice, root), never)
    expect(stream.peerCertificate.der).toEqual(bob.certificate.der)
    for (const socket of sockets) socket.destroy()
  })
  it('push out the handshakes of the address that has most, when there are too many', async () => {
    const strict = createNodeSecureNetwork(createNodeClock(), { maxHalfOpen: 4 })
    const listener = await strict.listen(loopback, credentialsOf(bob, root), () => {})
    open.push(listener)
    const silent = (from: string): Promise<{ socket: Socket; closed: boolean }> => new Promise((done) => {
      const each = { socket: tcpConnect({ port: listener.address.port, host: '127.0.0.1', localAddress: from }, () => { done(each) }), closed: false }
      each.socket.on('error', () => { /* reset */ })
      each.socket.on('close', () => { each.closed = true })
    })
    const patient = await silent('127.0.0.2')
    const flood: { socket: Socket; closed: boolean }[] = []
    for (let i = 0; i < 12; i++) flood.push(await silent('127.0.0.1'))
    const stream = await strict.connect(listener.address, credentialsOf(alice, root), never)
    expect(stream.peerCertificate.der).toEqual(bob.certificate.der)
    await until(() => flood.filter(({ closed }) => closed).length >= 9)
    expect([patient.closed, flood.at(-1)?.closed]).toEqual([false, false])
    for (const { socket } of [patient, ...flood]) socket.destroy()
  })
  it.each([
    ['a warning alert', [0x15, 3, 3, 0, 2, 1, 0]], ['an SSL 2 hello', [0x80, 0x80, 1, 3, 3]], ['a long SSL 2 hello', [0xff, 0xff, 1, 3, 0]],
    ['half a record', [0x16, 3, 3, 0x30, 0]], ['data before keys', [0x17, 3, 3, 0x30, 0]],
  ])('close the connection below a handshake that begins with %s', async (_what, head) => {
    const strict = createNodeSecureNetwork(createNodeClock(), { handshakeTimeoutMs: 150 })
    const refused: string[] = []
    const listener = await strict.listen(loopback, credentialsOf(bob, root), () => {}, (reason) => { refused.push(reason) })
    open.push(listener)
    const socket = tcpConnect(listener.address.port, '127.0.0.1', () => { socket.write(Buffer.concat([Buffer.from(head), Buffer.alloc(2_000, 7)])) })
    socket.on('error', () => { /* reset */ })
    socket.resume()
    await new Promise<void>((closed) => { socket.once('close', () => { closed() }) })
    expect(refused).toHaveLength(1)
  })
  it('peer-unreachable when nobody listens, or nobody answers the handshake; the reason when aborted', async () => {
    await expect(secure.connect({ host: '127.0.0.1', port: 9 }, credentialsOf(alice, root), never)).rejects.toMatchObject({ code: 'peer-unreachable' })
    const mute = await createNodeNetwork().listenStream(loopback, () => { /* says nothing */ })
    const hasty = createNodeSecureNetwork(createNodeClock(), { handshakeTimeoutMs: 100 })
    await expect(hasty.connect(mute.address, credentialsOf(alice, root), never)).rejects.toMatchObject({ code: 'peer-unreachable' })
    const stop = new AbortController()
    const connecting = secure.connect(mute.address, credentialsOf(alice, root), stop.signal)
    stop.abort(new Error('enough'))
    await expect(connecting).rejects.toThrow('enough')
    await expect(secure.connect(mute.address, credentialsOf(alice, root), stop.signal)).rejects.toThrow('enough')
    await mute.close()
  })
  it('port-in-use', async () => {
    const { listener } = await pair()
    await expect(secure.listen(listener.address, credentialsOf(alice, root), () => {})).rejects.toMatchObject({ code: 'port-in-use' })
  })
  it('closing the listener ends its streams', async () => {
    const { listener, ours } = await pair()
    const our = record(ours)
    await listener.close()
    await our.closed
    await expect(secure.connect(listener.address, credentialsOf(alice, root), never)).rejects.toMatchObject({ code: 'peer-unreachable' })
  })
})

describe('plain sockets', () => {
  const network = createNodeNetwork()
  it('carry datagrams with the address they came from', async () => {
    const a = await network.bindDatagram(loopback), b = await network.bindDatagram(loopback)
    const got = new Promise<[string, number]>((resolve) => { b.user = { onDatagram: (bytes, from) => { resolve([Buffer.from(bytes).toString(), from.port]) }, onError: () => {} } })
    a.send(new TextEncoder().encode('hi'), b.address)
    expect(await got).toEqual(['hi', a.address.port])
    await expect(network.bindDatagram(a.address)).rejects.toMatchObject({ code: 'port-in-use' })
    for (const socket of [a, b, a]) socket.close()
    a.send(new Uint8Array(1), b.address)
  })
  it('carry TCP streams', async () => {
    const listener = await network.listenStream(loopback, (stream) => { stream.user = { onData: (bytes) => { stream.write(bytes); stream.close() }, onDrain: () => {}, onClose: () => {} } })
    const stream = await network.connectStream(listener.address, never)
    let text = ''
    const closed = new Promise<void>((resolve) => { stream.user = { onData: (bytes) => { text += Buffer.from(bytes).toString() }, onDrain: () => {}, onClose: () => { resolve() } } })
    stream.write(new TextEncoder().encode('echo'))
    await closed
    expect(text).toBe('echo')
    await listener.close()
    await expect(network.connectStream(listener.address, never)).rejects.toMatchObject({ code: 'peer-unreachable' })
  })
  it('know loopback from other addresses', () => {
    expect(network.localAddresses()).toContainEqual({ host: '127.0.0.1', family: 4, internal: true })
  })
})
