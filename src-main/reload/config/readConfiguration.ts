/** From an XML `configuration` element to OverlayConfiguration (RFC 6940 §11.1, RFC 7904 §3.4, RFC 7374 §8, RFC 7363 §7). */
import { fromBase64, fromHex } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import { isIpAddress } from '../../base/ipAddress.ts'
import { parseRfc3339 } from '../../base/rfc3339.ts'
import { NODE_ID_LENGTH, RELOAD_PORT } from '../wire/constants.ts'
import { isPrivateKind, registeredKind, registeredKindByName, type AccessPolicy, type DataModel } from '../wire/kinds.ts'
import { configurationDefaults, DIAGNOSTICS_EXTENSION, type DiagnosticRule, type DomainRestriction, type OverlayConfiguration, type RequiredKind, type VariableResourceNames } from './configuration.ts'
import { compilePattern } from './domainRestriction.ts'
import type { XmlElement } from './xml.ts'

export const namespaces = {
  base: 'urn:ietf:params:xml:ns:p2p:config-base',
  chord: 'urn:ietf:params:xml:ns:p2p:config-chord',
  sip: 'urn:ietf:params:xml:ns:p2p:config-base:sip',
  redir: 'urn:ietf:params:xml:ns:p2p:redir',
  diagnostics: DIAGNOSTICS_EXTENSION,
  'self-tuning': 'urn:ietf:params:xml:ns:p2p:self-tuning',
  share: 'urn:ietf:params:xml:ns:p2p:config-base:share',
} as const

type Namespace = keyof typeof namespaces

/** Elements of one parameter. Unknown ones are never asked for, and so ignored (§11.1.1). */
export function childrenOf(parent: XmlElement, name: string, namespace: Namespace = 'base'): readonly XmlElement[] {
  const found = parent.children.filter((child) => child.name === name && child.namespace === namespaces[namespace])
  if (found.length > 1024) throw new DecodeError(`too many ${name} elements`)
  return found
}

function only(parent: XmlElement, name: string, namespace: Namespace = 'base'): XmlElement | undefined {
  const [first, second] = childrenOf(parent, name, namespace)
  if (second !== undefined) throw new DecodeError(`more than one ${name}`)
  return first
}

function integer(what: string, text: string, min: number, max: number): number {
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) throw new DecodeError(`${what} is ${JSON.stringify(text.slice(0, 40))}, not a number from ${min} to ${max}`)
  return value
}

function truth(what: string, text: string): boolean {
  if (text === 'true' || text === '1') return true
  if (text === 'false' || text === '0') return false
  throw new DecodeError(`${what} is ${JSON.stringify(text.slice(0, 40))}, not true or false`)
}

class Parameters {
  constructor(private readonly element: XmlElement) {}

  text(name: string): string | undefined { return only(this.element, name)?.text }
  texts(name: string): readonly string[] { return childrenOf(this.element, name).map((child) => child.text) }

  integer(name: string, fallback: number, min: number, max: number, namespace: Namespace = 'base'): number {
    const text = only(this.element, name, namespace)?.text
    return text === undefined ? fallback : integer(name, text, min, max)
  }

  boolean(name: string, fallback: boolean, namespace: Namespace = 'base'): boolean {
    const text = only(this.element, name, namespace)?.text
    return text === undefined ? fallback : truth(name, text)
  }

  bytes(name: string, parse: (text: string) => Uint8Array): readonly Uint8Array[] {
    return this.texts(name).map((text) => {
      try {
        return parse(text)
      } catch (error) {
        if (error instanceof DecodeError) throw new DecodeError(`${name} is ${error.what}`)
        throw error
      }
    })
  }
}

