import { beforeAll, describe, expect, test } from 'vitest'
import { Counters } from '../../../../../src-main/base/counters.ts'
import { compareBytes, equalBytes } from '../../../../../src-main/base/bytes.ts'
import { createNoIceTlsFactory } from '../../../../../src-main/connectivity/linkFactories/noIceTls.ts'
import type { SecureStream } from '../../../../../src-main/ports/secureStream.ts'
import { Attach } from '../../../../../src-main/reload/attach/attach.ts'
import { ConnectionTable } from '../../../../../src-main/reload/forwarding/connectionTable.ts'
import type { LinkFactory } from '../../../../../src-main/reload/link/linkFactory.ts'
import { encodeData } from '../../../../../src-main/reload/link/framing.ts'
import type { NodeIdentity } from '../../../../../src-main/reload/overlay/createOverlay.ts'
import { ReloadError, type Answer, type IncomingRequest, type Outcome } from '../../../../../src-main/reload/transaction/exchange.ts'
import { decodeBody, encodeContents } from '../../../../../src-main/reload/wire/bodies.ts'
import { ErrorCode } from '../../../../../src-main/reload/wire/constants.ts'
import { credentialsOf, type TestPeer } from '../../../../support/certificates.ts'
import { makeIdentity, sharedAuthority, silentLog } from '../../../../support/overlayKit.ts'
import { MemoryNetwork } from '../../../../support/memoryNetwork.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'
import { settle, VirtualClock } from '../../../../support/virtualClock.ts'

let identities: NodeIdentity[]
beforeAll(async () => {
  // Ordered by Node-ID, for the tie-break.
  identities = (await Promise.all(['a', 'b', 'c'].map((name, i) => makeIdentity(name, i)))).sort((x, y) => compareBytes(x.nodeId, y.nodeId))
})

interface Node { readonly identity: NodeIdentity; readonly attach: Attach; readonly table: ConnectionTable; readonly factory: LinkFactory; readonly updates: Uint8Array[]; readonly addresses: string[]; readonly host: string; delayMs: number }

/** Attach machines whose requests reach each other directly, after a delay. */
async function setUp(count: number): Promise<{ clock: VirtualClock; network: MemoryNetwork; nodes: [Node, Node, Node]; outcomes: string[] }> {
  const clock = new VirtualClock()
  const network = new MemoryNetwork(clock)
  const nodes: Node[] = []
  const outcomes: string[] = []
  const authority = await sharedAuthority()
  const find = (id: Uint8Array): Node => nodes.find((n) => equalBytes(n.identity.nodeId, id))!
  for (const [i, identity] of identities.slice(0, count).entries()) {
    const host = `10.0.0.${i + 1}`
    const { secure, interfaces } = network.host(host)
    const peer: TestPeer = { certificate: identity.certificate, key: identity.privateKey, nodeId: identity.nodeId, userName: '' }
    const factory = createNoIceTlsFactory({ clock, random: new SeededRandom(i), network: secure, interfaces, credentials: credentialsOf(peer, authority), listen: [{ host, port: 6084 }] })
    const identify = (certificate: SecureStream['peerCertificate']) => {
      const found = identities.find((other) => equalBytes(other.certificate.der, certificate.der))
      return found === undefined ? undefined : { nodeIds: [found.nodeId], userName: '' }
    }
    const table = new ConnectionTable(
      { clock, nodeId: identity.nodeId, identify, signedAs: () => undefined, limits: { maxMessageBytes: 5000, maxQueuedBytes: 100_000, messagesPerSecond: 100, messageBurst: 100 }, maxLinks: 10, counters: new Counters() },
      { onUp: () => undefined, onDown: () => undefined, onMessage: () => undefined, onTooLarge: () => undefined },
    )
    await factory.listen({ onStream: (stream, ours) => { table.admit(stream, ours) }, onRefused: () => undefined })
    const updates: Uint8Array[] = []
    const addresses: string[] = []
    const node: Node = {
      identity, table, factory, updates, addresses, host, delayMs: 10,
      attach: new Attach({
        clock, log: silentLog, nodeId: identity.nodeId, factory, table, counters: new Counters(), nodeIdsOf: (certificate) => identify(certificate)?.nodeIds ?? [],
        onUpdateWanted: (id) => { updates.push(id) }, onAddress: ({ host: at, port }) => { addresses.push(`${at}:${port}`) },
        sender: {
          request: (destination, code, body, signal) => new Promise<Answer>((resolve, reject) => {
            const last = destination.at(-1)!
            const target = find('node' in last ? last.node : last.resource)
            const signer = { nodeId: identity.nodeId } as IncomingRequest['signer']
            signal.addEventListener('abort', () => { reject(signal.reason as Error) })
            clock.setTimer(node.delayMs, () => {
              const request = { code, body, signer, certificates: [], previousHop: new Uint8Array(16), destination: last, transactionId: 1n, extensions: [], ttl: 100, hops: 2 } as IncomingRequest
              void Promise.resolve(target.attach.serve(request)).then((outcome: Outcome) => {
                outcomes.push(`${i}: ${'error' in outcome ? outcome.error : 'answered'}`)
                clock.setTimer(node.delayMs, () => {
                  if ('error' in outcome) reject(new ReloadError(outcome.error, new Uint8Array(0)))
                  else resolve({ code: code + 1, body: outcome.body, signer: { nodeId: target.identity.nodeId } as Answer['signer'], certificates: [], extensions: [], hops: 2, rttMs: 20 })
                })
              })
            })
          }),
        },
      }),
    }
    nodes.push(node)
  }
  return { clock, network, nodes: nodes as [Node, Node, Node], outcomes }
}
const never = new AbortController().signal

