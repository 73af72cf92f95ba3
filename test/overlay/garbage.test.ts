/** Every open port of a running peer, fed with garbage: dropped and counted, never a crash (docs/SECURITY.md). */
import { createConnection } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ContractClient } from '../../src-shared/ipc/client.ts'
import { memoryPorts } from '../../src-shared/ipc/port.ts'
import { openPeer, type OpenedPeer } from '../../src-main/cli/openPeer.ts'
import { createUiServer, type UiServer } from '../../src-main/node/uiServer.ts'
import { listenUnix } from '../../src-main/node/unixPort.ts'
import { SeededRandom } from '../support/seededRandom.ts'

const random = new SeededRandom(7)
let dir: string, app: OpenedPeer, client: ContractClient, ui: UiServer, control: { close(): Promise<void> }
let reloadPort: number, documentPort: number

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ringway-garbage-'))
  app = await openPeer({ profileDir: dir, headless: true, network: { listen: { host: '127.0.0.1', port: 0 }, multicast: false } })
  const [ours, theirs] = memoryPorts()
  app.serve(theirs)
  client = new ContractClient(ours)
  await client.call('overlay.create', { name: 'office.example', userName: 'olga' })
  await app.start()
  control = await listenUnix(join(dir, 'control.sock'), (port) => { app.serve(port) })
  ui = await createUiServer({ root: join(import.meta.dirname, '../data'), port: 0 }, (port) => { app.serve(port) })
  reloadPort = Number((await client.call('state.get', {})).state.status.listen?.split(':').at(-1))
  documentPort = Number(new URL(new URL((await client.call('overlay.invite', { userName: 'x' })).link ?? '').searchParams.get('url') ?? '').port)
})
afterAll(async () => {
  await ui.close()
  await control.close()
  await app.close()
  rmSync(dir, { recursive: true, force: true })
})

/** Writes `bytes` and waits until the other side closes, or a while. */
function throwAt(target: { port: number } | { path: string }, bytes: Uint8Array, tls = false): Promise<'closed' | 'open'> {
  return new Promise((resolve) => {
    const socket = tls && 'port' in target ? connectTls({ host: '127.0.0.1', port: target.port, rejectUnauthorized: false }) : createConnection({ host: '127.0.0.1', ...target })
    const timer = setTimeout(() => { socket.destroy(); resolve('open') }, 500)
    socket.on('error', () => { /* being thrown out is the point */ })
    socket.on('data', () => { /* whatever it says */ })
    socket.on('close', () => { clearTimeout(timer); resolve('closed') })
    socket.on(tls ? 'secureConnect' : 'connect', () => { socket.write(bytes) })
  })
}

const pieces = [random.bytes(10), random.bytes(5_000), new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'), new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"__proto__"}\n'), new Uint8Array(70_000).fill(0x80)]

describe('garbage on every open port', () => {
  it.each([
    ['RELOAD', () => ({ port: reloadPort }), false], ['RELOAD inside of TLS', () => ({ port: reloadPort }), true],
    ['document and enrolment', () => ({ port: documentPort }), false], ['document and enrolment inside of TLS', () => ({ port: documentPort }), true],
    ['browser door', () => ({ port: ui.port }), false], ['control socket', () => ({ path: join(dir, 'control.sock') }), false],
  ] as const)('%s', async (_, target, tls) => {
    await Promise.all(pieces.map((bytes) => throwAt(target(), bytes, tls)))
    const { state } = await client.call('state.get', {})
    expect(state.status).toMatchObject({ phase: 'alone', registered: true })
  })

  it('is counted where peers connect', async () => {
    await throwAt({ port: reloadPort }, random.bytes(100))
    await expect.poll(async () => (await client.call('state.get', {})).state.status.counters['link.refused'] ?? 0, { timeout: 5_000 }).toBeGreaterThan(0)
  })
})
