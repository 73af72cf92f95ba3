/**
 * A peer that serves phones, on real sockets, under a flood of strangers: garbage, broken messages and requests without a
 * login over UDP from many addresses, connections and rubbish over TCP. Phones that have logged in must not feel it.
 */
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createNodeClock } from '../../src-main/node/clock.ts'
import { createNodeCrypto } from '../../src-main/node/crypto.ts'
import { createNodeNetwork } from '../../src-main/node/network.ts'
import { createNodeRandom } from '../../src-main/node/random.ts'
import { digestSecret } from '../../src-main/sip/auth/digest.ts'
import { createSipElement, type SipElement } from '../../src-main/sip/element/element.ts'
import { PeerError } from '../../src-main/base/errors.ts'
import { makeResponse, type SipRequest } from '../../src-main/sip/message/message.ts'
import { Bindings } from '../../src-main/sip/registrar/bindings.ts'
import { DEFAULT_SOURCE_RATES } from '../../src-main/sip/transport/sourceLimits.ts'
import { SeededRandom } from '../support/seededRandom.ts'
import { ANSWER, OFFER, quietLog, TestPeer } from '../support/sipPeers.ts'
import type { RawEnd } from '../support/sipServerKit.ts'
import { finalOf, udpPhone, type UdpPhone } from '../support/udpPhone.ts'
import { VirtualClock } from '../support/virtualClock.ts'

const realm = 'office.example'
const passwords: Readonly<Record<string, string>> = { desk: 'desk-password', kitchen: 'kitchen-password' }
const hashes = createNodeCrypto()
const sleep = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms) })
const attackers = Array.from({ length: 20 }, (_, i) => `127.0.0.${i + 2}`)
const datagramsEach = 1_000
let server: SipElement, port = 0
const phones: UdpPhone[] = []

async function phone(name: string): Promise<RawEnd> {
  const made = await udpPhone(name, port)
  phones.push(made)
  return made.end
}

async function register(end: RawEnd, name: string): Promise<void> {
  const { host, port: own } = end.far.local
  const request = end.request('REGISTER', `sip:${realm}`, [['To', `<sip:${name}@${realm}>`], ['Contact', `<sip:${name}@${host}:${own}>`], ['Expires', '600'], ['Call-ID', `register-${name}`]])
  await finalOf(end, request)
  expect((await finalOf(end, end.authorise(request, 2))).status).toBe(200)
}

/** One call from desk to kitchen through the proxy; resolves with how long it took to be answered, milliseconds. */
async function call(desk: RawEnd, kitchen: RawEnd, number: number): Promise<number> {
  const begun = performance.now()
  const callId = `call-${number}`
  const contact: [string, string] = ['Contact', `<sip:desk@127.0.0.1:${desk.far.local.port}>`]
  const invite = desk.request('INVITE', `sip:kitchen@${realm}`, [contact, ['Call-ID', callId]]).setBody('application/sdp', OFFER)
  await finalOf(desk, invite)
  let answered = 0
  const ok = await finalOf(desk, desk.authorise(invite, 2), () => {
    const arrived = kitchen.requests.filter((request) => request.method === 'INVITE' && request.callId === callId)
    if (arrived.length === answered) return
    answered = arrived.length
    const response = makeResponse(arrived[0] as SipRequest, 200, undefined, `k${number}`).setBody('application/sdp', ANSWER)
    response.headers.append('Contact', `<sip:kitchen@127.0.0.1:${kitchen.far.local.port}>`)
    for (const value of arrived[0]?.headers.getLines('Record-Route') ?? []) response.headers.append('Record-Route', value)
    kitchen.send(response)
  })
  expect(ok.status).toBe(200)
  return performance.now() - begun
}

const text = new TextEncoder()
function rubbish(kind: number, from: string, i: number, random: SeededRandom): Uint8Array {
  const head = [`INVITE sip:kitchen@${realm} SIP/2.0`, `Via: SIP/2.0/UDP ${from}:5060;branch=z9hG4bK${from}-${i}`, 'Max-Forwards: 70', `From: <sip:x@${from}>;tag=1`, `To: <sip:kitchen@${realm}>`, `Call-ID: ${from}-${i}`, 'CSeq: 1 INVITE']
  switch (kind % 4) {
    case 0: return random.bytes(200)
    case 1: return text.encode([...head, 'Content-Length: 99999', '', ''].join('\r\n'))
    case 2: return text.encode([...head.slice(0, 3), '', ''].join('\r\n'))
    default: return text.encode([...head, 'Content-Length: 0', '', ''].join('\r\n')) // right, but for the login
  }
}

