/**
 * What the TLS port and the HTTPS port share: the context of our credentials and the chain the other end sent.
 * Contexts are kept, one for each identity: making one reads the key and the certificates anew, and holds them.
 */
import { constants, createHash } from 'node:crypto'
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import type { Certificate, PrivateKey } from '../ports/crypto.ts'
import { nodeCertificate } from './crypto.ts'

const maxChain = 8

const pem = (label: string, der: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64').replace(/(.{64})(?=.)/g, '$1\n')}\n-----END ${label}-----\n`

/** Our chain and key in the form node:tls takes. */
export function pemOf({ chain, privateKey }: { readonly chain: readonly Certificate[]; readonly privateKey: PrivateKey }): { cert: string; key: string } {
  return { cert: chain.map((certificate) => pem('CERTIFICATE', certificate.der)).join(''), key: pem('PRIVATE KEY', privateKey.exportPkcs8()) }
}

/** The part of StreamCredentials that a context is made of. */
export interface ContextCredentials {
  readonly certificate: Certificate
  readonly chain: readonly Certificate[]
  readonly privateKey: PrivateKey
}

/**
 * TLS 1.2 or later, no session tickets: a resumed session would not show the peer's chain again. X25519 first: OpenSSL's
 * own first choice adds ML-KEM, which is a quarter of a handshake's work and of no use while signatures are not of its kind.
 */
function createContext({ certificate, chain, privateKey }: ContextCredentials): SecureContext {
  return createSecureContext({
    ...pemOf({ chain: [certificate, ...chain], privateKey }),
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
    ecdhCurve: 'X25519:P-256:P-384',
  })
}

/** Identities without a listener whose contexts are kept; a phone has one, and another while it enrols. */
const maxUnheld = 8

/** Contexts by identity. Those of listeners stay until `release`, of others the ones used last. */
export class ContextCache {
  private readonly contexts = new Map<string, { readonly context: SecureContext; holders: number }>()

  get size(): number { return this.contexts.size }

  /** The context of these credentials, made when there is none. */
  use(credentials: ContextCredentials): SecureContext { return this.entry(keyOf(credentials), credentials).context }

  /** As `use`, and keeps it until `release` was called as often. */
  hold(credentials: ContextCredentials): SecureContext {
    const entry = this.entry(keyOf(credentials), credentials)
    entry.holders++
    return entry.context
  }

  /** A listener is done: its context is forgotten, and freed when the last connection made with it is. */
  release(credentials: ContextCredentials): void {
    const key = keyOf(credentials)
    const entry = this.contexts.get(key)
    if (entry !== undefined && --entry.holders <= 0) this.contexts.delete(key)
  }

  private entry(key: string, credentials: ContextCredentials): { readonly context: SecureContext; holders: number } {
    const known = this.contexts.get(key)
    const entry = known ?? { context: createContext(credentials), holders: 0 }
    if (known !== undefined) this.contexts.delete(key)
    this.contexts.set(key, entry)
    if (known === undefined) this.trim()
    return entry
  }

  private trim(): void {
    const unheld = [...this.contexts].filter(([, { holders }]) => holders === 0)
    for (const [key] of unheld.slice(0, -maxUnheld)) this.contexts.delete(key)
  }
}

/** The public key is part of it: credentials whose key is not the certificate's must fail, not find a good context. */
function keyOf({ certificate, chain, privateKey }: ContextCredentials): string {
  const hash = createHash('sha256').update(privateKey.publicKeyInfo)
  for (const { der } of [certificate, ...chain]) hash.update(der)
  return hash.digest('base64')
}

/** Certificates the other end presented, leaf first; empty when it presented none. @throws DecodeError */
export function peerChain(socket: TLSSocket): Certificate[] {
  const chain: Certificate[] = []
  for (let at = socket.getPeerX509Certificate(); at !== undefined && chain.length < maxChain; at = at.issuerCertificate) chain.push(nodeCertificate(at))
  return chain
}
