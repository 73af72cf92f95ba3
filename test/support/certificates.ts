/** Throw-away authorities, certificates and stream credentials for tests: as the product makes them, a root of RSA and peers of ECDSA. */
import { issueCertificate, type AltName } from '../../src-main/enrollment/x509.ts'
import { nodeIdUri } from '../../src-main/reload/security/overlayCertificate.ts'
import { createNodeCrypto } from '../../src-main/node/crypto.ts'
import { createNodeRandom } from '../../src-main/node/random.ts'
import type { Certificate, KeyType, PrivateKey } from '../../src-main/ports/crypto.ts'
import type { StreamCredentials } from '../../src-main/ports/secureStream.ts'

export const crypto = createNodeCrypto()
export const random = createNodeRandom()
const dayMs = 86_400_000

export interface TestAuthority { readonly certificate: Certificate; readonly key: PrivateKey }
export interface TestPeer { readonly certificate: Certificate; readonly key: PrivateKey; readonly nodeId: Uint8Array; readonly userName: string }

export async function makeAuthority(commonName = 'office.example root', nowMs = Date.now(), keyType: KeyType = 'rsa'): Promise<TestAuthority> {
  const key = await crypto.generateKey(keyType)
  const der = issueCertificate(crypto, {
    publicKeyInfo: key.publicKeyInfo, commonName, altNames: [], notBefore: nowMs - dayMs, notAfter: nowMs + 365 * dayMs,
    serialNumber: random.bytes(16), purpose: 'authority',
  }, { certificate: undefined, key })
  return { certificate: crypto.parseCertificate(der), key }
}

/** A peer's certificate as RFC 6940 §11.3 wants it: empty subject, one reload URI, one rfc822Name. */
export async function makePeer(
  authority: TestAuthority, user: string, overlayName = 'office.example',
  options: { readonly nodeId?: Uint8Array; readonly key?: PrivateKey; readonly keyType?: KeyType; readonly nowMs?: number; readonly notAfter?: number; readonly altNames?: readonly AltName[] } = {},
): Promise<TestPeer> {
  const key = options.key ?? await crypto.generateKey(options.keyType ?? 'ec')
  const nodeId = options.nodeId ?? random.bytes(16)
  const nowMs = options.nowMs ?? Date.now()
  const userName = `${user}@${overlayName}`
  const der = issueCertificate(crypto, {
    publicKeyInfo: key.publicKeyInfo,
    altNames: options.altNames ?? [{ kind: 'uri', value: nodeIdUri(nodeId, overlayName) }, { kind: 'email', value: userName }],
    notBefore: nowMs - dayMs, notAfter: options.notAfter ?? nowMs + 30 * dayMs, serialNumber: random.bytes(16), purpose: 'peer',
  }, { certificate: authority.certificate, key: authority.key })
  return { certificate: crypto.parseCertificate(der), key, nodeId, userName }
}

/** Credentials that accept what `authority` signed. */
export function credentialsOf(peer: TestPeer, authority: TestAuthority): StreamCredentials {
  return {
    certificate: peer.certificate, chain: [], privateKey: peer.key,
    acceptPeer: (certificate) => (certificate.isSignedBy(authority.certificate) ? undefined : 'not signed by the root'),
  }
}