/** In portions, so that this process hears the phones between them. */
async function flood(seed: number): Promise<number> {
  const random = new SeededRandom(seed)
  const from = await Promise.all(attackers.map(async (address) => {
    const socket = createSocket('udp4')
    await new Promise<void>((done) => { socket.bind(0, address, done) })
    return { address, socket }
  }))
  let sent = 0
  for (let i = 0; i < datagramsEach; i++) {
    for (const { address, socket } of from) { socket.send(rubbish(i, address, i, random), port, '127.0.0.1'); sent++ }
    if (i % 5 === 0) await sleep(1)
    if (i % 20 === 0) {
      const stream = connect({ port, host: '127.0.0.1', localAddress: attackers[i % attackers.length] })
      stream.on('error', () => {})
      stream.write(i % 40 === 0 ? rubbish(0, 'x', i, random) : 'INVITE sip:x SIP/2.0\r\nVia')
    }
  }
  for (const { socket } of from) socket.close()
  return sent
}

describe('a flood of strangers', () => {
  beforeAll(async () => {
    const clock = createNodeClock(), bindings = new Bindings(clock)
    server = createSipElement({
      clock, random: createNodeRandom(), network: createNodeNetwork(), log: quietLog, user: new TestPeer('alice', new VirtualClock(), 1), limits: { sources: DEFAULT_SOURCE_RATES, partialMessageMs: 500 },
      local: () => ({ aor: `alice@${realm}`, displayName: '' }),
      server: {
        roles: new Set(['proxy', 'registrar']), realm, hashes, bindings,
        accounts: {
          secret: (name, algorithm) => { const password = passwords[name]; return password === undefined ? undefined : digestSecret(hashes, algorithm, name, realm, password) },
          authorise: (account, aor) => (aor.startsWith(`${account}@`) ? `${account}@${realm}` : undefined), speaksFor: (account, aor) => aor.startsWith(`${account}@`),
        },
        location: {
          serves: (uri) => uri.host === realm || uri.host === '127.0.0.1', concerns: () => false,
          locate: (uri) => Promise.resolve([...bindings.all()].filter(({ account }) => account === uri.user).map((binding) => ({ requestUri: binding.contact, q: 1, connection: binding.flow, routes: [] }))),
          presentedAs: () => ({ aor: `alice@${realm}`, displayName: '' }), reconnect: () => Promise.reject(new PeerError('peer-unreachable')),
        },
      },
    })
    ;({ port } = await server.listen({ host: '127.0.0.1', port: 0 }))
  })
  afterAll(async () => {
    await server.close()
    for (const each of phones) each.close()
  })

  it('is dropped: calls of phones that have logged in go through meanwhile, tables stay small, memory does not grow from flood to flood', async () => {
    const desk = await phone('desk'), kitchen = await phone('kitchen')
    await register(desk, 'desk')
    await register(kitchen, 'kitchen')
    const heaps: number[] = []
    let calls = 0
    for (let round = 1; round <= 3; round++) {
      const running = flood(round)
      let over = false
      void running.finally(() => { over = true })
      while (!over) { await call(desk, kitchen, ++calls); await sleep(50) }
      expect(await running).toBe(attackers.length * datagramsEach)
      await sleep(700) // silent connections are closed
      heaps.push(process.memoryUsage().heapUsed / 2 ** 20)
    }
    expect(calls).toBeGreaterThan(5)
    expect(server.sources?.refused).toBeGreaterThan(attackers.length * datagramsEach)
    // a quarter of what was sent would have made a transaction, which is kept for 32 s
    expect(server.transactions.size).toBeLessThan(3 * attackers.length * datagramsEach / 4 / 2)
    expect(server.transport.connections).toBeLessThan(200)
    expect((heaps[2] ?? 0) - (heaps[0] ?? 0), heaps.map(Math.round).join(' ')).toBeLessThan(64)
    expect((await call(desk, kitchen, ++calls)) < 2_000).toBe(true)
  })
})
