/**
 * What a user brings to join with: an invitation link, the text of an overlay document, an address, the overlay's
 * name, or an overlay seen on the network. Reads it without contacting anybody.
 */
import type { InvitationView, OverlayHint } from '@shared/model/index.ts'
import { equalBytes, toHex, utf8Bytes } from '../base/bytes.ts'
import { PeerError } from '../base/errors.ts'
import { isInstanceName } from '../reload/config/readConfiguration.ts'
import { checkDocument, type CheckedDocument } from './document.ts'
import { documentPath, type EnrolmentPorts } from './enrolmentPorts.ts'
import { linkScheme, parseCode, parseLink, pinBytes } from './invitationCode.ts'

type Ports = Pick<EnrolmentPorts, 'clock' | 'crypto'>

export interface JoinSource {
  readonly overlayName: string | undefined
  /** where the document is; undefined when it is at hand, or nobody said */
  readonly url: string | undefined
  readonly document: CheckedDocument | undefined
  /** first bytes of SHA-256 of the key the overlay hangs on; what is fetched must agree */
  readonly pin: Uint8Array | undefined
  readonly code: string | undefined
  readonly user: string | undefined
}

function fromText(ports: Ports, text: string): JoinSource {
  const trimmed = text.trim()
  if (trimmed.startsWith(linkScheme)) return { ...parseLink(trimmed), document: undefined }
  const nothing = { overlayName: undefined, url: undefined, document: undefined, pin: undefined, code: undefined, user: undefined }
  if (trimmed.startsWith('<') || trimmed.startsWith('\ufeff<')) {
    // Not trimmed: signatures cover exact bytes, and what stands around the elements does no harm.
    const document = checkDocument(ports, utf8Bytes(text))
    return { ...nothing, document, overlayName: document.configuration.instanceName, pin: document.anchor.slice(0, pinBytes) }
  }
  const url = /^https:\/\/([^\s/?#]+)(\/[^\s?#]*)?$/i.exec(trimmed)
  if (url !== null) return { ...nothing, url: url[2] === undefined || url[2] === '/' ? `https://${url[1] ?? ''}${documentPath}` : trimmed }
  // The overlay's name alone (RFC 6940 §11.2): DNS leads to its document.
  if (trimmed.includes('.') && isInstanceName(trimmed)) return { ...nothing, overlayName: trimmed.toLowerCase() }
  throw new PeerError('invitation-invalid', 'this is neither an invitation link nor an overlay file')
}

function fromHint(hint: OverlayHint): JoinSource {
  return {
    overlayName: hint.name, url: hint.configurationUrl === '' ? undefined : hint.configurationUrl, document: undefined,
    pin: hintPin(hint.rootFingerprint), code: undefined, user: undefined,
  }
}

const hintPin = (fingerprint: string): Uint8Array => Uint8Array.from({ length: pinBytes }, (_, i) => Number.parseInt(fingerprint.slice(2 * i, 2 * i + 2), 16))

/**
 * @param code typed by the user; its pin must agree with what the source says
 * @throws PeerError 'invitation-invalid', or what `checkDocument` throws for a file
 */
export function readSource(ports: Ports, given: string | OverlayHint, code: string | undefined): JoinSource {
  const source = typeof given === 'string' ? fromText(ports, given) : fromHint(given)
  const used = code !== undefined && code.trim() !== '' ? code : source.code
  if (used === undefined) return source
  const { pin } = parseCode(used)
  if (source.pin !== undefined && !equalBytes(pin, source.pin)) throw new PeerError('invitation-invalid', 'the invitation code belongs to another overlay')
  return { ...source, code: used, pin }
}

/** What a link or file says, for people. @throws as `readSource` */
export function inspectInvitation(ports: Ports, text: string): InvitationView {
  const source = readSource(ports, text, undefined)
  // A link without a code is one of an open overlay; an address says nothing yet.
  const open = source.document?.open ?? (source.code === undefined && source.pin !== undefined)
  return {
    overlayName: source.overlayName ?? '', open, rootFingerprint: source.document?.rootFingerprint ?? (source.pin === undefined ? '' : toHex(source.pin)),
    ...(source.user === undefined ? {} : { userName: source.user }), needsCode: !open && source.code === undefined,
  }
}
