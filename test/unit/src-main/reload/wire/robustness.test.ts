import { describe, expect, it } from 'vitest'
import { ByteReader } from '../../../../../src-main/base/bytes.ts'
import { DecodeError } from '../../../../../src-main/base/errors.ts'
import { decode, encode, type Codec } from '../../../../../src-main/base/presentation.ts'
import { bodies } from '../../../../../src-main/reload/wire/bodies.ts'
import { dissect, reencode } from '../../../../../src-main/reload/wire/dissect.ts'
import { diagnosticsRequest, diagnosticsResponse, extensiveRoutingModeOption, selfTuningData } from '../../../../../src-main/reload/wire/extensions.ts'
import { frameLength, framedMessage } from '../../../../../src-main/reload/wire/framing.ts'
import { decodeMessage } from '../../../../../src-main/reload/wire/message.ts'
import { securityBlock } from '../../../../../src-main/reload/wire/signature.ts'
import { decodeSpecifier, storedData, storedMetaData } from '../../../../../src-main/reload/wire/storage.ts'
import { chordLeaveData } from '../../../../../src-main/reload/wire/topology.ts'
import { accessControlListItem, namedAccessControlListItem, redirServiceProvider, sipRegistration, turnServer } from '../../../../../src-main/reload/wire/usages.ts'
import { vectors } from './vectors.ts'
import { fc, runs } from '../../../../support/properties.ts'

const models = ['single', 'array', 'dictionary'] as const
const codecs: readonly (readonly [string, Codec<unknown>])[] = [
  ...Object.entries(bodies), ['framedMessage', framedMessage], ['securityBlock', securityBlock], ['chordLeaveData', chordLeaveData],
  ['sipRegistration', sipRegistration], ['turnServer', turnServer], ['redirServiceProvider', redirServiceProvider],
  ['accessControlListItem', accessControlListItem], ['namedAccessControlListItem', namedAccessControlListItem],
  ['diagnosticsRequest', diagnosticsRequest], ['diagnosticsResponse', diagnosticsResponse], ['selfTuningData', selfTuningData],
  ['extensiveRoutingModeOption', extensiveRoutingModeOption],
  ...models.flatMap((model) => [[`storedData ${model}`, storedData(model)], [`storedMetaData ${model}`, storedMetaData(model)]] as const),
] as unknown as readonly (readonly [string, Codec<unknown>])[]

/** Runs `read`, which may throw nothing but DecodeError; undefined when it did. */
function tolerant<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError)
    return undefined
  }
}

describe('bytes from outside throw DecodeError only', () => {
  it.each(codecs)('%s, from random bytes; what decodes encodes to what decodes alike', (_name, codec) => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 96 }), (bytes) => {
      const value = tolerant(() => decode(codec, bytes))
      if (value !== undefined) expect(decode(codec, encode(codec, value))).toEqual(value)
    }), runs(150))
  })

  it('whole messages, mutated: truncated, with bytes changed, removed and repeated', () => {
    const mutation = fc.record({ vector: fc.nat(vectors.length - 1), at: fc.nat(2000), value: fc.nat(255), cut: fc.nat(40), how: fc.constantFrom('set', 'cut', 'repeat', 'length') })
    fc.assert(fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
      let bytes = (vectors[mutations[0]?.vector ?? 0]?.bytes ?? new Uint8Array(0)).slice()
      for (const { at, value, cut, how } of mutations) {
        const i = at % Math.max(1, bytes.length)
        if (how === 'set') bytes[i] = value
        else if (how === 'cut') bytes = Uint8Array.of(...bytes.subarray(0, i), ...bytes.subarray(i + cut))
        else if (how === 'repeat') bytes = Uint8Array.of(...bytes.subarray(0, i + cut), ...bytes.subarray(i))
        else if (bytes.length > 20) new DataView(bytes.buffer).setUint32(16, bytes.length)
      }
      tolerant(() => decodeMessage(bytes))
      tolerant(() => dissect(bytes))
      tolerant(() => reencode(bytes))
      tolerant(() => dissect(bytes, { framed: true }))
    }), runs(1500))
  })

  it('specifiers and frames', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      for (const model of models) tolerant(() => decodeSpecifier(model, bytes))
      const length = frameLength(bytes)
      const first = bytes[0]
      expect(length === -1).toBe(first !== undefined && first !== 128 && first !== 129)
    }))
  })
})

describe('presentation (RFC 6940 §6.3.1)', () => {
  it('a Boolean of 2 does not parse', () => { expect(() => decode(bodies.routeQueryReq, Uint8Array.of(2, 1, 16, ...new Uint8Array(16), 0, 0))).toThrow('Boolean is 2') })
  it('a list of Node-IDs is a whole number of them', () => { expect(() => decode(chordLeaveData, Uint8Array.of(1, 0, 17, ...new Uint8Array(17)))).toThrow(DecodeError) })
  it('a known type leaves nothing over inside its length', () => { expect(() => decode(turnServer, Uint8Array.of(1, 1, 7, 192, 0, 2, 1, 0x17, 0xc4, 0))).toThrow('left over') })
  it('192.0.2.1:6084 is 01 06 c0 00 02 01 17 c4', () => {
    const value = { iteration: 1, serverAddress: { type: 'ipv4_address', host: '192.0.2.1', port: 6084 } } as const
    expect([...encode(turnServer, value)]).toEqual([1, 1, 6, 0xc0, 0, 2, 1, 0x17, 0xc4])
    expect(decode(turnServer, encode(turnServer, value))).toEqual(value)
  })
  it('an unknown address type is kept and skipped', () => {
    const bytes = Uint8Array.of(1, 9, 2, 0xaa, 0xbb)
    expect(decode(turnServer, bytes)).toEqual({ iteration: 1, serverAddress: { type: 'unknown', code: 9, data: Uint8Array.of(0xaa, 0xbb) } })
    expect(encode(turnServer, decode(turnServer, bytes))).toEqual(bytes)
  })
  it('the list of a DiagnosticsRequest may lack its own length when ext_length is 0', () => {
    const reader = new ByteReader(new Uint8Array(28))
    expect(diagnosticsRequest.read(reader)).toMatchObject({ diagnosticExtensionsList: [] })
    expect(reader.remaining).toBe(0)
  })
})
