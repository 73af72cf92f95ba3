/**
 * Which device of a user asks for a certificate: one that returns is to have the Node-IDs it had (RFC 6940 §11.3), but
 * no two devices may ever have the same, since a Node-ID is one place in the overlay.
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import type { Crypto } from '../ports/crypto.ts'
import { nodeIdOfUri } from '../reload/security/overlayCertificate.ts'
import type { CertificationRequest } from './pkcs10.ts'
import type { EnrolledDevice } from './stores.ts'

/** The device whose latest certificate is for this key. @param publicKeyInfo DER SubjectPublicKeyInfo */
export function deviceOfKey(crypto: Pick<Crypto, 'parseCertificate'>, devices: readonly EnrolledDevice[], publicKeyInfo: Uint8Array): EnrolledDevice | undefined {
  return devices.find(({ certificate }) => equalBytes(crypto.parseCertificate(certificate).publicKeyInfo, publicKeyInfo))
}

/**
 * The device that returns, or undefined for a new one. In this order: the device of the same key; the one that the
 * request names by its Node-ID; with an invitation for another device none of them; the user's only one. Of several
 * nobody can say which is meant, so a new one it is.
 * @param devices of the user, without excluded ones
 */
export function returningDevice(
  crypto: Pick<Crypto, 'parseCertificate'>, overlayName: string, devices: readonly EnrolledDevice[], csr: Pick<CertificationRequest, 'publicKeyInfo' | 'uris'>, anotherDevice: boolean,
): EnrolledDevice | undefined {
  const named = csr.uris.flatMap((uri) => {
    const nodeId = nodeIdOfUri(uri, overlayName)
    return typeof nodeId === 'string' ? [] : [toHex(nodeId)]
  })
  const known = deviceOfKey(crypto, devices, csr.publicKeyInfo) ?? devices.find(({ nodeIds }) => named.some((id) => nodeIds.includes(id)))
  if (known !== undefined || anotherDevice) return known
  return devices.length === 1 ? devices[0] : undefined
}
