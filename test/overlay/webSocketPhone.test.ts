/** A phone on a WebSocket (RFC 7118), as browsers are, at a peer on real sockets: logs in, is called from the overlay unbridged, and calls. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { ContractClient } from '../../src-shared/ipc/client.ts'
import { memoryPorts } from '../../src-shared/ipc/port.ts'
import { openPeer, type OpenedPeer } from '../../src-main/cli/openPeer.ts'
import type { Connection } from '../../src-main/sip/transport/connection.ts'
import type { MemoryConnection } from '../support/memoryConnection.ts'
import { RawEnd } from '../support/sipServerKit.ts'
import { finalOf } from '../support/udpPhone.ts'

const dir = mkdtempSync(join(tmpdir(), 'ringway-ws-'))
const loopback = { host: '127.0.0.1', port: 0 }
let app: OpenedPeer, client: ContractClient, end: RawEnd, socket: WebSocket

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let i = 0; !condition(); i++) {
    if (i > 200) throw new Error(`not in 10 s: ${what}, heard ${end.heard.map(({ startLine }) => startLine).join(' | ')}`)
    await new Promise((done) => { setTimeout(done, 50) })
  }
}

describe('a phone on a WebSocket', () => {
  beforeAll(async () => {
    app = await openPeer({ profileDir: dir, headless: true, network: { listen: loopback, multicast: false, sip: { roles: ['proxy', 'registrar'], listen: loopback, webSocket: loopback } } })
    const [ours, theirs] = memoryPorts()
    app.serve(theirs)
    client = new ContractClient(ours)
    await client.call('overlay.create', { name: 'office.example', userName: 'alice' })
    await app.start()
    const { password } = await client.call('phones.add', { userName: 'desk' })
    const { status } = (await client.call('state.get', {})).state
    socket = new WebSocket(`ws://${status.sipWebSocket ?? ''}/`, 'sip')
    await new Promise((done, fail) => { socket.on('open', done); socket.on('error', fail) })
    const far: Connection = { id: 'ws', transport: 'WS', reliable: false, local: { host: 'df7jal23ls0d.invalid', port: 5060 }, remote: loopback, user: undefined, send: (bytes) => { socket.send(bytes) }, close: () => {} }
    socket.on('message', (data) => { far.user?.onData(new Uint8Array(data as Buffer)) })
    end = new RawEnd(far as MemoryConnection, far as MemoryConnection, 'desk', password)
  })
  afterAll(async () => {
    socket.close()
    await app.close()
    rmSync(dir, { recursive: true, force: true })
  })

  it('registers with a contact that no name leads to, and is called over the same socket', async () => {
    const request = end.request('REGISTER', 'sip:office.example', [['To', '<sip:desk@office.example>'], ['Contact', '<sip:desk@df7jal23ls0d.invalid;transport=ws>'], ['Expires', '300'], ['Call-ID', 'register']])
    await finalOf(end, request)
    expect((await finalOf(end, end.authorise(request, 2))).status).toBe(200)
    const { id } = await client.call('call.place', { uri: 'sip:desk@office.example', media: { engine: 'headless' } })
    await until('it rings', () => end.requests.some(({ method }) => method === 'INVITE'))
    const invite = end.lastOf('INVITE')
    // what a browser can answer: the app's own description, without a bridge
    expect(invite.text).toMatch(/^m=audio \d+ UDP\/TLS\/RTP\/SAVPF /m)
    expect(invite.text).not.toContain('x-far-leg')
    end.respond(invite, 486)
    await until('the call is over', () => end.requests.some(({ method }) => method === 'ACK'))
    expect((await client.call('state.get', {})).state.calls[id]?.end).toBe('call-busy')
  })

  it('ends its registration with the socket when it speaks RFC 5626', async () => {
    const request = end.request('REGISTER', 'sip:office.example', [['To', '<sip:desk@office.example>'], ['Contact', '<sip:desk@df7jal23ls0d.invalid;transport=ws>;reg-id=1;+sip.instance="<urn:uuid:0>"'], ['Supported', 'outbound, path'], ['Expires', '300'], ['Call-ID', 'outbound']])
    await finalOf(end, request)
    expect((await finalOf(end, end.authorise(request, 2))).headers.get('Require')).toBe('outbound')
    const count = async (): Promise<number> => (await client.call('phones.list', {}))[0]?.registrations.length ?? 0
    const before = await count()
    socket.close()
    for (let i = 0; await count() === before; i++) {
      if (i > 100) throw new Error('it stays registered')
      await new Promise((done) => { setTimeout(done, 50) })
    }
    expect(await count()).toBe(before - 1)
  })
})
