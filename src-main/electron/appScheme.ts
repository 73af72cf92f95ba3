/**
 * Serves the built renderer to our windows under a scheme of its own: an origin that nobody else has, a secure
 * context, headers that a file: page cannot have, and no way to any other file of this machine.
 */
import { readFile } from 'node:fs/promises'
import { extname, join, normalize, sep } from 'node:path'
import { protocol, type Session } from 'electron'

export const appOrigin = 'ringway-app://ui'

/** Stricter than the page's own: the desktop window has no WebSocket to a peer. */
export const contentSecurityPolicy = [
  "default-src 'none'", "script-src 'self'", "style-src 'self' 'unsafe-inline'", "font-src 'self'", "img-src 'self' data:",
  "media-src 'self' blob: mediastream:", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
].join('; ')

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml',
  '.png': 'image/png', '.woff2': 'font/woff2', '.woff': 'font/woff', '.json': 'application/json', '.wav': 'audio/wav', '.ogg': 'audio/ogg', '.mp3': 'audio/mpeg',
}

/** Must run before the app is ready. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: 'ringway-app', privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } }])
}

/** The file of `folder` that a URL of the scheme means, or undefined when it means none. */
export function fileOfUrl(folder: string, url: string): string | undefined {
  const { origin, host, pathname, protocol: scheme } = new URL(url)
  if (scheme !== 'ringway-app:' || host !== 'ui' || (origin !== 'null' && origin !== appOrigin)) return undefined
  let path: string
  try {
    path = decodeURIComponent(pathname)
  } catch { return undefined }
  if (path.includes('\0')) return undefined
  const file = normalize(join(folder, path === '/' ? 'index.html' : path))
  return file.startsWith(folder + sep) && extname(file) in types ? file : undefined
}

export function serveRenderer(session: Session, folder: string): void {
  session.protocol.handle('ringway-app', async ({ url, method }) => {
    const file = method === 'GET' ? fileOfUrl(folder, url) : undefined
    const bytes = file === undefined ? undefined : await readFile(file).catch(() => undefined)
    if (file === undefined || bytes === undefined) return new Response('not found', { status: 404 })
    return new Response(new Uint8Array(bytes), {
      headers: {
        'content-type': types[extname(file)] ?? 'application/octet-stream',
        'content-security-policy': contentSecurityPolicy,
        'x-content-type-options': 'nosniff',
        'cross-origin-opener-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'permissions-policy': 'microphone=(self), camera=(), geolocation=(), display-capture=()',
      },
    })
  })
}
