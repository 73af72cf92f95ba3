/**
 * A peer that is only a state and a script: serves the built window to a browser and speaks the contract, so
 * that screens can be looked at, measured and driven without an overlay. For tests and screenshots.
 */
import { serve, type ClientConnection, type Handlers } from '@shared/ipc/server.ts'
import type { Change, CheckedParams, Method, Result, State, Topic } from '@shared/ipc/contract.ts'
import type { CallView, MessageView } from '@shared/model/index.ts'
import { ContractError } from '@shared/ipc/client.ts'
import type { ErrorCode } from '@shared/errorCodes.ts'
import { createUiServer } from '../../src-main/node/uiServer.ts'
import { emptyPeer, ownAccount, type Scenario } from './scriptedState.ts'

/** An invitation code as the organiser's app makes them: 8 groups of 4. */
export const scriptedCode = 'KFTR-29QX-7M0B-ZC4D-W8HN-51EP-V3TG-96RA'

export class ScriptedPeer {
  readonly state: State
  readonly messages: MessageView[]
  /** methods that were called, with their parameters, oldest first */
  readonly asked: { method: string; params: unknown }[] = []
  /** what a method answers instead: a result, or an error code by throwing */
  readonly overrides = new Map<Method, (params: never) => unknown>()
  url = ''
  private version = 1
  private nextId = 1
  private readonly clients = new Set<ClientConnection>()
  private closeServer: () => Promise<void> = () => Promise.resolve()

  constructor(scenario: Scenario = emptyPeer()) {
    this.state = scenario.state
    this.messages = scenario.messages
  }

  async listen(root: string, token = 'scripted-token'): Promise<string> {
    const server = await createUiServer({ root, port: 0, token }, (port) => {
      const client = serve(port, String(this.nextId++), this.handlers(), (method, cause) => { throw new Error(`${method} has no script`, { cause }) })
      this.clients.add(client)
      client.onClose(() => { this.clients.delete(client) })
    })
    this.closeServer = () => server.close()
    this.url = server.url
    return server.url
  }

  close(): Promise<void> { return this.closeServer() }

  set<T extends Topic>(topic: T, value: State[T]): void {
    this.state[topic] = value
    this.tell({ topic, value })
  }

  /** Puts one entry of a record, or removes it. */
  put(topic: 'contacts' | 'calls' | 'conversations' | 'history' | 'discovered' | 'warnings', id: string, value: State[typeof topic][string] | null): void {
    const record = this.state[topic] as Record<string, unknown>
    if (value === null) delete record[id]
    else record[id] = value
    this.tell({ topic, id, value })
  }

  message(message: MessageView): void {
    const at = this.messages.findIndex((m) => m.id === message.id)
    if (at >= 0) this.messages[at] = message
    else this.messages.push(message)
    const before = this.state.conversations[message.aor]
    this.put('conversations', message.aor, {
      aor: message.aor, displayName: before?.displayName ?? '', unread: (before?.unread ?? 0) + (message.direction === 'in' && at < 0 ? 1 : 0), last: message,
    })
    this.tell({ topic: 'messages', id: message.id, value: message })
  }

  /** Changes a call; an ended one leaves the state in the next step, as the peer does it. */
  call(id: string, part: Partial<CallView>): void {
    const before = this.state.calls[id]
    if (before === undefined) return
    this.put('calls', id, { ...before, ...part })
    if (part.state === 'ended') this.put('calls', id, null)
  }

  ring(part: Partial<CallView> = {}): string {
    const id = `call-${this.nextId++}`
    this.put('calls', id, {
      id, direction: 'in', remote: { aor: 'carol@office.example', displayName: 'Carol Jensen', verified: true }, state: 'incoming', muted: false, heldByMe: false, heldByThem: false, digits: '', transfer: null, continues: null, referredBy: null,
      engine: 'none', security: 'unknown', codec: '', startedAt: Date.now(), answeredAt: null, endedAt: null, end: null, ...part,
    })
    return id
  }

  media(call: string, kind: 'offer' | 'answer' | 'accept' | 'mute' | 'unmute' | 'flow' | 'keys' | 'close', sdp?: string, more: { send?: boolean; receive?: boolean; digits?: string } = {}): string {
    const request = `m${this.nextId++}`
    for (const client of this.clients) client.emit('media', { request, call, kind, ...(sdp === undefined ? {} : { sdp }), ...more })
    return request
  }

  private tell(...changes: Change[]): void {
    this.version++
    for (const client of this.clients) client.emit('state', { version: this.version, changes })
  }

