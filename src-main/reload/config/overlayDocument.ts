/**
 * The overlay document (RFC 6940 §11.1): configurations with their signatures, which cover exact bytes. Verifying
 * is asked of `reload/security`; whose signature counts is decided here: a configuration-signer of the previous
 * configuration, a kind-signer of the current one. A first document is trusted by the way it came.
 */
import { equalBytes, fromBase64, utf8Bytes, utf8Text } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import { decode } from '../../base/presentation.ts'
import { securityBlock, type SecurityBlock } from '../wire/signature.ts'
import { isNewerSequence, unsupported, type OverlayConfiguration } from './configuration.ts'
import { childrenOf, kindBlocks, namespaces, readConfiguration } from './readConfiguration.ts'
import { MAX_DOCUMENT_BYTES, parseXml, type XmlElement } from './xml.ts'

/** An element's bytes as they stand in the document, and the security blocks that follow it. */
export interface SignedElement {
  readonly bytes: Uint8Array
  /** undefined: one that is no security block, and so a bad signature */
  readonly signatures: readonly (SecurityBlock | undefined)[]
}

export interface ParsedConfiguration extends SignedElement {
  readonly configuration: OverlayConfiguration
  /** In the order of `configuration.requiredKinds`. */
  readonly kinds: readonly SignedElement[]
}

export interface OverlayDocument {
  /** The document's exact bytes: what is kept, and sent in a ConfigUpdate. */
  readonly bytes: Uint8Array
  readonly configurations: readonly ParsedConfiguration[]
}

/** @throws DecodeError with a text for people */
export function parseOverlayDocument(bytes: Uint8Array): OverlayDocument {
  if (bytes.length > MAX_DOCUMENT_BYTES) throw new DecodeError(`the document is longer than ${MAX_DOCUMENT_BYTES} bytes`)
  const text = utf8Text(bytes)
  const root = parseXml(text)
  if (root.name !== 'overlay' || root.namespace !== namespaces.base) throw new DecodeError('the root element is not overlay of config-base')
  const configurations: { element: XmlElement, signatures: (SecurityBlock | undefined)[] }[] = []
  for (const child of root.children) {
    if (child.namespace !== namespaces.base) continue
    if (child.name === 'configuration') configurations.push({ element: child, signatures: [] })
    if (child.name !== 'signature') continue
    const last = configurations.at(-1)
    if (last === undefined) throw new DecodeError('a signature stands before any configuration')
    last.signatures.push(readBlock(child))
  }
  if (configurations.length === 0) throw new DecodeError('the document has no configuration')
  const exact = (element: XmlElement): Uint8Array => utf8Bytes(text.slice(element.start, element.end))
  return {
    bytes,
    configurations: configurations.map(({ element, signatures }) => ({
      configuration: readConfiguration(element), bytes: exact(element), signatures,
      kinds: kindBlocks(element).map((block) => ({
        bytes: exact(childrenOf(block, 'kind')[0] as XmlElement), signatures: childrenOf(block, 'kind-signature').map(readBlock),
      })),
    })),
  }
}

function readBlock(element: XmlElement): SecurityBlock | undefined {
  try {
    return decode(securityBlock, fromBase64(element.text), 'the security block')
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** The configuration of one overlay. @throws DecodeError when there is none, or its name appears twice */
export function configurationOf(document: OverlayDocument, instanceName: string): ParsedConfiguration {
  const found = document.configurations.filter(({ configuration }) => configuration.instanceName.toLowerCase() === instanceName.toLowerCase())
  if (found.length !== 1) throw new DecodeError(`the document has ${found.length} configurations of ${instanceName}`)
  return found[0] as ParsedConfiguration
}

/** The slice of `reload/security`'s SignatureVerifier needed here; a problem is returned as its name. */
export interface BlockVerifier {
  verifyBlock(signedPart: Uint8Array, block: SecurityBlock): { readonly nodeId: Uint8Array } | string
}

export type SignatureState = 'valid' | 'unsigned' | 'wrong-signer' | 'bad-signature'

/**
 * Whether one of `signers` signed the element. The verifier is to trust what the *previous* configuration trusts
 * (§11.1), or for a first document its own roots.
 */
export function signatureState(element: SignedElement, signers: readonly Uint8Array[], verifier: BlockVerifier): SignatureState {
  let state: SignatureState = 'unsigned'
  for (const block of element.signatures.slice(0, 8)) {
    const signer = block === undefined ? 'malformed' : verifier.verifyBlock(element.bytes, block)
    if (typeof signer === 'string') {
      if (state === 'unsigned') state = 'bad-signature'
    } else if (signers.some((id) => equalBytes(id, signer.nodeId))) {
      return 'valid'
    } else {
      state = 'wrong-signer'
    }
  }
  return state
}

export type DocumentProblem =
  | { readonly problem: 'configuration-signature' | 'kind-signature', readonly state: SignatureState }
  | { readonly problem: 'unsupported', readonly what: string }
  | { readonly problem: 'expired' }
  | { readonly problem: 'other-overlay' }
  | { readonly problem: 'not-newer' }

/** Checks a first document against its own signers (it is trusted by the way it came). */
export function checkConfiguration(parsed: ParsedConfiguration, verifier: BlockVerifier, nowMs: number): DocumentProblem | undefined {
  return check(parsed, parsed.configuration.configurationSigners, verifier, nowMs)
}

/**
 * Checks a document that the overlay's own configuration server gave: it need not be signed by whom `current` names,
 * whose keys may have changed meanwhile (§6.5.4), but by whom it names itself.
 */
export function checkVouched(current: OverlayConfiguration, parsed: ParsedConfiguration, verifier: BlockVerifier, nowMs: number): DocumentProblem | undefined {
  return misplaced(current, parsed) ?? checkConfiguration(parsed, verifier, nowMs)
}

/** Checks a document that is to take the place of `current` (§6.5.4.2, §11.1). */
export function checkSuccessor(current: OverlayConfiguration, parsed: ParsedConfiguration, verifier: BlockVerifier, nowMs: number): DocumentProblem | undefined {
  return misplaced(current, parsed) ?? check(parsed, current.configurationSigners, verifier, nowMs)
}

function misplaced(current: OverlayConfiguration, { configuration: next }: ParsedConfiguration): DocumentProblem | undefined {
  if (next.instanceName.toLowerCase() !== current.instanceName.toLowerCase()) return { problem: 'other-overlay' }
  return isNewerSequence(next.sequence, current.sequence) ? undefined : { problem: 'not-newer' }
}

function check(parsed: ParsedConfiguration, signers: readonly Uint8Array[], verifier: BlockVerifier, nowMs: number): DocumentProblem | undefined {
  const { configuration } = parsed
  const state = signatureState(parsed, signers, verifier)
  if (state !== 'valid') return { problem: 'configuration-signature', state }
  for (const kind of parsed.kinds) {
    const kindState = signatureState(kind, configuration.kindSigners, verifier)
    if (kindState !== 'valid') return { problem: 'kind-signature', state: kindState }
  }
  if (configuration.expirationMs !== undefined && configuration.expirationMs <= nowMs) return { problem: 'expired' }
  const what = unsupported(configuration)
  return what === undefined ? undefined : { problem: 'unsupported', what }
}
