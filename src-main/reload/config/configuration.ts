/**
 * What an overlay's configuration document says (RFC 6940 §11.1), typed, with the defaults of the RFC, and how two
 * configurations of one overlay are ordered (§6.3.2.1). Satisfies `reload/security`'s TrustSettings.
 */
import type { SocketAddress } from '../../ports/secureStream.ts'
import { DEFAULT_INITIAL_TTL, NODE_ID_LENGTH } from '../wire/constants.ts'
import { diagnosticKinds } from '../wire/diagnostics.ts'
import { Kind, registeredKind, type KindDefinition } from '../wire/kinds.ts'

/** RFC 7904 §3.4. */
export interface DomainRestriction {
  /** false: only the overlay's own name; true: domains that match one of `patterns` */
  readonly enable: boolean
  /** POSIX extended regular expressions */
  readonly patterns: readonly string[]
}

/** RFC 8076 §5.3: names that a shared resource may have besides its owner's user name. */
export interface VariableResourceNames {
  /** true: values begin with their resource name */
  readonly enable: boolean
  /** POSIX extended regular expressions with $USER and $DOMAIN */
  readonly patterns: readonly string[]
}

export interface RequiredKind extends KindDefinition {
  /** values that exist, per Resource-ID */
  readonly maxCount: number
  /** bytes of one value */
  readonly maxSize: number
  /** for NODE-MULTIPLE */
  readonly maxNodeMultiple?: number
  /** of SIP-REGISTRATION; absent: any address of record */
  readonly domainRestriction?: DomainRestriction
  /** of Kinds with the policy USER-CHAIN-ACL */
  readonly variableResourceNames?: VariableResourceNames
}

/** RFC 7851 §7: who may read a Kind of diagnostic information. */
export interface DiagnosticRule {
  readonly kind: number
  readonly accessNodes: readonly Uint8Array[]
}

export interface OverlayConfiguration {
  readonly instanceName: string
  /** 0 to 65534 */
  readonly sequence: number
  /** Milliseconds since 1970; undefined: does not expire. */
  readonly expirationMs: number | undefined
  readonly topologyPlugin: string
  readonly nodeIdLength: number
  /** DER */
  readonly rootCerts: readonly Uint8Array[]
  readonly enrollmentServers: readonly string[]
  /** The digest that makes Node-IDs of keys; undefined: self-signed certificates are not permitted. */
  readonly selfSignedDigest: 'sha1' | 'sha256' | undefined
  readonly bootstrapNodes: readonly SocketAddress[]
  readonly turnDensity: number
  readonly clientsPermitted: boolean
  readonly noIce: boolean
  readonly chordUpdateIntervalS: number
  readonly chordPingIntervalS: number
  readonly chordReactive: boolean
  readonly sharedSecret: string | undefined
  readonly maxMessageSize: number
  readonly initialTtl: number
  readonly overlayReliabilityTimerMs: number
  readonly overlayLinkProtocols: readonly string[]
  readonly kindSigners: readonly Uint8Array[]
  readonly configurationSigners: readonly Uint8Array[]
  readonly badNodes: readonly Uint8Array[]
  /** Namespace names that a node must support to join. */
  readonly mandatoryExtensions: readonly string[]
  readonly requiredKinds: readonly RequiredKind[]
  /** RFC 7374 §8. */
  readonly redirBranchingFactor: number
  /** number-of-peers-to-probe of RFC 7363 §7. */
  readonly peersToProbe: number
  /** What is not named here nobody may read. */
  readonly diagnosticKinds: readonly DiagnosticRule[]
}

/** The overlay algorithms that there are (§14.4, RFC 7363 §9.2). */
export const topologyPlugins = ['CHORD-RELOAD', 'CHORD-SELF-TUNING'] as const
export type TopologyPluginName = (typeof topologyPlugins)[number]

const SELF_TUNING = 'urn:ietf:params:xml:ns:p2p:self-tuning'

/** What holds where a document says nothing (§11.1). */
export const configurationDefaults = {
  sequence: 0, expirationMs: undefined, topologyPlugin: 'CHORD-RELOAD', nodeIdLength: NODE_ID_LENGTH, rootCerts: [], enrollmentServers: [],
  selfSignedDigest: undefined, bootstrapNodes: [], turnDensity: 1, clientsPermitted: true, noIce: false, chordUpdateIntervalS: 600,
  chordPingIntervalS: 3600, chordReactive: true, sharedSecret: undefined, maxMessageSize: 5000, initialTtl: DEFAULT_INITIAL_TTL,
  overlayReliabilityTimerMs: 3000, overlayLinkProtocols: ['TLS'], kindSigners: [], configurationSigners: [], badNodes: [],
  mandatoryExtensions: [], requiredKinds: [], redirBranchingFactor: 10, peersToProbe: 4, diagnosticKinds: [],
} as const satisfies Omit<OverlayConfiguration, 'instanceName'>