  private handlers(): Handlers {
    const own = this.script()
    const wrapped: Partial<Record<Method, unknown>> = {}
    for (const method of Object.keys(own) as Method[]) {
      wrapped[method] = (params: never, client: ClientConnection) => {
        this.asked.push({ method, params })
        const override = this.overrides.get(method)
        return override === undefined ? (own[method] as (p: never, c: ClientConnection) => unknown)(params, client) : override(params)
      }
    }
    return wrapped as Handlers
  }

  private fail(code: ErrorCode): never { throw new ContractError(code, code) }

  private enrol(name: string, userName: string, displayName: string, open: boolean, organiser: boolean): Result<'overlay.create'> {
    const account = ownAccount({ name, userName, displayName, open, organiser })
    this.set('status', { ...this.state.status, phase: organiser ? 'alone' : 'joined', peers: organiser ? 1 : 3, registered: true, listen: '192.168.1.20:6084' })
    this.set('account', account)
    return account
  }

  private send({ uri, text }: CheckedParams<'messages.send'>): MessageView {
    const aor = uri.replace(/^sip:/, '')
    const reachable = this.state.contacts[aor]?.presence.state !== 'offline'
    const message: MessageView = { id: `msg-${this.nextId++}`, aor, direction: 'out', text, at: Date.now(), state: reachable ? 'delivered' : 'queued', error: reachable ? null : 'user-offline' }
    this.message(message)
    return message
  }

