import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { utf8Bytes, utf8Text } from '../../../../../src-main/base/bytes.ts'
import { DecodeError } from '../../../../../src-main/base/errors.ts'
import { isNewerSequence, newConfiguration, nextSequence, topologyChoice, unsupported, withDiagnosticsFor, type OverlayConfiguration } from '../../../../../src-main/reload/config/configuration.ts'
import { acceptsAor, compilePattern } from '../../../../../src-main/reload/config/domainRestriction.ts'
import { checkConfiguration, checkSuccessor, configurationOf, parseOverlayDocument, signatureState, type ParsedConfiguration } from '../../../../../src-main/reload/config/overlayDocument.ts'
import { signDocument, writeConfiguration } from '../../../../../src-main/reload/config/writeConfiguration.ts'
import { CertificateVerifier } from '../../../../../src-main/reload/security/certificateVerifier.ts'
import { SignatureVerifier } from '../../../../../src-main/reload/security/signatureVerifier.ts'
import { Signer } from '../../../../../src-main/reload/security/signer.ts'
import { crypto, makeAuthority, makePeer, type TestAuthority, type TestPeer } from '../../../../support/certificates.ts'
import { fc, runs } from '../../../../support/properties.ts'

const example = readFileSync(new URL('../../../../data/reload/overlay-example.xml', import.meta.url))
const nowMs = Date.UTC(2026, 5, 1)
let authority: TestAuthority
let organiser: TestPeer
let guest: TestPeer

beforeAll(async () => {
  authority = await makeAuthority('root', nowMs)
  ;[organiser, guest] = await Promise.all([makePeer(authority, 'organiser', 'office.example', { nowMs }), makePeer(authority, 'guest', 'office.example', { nowMs })])
})

const signerOf = (peer: TestPeer): Signer => new Signer(crypto, { overlayName: 'office.example', nodeId: peer.nodeId, certificate: peer.certificate, chain: [], privateKey: peer.key })
const verifierFor = (configuration: OverlayConfiguration): SignatureVerifier => new SignatureVerifier(crypto, new CertificateVerifier(crypto, { now: () => nowMs }, configuration))
const ours = (more: Partial<OverlayConfiguration> = {}): OverlayConfiguration => newConfiguration({
  instanceName: 'office.example', sequence: 3, expirationMs: nowMs + 86_400_000, rootCerts: [authority.certificate.der],
  enrollmentServers: ['https://192.0.2.1:8443/enrol?a=1&b=2'], bootstrapNodes: [{ host: '192.0.2.1', port: 6084 }, { host: '2001:db8::1', port: 7000 }],
  configurationSigners: [organiser.nodeId], kindSigners: [organiser.nodeId], badNodes: [guest.nodeId], noIce: true, ...more,
})
const parse = (xml: string): ParsedConfiguration => configurationOf(parseOverlayDocument(utf8Bytes(xml)), 'office.example')