describe('Attach (RFC 6940 §6.5.1)', () => {
  test('the answerer connects as TLS client to the requester, and owes it an Update', async () => {
    const { clock, nodes: [one, two] } = await setUp(2)
    const attached = one.attach.attach([{ node: two.identity.nodeId }], never)
    await clock.advanceAsync(100)
    expect((await attached).link.initiatedByUs).toBe(false)
    expect(two.table.get(one.identity.nodeId)?.link.initiatedByUs).toBe(true)
    expect(two.updates).toEqual([one.identity.nodeId])
    expect([one.addresses, two.addresses]).toEqual([['10.0.0.2:6084'], ['10.0.0.1:6084']])
    expect(clock.pending).toBe(0)
  })

  test('role is "passive" in the request and "active" in the answer; candidates are No-ICE host candidates', async () => {
    const { nodes: [one, two] } = await setUp(2)
    const local = (await one.factory.negotiate('passive')).local
    const body = (role: string): Uint8Array => encodeContents('attachReq', { ufrag: new Uint8Array(4), password: new Uint8Array(4), role, candidates: [], sendUpdate: false }).messageBody
    const request = (role: string): IncomingRequest => ({ body: body(role), signer: { nodeId: one.identity.nodeId }, previousHop: new Uint8Array(16) }) as unknown as IncomingRequest
    expect(await two.attach.serve(request('active'))).toMatchObject({ error: ErrorCode.invalidMessage })
    const outcome = await two.attach.serve(request('passive'))
    const answer = decodeBody('attachAns', (outcome as { body: Uint8Array }).body)
    expect(answer).toMatchObject({ role: 'active', sendUpdate: false, candidates: [{ type: 'host', overlayLink: 4, addrPort: { host: '10.0.0.2', port: 6084 } }] })
    expect(local.candidates).toHaveLength(1)
    two.attach.close()
    await settle()
  })

  test('of two Attaches that cross, the one of the larger Node-ID goes on; both end with the same link', async () => {
    const { clock, nodes: [small, large], outcomes, network } = await setUp(2)
    const both = Promise.all([small.attach.attach([{ node: large.identity.nodeId }], never), large.attach.attach([{ node: small.identity.nodeId }], never)])
    await clock.advanceAsync(200)
    const [ofSmall, ofLarge] = await both
    expect(outcomes.sort()).toEqual([`0: ${ErrorCode.inProgress}`, '1: answered'])
    expect(ofSmall.link.initiatedByUs).toBe(true)
    expect(ofLarge.link.initiatedByUs).toBe(false)
    expect(network.traffic.connections).toBe(1)
  })

  test('closes when the node at the candidates is another than the one that sent them', async () => {
    const { clock, network, nodes: [one, two, three] } = await setUp(3)
    // Somebody else listens at the requester's address.
    network.listeners.set('10.0.0.1:6084', network.listeners.get('10.0.0.3:6084')!)
    const attached = expect(one.attach.attach([{ node: two.identity.nodeId }], never)).rejects.toMatchObject({ code: 'peer-unreachable' })
    await clock.advanceAsync(15_000)
    await attached
    expect(two.table.all()).toEqual([])
    expect(three.table.all()).toEqual([])
    expect(clock.pending).toBe(0)
  })

  test('two Attaches of one node at once make one link', async () => {
    const { clock, network, nodes: [one, two] } = await setUp(2)
    const both = Promise.all([one.attach.attach([{ resource: two.identity.nodeId }], never), one.attach.attach([{ node: two.identity.nodeId }], never)])
    await clock.advanceAsync(100)
    const [first, second] = await both
    expect(first).toBe(second)
    expect(network.traffic.connections).toBe(1)
  })

  test('to a node connected already takes the link there is', async () => {
    const { clock, network, nodes: [one, two] } = await setUp(2)
    const first = one.attach.attach([{ node: two.identity.nodeId }], never)
    await clock.advanceAsync(100)
    expect(await one.attach.attach([{ node: two.identity.nodeId }], never)).toBe(await first)
    expect(network.traffic.connections).toBe(1)
  })
})

