/** An element that serves phones, with raw ends of connections around it and a location service that a test fills. */
import { DecodeError, PeerError } from '../../src-main/base/errors.ts'
import { createNodeCrypto } from '../../src-main/node/crypto.ts'
import { type DigestAlgorithm, digestSecret } from '../../src-main/sip/auth/digest.ts'
import { DigestClient } from '../../src-main/sip/auth/digestClient.ts'
import { createSipElement, type SipElement, type SipElementDeps } from '../../src-main/sip/element/element.ts'
import type { ServerRole } from '../../src-main/sip/element/server.ts'
import type { OpenSdpBridge } from '../../src-main/sip/bridge/sdpBridge.ts'
import type { Caller, LocationService, LocationTarget } from '../../src-main/sip/locationService.ts'
import { StreamFramer } from '../../src-main/sip/message/framer.ts'
import { makeResponse, type SipMessage, SipRequest, SipResponse } from '../../src-main/sip/message/message.ts'
import { parseDatagram } from '../../src-main/sip/message/parser.ts'
import { Publications } from '../../src-main/sip/registrar/publications.ts'
import { Bindings } from '../../src-main/sip/registrar/bindings.ts'
import type { SipUri } from '../../src-main/sip/message/uri.ts'
import { type MemoryConnection, memoryConnectionPair, type MemoryConnectionOptions } from './memoryConnection.ts'
import { SeededRandom } from './seededRandom.ts'
import { quietLog, TestPeer } from './sipPeers.ts'
import { settle, VirtualClock } from './virtualClock.ts'

const hashes = createNodeCrypto()
export const REALM = 'office.example'
const PASSWORDS: Readonly<Record<string, string>> = { desk: 'desk-password', kitchen: 'kitchen-password' }

/** The far end of a connection, spoken by hand. */
export class RawEnd {
  readonly heard: SipMessage[] = []
  private branch = 0
  private readonly digest: DigestClient

  /** @param near the server's end */
  constructor(readonly near: MemoryConnection, readonly far: MemoryConnection, private readonly name: string, password = PASSWORDS[name] ?? '') {
    const framer = new StreamFramer({ onMessage: (message) => { this.heard.push(message) }, onPing: () => {} })
    far.user = { onData: (bytes) => { if (far.reliable) framer.push(bytes); else this.heard.push(parseDatagram(bytes)) }, onClose: () => {} }
    this.digest = new DigestClient({ hashes, random: new SeededRandom(7), account: () => ({ username: name, password }) })
  }

  get requests(): SipRequest[] { return this.heard.filter((message): message is SipRequest => message.kind === 'request') }
  get statuses(): number[] { return this.heard.filter((message): message is SipResponse => message.kind === 'response').map(({ status }) => status) }
  get last(): SipMessage { return this.heard.at(-1) as SipMessage }
  lastOf(method: string): SipRequest {
    const found = this.requests.filter((request) => request.method === method).at(-1)
    if (found === undefined) throw new Error(`no ${method} among ${this.heard.map(({ startLine }) => startLine).join(' | ')}`)
    return found
  }

  request(method: string, uri: string, headers: readonly (readonly [string, string])[] = [], cseq = 1): SipRequest {
    const request = new SipRequest(method, uri)
    const given = new Set(headers.map(([name]) => name))
    const standard: (readonly [string, string])[] = [
      ['Via', `SIP/2.0/${this.far.transport} ${this.far.local.host}:${this.far.local.port};branch=z9hG4bK${this.name}${++this.branch};rport`], ['Max-Forwards', '70'],
      ['From', `<sip:${this.name}@${REALM}>;tag=${this.name}`], ['To', `<${uri}>`], ['Call-ID', `${this.name}-call`], ['CSeq', `${cseq} ${method}`],
    ]
    for (const [name, value] of standard) if (!given.has(name)) request.headers.append(name, value)
    for (const [name, value] of headers) request.headers.append(name, value)
    return request
  }

  send(message: SipMessage): void { this.far.send(message.encode()) }

  respond(request: SipRequest, status: number, headers: readonly (readonly [string, string])[] = []): void {
    const response = makeResponse(request, status, undefined, status === 100 ? undefined : `tag-${this.name}`)
    for (const [name, value] of headers) response.headers.append(name, value)
    this.send(response)
  }

  /** The request with credentials for the challenge that was heard last. */
  authorise(request: SipRequest, cseq: number): SipRequest {
    const next = request.clone()
    const { branch } = this
    this.branch = branch + 1
    next.headers.replaceFirst('Via', (request.headers.get('Via') ?? '').replace(/branch=[^;]*/, `branch=z9hG4bK${this.name}a${branch}`))
    next.headers.set('CSeq', `${cseq} ${request.method}`)
    if (!(this.last instanceof SipResponse) || !this.digest.answer(this.last, request, next)) throw new Error(`no challenge: ${this.last.startLine}`)
    return next
  }
}

export class ServerKit {
  readonly clock = new VirtualClock()
  readonly element: SipElement
  readonly owner: TestPeer
  readonly bindings = new Bindings(this.clock)
  readonly publications = new Publications(this.clock)
  /** What the location service answers, by user part. */
  readonly found = new Map<string, LocationTarget[]>()
  readonly asked: { readonly user: string; readonly caller: Caller }[] = []
  lookupMs = 0