describe('overlay document (RFC 6940 §11.1)', () => {
  it('reads the example of the RFC; IANA definitions of Kinds win over the document', () => {
    const configuration = configurationOf(parseOverlayDocument(example), 'overlay.example.org').configuration
    expect(configuration).toMatchObject({
      sequence: 22, expirationMs: Date.UTC(2002, 9, 10, 7), topologyPlugin: 'CHORD-RELOAD', nodeIdLength: 16, selfSignedDigest: undefined,
      enrollmentServers: ['https://example.org', 'https://example.net'], turnDensity: 20, clientsPermitted: false, noIce: false,
      bootstrapNodes: [{ host: '192.0.0.1', port: 6084 }, { host: '192.0.2.2', port: 6084 }, { host: '2001:DB8::1', port: 6084 }],
      chordUpdateIntervalS: 400, chordPingIntervalS: 30, chordReactive: true, sharedSecret: 'password', maxMessageSize: 4000, initialTtl: 30,
      overlayReliabilityTimerMs: 3000, overlayLinkProtocols: ['TLS'], mandatoryExtensions: ['urn:ietf:params:xml:ns:p2p:config-ext1'],
    })
    expect(configuration.rootCerts).toHaveLength(2)
    expect(configuration.requiredKinds).toEqual([
      { id: 1, name: 'SIP-REGISTRATION', dataModel: 'dictionary', accessControl: 'USER-NODE-MATCH', maxCount: 1, maxSize: 100 },
      { id: 0xf0000001, name: '', dataModel: 'array', accessControl: 'NODE-MULTIPLE', maxNodeMultiple: 3, maxCount: 22, maxSize: 4 },
    ])
    const document = parseOverlayDocument(example)
    expect(document.configurations.map((c) => [c.configuration.instanceName, c.kinds.length, signatureState(c, c.configuration.configurationSigners, verifierFor(configuration))]))
      .toEqual([['overlay.example.org', 2, 'bad-signature'], ['other.example.net', 0, 'bad-signature']])
    expect(unsupported(configuration)).toBe('extension urn:ietf:params:xml:ns:p2p:config-ext1')
  })

  it('takes the defaults of the RFC where a document says nothing', () => {
    const { configuration } = parse('<overlay xmlns="urn:ietf:params:xml:ns:p2p:config-base"><configuration instance-name="office.example"/></overlay>')
    expect(configuration).toMatchObject({
      sequence: 0, topologyPlugin: 'CHORD-RELOAD', nodeIdLength: 16, turnDensity: 1, clientsPermitted: true, noIce: false, maxMessageSize: 5000,
      initialTtl: 100, overlayReliabilityTimerMs: 3000, overlayLinkProtocols: ['TLS'], chordUpdateIntervalS: 600, chordPingIntervalS: 3600, chordReactive: true,
    })
    expect(unsupported(configuration)).toBeUndefined()
  })

  it('writes what it reads back the same', () => {
    for (const configuration of [ours(), ours({ selfSignedDigest: 'sha256', rootCerts: [], sharedSecret: `<&"'>`, expirationMs: undefined }),
      ours({ requiredKinds: [{ id: 0xf0000010, name: '', dataModel: 'array', accessControl: 'NODE-MULTIPLE', maxNodeMultiple: 2, maxCount: 1, maxSize: 2 }] }),
      ours({ ...withDiagnosticsFor(ours(), [new Uint8Array(16).fill(7), new Uint8Array(16).fill(9)]) }),
      newConfiguration({ instanceName: 'office.example', domainRestriction: { enable: true, patterns: ['.*\\.example', 'a|b&c'] } })]) {
      expect(parse(writeConfiguration(configuration)).configuration).toEqual(configuration)
    }
  })

  it('names CHORD-SELF-TUNING with all that belongs to it, and no other algorithm is joined (RFC 7363 §7)', () => {
    const tuned = newConfiguration({ instanceName: 'office.example', ...topologyChoice('CHORD-SELF-TUNING'), peersToProbe: 6 })
    const xml = writeConfiguration(tuned)
    expect(xml).toContain('xmlns:self-tuning="urn:ietf:params:xml:ns:p2p:self-tuning"')
    const { configuration } = parse(xml)
    expect(configuration).toEqual(tuned)
    expect(configuration).toMatchObject({ topologyPlugin: 'CHORD-SELF-TUNING', chordReactive: false, mandatoryExtensions: ['urn:ietf:params:xml:ns:p2p:self-tuning'], peersToProbe: 6 })
    expect(unsupported(configuration)).toBeUndefined()
    expect(parse(xml.replace(/<self-tuning:.*/, '')).configuration.peersToProbe).toBe(4)
    expect(unsupported({ ...configuration, topologyPlugin: 'PASTRY' })).toBe('topology plug-in PASTRY')
  })

  it('has the Kinds that every overlay of ours needs, and room for messages with certificates', () => {
    expect(ours().requiredKinds.map((kind) => kind.name)).toEqual(expect.arrayContaining(['SIP-REGISTRATION', 'CERTIFICATE_BY_NODE', 'CERTIFICATE_BY_USER']))
    expect(ours().maxMessageSize).toBe(65_536)
  })

  it('reads prefixed names, CDATA, comments and both spellings of domain restrictions', () => {
    const xml = `<?xml version="1.0"?><!-- <configuration> --><c:overlay xmlns:c="urn:ietf:params:xml:ns:p2p:config-base" xmlns:s="urn:ietf:params:xml:ns:p2p:config-base:sip">
      <c:configuration instance-name='office.example' sequence="7"><c:shared-secret><![CDATA[a<b]]></c:shared-secret><x:foreign xmlns:x="urn:x"><x:initial-ttl>3</x:initial-ttl></x:foreign>
      <c:required-kinds><c:kind-block><c:kind name="SIP-REGISTRATION"><c:data-model>ARRAY</c:data-model><c:access-control>X</c:access-control><c:max-count>1</c:max-count><c:max-size>2</c:max-size>
      <s:domain-restrictions enable="1"><s:pattern>d&#104;t\\.example</s:pattern></s:domain-restrictions></c:kind></c:kind-block></c:required-kinds></c:configuration></c:overlay>`
    const { configuration, kinds } = parse(xml)
    expect(configuration).toMatchObject({ sequence: 7, sharedSecret: 'a<b', initialTtl: 100, requiredKinds: [{ dataModel: 'dictionary', domainRestriction: { enable: true, patterns: ['dht\\.example'] } }] })
    expect(utf8Text(kinds[0]?.bytes ?? new Uint8Array(0))).toMatch(/^<c:kind name.*<\/c:kind>$/s)
  })

  it('reads who may read which diagnostic information, and says that the overlay has it (RFC 7851 §7, §9.6)', () => {
    const organiser = new Uint8Array(16).fill(0xab)
    const allowed = ours(withDiagnosticsFor(ours(), [organiser]))
    expect(unsupported(allowed)).toBeUndefined()
    const xml = writeConfiguration(allowed)
    expect(xml).toContain('<mandatory-extension>urn:ietf:params:xml:ns:p2p:config-diagnostics</mandatory-extension>')
    expect(xml).toMatch(new RegExp(`<diagnostics:diagnostic-kind kind="0x000c">\\s*<diagnostics:access-node>${'ab'.repeat(16)}</diagnostics:access-node>\\s*</diagnostics:diagnostic-kind>`))
    expect(parse(xml.replace('kind="0x000c"', 'kind="F00A"')).configuration.diagnosticKinds).toContainEqual({ kind: 0xf00a, accessNodes: [organiser] })
    const none = withDiagnosticsFor(allowed, [])
    expect(none).toEqual({ mandatoryExtensions: [], diagnosticKinds: [] })
    expect(writeConfiguration({ ...allowed, ...none })).not.toContain('diagnostic')
    expect(ours().diagnosticKinds).toEqual([])
  })

  it.each<[string, string | RegExp, (xml: string) => string]>([
    ['a diagnostic Kind that is no number', 'kind of diagnostic-kind is "x1"', (x) => x.replace('<required-kinds>', '<d:diagnostic-kind xmlns:d="urn:ietf:params:xml:ns:p2p:config-diagnostics" kind="x1"/><required-kinds>')],
    ['an access-node that is no Node-ID', 'access-node is not', (x) => x.replace('<required-kinds>', '<d:diagnostic-kind xmlns:d="urn:ietf:params:xml:ns:p2p:config-diagnostics" kind="1"><d:access-node>abcd</d:access-node></d:diagnostic-kind><required-kinds>')],
    ['a document type', 'document type', (x) => x.replace('<overlay', '<!DOCTYPE overlay [<!ENTITY a "b">]><overlay')],
    ['an unknown entity', 'unknown entity', (x) => x.replace('CHORD-RELOAD', '&nbsp;')],
    ['an entity named as a property of objects', 'unknown entity', (x) => x.replace('CHORD-RELOAD', '&valueOf;')],
    ['a data model named as one', 'data-model "valueOf"', (x) => x.replace('name="REDIR"', 'id="4026531841"').replace(/DICTIONARY(?![\s\S]*DICTIONARY)/, 'valueOf')],
    ['an element that is not closed', /closes nothing|not closed/, (x) => x.replace('</no-ice>', '')],
    ['two topology plug-ins', 'more than one topology-plugin', (x) => x.replace('<no-ice>', '<topology-plugin>A</topology-plugin><no-ice>')],
    ['a sequence of 65535', 'sequence is "65535"', (x) => x.replace('sequence="3"', 'sequence="65535"')],
    ['a reliability timer below 200 ms', 'overlay-reliability-timer is "199"', (x) => x.replace('>3000<', '>199<')],
    ['an enrolment server without TLS', 'not an https URL', (x) => x.replace('https:', 'http:')],
    ['no instance name', 'instance-name', (x) => x.replace('instance-name="office.example"', '')],
    ['a Boolean of yes', 'no-ice is "yes"', (x) => x.replace('<no-ice>true', '<no-ice>yes')],
    ['a host name as bootstrap-node', 'not an IP address', (x) => x.replace('address="192.0.2.1"', 'address="host.example"')],
    ['a signer that is not hexadecimal', 'configuration-signer is not hexadecimal', (x) => x.replace('<configuration-signer>', '<configuration-signer>zz')],
    ['a Kind without max-size', 'has no max-size', (x) => x.replace(/<max-size>1024<\/max-size>/, '')],
    ['an unregistered Kind by name', 'is not registered', (x) => x.replace('name="REDIR"', 'name="MINE"')],
    ['a Kind-ID that is not private', 'not one of the private ones', (x) => x.replace('name="REDIR"', 'id="77"')],
    ['the same Kind twice', 'defined twice', (x) => x.replace('name="REDIR"', 'name="SIP-REGISTRATION"')],
    ['another root element', 'root element', (x) => x.replaceAll('overlay ', 'network ').replace('</overlay>', '</network>')],
  ])('refuses %s, saying so', (_what, message, change) => {
    const xml = writeConfiguration(ours())
    expect(change(xml)).not.toBe(xml)
    expect(() => parseOverlayDocument(utf8Bytes(change(xml)))).toThrow(DecodeError)
    expect(() => parseOverlayDocument(utf8Bytes(change(xml)))).toThrow(message)
  })

  it('is bounded in size, depth and number of elements', () => {
    const inner = (xml: string): Uint8Array => utf8Bytes(`<overlay xmlns="urn:ietf:params:xml:ns:p2p:config-base"><configuration instance-name="a">${xml}</configuration></overlay>`)
    expect(() => parseOverlayDocument(inner(' '.repeat(262_144)))).toThrow('longer than')
    expect(() => parseOverlayDocument(inner('<a>'.repeat(20) + '</a>'.repeat(20)))).toThrow('nested too deep')
    expect(() => parseOverlayDocument(inner('<a/>'.repeat(5000)))).toThrow('too many elements')
    expect(() => parseOverlayDocument(Uint8Array.of(0xff, 0xfe, 0x3c))).toThrow('not UTF-8')
  })
})

