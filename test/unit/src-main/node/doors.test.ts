import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Port } from '@shared/ipc/port.ts'
import { createUiServer, type UiServer } from '../../../../src-main/node/uiServer.ts'
import { connectUnix, listenUnix } from '../../../../src-main/node/unixPort.ts'

let folder = ''
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'doors-')) })
afterEach(async () => { await rm(folder, { recursive: true, force: true }) })

const nextFrame = (port: Port): Promise<string> => new Promise((resolve) => { port.onFrame = resolve })
const closing = (port: Port): Promise<void> => new Promise((resolve) => { port.onClose = resolve })
const echo = (port: Port): void => { port.onFrame = (frame) => { port.send(`re ${frame}`) } }

describe('the control socket', () => {
  it('carries frames, is of mode 0600, and is gone after close', async () => {
    const path = join(folder, 'control.sock')
    const server = await listenUnix(path, echo)
    expect(((await stat(path)).mode & 0o777).toString(8)).toBe('600')
    const port = await connectUnix(path)
    expect(port).toBeDefined()
    if (port === undefined) return
    port.send('{"a":"ü"}')
    expect(await nextFrame(port)).toBe('re {"a":"ü"}')
    const closed = closing(port)
    await server.close()
    await closed
    expect(existsSync(path)).toBe(false)
    expect(await connectUnix(path)).toBeUndefined()
  })
  it('puts frames together however the bytes are cut', async () => {
    const path = join(folder, 'control.sock')
    const frames: string[] = []
    const server = await listenUnix(path, (port) => { port.onFrame = (frame) => { frames.push(frame) } })
    const socket = connect(path)
    for (const byte of Buffer.from('{"x":"äö"}\n\n{"y":1}\n{"z"')) {
      socket.write(Buffer.from([byte]))
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    for (let i = 0; i < 100 && frames.length < 2; i++) await new Promise((resolve) => { setTimeout(resolve, 10) })
    expect(frames).toEqual(['{"x":"äö"}', '{"y":1}'])
    socket.destroy()
    await server.close()
  })
  it('drops a client whose line never ends', async () => {
    const path = join(folder, 'control.sock')
    const server = await listenUnix(path, () => {})
    const socket = connect(path)
    socket.on('error', () => { /* cut off */ })
    const closed = new Promise((resolve) => { socket.on('close', resolve) })
    socket.write('x'.repeat(5_000_000))
    await closed
    await server.close()
  })
  it('profile-in-use when another peer answers; a dead one’s socket is replaced', async () => {
    const path = join(folder, 'control.sock')
    const first = await listenUnix(path, echo)
    await expect(listenUnix(path, echo)).rejects.toMatchObject({ code: 'profile-in-use' })
    await first.close()
    // A listener that dies without cleaning up leaves its file: a bound socket whose server is gone.
    const crashed = createServer()
    await new Promise<void>((resolve) => { crashed.listen(join(folder, 'x.sock'), resolve) })
    const { linkSync } = await import('node:fs')
    linkSync(join(folder, 'x.sock'), path)
    await new Promise((resolve) => { crashed.close(resolve) })
    expect(existsSync(path)).toBe(true)
    const second = await listenUnix(path, echo)
    expect(await connectUnix(path)).toBeDefined()
    await second.close()
  })
})

describe('the interface for a browser', () => {
  let server: UiServer
  const ports: Port[] = []
  beforeEach(async () => {
    const root = join(folder, 'ui')
    await mkdir(join(root, 'assets'), { recursive: true })
    await writeFile(join(root, 'index.html'), '<!doctype html>')
    await writeFile(join(root, 'assets', 'app.js'), 'x')
    await writeFile(join(folder, 'secret.txt'), 'secret')
    await symlink(join(folder, 'secret.txt'), join(root, 'link.txt'))
    ports.length = 0
    server = await createUiServer({ root, port: 0 }, (port) => { ports.push(port); echo(port) })
  })
  afterEach(async () => { await server.close() })

  const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<{ status: number; headers: Record<string, unknown>; body: string }> =>
    new Promise((resolve, reject) => {
      const outgoing = request({ host: '127.0.0.1', port: server.port, path, method, headers }, (message) => {
        let body = ''
        message.on('data', (chunk: Buffer) => { body += chunk.toString() })
        message.on('end', () => { resolve({ status: message.statusCode ?? 0, headers: message.headers, body }) })
      })
      outgoing.on('error', reject)
      outgoing.end()
    })
  const token = (): string => new URL(server.url).searchParams.get('token') ?? ''
  const dial = (origin: string | undefined, protocols: string[], host = `127.0.0.1:${server.port}`, path = '/peer'): Promise<WebSocket | number> => new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, protocols, { headers: { host, ...(origin === undefined ? {} : { origin }) } })
    socket.on('open', () => { resolve(socket) })
    socket.on('unexpected-response', (_request, response) => { resolve(response.statusCode ?? 0) })
    socket.on('error', () => { /* told by the response */ })
  })

  it('serves its files with their types and a strict policy', async () => {
    const page = await get('/?token=x')
    expect(page).toMatchObject({ status: 200, body: '<!doctype html>' })
    expect(page.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'x-content-type-options': 'nosniff' })
    expect(page.headers['content-security-policy']).toContain("default-src 'none'")
    expect((await get('/assets/app.js')).headers['content-type']).toBe('text/javascript; charset=utf-8')
  })
  it('serves nothing outside of its folder', async () => {
    for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/assets/..%5c..%5csecret.txt', '/link.txt', '/assets', '/none', '/%', '/%00']) {
      expect((await get(path)).status, path).toBe(404)
    }
  })
  it('answers only GET, and only by a loopback name', async () => {
    expect((await get('/', {}, 'POST')).status).toBe(405)
    expect((await get('/', { host: 'evil.example' })).status).toBe(403)
    expect((await get('/', { host: `localhost:${server.port}` })).status).toBe(200)
    expect((await get('/', { host: '127.0.0.1:1' })).status).toBe(403)
  })
  it('lets a page of its own with the token in', async () => {
    const socket = await dial(`http://127.0.0.1:${server.port}`, [`ringway.${token()}`])
    expect(typeof socket).toBe('object')
    if (typeof socket === 'number') return
    const answer = new Promise<string>((resolve) => { socket.on('message', (data: Buffer) => { resolve(data.toString()) }) })
    socket.send('{}')
    expect(await answer).toBe('re {}')
    const gone = new Promise<void>((resolve) => { const [port] = ports; if (port !== undefined) port.onClose = resolve })
    socket.close()
    await gone
  })
  it('keeps others out: no token, a wrong one, another origin, another host, another path', async () => {
    const origin = `http://127.0.0.1:${server.port}`, right = [`ringway.${token()}`]
    expect(await dial(origin, [])).toBe(401)
    expect(await dial(origin, ['ringway.wrong'])).toBe(401)
    expect(await dial('http://evil.example', right)).toBe(403)
    expect(await dial(undefined, right)).toBe(403)
    expect(await dial('http://evil.example', right, 'evil.example')).toBe(403)
    expect(await dial(origin, right, undefined, '/other')).toBe(404)
    expect(ports).toEqual([])
  })
})
