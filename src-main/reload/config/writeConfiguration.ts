/**
 * Writes an overlay document (RFC 6940 §11.1) and signs it: the kinds first, then the configuration elements that
 * hold them. What was written is signed as it stands, so nothing may be changed afterwards.
 */
import { toBase64, toHex, utf8Bytes } from '../../base/bytes.ts'
import { encode } from '../../base/presentation.ts'
import { formatRfc3339 } from '../../base/rfc3339.ts'
import { securityBlock, type SecurityBlock } from '../wire/signature.ts'
import type { OverlayConfiguration, RequiredKind } from './configuration.ts'
import { namespaces } from './readConfiguration.ts'
import { elementRanges, escapeXml } from './xml.ts'

/** The slice of `reload/security`'s Signer needed here. */
export interface DocumentSigner { signBlock(signedPart: Uint8Array): SecurityBlock }

/** A whole document with one configuration, not signed yet. */
export function writeConfiguration(configuration: OverlayConfiguration): string {
  const c = configuration
  const attributes = [
    `instance-name="${escapeXml(c.instanceName)}"`, `sequence="${c.sequence}"`,
    ...(c.expirationMs === undefined ? [] : [`expiration="${formatRfc3339(c.expirationMs)}"`]),
  ]
  const tuned = c.topologyPlugin === 'CHORD-SELF-TUNING'
  const shared = c.requiredKinds.some((kind) => kind.variableResourceNames !== undefined)
  const hex = (name: string, ids: readonly Uint8Array[]): readonly string[] => ids.map((id) => tag(name, toHex(id)))
  const lines = [
    tag('topology-plugin', c.topologyPlugin), tag('node-id-length', c.nodeIdLength),
    ...c.rootCerts.map((der) => tag('root-cert', toBase64(der))),
    ...c.enrollmentServers.map((url) => tag('enrollment-server', url)),
    ...(c.selfSignedDigest === undefined ? [] : [`<self-signed-permitted digest="${c.selfSignedDigest}">true</self-signed-permitted>`]),
    ...c.bootstrapNodes.map(({ host, port }) => `<bootstrap-node address="${escapeXml(host)}" port="${port}"/>`),
    tag('turn-density', c.turnDensity), tag('clients-permitted', c.clientsPermitted), tag('no-ice', c.noIce),
    tag('chord:chord-update-interval', c.chordUpdateIntervalS), tag('chord:chord-ping-interval', c.chordPingIntervalS),
    tag('chord:chord-reactive', c.chordReactive),
    ...(c.sharedSecret === undefined ? [] : [tag('shared-secret', c.sharedSecret)]),
    tag('max-message-size', c.maxMessageSize), tag('initial-ttl', c.initialTtl),
    tag('overlay-reliability-timer', c.overlayReliabilityTimerMs),
    ...c.overlayLinkProtocols.map((protocol) => tag('overlay-link-protocol', protocol)),
    ...hex('configuration-signer', c.configurationSigners), ...hex('kind-signer', c.kindSigners), ...hex('bad-node', c.badNodes),
    ...c.mandatoryExtensions.map((name) => tag('mandatory-extension', name)),
    tag('redir:branching-factor', c.redirBranchingFactor),
    ...(tuned ? [tag('self-tuning:number-of-peers-to-probe', c.peersToProbe)] : []),
    ...c.diagnosticKinds.flatMap(({ kind, accessNodes }) => [
      `<diagnostics:diagnostic-kind kind="0x${kind.toString(16).padStart(4, '0')}">`, ...hex('diagnostics:access-node', accessNodes).map((line) => `  ${line}`), '</diagnostics:diagnostic-kind>',
    ]),
    '<required-kinds>', ...c.requiredKinds.flatMap((kind) => ['  <kind-block>', ...writeKind(kind).map((line) => `    ${line}`), '  </kind-block>']), '</required-kinds>',
  ]
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<overlay xmlns="${namespaces.base}" xmlns:chord="${namespaces.chord}" xmlns:sip="${namespaces.sip}" xmlns:redir="${namespaces.redir}"${uses(tuned, 'self-tuning')}${uses(c.diagnosticKinds.length > 0, 'diagnostics')}${uses(shared, 'share')}>`,
    `  <configuration ${attributes.join(' ')}>`, ...lines.map((line) => `    ${line}`), '  </configuration>', '</overlay>', '',
  ].join('\n')
}

/** A namespace that only some documents need. */
function uses(needed: boolean, name: keyof typeof namespaces): string { return needed ? ` xmlns:${name}="${namespaces[name]}"` : '' }

function tag(name: string, value: string | number | boolean): string { return `<${name}>${escapeXml(String(value))}</${name}>` }

const modelNames = { single: 'SINGLE', array: 'ARRAY', dictionary: 'DICTIONARY' } as const

function writeKind(kind: RequiredKind): readonly string[] {
  const { domainRestriction: restriction, variableResourceNames: names } = kind
  return [
    kind.name === '' ? `<kind id="${kind.id}">` : `<kind name="${escapeXml(kind.name)}">`,
    `  ${tag('data-model', modelNames[kind.dataModel])}`, `  ${tag('access-control', kind.accessControl)}`,
    `  ${tag('max-count', kind.maxCount)}`, `  ${tag('max-size', kind.maxSize)}`,
    ...(kind.maxNodeMultiple === undefined ? [] : [`  ${tag('max-node-multiple', kind.maxNodeMultiple)}`]),
    ...(restriction === undefined ? [] : [
      `  <sip:domain-restriction enable="${restriction.enable}">${restriction.patterns.map((pattern) => tag('sip:pattern', pattern)).join('')}</sip:domain-restriction>`,
    ]),
    ...(names === undefined ? [] : [
      `  <share:variable-resource-names enable="${names.enable}">${names.patterns.map((pattern) => tag('share:pattern', pattern)).join('')}</share:variable-resource-names>`,
    ]),
    '</kind>',
  ]
}

/**
 * Signs every kind and every configuration of a document, replacing the signatures it has. Elements are found by
 * the names that `writeConfiguration` gives them, without prefix.
 * @throws DecodeError when the text is not an overlay document
 */
export function signDocument(xml: string, signer: DocumentSigner): string {
  const bare = cutElements(xml, (name) => name === 'signature' || name === 'kind-signature')
  const withKinds = insertAfter(bare, 'kind', 'kind-signature', '\n      ', signer)
  return insertAfter(withKinds, 'configuration', 'signature', '\n  ', signer)
}

function cutElements(xml: string, wanted: (name: string) => boolean): string {
  let out = ''
  let at = 0
  for (const { start, end } of elementRanges(xml).filter((range) => wanted(range.name))) {
    out += xml.slice(at, start).trimEnd()
    at = end
  }
  return out + xml.slice(at)
}

function insertAfter(xml: string, name: string, signature: string, indent: string, signer: DocumentSigner): string {
  let out = ''
  let at = 0
  for (const { start, end } of elementRanges(xml).filter((range) => range.name === name)) {
    const block = encode(securityBlock, signer.signBlock(utf8Bytes(xml.slice(start, end))))
    out += `${xml.slice(at, end)}${indent}<${signature}>${toBase64(block)}</${signature}>`
    at = end
  }
  return out + xml.slice(at)
}
