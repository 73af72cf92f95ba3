/**
 * `ports/http` on node:https. The client judges the server's chain on a finished handshake before it writes a byte
 * of the request, so that no password reaches an impostor; redirects are not followed.
 */
import { createServer, request as httpsRequest } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { connect as tlsConnect, type TLSSocket } from 'node:tls'
import { PeerError } from '../base/errors.ts'
import type { Certificate } from '../ports/crypto.ts'
import type { HttpClient, HttpRequest, HttpResponse, HttpServerFactory, HttpServerRequest } from '../ports/http.ts'
import { plain } from './crypto.ts'
import { closeServer, listenOn } from './listening.ts'
import { socketAddress } from './socketStream.ts'
import { peerChain, pemOf } from './tls.ts'

const unreachable = (url: URL, why: string, cause?: unknown): PeerError =>
  new PeerError('enrolment-unreachable', `${url.host}: ${why}`, { cause })

function connectVerified(url: URL, request: HttpRequest, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const socket = tlsConnect({
      host: request.via?.host ?? host, port: request.via?.port ?? (url.port === '' ? 443 : Number(url.port)), ...(isIP(host) === 0 ? { servername: host } : {}),
      minVersion: 'TLSv1.2', rejectUnauthorized: false, checkServerIdentity: () => undefined,
    })
    const done = (act: () => void): void => {
      signal.removeEventListener('abort', aborted)
      act()
    }
    const fail = (reason: Error): void => { done(() => { socket.on('error', () => { /* given up already */ }); socket.destroy(); reject(reason) }) }
    const aborted = (): void => { fail(signal.reason as Error) }
    signal.addEventListener('abort', aborted)
    socket.once('error', (error) => { fail(unreachable(url, error.message, error)) })
    socket.once('secureConnect', () => {
      let chain: readonly Certificate[] = [], reason: string | undefined
      try {
        chain = peerChain(socket)
      } catch (cause) { reason = `unreadable certificate: ${(cause as Error).message}` }
      reason ??= request.acceptServer(chain)
      if (reason === undefined) done(() => { resolve(socket) })
      else fail(new PeerError('server-unverified', `${url.host}: ${reason}`))
    })
  })
}

function readBody(message: IncomingMessage, maxBytes: number): Promise<Uint8Array | 'too-long'> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    message.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= maxBytes) chunks.push(chunk)
      else resolve('too-long')
    })
    message.on('end', () => { resolve(plain(Buffer.concat(chunks))) })
    message.on('error', reject)
    message.on('aborted', () => { reject(new Error('the connection was cut')) })
  })
}

const flatten = (headers: IncomingMessage['headers']): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value ?? '']))

async function exchange(url: URL, request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
  const socket = await connectVerified(url, request, signal)
  try {
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = httpsRequest(url, {
        method: request.method, signal, createConnection: () => socket,
        headers: { ...request.headers, Connection: 'close', ...(request.body === undefined ? {} : { 'Content-Length': String(request.body.length) }) },
      }, resolve)
      outgoing.on('error', (error) => { reject(signal.aborted ? signal.reason as Error : unreachable(url, error.message, error)) })
      outgoing.end(request.body)
    })
    const body = await readBody(message, request.maxBodyBytes).catch((cause: unknown) => { throw unreachable(url, (cause as Error).message, cause) })
    if (body === 'too-long') throw unreachable(url, 'the answer is too long')
    return { status: message.statusCode ?? 0, headers: flatten(message.headers), body }
  } finally { socket.destroy() }
}

export function createNodeHttpClient(): HttpClient {
  return {
    async request(request, signal) {
      signal.throwIfAborted()
      const url = new URL(request.url)
      if (url.protocol !== 'https:') throw new PeerError('server-unverified', 'only https is spoken to a configuration or enrolment server')
      const late = new AbortController()
      const timer = setTimeout(() => { late.abort(unreachable(url, 'no answer in time')) }, request.timeoutMs)
      try {
        return await exchange(url, request, AbortSignal.any([signal, late.signal]))
      } finally { clearTimeout(timer) }
    },
  }
}

function send(response: ServerResponse, { status, headers, body }: HttpResponse): void {
  response.writeHead(status, { ...headers, 'content-length': String(body.length), 'cache-control': 'no-store', connection: 'close' })
  response.end(body)
}

const refuse = (response: ServerResponse, status: number, text: string): void => {
  send(response, { status, headers: { 'content-type': 'text/plain' }, body: new TextEncoder().encode(text) })
}

export function createNodeHttpServerFactory(): HttpServerFactory {
  return {
    async listen(address, credentials, limits, handle) {
      const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
        if (Number(request.headers['content-length'] ?? 0) > limits.maxBodyBytes) { refuse(response, 413, 'too long'); return }
        const body = await readBody(request, limits.maxBodyBytes)
        if (body === 'too-long') { refuse(response, 413, 'too long'); return }
        const { remoteAddress, remotePort } = request.socket
        const asked: HttpServerRequest = {
          method: request.method ?? '', path: (request.url ?? '/').split(/[?#]/)[0] ?? '/', headers: flatten(request.headers), body,
          remote: socketAddress(remoteAddress, remotePort),
        }
        send(response, await handle(asked))
      }
      const server = createServer({
        ...pemOf(credentials), minVersion: 'TLSv1.2', maxHeaderSize: 16_384, requestTimeout: limits.timeoutMs, headersTimeout: limits.timeoutMs, handshakeTimeout: limits.timeoutMs,
      }, (request, response) => {
        answer(request, response).catch(() => {
          if (response.headersSent) response.destroy()
          else refuse(response, 500, 'internal error')
        })
      })
      server.maxConnections = limits.maxConnections
      server.on('clientError', (_error, socket) => { socket.destroy() })
      server.on('tlsClientError', () => { /* not TLS, or refused us: the socket is closed already */ })
      return {
        address: await listenOn(server, address),
        async close() {
          const closed = closeServer(server)
          server.closeAllConnections()
          await closed
        },
      }
    },
  }
}
