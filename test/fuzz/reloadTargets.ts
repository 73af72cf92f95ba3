/** Targets of the overlay: everything a RELOAD node reads from others (RFC 6940 §6.3, §6.6.2, §6.7, §11.1). */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ByteReader, concatBytes, equalBytes, fromHex, toBase64, utf8Bytes } from '../../src-main/base/bytes.ts'
import { DecodeError } from '../../src-main/base/errors.ts'
import { decode, encode, type Codec } from '../../src-main/base/presentation.ts'
import { createNodeCrypto } from '../../src-main/node/crypto.ts'
import { checkConfiguration, parseOverlayDocument } from '../../src-main/reload/config/overlayDocument.ts'
import { writeConfiguration } from '../../src-main/reload/config/writeConfiguration.ts'
import { encodeAck, encodeData, FrameDecoder } from '../../src-main/reload/link/framing.ts'
import { CertificateVerifier } from '../../src-main/reload/security/certificateVerifier.ts'
import { SignatureVerifier } from '../../src-main/reload/security/signatureVerifier.ts'
import { bodies, decodeBody, encodeContents, type BodyName } from '../../src-main/reload/wire/bodies.ts'
import { messageName } from '../../src-main/reload/wire/constants.ts'
import { dissect, reencode } from '../../src-main/reload/wire/dissect.ts'
import { diagnosticsRequest, diagnosticsResponse, extensiveRoutingModeOption, selfTuningData } from '../../src-main/reload/wire/extensions.ts'
import { decodeHeader, encodeWithHeader, headerProblem, HeaderView, rewriteHeader } from '../../src-main/reload/wire/forwardingHeader.ts'
import { FragmentSet, fragmentMessage } from '../../src-main/reload/wire/fragments.ts'
import { framedMessage, type FramedMessage } from '../../src-main/reload/wire/framing.ts'
import { registeredKind } from '../../src-main/reload/wire/kinds.ts'
import { decodeMessage, messageContents } from '../../src-main/reload/wire/message.ts'
import { securityBlock } from '../../src-main/reload/wire/signature.ts'
import { decodeSpecifier, decodeStoredMetaData, decodeStoredValues, encodeSpecifier, encodeStoredMetaData, encodeStoredValues } from '../../src-main/reload/wire/storage.ts'
import { chordLeaveData } from '../../src-main/reload/wire/topology.ts'
import { accessControlListItem, namedAccessControlListItem, redirServiceProvider, sipRegistration, turnServer } from '../../src-main/reload/wire/usages.ts'
import { must, mustEqual, type FuzzTarget } from './target.ts'

const data = join(import.meta.dirname, '../data/reload')
interface Vector { readonly name: string; readonly hex: string; readonly parts?: { readonly message_contents: string; readonly security_block: string } }
let cache: readonly Vector[] | undefined
function vectors(): readonly Vector[] {
  return cache ??= readdirSync(join(data, 'vectors')).filter((file) => file !== 'index.json').sort()
    .map((file) => JSON.parse(readFileSync(join(data, 'vectors', file), 'utf8')) as Vector)
}
const whole = (): readonly Uint8Array[] => vectors().map((vector) => fromHex(vector.hex))
const messages = (): readonly Uint8Array[] => vectors().flatMap((vector) => vector.parts === undefined ? [] : [fromHex(vector.hex)])
const parts = (part: 'message_contents' | 'security_block'): readonly Uint8Array[] => vectors().flatMap((vector) => vector.parts === undefined ? [] : [fromHex(vector.parts[part])])

/** Bits 29 to 24 of the fragment field are reserved: senders clear them, so that they do not survive. */
function canonical(bytes: Uint8Array): Uint8Array {
  const out = bytes.slice()
  out[12] = (out[12] as number) & 0xc0
  return out
}

const forwardingHeader: FuzzTarget = {
  name: 'forwarding-header',
  seeds: whole,
  run(input) {
    const view = new HeaderView(input)
    if (view.headerLength > 38) tolerant(() => view.firstDestination())
    const { headerLength, ...header } = decodeHeader(input)
    headerProblem(header, { overlay: 1, initialTtl: 100 })
    must(equalBytes(rewriteHeader(input, {}), input), 'rewriting nothing changes the message')
    must(equalBytes(encodeWithHeader(header, view.body), canonical(input)), 'the header does not encode to the bytes it came from')
    const via = [...header.viaList, { type: 'node', nodeId: new Uint8Array(16).fill(7) } as const]
    const forwarded = rewriteHeader(input, { ttl: (header.ttl + 255) & 0xff, viaList: via })
    mustEqual(decodeHeader(forwarded).viaList, via, 'the Via List of the forwarded message')
    must(equalBytes(new HeaderView(forwarded).body, input.subarray(headerLength)), 'forwarding changed the body')
    return forwarded.length
  },
}