  constructor(roles: readonly ServerRole[] = ['proxy', 'registrar'], openBridge?: OpenSdpBridge, outside?: SipElementDeps['outside']) {
    this.owner = new TestPeer('alice', new VirtualClock(), 3)
    const location: LocationService = {
      serves: (uri: SipUri) => uri.host === REALM || uri.host === '10.0.0.1',
      concerns: () => true,
      keepsState: (uri, account) => uri.user === account || uri.user === 'alice',
      locate: async (uri, caller) => {
        this.asked.push({ user: uri.user ?? '', caller })
        if (this.lookupMs > 0) await new Promise<void>((done) => { this.clock.setTimer(this.lookupMs, done) })
        if (!location.serves(uri)) throw new PeerError('unauthorised')
        const targets = this.found.get(uri.user ?? '')
        if (targets === undefined) throw new PeerError('user-unknown')
        return targets
      },
      presentedAs: () => ({ aor: `alice@${REALM}`, displayName: 'Alice' }),
      reconnect: () => Promise.reject(new PeerError('peer-unreachable')),
    }
    const digest = (username: string, algorithm: DigestAlgorithm): string | undefined => {
      const password = PASSWORDS[username]
      return password === undefined ? undefined : digestSecret(hashes, algorithm, username, REALM, password)
    }
    this.element = createSipElement({
      clock: this.clock, random: new SeededRandom(1), log: quietLog, user: this.owner, userAgentName: 'Ringway/test',
      local: () => ({ aor: `alice@${REALM}`, displayName: 'Alice' }), ...(outside !== undefined && { outside }),
      server: {
        roles: new Set(roles), realm: REALM, hashes, bindings: this.bindings, location,
        publications: { table: this.publications, packages: new Map([['presence', 'application/pidf+xml']]), check: (_, body) => { if (body[0] !== 60) throw new DecodeError('no XML') } }, ...(openBridge !== undefined && { openBridge }),
        accounts: {
          secret: digest,
          authorise: (account, aor) => aor.startsWith(`${account}@`) ? `${account}@${REALM}` : undefined,
          speaksFor: (account, aor) => aor.startsWith(`${account}@`),
        },
      },
    })
  }

  get left(): number {
    return this.clock.pending + this.element.transactions.size + (this.element.server?.proxy.size ?? 0)
  }

  end(name: string, options: MemoryConnectionOptions = {}): RawEnd {
    const [near, far] = memoryConnectionPair(this.clock, options)
    this.element.attach(near)
    return new RawEnd(near, far, name)
  }

  /** A phone that is found under its name. */
  callee(name: string, q = 1, options: MemoryConnectionOptions = {}): RawEnd {
    const end = this.end(name, options)
    const user = 'bob'
    this.found.set(user, [...this.found.get(user) ?? [], { requestUri: `sip:${name}@10.0.0.2:5070`, q, connection: end.near, routes: [] }])
    return end
  }

  async run(ms = 20): Promise<void> {
    await this.clock.advanceAsync(ms)
    await settle()
  }

  /** Sends a request, answers the challenge, and returns the request that was let in. */
  async ask(from: RawEnd, request: SipRequest): Promise<SipRequest> {
    from.send(request)
    await this.run()
    if (request.method === 'INVITE') {
      const ack = new SipRequest('ACK', request.requestUri)
      for (const name of ['Via', 'From', 'Call-ID', 'Max-Forwards']) ack.headers.append(name, request.headers.get(name) ?? '')
      ack.headers.append('To', from.last.headers.get('To') ?? '').append('CSeq', `${request.cseq.number} ACK`)
      from.send(ack)
    }
    const next = from.authorise(request, request.cseq.number + 1)
    from.send(next)
    await this.run()
    return next
  }
}

/** Who carol's link proves her to be. */
export const identity = { aor: 'carol@office.example', nodeId: 'aa'.repeat(16) }
export const BOB = 'sip:bob@office.example'
export const contactOf = (name: string): [string, string] => ['Contact', `<sip:${name}@10.9.9.9:5070>`]

/** The desk has called bob, whose phones ring. */
export async function ringing(kit: ServerKit, ...callees: RawEnd[]): Promise<{ desk: RawEnd; invite: SipRequest }> {
  const desk = kit.end('desk')
  const invite = await kit.ask(desk, desk.request('INVITE', BOB, [contactOf('desk')]))
  for (const callee of callees) callee.respond(callee.lastOf('INVITE'), 180, [contactOf('x')])
  await kit.run()
  return { desk, invite }
}

/** A request inside the dialog that `response` made, along the recorded route. */
export function within(from: RawEnd, invite: SipRequest, response: SipResponse, method: string, cseq: number, asCaller = true): SipRequest {
  const routes = response.headers.getList('Record-Route')
  const [local, remote] = asCaller ? ['From', 'To'] : ['To', 'From']
  const contact = (asCaller ? response : invite).headers.get('Contact') ?? ''
  return from.request(method, /<(.*)>/.exec(contact)?.[1] ?? contact, [
    ['From', response.headers.get(local) ?? ''], ['To', response.headers.get(remote) ?? ''], ['Call-ID', invite.callId], ['CSeq', `${cseq} ${method}`],
    ['Route', (asCaller ? [...routes].reverse() : routes).join(', ')],
  ])
}