describe('signatures of the document', () => {
  it('cover each kind and the configuration, by the signers the configuration names', () => {
    const parsed = parse(signDocument(writeConfiguration(ours()), signerOf(organiser)))
    expect(parsed.configuration).toEqual(ours())
    expect(checkConfiguration(parsed, verifierFor(parsed.configuration), nowMs)).toBeUndefined()
    expect(parsed.kinds).toHaveLength(ours().requiredKinds.length)
    expect(utf8Text(parsed.bytes)).toMatch(/^<configuration .*<\/configuration>$/s)
  })

  it('can be made anew, replacing the old ones', () => {
    const once = signDocument(writeConfiguration(ours()), signerOf(guest))
    const twice = signDocument(once, signerOf(organiser))
    expect(twice.match(/<kind-signature>/g)).toHaveLength(ours().requiredKinds.length)
    expect(checkConfiguration(parse(twice), verifierFor(ours({ badNodes: [] })), nowMs)).toBeUndefined()
  })

  it('break with a change of white space inside', () => {
    const signed = signDocument(writeConfiguration(ours()), signerOf(organiser))
    const parsed = parse(signed.replace('<no-ice>true', '<no-ice> true'))
    expect(parsed.configuration).toEqual(ours())
    expect(checkConfiguration(parsed, verifierFor(ours()), nowMs)).toEqual({ problem: 'configuration-signature', state: 'bad-signature' })
    expect(checkConfiguration(parse(signed.replace('<overlay ', '<overlay   ')), verifierFor(ours()), nowMs)).toBeUndefined()
  })

  it('count only from a configuration-signer, and must be there', () => {
    const good = ours({ badNodes: [] })
    const byGuest = parse(signDocument(writeConfiguration(good), signerOf(guest)))
    expect(checkConfiguration(byGuest, verifierFor(good), nowMs)).toEqual({ problem: 'configuration-signature', state: 'wrong-signer' })
    const unsigned = parse(writeConfiguration(good))
    expect(signatureState(unsigned, [organiser.nodeId], verifierFor(good))).toBe('unsigned')
    const noKinds = ours({ badNodes: [], kindSigners: [guest.nodeId] })
    expect(checkConfiguration(parse(signDocument(writeConfiguration(noKinds), signerOf(organiser))), verifierFor(noKinds), nowMs)).toEqual({ problem: 'kind-signature', state: 'wrong-signer' })
  })

  it('of a successor are checked against the signers of the previous configuration', () => {
    const current = ours({ badNodes: [] })
    const next = ours({ badNodes: [], sequence: 4, configurationSigners: [guest.nodeId] })
    const by = (peer: TestPeer, configuration: OverlayConfiguration): ParsedConfiguration => parse(signDocument(writeConfiguration({ ...configuration, kindSigners: [peer.nodeId] }), signerOf(peer)))
    expect(checkSuccessor(current, by(organiser, next), verifierFor(current), nowMs)).toBeUndefined()
    expect(checkSuccessor(current, by(guest, next), verifierFor(current), nowMs)).toEqual({ problem: 'configuration-signature', state: 'wrong-signer' })
    expect(checkSuccessor(current, by(organiser, current), verifierFor(current), nowMs)).toEqual({ problem: 'not-newer' })
    expect(checkSuccessor({ ...current, instanceName: 'other.example' }, by(organiser, next), verifierFor(current), nowMs)).toEqual({ problem: 'other-overlay' })
    expect(checkSuccessor(current, by(organiser, { ...next, expirationMs: nowMs - 1000 }), verifierFor(current), nowMs)).toEqual({ problem: 'expired' })
    expect(checkSuccessor(current, by(organiser, { ...next, topologyPlugin: 'PASTRY' }), verifierFor(current), nowMs)).toMatchObject({ problem: 'unsupported' })
  })
})

