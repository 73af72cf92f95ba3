import { describe, expect, it } from 'vitest'
import { createNodeCrypto } from '../../../../../src-main/node/crypto.ts'
import type { Dns } from '../../../../../src-main/ports/dns.ts'
import { createSipElement, type SipElement } from '../../../../../src-main/sip/element/element.ts'
import type { InviteServerCall } from '../../../../../src-main/sip/ua/userAgent.ts'
import { PeerError } from '../../../../../src-main/base/errors.ts'
import { Bindings } from '../../../../../src-main/sip/registrar/bindings.ts'
import { DatagramBus } from '../../../../support/datagramBus.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'
import { ANSWER, OFFER, quietLog, TestPeer } from '../../../../support/sipPeers.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'

const TIMER_B_MS = 32_000

/** Alice's element, which serves no phones, and servers of example.org at the addresses given, in the order of their SRV records. */
function world(...servers: readonly { readonly host: string; readonly take?: (call: InviteServerCall) => void }[]) {
  const clock = new VirtualClock(), bus = new DatagramBus(clock)
  const dns: Dns = {
    naptr: () => Promise.resolve([]),
    srv: (name) => Promise.resolve(name === '_sip._udp.example.org' ? servers.map(({ host }, i) => ({ priority: i, weight: 1, port: 5060, target: host })) : []),
    addresses: () => Promise.resolve([]),
  }
  const alice = new TestPeer('alice', new VirtualClock(), 3)
  const element = createSipElement({
    clock, random: new SeededRandom(1), log: quietLog, user: alice, network: bus.host('192.0.2.1'), outside: { dns }, local: () => ({ aor: 'alice@office.example', displayName: 'Alice' }),
    server: {
      roles: new Set(), realm: 'office.example', hashes: createNodeCrypto(), bindings: new Bindings(clock),
      accounts: { secret: () => undefined, authorise: () => undefined, speaksFor: () => false },
      location: {
        serves: (uri) => uri.host === 'office.example', concerns: () => false, locate: () => Promise.reject(new PeerError('unauthorised')),
        presentedAs: () => ({ aor: 'alice@office.example', displayName: '' }), reconnect: () => Promise.reject(new PeerError('peer-unreachable')),
      },
    },
  })
  const others: SipElement[] = []
  const start = async (): Promise<void> => {
    for (const { host, take } of servers) {
      if (take === undefined) continue // nobody is there
      const bob = new TestPeer('bob', new VirtualClock(), 4)
      bob.take = take
      const other = createSipElement({ clock, random: new SeededRandom(5), log: quietLog, user: bob, network: bus.host(host), local: () => ({ aor: 'bob@example.org', displayName: '' }) })
      await other.listen({ host, port: 5060 })
      others.push(other)
    }
  }
  const log: string[] = []
  const call = (requestUri = 'sip:bob@example.org') => element.userAgent.invite({ connection: element.server?.outward() ?? never(), requestUri }, { to: 'bob@example.org', offer: OFFER }, {
    onProgress: (status) => { log.push(`${status}`) }, onAnswered: (answer) => { log.push(answer === ANSWER ? 'answered' : 'other answer') },
    onFailed: (status, reason) => { log.push(`failed ${status} ${reason}`) }, onEnded: (reason) => { log.push(`ended ${reason.status ?? 0}`) }, onOffer: () => ANSWER,
  })
  const invites = (): { to: string; text: string }[] => bus.sent.filter(({ text }) => text.startsWith('INVITE'))
  return { clock, bus, element, call, log, start, invites, others }
}
function never(): never { throw new Error('no way out') }

const answer = (call: InviteServerCall): void => { call.ring(); call.accept(ANSWER) }

