import { describe, expect, it } from 'vitest'
import { fromHex, toHex, utf8Bytes } from '../../../../../src-main/base/bytes.ts'
import { DecodeError } from '../../../../../src-main/base/errors.ts'
import { decode, encode } from '../../../../../src-main/base/presentation.ts'
import { createNodeCrypto } from '../../../../../src-main/node/crypto.ts'
import { CertificateVerifier } from '../../../../../src-main/reload/security/certificateVerifier.ts'
import { blockSignatureInput, storedDataSignatureInput } from '../../../../../src-main/reload/security/signatureInput.ts'
import { bucketOf, SignatureVerifier } from '../../../../../src-main/reload/security/signatureVerifier.ts'
import { decodeBody, encodeContents, type BodyName } from '../../../../../src-main/reload/wire/bodies.ts'
import { DEFAULT_INITIAL_TTL, MessageCode, messageName } from '../../../../../src-main/reload/wire/constants.ts'
import { dissect, reencode } from '../../../../../src-main/reload/wire/dissect.ts'
import { HeaderView, decodeHeader, headerProblem } from '../../../../../src-main/reload/wire/forwardingHeader.ts'
import { FragmentSet } from '../../../../../src-main/reload/wire/fragments.ts'
import { framedMessage } from '../../../../../src-main/reload/wire/framing.ts'
import { hashToResourceId, overlayHash } from '../../../../../src-main/reload/wire/identifiers.ts'
import { registeredKind, type DataModel } from '../../../../../src-main/reload/wire/kinds.ts'
import { decodeMessage, encodeMessage, type Message } from '../../../../../src-main/reload/wire/message.ts'
import { decodeSpecifier, decodeStoredValues, encodeSpecifier, encodeStoredValues } from '../../../../../src-main/reload/wire/storage.ts'
import { redirServiceProvider, sipRegistration } from '../../../../../src-main/reload/wire/usages.ts'
import { caDer, certificateOf, index, messages, named, vectors, vectorTime } from './vectors.ts'
import { oracleFields } from './oracleFields.ts'

const crypto = createNodeCrypto()
const trust = { instanceName: index.overlay_name, rootCerts: [caDer], selfSignedDigest: undefined, badNodes: [] }
const verifier = new SignatureVerifier(crypto, new CertificateVerifier(crypto, { now: () => vectorTime }, trust))
const modelOf = (kind: number): DataModel => registeredKind(kind)?.dataModel as DataModel
const expected = { overlay: overlayHash(crypto, index.overlay_name), initialTtl: DEFAULT_INITIAL_TTL }

function reencodeFully(message: Message): Uint8Array {
  const name = messageName(message.contents.messageCode) as BodyName | undefined
  if (name === undefined) return encodeMessage(message)
  let contents = encodeContents(name, decodeBody(name, message.contents.messageBody), message.contents.extensions)
  if (name === 'storeReq') {
    const store = decodeBody(name, contents.messageBody)
    contents = encodeContents(name, { ...store, kindData: store.kindData.map((d) => ({ ...d, values: encodeStoredValues(decodeStoredValues(modelOf(d.kind), d.values)) })) })
  } else if (name === 'fetchAns') {
    const fetch = decodeBody(name, contents.messageBody)
    contents = encodeContents(name, { kindResponses: fetch.kindResponses.map((d) => ({ ...d, values: encodeStoredValues(decodeStoredValues(modelOf(d.kind), d.values)) })) })
  } else if (name === 'fetchReq' || name === 'statReq') {
    const fetch = decodeBody(name, contents.messageBody)
    contents = encodeContents(name, { ...fetch, specifiers: fetch.specifiers.map((s) => ({ ...s, modelSpecifier: encodeSpecifier(decodeSpecifier(modelOf(s.kind), s.modelSpecifier)) })) })
  }
  return encodeMessage({ ...message, contents })
}

function storedValues(message: Message) {
  const name = messageName(message.contents.messageCode)
  const kinds = name === 'storeReq' ? decodeBody('storeReq', message.contents.messageBody).kindData
    : name === 'fetchAns' ? decodeBody('fetchAns', message.contents.messageBody).kindResponses : []
  return kinds.flatMap(({ kind, values }) => decodeStoredValues(modelOf(kind), values).map((data) => ({ kind, data })))
}

it('has every vector of the index', () => {
  expect(vectors.map((v) => v.name).sort()).toEqual(index.vectors.map((v) => v.name).sort())
  expect(messages.length).toBeGreaterThan(60)
  expect(messages.filter((v) => oracleFields(v) === undefined).map((v) => v.name)).toEqual(['hdr_dest_compact_only', 'hdr_via_compact_first'])
})

