/**
 * HTTPS as enrolment uses it (RFC 6940 §11.2, §11.3). Trust of the server is asked of `acceptServer`, since an
 * overlay's own root vouches for it and not the system's roots.
 */
import type { Certificate, PrivateKey } from './crypto.ts'
import type { SocketAddress } from './secureStream.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  /** https only. */
  readonly url: string
  /** Where to connect when that is not the host of the URL, as DNS SRV has it. */
  readonly via?: SocketAddress
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Judges the server's chain, leaf first; returns undefined to accept, or the reason to refuse. */
  acceptServer(chain: readonly Certificate[]): string | undefined
  readonly timeoutMs: number
  readonly maxBodyBytes: number
}

export interface HttpResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface HttpClient {
  /** @throws PeerError 'enrolment-unreachable' or 'server-unverified'; the signal's reason when aborted. */
  request(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse>
}

export interface HttpServerRequest {
  readonly method: string
  /** Path without query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly remote: SocketAddress
}

export interface HttpServer {
  readonly address: SocketAddress
  close(): Promise<void>
}

export interface HttpServerFactory {
  /** @throws PeerError 'port-in-use'. Bodies over `maxBodyBytes` are refused with 413 before `handle` is called. */
  listen(
    address: SocketAddress,
    credentials: { readonly chain: readonly Certificate[]; readonly privateKey: PrivateKey },
    limits: { readonly maxBodyBytes: number; readonly maxConnections: number; readonly timeoutMs: number },
    handle: (request: HttpServerRequest) => Promise<HttpResponse>,
  ): Promise<HttpServer>
}