describe('a call out of the overlay (RFC 3263)', () => {
  it('leaves from the address that Via and Record-Route name, and is hung up along the recorded route', async () => {
    const calls: InviteServerCall[] = []
    const w = world({ host: '198.51.100.1', take: (call) => { calls.push(call); answer(call) } })
    await w.start()
    w.call()
    await w.clock.advanceAsync(100)
    expect(w.log).toEqual(['180', 'answered'])
    const [invite] = w.invites()
    expect(invite?.text).toMatch(/^Via: SIP\/2\.0\/UDP 192\.0\.2\.1:20000;/m)
    expect(invite?.text).toMatch(/^Record-Route: <sip:[^@]+@192\.0\.2\.1:20000;lr>/m)
    calls[0]?.end()
    await w.clock.advanceAsync(100)
    expect(w.log.at(-1)).toBe('ended 200')
    expect(w.bus.sent.some(({ from, to, text }) => from === '198.51.100.1:5060' && to === '192.0.2.1:20000' && text.startsWith('BYE'))).toBe(true)
  })

  it('goes to the next server when one does not answer, and no further when it does (§4.3)', async () => {
    const w = world({ host: '198.51.100.1' }, { host: '198.51.100.2', take: answer }, { host: '198.51.100.3', take: answer })
    await w.start()
    w.call()
    await w.clock.advanceAsync(TIMER_B_MS - 100)
    expect(new Set(w.invites().map(({ to }) => to))).toEqual(new Set(['198.51.100.1:5060']))
    await w.clock.advanceAsync(400)
    expect(w.log).toEqual(['180', 'answered'])
    expect(new Set(w.invites().map(({ to }) => to))).toEqual(new Set(['198.51.100.1:5060', '198.51.100.2:5060']))
    const branches = w.invites().map(({ text }) => /branch=([^;\r]+)/.exec(text)?.[1]), ids = w.invites().map(({ text }) => /Call-ID: (\S+)/.exec(text)?.[1])
    expect([new Set(branches).size, new Set(ids).size]).toEqual([2, 1])
  })

  it('goes to the next server after 503, and not after a decision such as 486', async () => {
    const over = world({ host: '198.51.100.1', take: (call) => { call.reject(503) } }, { host: '198.51.100.2', take: answer })
    await over.start()
    over.call()
    await over.clock.advanceAsync(200)
    expect(over.log).toEqual(['180', 'answered'])
    const busy = world({ host: '198.51.100.1', take: (call) => { call.reject(486) } }, { host: '198.51.100.2', take: answer })
    await busy.start()
    busy.call()
    await busy.clock.advanceAsync(200)
    expect([busy.log, busy.invites().length]).toEqual([['failed 486 Busy Here'], 1])
  })

  it('says why there is no way in the reason phrase: no such domain, no server that answers', async () => {
    const none = world()
    none.call()
    await none.clock.advanceAsync(50)
    expect(none.log).toEqual(['failed 404 domain-unknown'])
    const silent = world({ host: '198.51.100.1' })
    silent.call()
    await silent.clock.advanceAsync(TIMER_B_MS + 500)
    expect(silent.log).toEqual(['failed 408 Request Timeout'])
  })

  it('sips: has no way over UDP', async () => {
    const w = world({ host: '198.51.100.1', take: answer })
    await w.start()
    w.call('sips:bob@example.org')
    await w.clock.advanceAsync(100)
    expect([w.log, w.invites().length]).toEqual([['failed 502 domain-unreachable'], 0])
  })

  it('is given up while the first server is silent: nothing is sent to another', async () => {
    const w = world({ host: '198.51.100.1' }, { host: '198.51.100.2', take: answer })
    await w.start()
    const call = w.call()
    await w.clock.advanceAsync(1_000)
    call.end()
    await w.clock.advanceAsync(100_000)
    expect(w.log).toEqual(['failed 487 Request Terminated'])
    expect(new Set(w.invites().map(({ to }) => to))).toEqual(new Set(['198.51.100.1:5060']))
    await w.element.close()
    for (const other of w.others) await other.close()
    await w.clock.advanceAsync(10)
    expect(w.clock.pending).toBe(0)
  })

  it('opens no door: strangers who send to the socket are refused, and lead nowhere', async () => {
    const w = world({ host: '198.51.100.1', take: answer })
    await w.start()
    w.call()
    await w.clock.advanceAsync(100)
    const stranger = await w.bus.host('203.0.113.9').bindDatagram({ host: '203.0.113.9', port: 5060 })
    const heard: string[] = []
    stranger.user = { onDatagram: (bytes) => { heard.push(new TextDecoder().decode(bytes).split('\r\n')[0] ?? '') }, onError: () => {} }
    for (const [i, method] of ['INVITE', 'REGISTER', 'MESSAGE', 'OPTIONS', 'PUBLISH', 'SUBSCRIBE'].entries()) {
      for (const uri of ['sip:alice@office.example', 'sip:bob@example.org', 'sip:office.example']) {
        const text = [`${method} ${uri} SIP/2.0`, `Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK${i}${uri.length}`, 'Max-Forwards: 70', 'From: <sip:x@203.0.113.9>;tag=1', `To: <${uri}>`, `Call-ID: ${i}${uri}`, `CSeq: 1 ${method}`, 'Content-Length: 0', '', '']
        stranger.send(new TextEncoder().encode(text.join('\r\n')), { host: '192.0.2.1', port: 20_000 })
      }
    }
    await w.clock.advanceAsync(100)
    expect(new Set(heard)).toEqual(new Set(['SIP/2.0 403 This peer does not forward', 'SIP/2.0 405 Method Not Allowed']))
  })
})