describe.each(messages.map((v) => [v.name, v] as const))('vector %s', (_name, vector) => {
  const message = decodeMessage(vector.bytes)

  it('decodes to the fields listed', () => {
    const oracle = oracleFields(vector)
    if (oracle !== undefined) expect(oracle.ours(dissect(vector.bytes))).toEqual(oracle.theirs)
    expect(message.contents.messageCode).toBe(vector.message_code)
    expect(headerProblem(message.header, expected)).toBeUndefined()
    const headerLength = decodeHeader(vector.bytes).headerLength
    expect(headerLength * 2).toBe(vector.parts?.forwarding_header.length)
    expect(toHex(message.contents.messageBody)).toBe(vector.parts?.message_body)
  })

  it('is encoded again byte for byte', () => {
    expect(toHex(reencodeFully(message))).toBe(vector.hex)
    expect(toHex(reencode(vector.bytes))).toBe(vector.hex)
  })

  it('has a signature by the certificate named, over the input listed', () => {
    const input = blockSignatureInput(message.signedPart, message.security.signature.identity)
    expect(toHex(input)).toBe(vector.message_signature_input)
    const signer = verifier.verifyMessage(message)
    expect(typeof signer === 'string' ? signer : toHex(signer.certificate.certificate.der)).toBe(toHex(certificateOf(vector.signer)))
    expect(typeof signer === 'string' ? signer : toHex(signer.nodeId)).toBe(index.node_ids[vector.signer])
  })

  if (vector.data_signatures.length > 0) {
    it('has values whose signatures hold over the inputs listed', () => {
      const stored = storedValues(message)
      const inputs = stored.map(({ kind, data }, i) => {
        const listed = vector.data_signatures[i]
        const resourceId = fromHex(listed?.resource_id ?? '')
        const signer = verifier.verifyStoredData(resourceId, kind, data, bucketOf(message.security))
        expect(typeof signer === 'string' ? signer : toHex(signer.certificate.certificate.der)).toBe(toHex(certificateOf(listed?.signer as string)))
        expect(verifier.verifyStoredData(fromHex('00'.repeat(16)), kind, data, bucketOf(message.security))).toBe('bad-signature')
        expect(data.storageTime).toBe(BigInt(listed?.storage_time as number))
        return toHex(storedDataSignatureInput({ resourceId, kind, storageTime: data.storageTime, value: data.value }, data.signature.identity))
      })
      expect(inputs).toEqual(vector.data_signatures.map((d) => d.signature_input))
    })
  }

  if (vector.kind_values.length > 0) {
    it('has values of its Kind', () => {
      for (const value of vector.kind_values) {
        const bytes = fromHex(value['hex'] as string)
        expect(storedValues(message).map(({ data }) => toHex(data.value.data.value))).toContain(value['hex'])
        const nodes = (list: readonly unknown[]): unknown => list.map((d) => ({ node: toHex((d as { nodeId: Uint8Array }).nodeId) }))
        if (value['kind'] === 1) {
          const registration = decode(sipRegistration, bytes)
          expect(registration.type).toBe(value['type'])
          if (registration.type === 'sip_registration_uri') expect(registration.uri).toBe(value['uri'])
          else expect({ contact_prefs: registration.contactPrefs, destination_list: nodes(registration.destinationList) }).toEqual({ contact_prefs: value['contact_prefs'], destination_list: value['destination_list'] })
          expect(toHex(encode(sipRegistration, registration))).toBe(value['hex'])
        } else {
          const provider = decode(redirServiceProvider, bytes)
          expect({ namespace: provider.namespace, level: provider.level, node: provider.node, destination_list: nodes(provider.destinationList) })
            .toEqual({ namespace: value['namespace'], level: value['level'], node: value['node'], destination_list: value['destination_list'] })
          expect(toHex(encode(redirServiceProvider, provider))).toBe(value['hex'])
        }
      }
    })
  }
})

it('reads a compact destination in front of a typed one', () => {
  expect(decodeHeader(named('hdr_via_compact_first').bytes).viaList).toEqual([
    { type: 'compact', id: 0x8123 }, { type: 'node', nodeId: fromHex('20000000000000000000000000000020') },
  ])
  expect(decodeHeader(named('hdr_dest_compact_only').bytes).destinationList.map((d) => d.type)).toContain('compact')
})

