/** What the TLS port and the HTTPS port share: the context of our credentials and the chain the other end sent. */
import { constants } from 'node:crypto'
import { createSecureContext, type DetailedPeerCertificate, type SecureContext, type TLSSocket } from 'node:tls'
import type { Certificate, PrivateKey } from '../ports/crypto.ts'
import { createNodeCrypto } from './crypto.ts'

const crypto = createNodeCrypto()
const maxChain = 8

const pem = (label: string, der: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64').replace(/(.{64})(?=.)/g, '$1\n')}\n-----END ${label}-----\n`

/** Our chain and key in the form node:tls takes. */
export function pemOf({ chain, privateKey }: { readonly chain: readonly Certificate[]; readonly privateKey: PrivateKey }): { cert: string; key: string } {
  return { cert: chain.map((certificate) => pem('CERTIFICATE', certificate.der)).join(''), key: pem('PRIVATE KEY', privateKey.exportPkcs8()) }
}

/** TLS 1.2 or later, no session tickets: a resumed session would not show the peer's chain again. */
export function contextOf(chain: readonly Certificate[], privateKey: PrivateKey): SecureContext {
  return createSecureContext({
    ...pemOf({ chain, privateKey }),
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
  })
}

/** Certificates the other end presented, leaf first; empty when it presented none. @throws DecodeError */
export function peerChain(socket: TLSSocket): Certificate[] {
  const chain: Certificate[] = []
  let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
  while (at?.raw !== undefined && chain.length < maxChain) {
    chain.push(crypto.parseCertificate(at.raw))
    const next: DetailedPeerCertificate | undefined = at.issuerCertificate
    // A self-signed certificate is given as its own issuer.
    at = next === at || next?.raw.equals(at.raw) === true ? undefined : next
  }
  return chain
}
