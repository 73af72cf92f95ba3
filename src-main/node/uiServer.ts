/**
 * Serves the user interface of a headless peer to a browser on this machine: a folder of static files, and the
 * contract over a WebSocket at /peer. Listens on loopback only; the page is no secret, the token in the address
 * (`?token=`, which the page moves out of sight) opens the door to the peer.
 */
import { randomBytes } from 'node:crypto'
import { readFile, realpath, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { extname, join, sep } from 'node:path'
import type { Port } from '@shared/ipc/port.ts'
import { closeServer, listenOn } from './listening.ts'
import { acceptWebSockets, isLoopbackHost } from './webSocketPort.ts'

export interface UiServer {
  /** The address to open in a browser, with the token. A secret: not for logs. */
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8', '.json': 'application/json', '.svg': 'image/svg+xml', '.png': 'image/png', '.ico': 'image/x-icon',
  '.woff2': 'font/woff2', '.woff': 'font/woff', '.wav': 'audio/wav', '.mp3': 'audio/mpeg', '.ogg': 'audio/ogg', '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json', '.txt': 'text/plain; charset=utf-8',
}

const policy = (port: number): string => [
  "default-src 'none'", "script-src 'self'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data: blob:", "font-src 'self'",
  "media-src 'self' blob: mediastream:", `connect-src 'self' ws://127.0.0.1:${port} ws://localhost:${port}`, "worker-src 'self'",
  "manifest-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
].join('; ')

/** The file a request path means, inside `root`; undefined when there is none. */
async function fileOf(root: string, urlPath: string): Promise<string | undefined> {
  let path: string
  try {
    path = decodeURIComponent(urlPath)
  } catch { return undefined /* bad escape */ }
  if (path.includes('\0') || path.includes('\\')) return undefined
  try {
    const found = await realpath(join(root, path === '/' ? 'index.html' : path))
    // After links and dots are resolved it must still be below the root.
    return found.startsWith(root + sep) && (await stat(found)).isFile() ? found : undefined
  } catch { return undefined /* no such file */ }
}

async function answer(root: string, port: number, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('Content-Security-Policy', policy(port))
  response.setHeader('X-Content-Type-Options', 'nosniff')
  response.setHeader('X-Frame-Options', 'DENY')
  response.setHeader('Referrer-Policy', 'no-referrer')
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin')
  response.setHeader('Permissions-Policy', 'microphone=(self), camera=(), geolocation=()')
  response.setHeader('Cache-Control', 'no-cache')
  const say = (status: number, text: string): void => {
    response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
  }
  if (!isLoopbackHost(request.headers.host, port)) { say(403, 'This server answers on loopback names only.'); return }
  if (request.method !== 'GET' && request.method !== 'HEAD') { response.setHeader('Allow', 'GET, HEAD'); say(405, 'Only GET.'); return }
  const file = await fileOf(root, (request.url ?? '/').split(/[?#]/)[0] ?? '/')
  if (file === undefined) { say(404, 'Not found.'); return }
  const bytes = await readFile(file)
  response.writeHead(200, { 'Content-Type': types[extname(file).toLowerCase()] ?? 'application/octet-stream', 'Content-Length': bytes.length })
  response.end(request.method === 'HEAD' ? undefined : bytes)
}

/**
 * @param options.root folder of the built interface, with index.html; @param options.port 0 takes a free one
 * @throws PeerError 'port-in-use'
 */
export async function createUiServer(
  options: { readonly root: string; readonly port: number; readonly token?: string }, onPort: (port: Port) => void,
): Promise<UiServer> {
  const token = options.token ?? randomBytes(24).toString('base64url')
  const root = await realpath(options.root)
  let port = options.port
  const server = createServer({ maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 20_000 }, (request, response) => {
    answer(root, port, request, response).catch(() => { response.destroy() })
  })
  server.maxConnections = 128
  port = (await listenOn(server, { host: '127.0.0.1', port })).port
  const peers = acceptWebSockets(server, port, token, onPort)
  return {
    url: `http://127.0.0.1:${port}/?token=${token}`,
    port,
    async close() {
      peers.close()
      const closed = closeServer(server)
      server.closeAllConnections()
      await closed
    },
  }
}