/** @throws DecodeError with a text for people */
export function readConfiguration(element: XmlElement): OverlayConfiguration {
  const d = configurationDefaults
  const p = new Parameters(element)
  const instanceName = element.attributes['instance-name']
  if (instanceName === undefined || !isInstanceName(instanceName)) throw new DecodeError('instance-name is missing or is not a DNS name')
  const { sequence, expiration } = element.attributes
  const linkProtocols = p.texts('overlay-link-protocol')
  const maxInt = 0x7fffffff
  return {
    instanceName,
    sequence: sequence === undefined ? d.sequence : integer('sequence', sequence.trim(), 0, 65_534),
    expirationMs: expiration === undefined ? undefined : parseRfc3339(expiration.trim()),
    topologyPlugin: p.text('topology-plugin') ?? d.topologyPlugin,
    nodeIdLength: p.integer('node-id-length', d.nodeIdLength, 16, 20),
    rootCerts: p.bytes('root-cert', fromBase64),
    enrollmentServers: p.texts('enrollment-server').map(httpsUrl),
    selfSignedDigest: selfSignedDigest(element),
    bootstrapNodes: childrenOf(element, 'bootstrap-node').map((node) => {
      const host = node.attributes['address'] ?? ''
      if (!isIpAddress(host)) throw new DecodeError(`bootstrap-node ${JSON.stringify(host.slice(0, 60))} is not an IP address`)
      return { host, port: integer('port of bootstrap-node', node.attributes['port']?.trim() ?? String(RELOAD_PORT), 1, 65_535) }
    }),
    turnDensity: p.integer('turn-density', d.turnDensity, 0, 255),
    clientsPermitted: p.boolean('clients-permitted', d.clientsPermitted),
    noIce: p.boolean('no-ice', d.noIce),
    chordUpdateIntervalS: p.integer('chord-update-interval', d.chordUpdateIntervalS, 1, maxInt, 'chord'),
    chordPingIntervalS: p.integer('chord-ping-interval', d.chordPingIntervalS, 1, maxInt, 'chord'),
    chordReactive: p.boolean('chord-reactive', d.chordReactive, 'chord'),
    sharedSecret: p.text('shared-secret'),
    maxMessageSize: p.integer('max-message-size', d.maxMessageSize, 1024, 0xffffff),
    initialTtl: p.integer('initial-ttl', d.initialTtl, 1, 255),
    overlayReliabilityTimerMs: p.integer('overlay-reliability-timer', d.overlayReliabilityTimerMs, 200, maxInt),
    overlayLinkProtocols: linkProtocols.length === 0 ? d.overlayLinkProtocols : linkProtocols,
    kindSigners: p.bytes('kind-signer', fromHex),
    configurationSigners: p.bytes('configuration-signer', fromHex),
    badNodes: p.bytes('bad-node', fromHex),
    mandatoryExtensions: p.texts('mandatory-extension'),
    requiredKinds: requiredKinds(element),
    redirBranchingFactor: branchingFactor(element),
    peersToProbe: p.integer('number-of-peers-to-probe', d.peersToProbe, 0, maxInt, 'self-tuning'),
    diagnosticKinds: childrenOf(element, 'diagnostic-kind', 'diagnostics').map(diagnosticRule),
  }
}

/** RFC 7851 §7: both the Kind and the Node-IDs are hexadecimal numbers. */
function diagnosticRule(element: XmlElement): DiagnosticRule {
  const kind = element.attributes['kind']?.trim() ?? ''
  if (!/^(?:0x)?[0-9a-f]{1,4}$/i.test(kind)) throw new DecodeError(`the kind of diagnostic-kind is ${JSON.stringify(kind.slice(0, 20))}, not a hexadecimal number of 16 bits`)
  const accessNodes = childrenOf(element, 'access-node', 'diagnostics').map(({ text }) => {
    const id = fromHex(text.replace(/^0x/i, ''))
    if (id.length !== NODE_ID_LENGTH) throw new DecodeError('access-node is not a Node-ID')
    return id
  })
  return { kind: Number.parseInt(kind, 16), accessNodes }
}

/** Labels of letters, digits and hyphens (RFC 1035 §2.3.1, RFC 1123 §2.1). */
export function isInstanceName(name: string): boolean {
  return name.length <= 253 && name.split('.').every((label) => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label))
}

function httpsUrl(text: string): string {
  if (!/^https:\/\/[^\s/]+(\/\S*)?$/i.test(text) || text.length > 2048) throw new DecodeError('enrollment-server is not an https URL')
  return text
}

function selfSignedDigest(element: XmlElement): 'sha1' | 'sha256' | undefined {
  const permitted = only(element, 'self-signed-permitted')
  if (permitted === undefined || !truth('self-signed-permitted', permitted.text)) return undefined
  const digest = permitted.attributes['digest']
  if (digest === 'sha1' || digest === 'sha256') return digest
  throw new DecodeError('self-signed-permitted has no digest of sha1 or sha256')
}

/** The kind-block elements of required-kinds, in order. */
export function kindBlocks(element: XmlElement): readonly XmlElement[] {
  const container = only(element, 'required-kinds')
  return container === undefined ? [] : childrenOf(container, 'kind-block')
}

function requiredKinds(element: XmlElement): readonly RequiredKind[] {
  const kinds = kindBlocks(element).map((block) => {
    const kind = only(block, 'kind')
    if (kind === undefined) throw new DecodeError('a kind-block without kind')
    return readKind(kind)
  })
  if (new Set(kinds.map((kind) => kind.id)).size !== kinds.length) throw new DecodeError('a Kind is defined twice')
  return kinds
}