describe('negative vectors', () => {
  it('cover what the set has', () => {
    expect(vectors.filter((v) => v.expect !== undefined).map((v) => v.name)).toEqual([
      'neg_dest_type', 'neg_fragment_highbit', 'neg_overlay', 'neg_signature', 'neg_token', 'neg_truncated', 'neg_ttl_high', 'neg_ttl_zero', 'neg_version',
    ])
  })

  it.each(['neg_token', 'neg_truncated', 'neg_fragment_highbit'])('%s is discarded', (name) => {
    expect(() => new HeaderView(named(name).bytes)).toThrow(DecodeError)
    expect(() => decodeMessage(named(name).bytes)).toThrow(DecodeError)
  })

  it.each([['neg_overlay', 'wrong-overlay'], ['neg_version', 'wrong-version'], ['neg_ttl_high', 'ttl-too-high']] as const)('%s is rejected by its header: %s', (name, problem) => {
    expect(headerProblem(new HeaderView(named(name).bytes), expected)).toBe(problem)
  })

  it('neg_ttl_zero can be told before it is forwarded', () => {
    const view = new HeaderView(named('neg_ttl_zero').bytes)
    expect(headerProblem(view, expected)).toBeUndefined()
    expect(view.ttl).toBe(0)
  })

  it('neg_dest_type is passed over as a TLV of an unknown type and encodes as it was', () => {
    const vector = named('neg_dest_type')
    expect(decodeHeader(vector.bytes).viaList.map((d) => d.type === 'unknown' ? d.code : d.type)).toContain(4)
    expect(toHex(reencode(vector.bytes))).toBe(vector.hex)
  })

  it('neg_signature fails verification', () => {
    expect(verifier.verifyMessage(decodeMessage(named('neg_signature').bytes))).toBe('bad-signature')
  })
})

describe('fragments and frames', () => {
  const parts = ['frag_1', 'frag_2', 'frag_3'].map((name) => named(name).bytes)

  it.each([[0, 1, 2], [2, 1, 0], [1, 0, 2]])('reassemble in the order %i %i %i', (...order) => {
    const set = new FragmentSet(16_384)
    const whole = order.map((i) => set.add(parts[i] as Uint8Array))
    expect(whole.slice(0, 2)).toEqual([undefined, undefined])
    const joined = decodeMessage(whole[2] as Uint8Array)
    const original = decodeMessage(named('frag_whole').bytes)
    expect(joined.contents).toEqual(original.contents)
    expect(joined.security).toEqual(original.security)
    expect(typeof verifier.verifyMessage(joined)).toBe('object')
  })

  it('a fragment alone is no message', () => { expect(() => decodeMessage(parts[0] as Uint8Array)).toThrow(DecodeError) })

  it('framed_data_ping and framed_ack decode and encode', () => {
    const data = named('framed_data_ping')
    const frame = decode(framedMessage, data.bytes)
    expect(frame).toMatchObject({ type: 'data', sequence: 0 })
    expect(frame.type === 'data' ? decodeMessage(frame.message).contents.messageCode : 0).toBe(MessageCode.pingReq)
    const ack = named('framed_ack')
    expect(decode(framedMessage, ack.bytes)).toEqual({ type: 'ack', ackSequence: 5, received: 31 })
    for (const vector of [data, ack]) {
      expect(toHex(encode(framedMessage, decode(framedMessage, vector.bytes)))).toBe(vector.hex)
      expect(toHex(reencode(vector.bytes, { framed: true }))).toBe(vector.hex)
    }
    expect(dissect(ack.bytes, { framed: true })).toEqual({ type: 'ack', ack_sequence: 5, received: 31 })
  })
})

describe('hashes', () => {
  it('the overlay hash is the last 4 bytes of SHA-1 of the name', () => { expect(overlayHash(crypto, index.overlay_name)).toBe(Number(index.overlay_hash)) })

  it('a Resource-ID is the first 128 bits of SHA-1', () => {
    const alice = fromHex(index.node_ids['alice'] as string)
    const h = (name: string): string | undefined => index.hashes[name]
    expect(toHex(hashToResourceId(crypto, 'alice@overlay.example.org'))).toBe(h('resource_id(alice@overlay.example.org)'))
    expect(toHex(hashToResourceId(crypto, alice))).toBe(h('resource_id(H(alice node id))'))
    expect(toHex(hashToResourceId(crypto, Uint8Array.of(...alice, 3)))).toBe(h('resource_id(H(alice node id||0x03))'))
    expect(toHex(hashToResourceId(crypto, Uint8Array.of(...utf8Bytes('turn-server'), 0, 2, 0, 6)))).toBe(h('resource_id(turn-server||u16 2||u16 6)'))
  })
})