describe('the Connection Table', () => {
  test('keeps one link per node: of two opened towards each other that of the smaller Node-ID’s client, on both ends', async () => {
    const { clock, nodes: [small, large] } = await setUp(2)
    const dials = Promise.all([
      small.factory.dial({ host: large.host, port: 6084 }, () => undefined, never),
      large.factory.dial({ host: small.host, port: 6084 }, () => undefined, never),
    ])
    await clock.advanceAsync(50)
    await dials
    expect(small.table.get(large.identity.nodeId)?.link.initiatedByUs).toBe(true)
    expect(large.table.get(small.identity.nodeId)?.link.initiatedByUs).toBe(false)
    await clock.advanceAsync(6_000)
    expect(small.table.get(large.identity.nodeId)?.link.isClosed).toBe(false)
    expect([small.table.all().length, large.table.all().length]).toEqual([1, 1])
  })

  test('an incoming second link takes over once it is used, and not before', async () => {
    const { clock, network, nodes: [one, two] } = await setUp(2)
    void one.factory.dial({ host: two.host, port: 6084 }, () => undefined, never)
    await clock.advanceAsync(20)
    const first = two.table.get(one.identity.nodeId)!.link
    await clock.advanceAsync(20_000)
    // The node came back without the old link having been closed.
    const peer = { certificate: one.identity.certificate, key: one.identity.privateKey, nodeId: one.identity.nodeId, userName: '' }
    const connecting = network.host(one.host).secure.connect({ host: two.host, port: 6084 }, credentialsOf(peer, await sharedAuthority()), never)
    await clock.advanceAsync(20)
    expect(two.table.get(one.identity.nodeId)!.link).toBe(first)
    ;(await connecting).write(encodeData(0, new Uint8Array(50)))
    await clock.advanceAsync(20)
    expect(two.table.get(one.identity.nodeId)!.link).not.toBe(first)
    expect(two.table.all()).toHaveLength(1)
    await clock.advanceAsync(6_000)
    expect(first.isClosed).toBe(true)
  })

  test('a second link stands in when the first one closes', async () => {
    const { clock, nodes: [one, two] } = await setUp(2)
    void one.factory.dial({ host: two.host, port: 6084 }, () => undefined, never)
    await clock.advanceAsync(20_000)
    // Who dials anew gives its old link up.
    void one.factory.dial({ host: two.host, port: 6084 }, () => undefined, never)
    await clock.advanceAsync(20)
    expect([one.table.all().length, two.table.all().length]).toEqual([1, 1])
    await clock.advanceAsync(20_000)
    expect(two.table.get(one.identity.nodeId)?.link.isClosed).toBe(false)
  })

  test('waits for a node until it is there, or the signal', async () => {
    const { clock, nodes: [one, two] } = await setUp(2)
    const given = new AbortController()
    const gone = expect(one.table.whenConnected(new Uint8Array(16), given.signal)).rejects.toThrow('given up')
    const there = one.table.whenConnected(two.identity.nodeId, never)
    void two.factory.dial({ host: one.host, port: 6084 }, () => undefined, never)
    await clock.advanceAsync(50)
    expect((await there).nodeId).toEqual(two.identity.nodeId)
    given.abort(new Error('given up'))
    await gone
  })
})
