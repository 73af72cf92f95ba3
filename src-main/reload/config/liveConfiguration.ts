/**
 * The configuration a running node goes by (RFC 6940 §6.5.4, §11.1): the document in force, the Kinds it defines
 * and those that ConfigUpdates of type kind have added. Everybody who asks here sees a new one from its arrival.
 * What must happen when it changes is `reload/overlay/configUpdate`'s business.
 */
import { equalBytes, utf8Bytes, utf8Text, toBase64 } from '../../base/bytes.ts'
import { encode } from '../../base/presentation.ts'
import { securityBlock } from '../wire/signature.ts'
import { isNewerSequence, type OverlayConfiguration, type RequiredKind } from './configuration.ts'
import { configurationOf, parseOverlayDocument, type BlockVerifier, type ParsedConfiguration, type SignedElement } from './overlayDocument.ts'
import { namespaces } from './readConfiguration.ts'

/** A Kind with what depends on the rest of the configuration. */
export type LiveKind = RequiredKind & { readonly branchingFactor: number }

interface ExtraKind { readonly kind: RequiredKind; readonly element: SignedElement; readonly signer: Uint8Array }

/** More Kinds than this are not taken from ConfigUpdates of type kind. */
const MAX_EXTRA_KINDS = 256

export class LiveConfiguration {
  private configuration: OverlayConfiguration
  private parsed: ParsedConfiguration | undefined
  private bytes: Uint8Array | undefined
  private readonly extra = new Map<number, ExtraKind>()
  private kinds: ReadonlyMap<number, LiveKind> = new Map()

  /**
   * @param document the exact bytes that `configuration` was read from; without them others cannot be given it
   * @throws DecodeError when they cannot be read
   */
  constructor(configuration: OverlayConfiguration, document?: Uint8Array) {
    this.configuration = configuration
    this.bytes = document
    this.parsed = document === undefined ? undefined : configurationOf(parseOverlayDocument(document), configuration.instanceName)
    this.index()
  }

  get current(): OverlayConfiguration { return this.configuration }
  get sequence(): number { return this.configuration.sequence }
  get document(): Uint8Array | undefined { return this.bytes }

  /** undefined for a Kind that is not known. */
  kind(id: number): LiveKind | undefined { return this.kinds.get(id) }
  kindIds(): readonly number[] { return [...this.kinds.keys()] }

  isNewer(sequence: number): boolean { return isNewerSequence(sequence, this.sequence) }

  /**
   * Puts a checked document into force. Kinds that were added one by one stay while their signer is a kind-signer
   * (§11.1), unless the document defines them itself.
   * @returns the Kinds that are gone
   */
  replace(bytes: Uint8Array, parsed: ParsedConfiguration): ReadonlySet<number> {
    const before = this.kindIds()
    this.configuration = parsed.configuration
    this.parsed = parsed
    this.bytes = bytes
    for (const [id, { signer }] of [...this.extra]) {
      const still = parsed.configuration.kindSigners.some((other) => equalBytes(other, signer))
      if (!still || parsed.configuration.requiredKinds.some((kind) => kind.id === id)) this.extra.delete(id)
    }
    this.index()
    return new Set(before.filter((id) => !this.kinds.has(id)))
  }

  /**
   * Takes a Kind over that a kind-signer has signed (§6.5.4.2).
   * @returns false when it contradicts what the document or another signer says, or there are too many
   */
  add(kind: RequiredKind, element: SignedElement, signer: Uint8Array): boolean {
    const index = this.configuration.requiredKinds.findIndex((known) => known.id === kind.id)
    if (index >= 0) {
      const known = this.parsed?.kinds[index]
      return known === undefined || equalBytes(known.bytes, element.bytes)
    }
    const known = this.extra.get(kind.id)
    if (known === undefined ? this.extra.size >= MAX_EXTRA_KINDS : !equalBytes(known.signer, signer)) return false
    this.extra.set(kind.id, { kind, element, signer })
    this.index()
    return true
  }

  /** The kind-block of a Kind, to be told to others; undefined when it did not come with a signature. */
  kindBlock(id: number): Uint8Array | undefined {
    const index = this.configuration.requiredKinds.findIndex((kind) => kind.id === id)
    const element = index >= 0 ? this.parsed?.kinds[index] : this.extra.get(id)?.element
    if (element === undefined) return undefined
    const signatures = element.signatures.flatMap((block) => block === undefined ? [] : [`<kind-signature>${toBase64(encode(securityBlock, block))}</kind-signature>`])
    return utf8Bytes(`<kind-block>${utf8Text(element.bytes)}${signatures.join('')}</kind-block>`)
  }

  private index(): void {
    const branchingFactor = this.configuration.redirBranchingFactor
    const all = [...[...this.extra.values()].map(({ kind }) => kind), ...this.configuration.requiredKinds]
    this.kinds = new Map(all.map((kind) => [kind.id, { ...kind, branchingFactor }]))
  }
}

/**
 * Reads kind-blocks as ConfigUpdates carry them: UTF-8, with config-base as the default namespace (§6.5.4.1).
 * @throws DecodeError
 */
export function readKindBlocks(blocks: readonly Uint8Array[]): readonly { readonly kind: RequiredKind; readonly element: SignedElement }[] {
  const text = blocks.map((block) => utf8Text(block).replace(/^\ufeff?\s*<\?xml[^>]*\?>/, '')).join('\n')
  const { base, chord, sip, redir, share } = namespaces
  const document = `<overlay xmlns="${base}" xmlns:chord="${chord}" xmlns:sip="${sip}" xmlns:redir="${redir}" xmlns:share="${share}"><configuration instance-name="kinds"><required-kinds>${text}</required-kinds></configuration></overlay>`
  const { configuration, kinds } = configurationOf(parseOverlayDocument(utf8Bytes(document)), 'kinds')
  return configuration.requiredKinds.flatMap((kind, i) => {
    const element = kinds[i]
    return element === undefined ? [] : [{ kind, element }]
  })
}

/** The kind-signer of `signers` who signed the element; undefined when none did. */
export function kindSignerOf(element: SignedElement, signers: readonly Uint8Array[], verifier: BlockVerifier): Uint8Array | undefined {
  for (const block of element.signatures.slice(0, 8)) {
    const signer = block === undefined ? 'malformed' : verifier.verifyBlock(element.bytes, block)
    if (typeof signer !== 'string' && signers.some((id) => equalBytes(id, signer.nodeId))) return signer.nodeId
  }
  return undefined
}
