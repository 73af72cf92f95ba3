/**
 * An overlay document at the moment somebody wants to join by it, or starts from it (RFC 6940 §11.1): read, and
 * checked against its own signers. Puts what is wrong with it into the words of error codes.
 */
import { DecodeError, PeerError } from '../base/errors.ts'
import { toHex } from '../base/bytes.ts'
import type { Clock } from '../ports/clock.ts'
import type { Certificate, Crypto } from '../ports/crypto.ts'
import type { OverlayConfiguration } from '../reload/config/configuration.ts'
import { checkConfiguration, configurationOf, parseOverlayDocument, type ParsedConfiguration } from '../reload/config/overlayDocument.ts'
import { CertificateVerifier } from '../reload/security/certificateVerifier.ts'
import { SignatureVerifier } from '../reload/security/signatureVerifier.ts'

export interface CheckedDocument {
  readonly bytes: Uint8Array
  readonly configuration: OverlayConfiguration
  /** Anyone may join with a certificate of his own making. */
  readonly open: boolean
  /** The key everything hangs on: the root's, in an open overlay that of who signed the document. SHA-256 of its SubjectPublicKeyInfo. */
  readonly anchor: Uint8Array
  /** `anchor` in lower-case hexadecimal. */
  readonly rootFingerprint: string
}

type Ports = { readonly clock: Pick<Clock, 'now'>; readonly crypto: Crypto }

const damaged = (why: string, cause?: unknown): PeerError => new PeerError('overlay-file-damaged', `the overlay document is damaged: ${why}`, { cause })

function parse(bytes: Uint8Array, overlayName: string | undefined): ParsedConfiguration {
  try {
    const document = parseOverlayDocument(bytes)
    const only = document.configurations[0]
    if (overlayName !== undefined) return configurationOf(document, overlayName)
    if (only === undefined || document.configurations.length !== 1) throw new DecodeError('it describes several overlays')
    return only
  } catch (cause) {
    if (cause instanceof DecodeError) throw damaged(cause.message, cause)
    throw cause
  }
}

/** Why the signer of the document does not count, when it is about time: then the document is in order. */
function timeProblem(parsed: ParsedConfiguration, verifier: SignatureVerifier): PeerError | undefined {
  for (const block of parsed.signatures) {
    const signer = block && verifier.verifyBlock(parsed.bytes, block)
    if (signer === 'not-yet-valid') return new PeerError('clock-wrong', 'the overlay begins in the future of this machine’s clock')
    if (signer === 'expired') return new PeerError('certificate-expired', 'the certificate that signs the overlay document has expired')
  }
  return undefined
}

function anchorOf({ clock, crypto }: Ports, parsed: ParsedConfiguration, verifier: SignatureVerifier): Uint8Array {
  const { configuration } = parsed
  const root = configuration.rootCerts[0]
  let certificate: Certificate | undefined
  if (root !== undefined) {
    certificate = crypto.parseCertificate(root)
    if (!certificate.isAuthority || !certificate.isSignedBy(certificate)) throw damaged('its root is no authority')
    if (certificate.notAfter < clock.now()) throw new PeerError('certificate-expired', 'the overlay’s root has expired')
  } else {
    for (const block of parsed.signatures) {
      const signer = block && verifier.verifyBlock(parsed.bytes, block)
      if (signer !== undefined && typeof signer !== 'string' && configuration.configurationSigners.some((id) => toHex(id) === toHex(signer.nodeId))) certificate = signer.certificate.certificate
    }
  }
  if (certificate === undefined) throw damaged('it has neither a root nor a signer')
  return crypto.sha256(certificate.publicKeyInfo)
}

/**
 * @param overlayName the overlay that is wanted; undefined when the document alone says it
 * @throws PeerError 'overlay-file-damaged', 'overlay-incompatible', 'certificate-expired' or 'clock-wrong'
 */
export function checkDocument(ports: Ports, bytes: Uint8Array, overlayName?: string): CheckedDocument {
  const parsed = parse(bytes, overlayName)
  const { configuration } = parsed
  const verifier = new SignatureVerifier(ports.crypto, new CertificateVerifier(ports.crypto, ports.clock, configuration))
  const wrong = checkConfiguration(parsed, verifier, ports.clock.now())
  switch (wrong?.problem) {
    case undefined: break
    case 'unsupported': throw new PeerError('overlay-incompatible', `this version cannot take part in the overlay: ${wrong.what}`)
    case 'expired': throw new PeerError('certificate-expired', 'the overlay document has expired')
    case 'configuration-signature': case 'kind-signature':
      throw timeProblem(parsed, verifier) ?? damaged(`its signature is not right (${wrong.state})`)
    default: throw damaged(wrong?.problem ?? '')
  }
  const open = configuration.selfSignedDigest !== undefined
  if (!open && configuration.rootCerts.length === 0) throw damaged('it has no root')
  let anchor: Uint8Array
  try {
    anchor = anchorOf(ports, parsed, verifier)
  } catch (cause) {
    if (cause instanceof DecodeError) throw damaged(cause.message, cause)
    throw cause
  }
  return { bytes, configuration, open, anchor, rootFingerprint: toHex(anchor) }
}