function tolerant<T>(read: () => T): T | undefined {
  try { return read() } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** What decodes must encode to what decodes alike; and to the same bytes if `exact`. */
function roundTrip<T>(codec: Codec<T>, bytes: Uint8Array, exact = true): T {
  const value = decode(codec, bytes)
  const again = encode(codec, value)
  if (exact) must(equalBytes(again, bytes), 'does not encode to the bytes it came from')
  else mustEqual(decode(codec, again), value, 'decodes differently after encoding')
  return value
}

/** Values of Kinds and extensions, which a body carries as bytes. */
const values: readonly (readonly [Codec<unknown>, boolean])[] = [
  [sipRegistration, true], [turnServer, true], [redirServiceProvider, true], [accessControlListItem, true], [namedAccessControlListItem, true],
  // RFC 7851 writes the length of an empty list or not.
  [diagnosticsRequest, false], [diagnosticsResponse, false], [selfTuningData, true], [extensiveRoutingModeOption, true], [chordLeaveData, true],
] as unknown as readonly (readonly [Codec<unknown>, boolean])[]

function storedValues(kind: number, bytes: Uint8Array, meta: boolean): void {
  const model = registeredKind(kind)?.dataModel
  if (model === undefined) return
  tolerant(() => {
    const again = meta ? encodeStoredMetaData(decodeStoredMetaData(model, bytes)) : encodeStoredValues(decodeStoredValues(model, bytes))
    must(equalBytes(again, bytes), 'stored values do not encode to the bytes they came from')
    if (!meta) for (const { value } of decodeStoredValues(model, bytes)) for (const [codec, exact] of values) tolerant(() => roundTrip(codec, value.data.value, exact))
  })
}

const contents: FuzzTarget = {
  name: 'contents',
  seeds: () => parts('message_contents'),
  run(input) {
    const message = roundTrip(messageContents, input)
    for (const extension of message.extensions) for (const [codec, exact] of values) tolerant(() => roundTrip(codec, extension.extensionContents, exact))
    const name = messageName(message.messageCode) as BodyName | undefined
    if (name === undefined) return input.length
    const body = decodeBody(name, message.messageBody)
    const { messageBody } = encodeContents(name, body as never)
    const diagnostics = name === 'pathTrackReq' || name === 'pathTrackAns'
    if (diagnostics) roundTrip(bodies[name] as unknown as Codec<unknown>, message.messageBody, false)
    else must(equalBytes(messageBody, message.messageBody), `the body of ${name} does not encode to the bytes it came from`)
    if (name === 'storeReq') for (const { kind, values: bytes } of (body as { kindData: readonly { kind: number; values: Uint8Array }[] }).kindData) storedValues(kind, bytes, false)
    if (name === 'fetchAns' || name === 'statAns') {
      for (const { kind, values: bytes } of (body as { kindResponses: readonly { kind: number; values: Uint8Array }[] }).kindResponses) storedValues(kind, bytes, name === 'statAns')
    }
    if (name === 'fetchReq' || name === 'statReq') {
      for (const { kind, modelSpecifier } of (body as { specifiers: readonly { kind: number; modelSpecifier: Uint8Array }[] }).specifiers) {
        const model = registeredKind(kind)?.dataModel
        if (model !== undefined) tolerant(() => { must(equalBytes(encodeSpecifier(decodeSpecifier(model, modelSpecifier)), modelSpecifier), 'a specifier does not encode to the bytes it came from') })
      }
    }
    return messageBody.length
  },
}

const crypto = createNodeCrypto()
const index = JSON.parse(readFileSync(join(data, 'vectors/index.json'), 'utf8')) as { readonly overlay_name: string; readonly ca_der: string }
const trust = { instanceName: index.overlay_name, rootCerts: [fromHex(index.ca_der)], selfSignedDigest: 'sha256', badNodes: [] } as const
const verifier = new SignatureVerifier(crypto, new CertificateVerifier(crypto, { now: () => Date.UTC(2030, 0, 1) }, trust, 16))

const block: FuzzTarget = {
  name: 'security-block',
  seeds: () => parts('security_block'),
  run(input) {
    const decoded = roundTrip(securityBlock, input)
    const signer = verifier.verifyBlock(utf8Bytes('nobody has ever signed this'), decoded)
    must(typeof signer === 'string', 'a signature holds over what was not signed')
    return input.length
  },
}

const dissectTarget: FuzzTarget = {
  name: 'message',
  seeds: whole,
  run(input) {
    const plain = JSON.stringify(dissect(input))
    const again = reencode(input)
    mustEqual(JSON.parse(JSON.stringify(dissect(again))), JSON.parse(plain), 'decodes differently after encoding')
    const view = new HeaderView(input)
    if (view.isWhole) {
      decodeMessage(input)
      const set = new FragmentSet(65_536)
      let joined: Uint8Array | undefined
      for (const fragment of fragmentMessage(input, 400)) joined = set.add(fragment)
      must(joined !== undefined && equalBytes(joined, canonical(input)), 'the parts do not join to the message')
    }
    return plain.length
  },
}

/** Each fragment behind two bytes of length. */
const fragments: FuzzTarget = {
  name: 'fragments',
  seeds: () => {
    const set = (bytes: Uint8Array, size: number, order: (list: Uint8Array[]) => Uint8Array[]): Uint8Array =>
      concatBytes(...order([...fragmentMessage(bytes, size)]).map((part) => concatBytes(Uint8Array.of(part.length >> 8, part.length & 0xff), part)))
    return messages().filter((bytes) => bytes.length > 600).slice(0, 8).flatMap((bytes) => [set(bytes, 400, (list) => list), set(bytes, 500, (list) => list.reverse())])
  },
  run(input) {
    const reader = new ByteReader(input)
    const set = new FragmentSet(16_384)
    let output = 0
    while (reader.remaining > 0) {
      const joined = set.add(reader.bytes(reader.u16()))
      must(set.size <= 2 * 16_384, 'the set holds more than it may')
      if (joined === undefined) continue
      output = joined.length
      const view = new HeaderView(joined)
      must(view.isWhole && joined.length <= 16_384 + view.headerLength, 'the joined message is no whole message')
    }
    return output
  },
}

/** The first byte says how the stream is cut. */
const framing: FuzzTarget = {
  name: 'framing',
  seeds: () => {
    const small = messages().slice(0, 12)
    const cut = (n: number, bytes: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(n), bytes)
    return small.map((message, i) => cut(i * 7, concatBytes(encodeData(i, message), encodeAck(i, 0xff), encodeData(i + 1, message))))
  },
  run(input) {
    const [size = 0, ...rest] = input
    const stream = Uint8Array.from(rest)
    const cutAlike = (step: number): { frames: FramedMessage[]; problem: string | undefined } => {
      const decoder = new FrameDecoder({ maxMessageBytes: 16_384 })
      const frames: FramedMessage[] = []
      try {
        for (let at = 0; at < stream.length; at += step) for (const frame of decoder.push(stream.slice(at, at + step))) frames.push(frame)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        return { frames, problem: error.what }
      }
      return { frames, problem: undefined }
    }
    const one = cutAlike(Math.max(1, stream.length))
    mustEqual(cutAlike(1 + size), one, 'the frames depend on how the stream is cut')
    let at = 0
    for (const frame of one.frames) {
      const bytes = encode(framedMessage, frame)
      must(equalBytes(bytes, stream.subarray(at, at + bytes.length)), 'a frame does not encode to the bytes it came from')
      roundTrip(framedMessage, bytes)
      at += bytes.length
    }
    if (one.problem !== undefined) throw new DecodeError(one.problem)
    return at
  },
}

const documentTarget: FuzzTarget = {
  name: 'document',
  seeds: () => {
    const example = new Uint8Array(readFileSync(join(data, 'overlay-example.xml')))
    const written = parseOverlayDocument(example).configurations.map(({ configuration }) => utf8Bytes(writeConfiguration(configuration)))
    const blocks = parts('security_block').slice(0, 3).map((bytes) => utf8Bytes(`<overlay xmlns="urn:ietf:params:xml:ns:p2p:config-base"><configuration instance-name="a.b"><bad-node>${'0'.repeat(32)}</bad-node></configuration><signature>${toBase64(bytes)}</signature></overlay>`))
    return [example, ...written, ...blocks]
  },
  dictionary: ['<', '>', '/>', '</', '<!--', '-->', '<![CDATA[', ']]>', '<?', '?>', '&amp;', '&#x0;', '&#1114111;', '&lt;', 'xmlns=""', 'xmlns:a="b"', '<!DOCTYPE a [<!ENTITY b "c">]>', '"', "'",
    '<signature>AAAA</signature>', '<kind id="4026531841">', '<configuration instance-name="a" sequence="65535">', '<bad-node>', '__proto__', 'constructor', '<__proto__/>', 'true', '0', '99999999999', '\u{feff}',
    '<sip:pattern>(a*)*b</sip:pattern>', '<sip:pattern>[[:alpha:]]{1,9999}</sip:pattern>', ' enable="true"', '2030-01-01T00:00:00Z', ' expiration="'].map(utf8Bytes),
  run(input) {
    const parsed = parseOverlayDocument(input)
    let output = 0
    for (const one of parsed.configurations) {
      checkConfiguration(one, verifier, 0)
      const written = utf8Bytes(writeConfiguration(one.configuration))
      output += written.length
      mustEqual(parseOverlayDocument(written).configurations.map(({ configuration }) => configuration), [one.configuration], 'reads differently after writing')
    }
    return output
  },
}

export const reloadTargets: readonly FuzzTarget[] = [forwardingHeader, contents, block, dissectTarget, fragments, framing, documentTarget]