  private script(): Handlers {
    return {
      'app.info': () => ({ version: '0.1.0', headless: true, platform: 'linux', profile: '/home/alice/.config/ringway' }),
      'app.quit': () => null,
      'state.get': () => ({ version: this.version, state: this.state }),
      'overlay.create': ({ name, userName, displayName, open }) => this.enrol(name, userName, displayName ?? '', open ?? false, true),
      'overlay.join': ({ discovered, userName, displayName, code }) => {
        const hint = this.state.discovered[discovered ?? '']
        if (hint !== undefined && !hint.open && code !== scriptedCode) this.fail('invitation-invalid')
        return this.enrol(hint?.name ?? 'office.example', userName ?? 'bob', displayName ?? '', hint?.open ?? false, false)
      },
      'overlay.document': () => ({ xml: '<?xml version="1.0"?><overlay/>' }),
      'overlay.invite': ({ userName, expiresHours, anotherDevice }) => ({
        id: `invitation-${this.nextId++}`, userName, link: `ringway://join?overlay=office.example&url=${encodeURIComponent('https://192.168.1.20:6085/.well-known/reload-config')}&code=${scriptedCode}&user=${userName}`,
        code: scriptedCode, expiresAt: Date.now() + (expiresHours ?? 24) * 3_600_000, anotherDevice: anotherDevice ?? false, state: 'open',
      }),
      'overlay.invitations': () => [
        { id: 'i1', userName: 'erik', expiresAt: Date.now() + 80_000_000, anotherDevice: false, state: 'open' },
        { id: 'i2', userName: 'carol', expiresAt: Date.now() - 90_000_000, anotherDevice: false, state: 'used' },
        { id: 'i3', userName: 'frida', expiresAt: Date.now() - 190_000_000, anotherDevice: false, state: 'expired' },
      ],
      'overlay.revokeInvitation': () => null,
      'overlay.revoke': ({ userName }) => ({ userName, nodeIds: [] }),
      'overlay.inspect': ({ text }) => (text.includes('join?')
        ? { overlayName: 'office.example', open: false, rootFingerprint: '3f9ac1d07be24c550a96b6f1de3f6b0f8f0b5e0f8c1b7a1d', userName: 'bob', needsCode: false }
        : this.fail('overlay-file-damaged')),
      'discovery.start': () => null,
      'discovery.stop': () => null,
      'presence.set': ({ state, note }) => {
        this.set('presence', { state, note: note ?? this.state.presence.note })
        return null
      },
      'contacts.add': ({ uri, displayName }) => {
        const aor = uri.replace(/^sip:/, '')
        if (this.state.contacts[aor] !== undefined) this.fail('contact-exists')
        const contact = { aor, displayName: displayName ?? '', favourite: false, presence: { state: 'available' as const, note: '', since: Date.now() } }
        this.put('contacts', aor, contact)
        return contact
      },
      'contacts.update': ({ aor, ...part }) => {
        const contact = this.state.contacts[aor] ?? this.fail('contact-unknown')
        const next = { ...contact, favourite: part.favourite ?? contact.favourite, displayName: part.displayName ?? contact.displayName }
        this.put('contacts', aor, next)
        return next
      },
      'contacts.remove': ({ aor }) => { this.put('contacts', aor, null); return null },
      'phones.add': ({ userName, displayName }) => ({
        phone: { userName, displayName: displayName ?? '', createdAt: Date.now(), registrations: [] },
        password: 'abcd-efgh-jkmn-pqrs', domain: 'office.example', aor: this.state.account?.aor ?? '', server: this.state.status.sip ?? null,
      }),
      'phones.list': () => [],
      'phones.remove': () => null,
      'call.place': ({ uri }) => {
        const aor = uri.replace(/^sip:/, '')
        return { id: this.ring({ direction: 'out', state: 'finding', engine: 'client', remote: { aor, displayName: '', verified: false } }) }
      },
      'call.answer': ({ id }) => { this.call(id, { state: 'connecting', engine: 'client', answeredAt: Date.now() }); return null },
      'call.reject': ({ id }) => { this.call(id, { state: 'ended', end: 'rejected', endedAt: Date.now() }); return null },
      'call.hangup': ({ id }) => { this.call(id, { state: 'ended', end: this.state.calls[id]?.answeredAt === null ? 'cancelled' : 'hung-up', endedAt: Date.now() }); return null },
      'call.mute': ({ id, muted }) => { this.call(id, { muted }); return null },
      'call.hold': ({ id }) => { this.call(id, { heldByMe: true }); return null },
      'call.resume': ({ id }) => { this.call(id, { heldByMe: false }); return null },
      'call.dtmf': () => null,
      'call.transfer': ({ id, uri, withCall }) => {
        const target = uri?.replace(/^sip:/, '') ?? this.state.calls[withCall ?? '']?.remote.aor ?? ''
        this.call(id, { transfer: { by: 'me', target, state: 'calling', status: null } })
        return null
      },
      'calls.trace': ({ id }) => ({
        callId: `${id}-7f3a`, omitted: 0,
        messages: (['INVITE sip:bob@office.example SIP/2.0', 'SIP/2.0 180 Ringing (1 INVITE)', 'SIP/2.0 200 OK (1 INVITE)', 'ACK sip:bob@office.example SIP/2.0'] as const).map((summary, i) => ({
          at: 1_780_000_000_000 + i * 740, direction: i === 0 || i === 3 ? 'out' as const : 'in' as const, transport: 'TLS', remote: 'bob@office.example', summary, text: `${summary}\r\nCall-ID: ${id}-7f3a\r\n\r\n`,
        })),
      }),
      'media.result': () => null,
      'media.state': ({ id, state, codec }) => {
        if (state === 'connected') this.call(id, { state: 'active', codec: codec ?? '', security: 'dtls-srtp', answeredAt: this.state.calls[id]?.answeredAt ?? Date.now() })
        else this.call(id, { state: 'ended', end: 'call-media-failed', endedAt: Date.now() })
        return null
      },
      'messages.send': (params) => this.send(params),
      'messages.retry': ({ id }) => {
        const message = this.messages.find((m) => m.id === id) ?? this.fail('invalid-argument')
        this.message({ ...message, state: 'delivered', error: null })
        return { ...message, state: 'delivered', error: null }
      },
      'messages.list': ({ aor, before, limit }) => this.messages.filter((m) => m.aor === aor && m.at < (before ?? Infinity)).sort((a, b) => b.at - a.at).slice(0, limit ?? 50),
      'messages.markRead': ({ aor }) => {
        const conversation = this.state.conversations[aor]
        if (conversation !== undefined) this.put('conversations', aor, { ...conversation, unread: 0 })
        return null
      },
      'history.markSeen': () => {
        this.set('history', Object.fromEntries(Object.entries(this.state.history).map(([id, h]) => [id, { ...h, seen: true }])))
        return null
      },
      'history.clear': () => { this.set('history', {}); return null },
      'settings.set': (part) => {
        this.set('settings', { ...this.state.settings, ...(part as Partial<State['settings']>) })
        return this.state.settings
      },
      'overlay.lookup': () => [],
      'overlay.trace': () => ({ resourceId: '', hops: [] }),
      'overlay.ring': () => ({ nodeId: this.state.account?.nodeId ?? '', neighbours: this.state.status.neighbours }),
      'overlay.ping': () => ({ rttMs: 11.4, hops: 1, nodeId: 'f0'.repeat(16), userName: 'bob@office.example', clockOffsetMs: null, diagnostics: {} }),
      'overlay.diagnostics': () => null,
    }
  }
}