describe('sequence numbers (RFC 6940 §6.3.2.1)', () => {
  it('are compared in serial arithmetic modulo 65535', () => {
    expect([isNewerSequence(1, 0), isNewerSequence(0, 1), isNewerSequence(5, 5), isNewerSequence(0, 65_534), isNewerSequence(65_534, 0), isNewerSequence(32_767, 0), isNewerSequence(32_768, 0)])
      .toEqual([true, false, false, true, false, true, false])
    expect([nextSequence(0), nextSequence(65_534)]).toEqual([1, 0])
    fc.assert(fc.property(fc.nat(65_534), (n) => isNewerSequence(nextSequence(n), n) && !isNewerSequence(n, nextSequence(n))))
  })
})

describe('domain restriction (RFC 7904 §3.4)', () => {
  const withRestriction = (restriction?: { enable: boolean, patterns: string[] }): OverlayConfiguration =>
    newConfiguration({ instanceName: 'office.example', ...(restriction === undefined ? {} : { domainRestriction: restriction }) })
  it('absent: any address; not enabled: the overlay\'s own domain; enabled: what matches a pattern', () => {
    const accepts = (restriction: { enable: boolean, patterns: string[] } | undefined, ...aors: string[]): boolean[] => aors.map((aor) => acceptsAor(withRestriction(restriction), aor))
    expect(accepts(undefined, 'a@x.test', 'nobody', '@x', 'a@')).toEqual([true, false, false, false])
    expect(accepts({ enable: false, patterns: ['.*'] }, 'a@office.example', 'a@OFFICE.example', 'a@x.test')).toEqual([true, true, false])
    const patterns = ['dht\\.example\\.com', '.*\\.my\\.example']
    expect(accepts({ enable: true, patterns }, 'a@dht.example.com', 'a@b.my.example', 'a@dhtxexample.com', 'a@xdht.example.com', 'a@office.example')).toEqual([true, true, false, false, false])
    expect(accepts({ enable: true, patterns: ['[[:digit:]]+@office\\.example'] }, '42@office.example', 'x@office.example')).toEqual([true, false])
  })
  it('refuses patterns that are no expressions or could take forever', () => {
    for (const pattern of ['(', '', 'a'.repeat(300), '(a+)+b']) expect(() => compilePattern(pattern)).toThrow(DecodeError)
  })
})

describe('documents from outside throw DecodeError only', () => {
  const tolerant = (bytes: Uint8Array): void => {
    try {
      parseOverlayDocument(bytes)
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError)
    }
  }
  it('with characters changed, removed and repeated', () => {
    const xml = signDocument(writeConfiguration(ours({ rootCerts: [] })), signerOf(organiser)).replace(/>[A-Za-z0-9+/=]{200,}</g, '>AAAA<')
    const pieces = ['<', '>', '</', '/>', '"', '&', '&#0;', '<![CDATA[', '<!--', '<?', 'xmlns:', ':', '__proto__', 'constructor', '=', '<a>', '\u0000', '\ud83d\ude00']
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(xml.length), fc.nat(30), fc.constantFrom(...pieces, '')), { minLength: 1, maxLength: 4 }), (edits) => {
      let text = xml
      for (const [at, cut, piece] of edits) text = text.slice(0, at) + piece + text.slice(at + cut)
      tolerant(utf8Bytes(text))
    }), runs(600))
  })
  it('random', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), tolerant))
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => { tolerant(utf8Bytes(text)) }))
  })
})
