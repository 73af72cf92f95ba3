import { request as plainRequest } from 'node:https'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createNodeHttpClient, createNodeHttpServerFactory } from '../../../../src-main/node/http.ts'
import type { HttpRequest, HttpServer, HttpServerRequest } from '../../../../src-main/ports/http.ts'
import { makeAuthority, makePeer, type TestAuthority, type TestPeer } from '../../../support/certificates.ts'

let root: TestAuthority, host: TestPeer, server: HttpServer
const seen: HttpServerRequest[] = []
beforeAll(async () => {
  root = await makeAuthority()
  host = await makePeer(root, 'host')
  server = await createNodeHttpServerFactory().listen({ host: '127.0.0.1', port: 0 }, { chain: [host.certificate, root.certificate], privateKey: host.key },
    { maxBodyBytes: 1_000, maxConnections: 20, timeoutMs: 1_000 }, (request) => {
      seen.push(request)
      if (request.path === '/slow') return new Promise(() => { /* never */ })
      if (request.path === '/bug') return Promise.reject(new Error('a bug'))
      if (request.path === '/moved') return Promise.resolve({ status: 302, headers: { location: 'https://127.0.0.1:9/' }, body: new Uint8Array() })
      return Promise.resolve({ status: 200, headers: { 'X-Test': 'yes' }, body: request.path === '/big' ? new Uint8Array(5_000) : request.body })
    })
})
afterAll(async () => { await server.close() })

const client = createNodeHttpClient()
const never = new AbortController().signal
const ask = (path: string, more: Partial<HttpRequest> = {}): HttpRequest =>
  ({ method: 'GET', url: `https://127.0.0.1:${server.address.port}${path}`, acceptServer: () => undefined, timeoutMs: 2_000, maxBodyBytes: 2_000, ...more })

describe('HTTPS on node', () => {
  it('carries requests and answers, and shows the chain the server sent', async () => {
    const shown: Uint8Array[] = []
    const answer = await client.request(ask('/echo?x=1', {
      method: 'POST', body: Uint8Array.from([1, 2, 3]), headers: { accept: 'a/b' }, acceptServer: (chain) => { shown.push(...chain.map(({ der }) => der)); return undefined },
    }), never)
    expect(answer).toMatchObject({ status: 200, headers: { 'x-test': 'yes' }, body: Uint8Array.from([1, 2, 3]) })
    expect(shown).toEqual([host.certificate.der, root.certificate.der])
    expect(seen.at(-1)).toMatchObject({ method: 'POST', path: '/echo', headers: { accept: 'a/b' }, remote: { host: '127.0.0.1' } })
  })
  it('sends nothing to a server that is not accepted', async () => {
    const before = seen.length
    await expect(client.request(ask('/x', { acceptServer: () => 'no' }), never)).rejects.toMatchObject({ code: 'server-unverified' })
    await new Promise((resolve) => { setTimeout(resolve, 50) })
    expect(seen).toHaveLength(before)
  })
  it('speaks https only and follows no redirect', async () => {
    await expect(client.request(ask('/', { url: 'http://127.0.0.1/' }), never)).rejects.toMatchObject({ code: 'server-unverified' })
    expect((await client.request(ask('/moved'), never)).status).toBe(302)
  })
  it('enrolment-unreachable: nobody there, no answer in time, an answer too long, no TLS', async () => {
    await expect(client.request(ask('/', { url: 'https://127.0.0.1:9/' }), never)).rejects.toMatchObject({ code: 'enrolment-unreachable' })
    await expect(client.request(ask('/slow', { timeoutMs: 100 }), never)).rejects.toMatchObject({ code: 'enrolment-unreachable' })
    await expect(client.request(ask('/big'), never)).rejects.toMatchObject({ code: 'enrolment-unreachable' })
  })
  it('rejects with the reason when aborted', async () => {
    const stop = new AbortController()
    const asking = client.request(ask('/slow'), stop.signal)
    setTimeout(() => { stop.abort(new Error('enough')) }, 50)
    await expect(asking).rejects.toThrow('enough')
  })
  it('refuses bodies that are too long before they reach anybody, declared or not', async () => {
    const before = seen.length
    expect((await client.request(ask('/x', { method: 'POST', body: new Uint8Array(1_001) }), never)).status).toBe(413)
    const status = await new Promise<number>((resolve) => {
      const outgoing = plainRequest({ ...server.address, method: 'POST', path: '/x', rejectUnauthorized: false, headers: { 'transfer-encoding': 'chunked' } }, (message) => { resolve(message.statusCode ?? 0) })
      outgoing.on('error', () => { /* cut after the answer */ })
      outgoing.end(Buffer.alloc(3_000))
    })
    expect(status).toBe(413)
    expect(seen).toHaveLength(before)
  })
  it('answers a bug with 500 and lives on after garbage', async () => {
    expect((await client.request(ask('/bug'), never)).status).toBe(500)
    const socket = connect(server.address.port, '127.0.0.1', () => { socket.write('garbage\r\n\r\n') })
    socket.on('error', () => { /* reset */ })
    await new Promise((resolve) => { socket.on('close', resolve) })
    expect((await client.request(ask('/ok'), never)).status).toBe(200)
  })
  it('port-in-use', async () => {
    await expect(createNodeHttpServerFactory().listen(server.address, { chain: [host.certificate], privateKey: host.key }, { maxBodyBytes: 1, maxConnections: 1, timeoutMs: 1 }, () => Promise.reject(new Error())))
      .rejects.toMatchObject({ code: 'port-in-use' })
  })
})