/** A `kind` element, in a configuration or in a ConfigUpdate of type kind. @throws DecodeError */
export function readKind(element: XmlElement): RequiredKind {
  const p = new Parameters(element)
  const { name, id } = element.attributes
  const needed = (what: string): string => p.text(what) ?? missing(`kind ${name ?? id ?? ''} has no ${what}`)
  const max = 0x7fffffff
  const limits = { maxCount: integer('max-count', needed('max-count'), 0, max), maxSize: integer('max-size', needed('max-size'), 0, max) }
  const multiple = p.text('max-node-multiple')
  const restriction = domainRestriction(element)
  const names = variableResourceNames(element)
  const more = {
    ...(multiple === undefined ? {} : { maxNodeMultiple: integer('max-node-multiple', multiple, 1, max) }),
    ...(restriction === undefined ? {} : { domainRestriction: restriction }),
    ...(names === undefined ? {} : { variableResourceNames: names }),
  }
  const kindId = id === undefined ? undefined : integer('Kind-ID', id.trim(), 1, 0xffffffff)
  const registered = name === undefined ? (kindId === undefined ? undefined : registeredKind(kindId)) : registeredKindByName(name.trim())
  if (registered !== undefined) {
    // §11.1: what is registered with IANA stands, whatever the document says.
    if (registered.accessControl === 'NODE-MULTIPLE' && multiple === undefined) missing(`kind ${registered.name} has no max-node-multiple`)
    return { ...registered, ...limits, ...more }
  }
  if (kindId === undefined) throw new DecodeError(`kind ${JSON.stringify(name?.slice(0, 60) ?? '')} is not registered and has no id`)
  if (!isPrivateKind(kindId)) throw new DecodeError(`Kind-ID ${kindId} is not one of the private ones`)
  const dataModel = dataModels.get(needed('data-model'))
  if (dataModel === undefined) throw new DecodeError(`data-model ${JSON.stringify(p.text('data-model')?.slice(0, 40))} is not known`)
  const accessControl = accessPolicies.find((policy) => policy === needed('access-control'))
  if (accessControl === undefined) throw new DecodeError(`access-control ${JSON.stringify(p.text('access-control')?.slice(0, 40))} is not known`)
  if (accessControl === 'NODE-MULTIPLE' && multiple === undefined) missing(`Kind ${kindId} has no max-node-multiple`)
  return { id: kindId, name: name ?? '', dataModel, accessControl, ...limits, ...more }
}

const dataModels: ReadonlyMap<string, DataModel> = new Map([['SINGLE', 'single'], ['ARRAY', 'array'], ['DICTIONARY', 'dictionary']])
const accessPolicies: readonly AccessPolicy[] = ['USER-MATCH', 'NODE-MATCH', 'USER-NODE-MATCH', 'NODE-MULTIPLE', 'NODE-ID-MATCH', 'USER-CHAIN-ACL']

function missing(what: string): never { throw new DecodeError(what) }

/** Both spellings are read: the text of RFC 7904 says domain-restrictions, its grammar domain-restriction. */
function domainRestriction(kind: XmlElement): DomainRestriction | undefined {
  const element = only(kind, 'domain-restriction', 'sip') ?? only(kind, 'domain-restrictions', 'sip')
  if (element === undefined) return undefined
  const { enable } = element.attributes
  const patterns = childrenOf(element, 'pattern', 'sip').map((pattern) => pattern.text)
  for (const pattern of patterns) compilePattern(pattern)
  return { enable: enable === undefined ? false : truth('enable of domain-restriction', enable.trim()), patterns }
}

/** RFC 8076 §5.3. A pattern that does not meet its rules is no error: it matches no name. */
function variableResourceNames(kind: XmlElement): VariableResourceNames | undefined {
  const element = only(kind, 'variable-resource-names', 'share')
  if (element === undefined) return undefined
  const { enable } = element.attributes
  return { enable: enable !== undefined && truth('enable of variable-resource-names', enable.trim()), patterns: childrenOf(element, 'pattern', 'share').map(({ text }) => text) }
}

/** In the configuration, as the grammar of RFC 7374 §8 has it, or in the REDIR kind, as its text says. */
function branchingFactor(element: XmlElement): number {
  const places = [element, ...kindBlocks(element).flatMap((block) => childrenOf(block, 'kind'))]
  const found = places.map((place) => only(place, 'branching-factor', 'redir')).find((factor) => factor !== undefined)
  return found === undefined ? configurationDefaults.redirBranchingFactor : integer('branching-factor', found.text, 2, 65_536)
}