function required(id: number, maxCount: number, maxSize: number, more: Partial<RequiredKind> = {}): RequiredKind {
  const definition = registeredKind(id)
  if (definition === undefined) throw new TypeError(`Kind ${id} is not registered`)
  return { ...definition, maxCount, maxSize, ...more }
}

/** The Kinds every overlay of ours has: devices of a user, and certificates of nodes and users. */
export function standardKinds(domainRestriction?: DomainRestriction): readonly RequiredKind[] {
  return [
    required(Kind.sipRegistration, 32, 1024, domainRestriction === undefined ? {} : { domainRestriction }),
    required(Kind.certificateByNode, 8, 4096),
    required(Kind.certificateByUser, 32, 4096),
    required(Kind.turnService, 1, 64, { maxNodeMultiple: 20 }),
    required(Kind.redir, 128, 1024),
  ]
}

/** A configuration for a new overlay: the RFC's defaults, but room for messages with several certificates, and for ConfigUpdates with the whole document. */
export function newConfiguration(
  choices: Pick<OverlayConfiguration, 'instanceName'> & Partial<OverlayConfiguration> & { readonly domainRestriction?: DomainRestriction },
): OverlayConfiguration {
  const { domainRestriction, ...rest } = choices
  return { ...configurationDefaults, maxMessageSize: 65_536, requiredKinds: standardKinds(domainRestriction), ...rest }
}

/** What a document says of its algorithm. Self-tuning "needs to be supported by all peers" (RFC 7363 §1, §7) and never recovers reactively (§5). */
export function topologyChoice(plugin: TopologyPluginName): Partial<OverlayConfiguration> {
  return plugin === 'CHORD-SELF-TUNING' ? { topologyPlugin: plugin, mandatoryExtensions: [SELF_TUNING], chordReactive: false } : { topologyPlugin: plugin }
}

const MODULUS = 65_535

/** Serial arithmetic modulo 65535 (§6.3.2.1): whether `a` is newer than `b`. */
export function isNewerSequence(a: number, b: number): boolean {
  const distance = (((a - b) % MODULUS) + MODULUS) % MODULUS
  return distance > 0 && distance < 32_768
}

/** After 65534 comes 0. */
export function nextSequence(sequence: number): number { return (sequence + 1) % MODULUS }

/** RFC 7851 §9.6: what a document with diagnostic rules names as a mandatory extension. */
export const DIAGNOSTICS_EXTENSION = 'urn:ietf:params:xml:ns:p2p:config-diagnostics'

/** What lets `nodes` read all diagnostic Kinds of every peer, and nobody else; none: nobody any more. */
export function withDiagnosticsFor(
  { mandatoryExtensions }: Pick<OverlayConfiguration, 'mandatoryExtensions'>, nodes: readonly Uint8Array[],
): Pick<OverlayConfiguration, 'mandatoryExtensions' | 'diagnosticKinds'> {
  const others = mandatoryExtensions.filter((name) => name !== DIAGNOSTICS_EXTENSION)
  if (nodes.length === 0) return { mandatoryExtensions: others, diagnosticKinds: [] }
  return { mandatoryExtensions: [...others, DIAGNOSTICS_EXTENSION], diagnosticKinds: diagnosticKinds.map((kind) => ({ kind, accessNodes: nodes })) }
}

/** Mandatory extensions this program supports, by namespace. */
const supportedExtensions: ReadonlySet<string> = new Set([
  SELF_TUNING,
  'urn:ietf:params:xml:ns:p2p:redir', 'urn:ietf:params:xml:ns:p2p:config-base:sip', 'urn:ietf:params:xml:ns:p2p:config-base:share', DIAGNOSTICS_EXTENSION,
])

/** Why a node of ours cannot be in such an overlay; undefined when it can. Node-ID length is Chord's 16. */
export function unsupported(configuration: OverlayConfiguration): string | undefined {
  const { topologyPlugin, nodeIdLength, mandatoryExtensions, overlayLinkProtocols } = configuration
  if (!topologyPlugins.some((name) => name === topologyPlugin)) return `topology plug-in ${topologyPlugin}`
  if (nodeIdLength !== NODE_ID_LENGTH) return `Node-IDs of ${nodeIdLength} bytes`
  const extension = mandatoryExtensions.find((name) => !supportedExtensions.has(name))
  if (extension !== undefined) return `extension ${extension}`
  return overlayLinkProtocols.includes('TLS') ? undefined : `overlay link protocols ${overlayLinkProtocols.join(', ')}`
}
