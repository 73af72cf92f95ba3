/**
 * The identity of this profile at rest and in memory. The private key is in the key chain, the rest in the
 * identity store; both are written or neither.
 */
import { DecodeError, PeerError } from '../base/errors.ts'
import { equalBytes, toHex } from '../base/bytes.ts'
import type { PrivateKey } from '../ports/crypto.ts'
import { readOverlayCertificate } from '../reload/security/overlayCertificate.ts'
import type { EnrolmentPorts } from './enrolmentPorts.ts'
import type { Identity } from './identity.ts'
import { badNodesOf } from './nextDocument.ts'
import type { IdentityStore } from './stores.ts'

type Ports = Pick<EnrolmentPorts, 'clock' | 'random' | 'crypto' | 'keychain'>

/** Seals a fresh key under a name of its own. */
export async function sealKey({ random, keychain }: Ports, key: PrivateKey, role: 'identity' | 'authority'): Promise<string> {
  const keyName = `${role}-${toHex(random.bytes(8))}`
  await keychain.save(keyName, key.exportPkcs8())
  return keyName
}

/** Runs `work`; when it fails the secrets named are removed again, so that nothing is left half-saved. */
export async function orForget<T>({ keychain }: Pick<Ports, 'keychain'>, keyNames: readonly string[], work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    await Promise.allSettled(keyNames.map((name) => keychain.remove(name)))
    throw cause
  }
}

/** @throws PeerError 'already-enrolled' */
export function mustBeNew(store: IdentityStore): void {
  const record = store.load()
  if (record !== undefined) throw new PeerError('already-enrolled', `this profile is ${record.userName} already`)
}

/** What makes an identity useless for good, so that the profile may enrol again and keep everything else. */
export const lapsedCodes: readonly string[] = ['certificate-expired', 'certificate-invalid', 'key-unreadable']

/** Joining is for new profiles and for those whose identity has lapsed. @throws PeerError 'already-enrolled', 'clock-wrong' */
export async function mayEnrol(ports: Ports, store: IdentityStore): Promise<void> {
  try {
    await loadIdentity(ports, store)
  } catch (cause) {
    if (cause instanceof PeerError && lapsedCodes.includes(cause.code)) return
    throw cause
  }
  mustBeNew(store)
}

/** Node-IDs of the identity that this profile had in the overlay and that has lapsed: with them it may return. */
export function formerNodeIds({ crypto }: Pick<Ports, 'crypto'>, store: IdentityStore, overlayName: string): readonly Uint8Array[] {
  const record = store.load()
  if (record === undefined) return []
  try {
    const names = readOverlayCertificate(crypto.parseCertificate(record.certificate), overlayName)
    return typeof names === 'string' ? [] : names.nodeIds
  } catch (cause) {
    if (cause instanceof DecodeError) return []
    throw cause
  }
}

export function saveIdentity(store: IdentityStore, identity: Identity, keyName: string, enrolmentUrl: string): void {
  store.save({
    overlayName: identity.overlayName, userName: identity.userName, displayName: identity.displayName, keyName, enrolmentUrl,
    certificate: identity.certificate.der, chain: identity.chain.map(({ der }) => der), document: identity.document,
  })
}

/**
 * The identity as it was saved; whether it is valid today is `identityProblem`'s answer.
 * @throws PeerError 'key-unreadable' when the key is gone, cannot be opened or is another one; 'certificate-invalid'
 */
export async function readIdentity({ crypto, keychain }: Ports, store: IdentityStore): Promise<Identity | undefined> {
  const record = store.load()
  if (record === undefined) return undefined
  try {
    const certificate = crypto.parseCertificate(record.certificate)
    const names = readOverlayCertificate(certificate, record.overlayName)
    const nodeId = typeof names === 'string' ? undefined : names.nodeIds[0]
    if (nodeId === undefined) throw new DecodeError('names of the own certificate')
    const chain = record.chain.map((der) => crypto.parseCertificate(der))
    const secret = await keychain.load(record.keyName)
    if (secret === undefined) throw new PeerError('key-unreadable', 'the private key of this profile is gone')
    const privateKey = importKey(crypto, secret)
    if (!equalBytes(privateKey.publicKeyInfo, certificate.publicKeyInfo)) throw new PeerError('key-unreadable', 'the private key is not that of the certificate')
    const { overlayName, userName, displayName, document } = record
    return { overlayName, userName, displayName, nodeId, certificate, chain, privateKey, document }
  } catch (cause) {
    if (cause instanceof DecodeError) throw new PeerError('certificate-invalid', `the certificate of this profile is damaged: ${cause.message}`, { cause })
    throw cause
  }
}

/** @throws PeerError 'key-unreadable' */
export function importKey(crypto: EnrolmentPorts['crypto'], secret: Uint8Array): PrivateKey {
  try {
    return crypto.importPrivateKey(secret)
  } catch (cause) { throw new PeerError('key-unreadable', 'a private key of this profile is damaged', { cause }) }
}

/** Why the identity cannot be used now, or undefined. */
export function identityProblem({ clock }: Pick<Ports, 'clock'>, identity: Identity): PeerError | undefined {
  const now = clock.now()
  if (now > identity.certificate.notAfter) return new PeerError('certificate-expired', `the certificate of ${identity.userName} has expired: ask the organiser for a new invitation`)
  if (isExcluded(identity)) return new PeerError('certificate-invalid', `the organiser has excluded this device (${identity.userName}) from ${identity.overlayName}`)
  if (now < identity.certificate.notBefore) return new PeerError('clock-wrong', 'the certificate of this profile begins in the future of this machine’s clock')
  return undefined
}

/** Whether the document in force lists us as a bad-node (RFC 6940 §11.1). One that cannot be read says so elsewhere. */
function isExcluded({ document, overlayName, nodeId }: Identity): boolean {
  try {
    return badNodesOf(document, overlayName).some((id) => equalBytes(id, nodeId))
  } catch (cause) {
    if (cause instanceof DecodeError) return false
    throw cause
  }
}

/** As `readIdentity`, and usable now. @throws PeerError also 'certificate-expired' or 'clock-wrong' */
export async function loadIdentity(ports: Ports, store: IdentityStore): Promise<Identity | undefined> {
  const identity = await readIdentity(ports, store)
  const problem = identity === undefined ? undefined : identityProblem(ports, identity)
  if (problem !== undefined) throw problem
  return identity
}
