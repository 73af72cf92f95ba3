import forge from 'node-forge'
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../src-main/base/errors.ts'
import { makeRequest, readRequest } from '../../../../src-main/enrollment/pkcs10.ts'
import { crypto, makeAuthority, random } from '../../../support/certificates.ts'

const names = [{ kind: 'email', value: 'alice@office.example' }, { kind: 'uri', value: 'reload://0110aa@office.example/' }] as const

describe.each([['rsa', 2048], ['ec', 256]] as const)('certification requests (RFC 2986) with a key of %s', (type, bits) => {
  it('come back with the key and the names that were asked for', async () => {
    const key = await crypto.generateKey(type)
    expect(readRequest(crypto, makeRequest(key, names))).toEqual({
      publicKeyInfo: key.publicKeyInfo, keyType: type, keyBits: bits, emails: ['alice@office.example'], uris: ['reload://0110aa@office.example/'],
    })
    expect(readRequest(crypto, makeRequest(key, []))).toMatchObject({ emails: [], uris: [] })
  })
  it('are refused when the signature is not by their own key', async () => {
    const der = makeRequest(await crypto.generateKey(type), names)
    der[der.length - 5] = (der[der.length - 5] ?? 0) ^ 1
    expect(() => readRequest(crypto, der)).toThrow(DecodeError)
  })
  it('raise DecodeError, and nothing else, wherever they are damaged', async () => {
    const der = makeRequest(await crypto.generateKey(type), names)
    for (let at = 0; at < der.length; at++) {
      for (const bytes of [der.slice(0, at), der.map((byte, i) => (i === at ? byte ^ 0xff : byte))]) expect(() => readRequest(crypto, bytes)).toThrow(DecodeError)
    }
  })
})

describe('certification requests of others', () => {
  it('are read: here node-forge', () => {
    const pair = forge.pki.rsa.generateKeyPair(2048)
    const request = forge.pki.createCertificationRequest()
    request.publicKey = pair.publicKey
    request.setSubject([{ name: 'commonName', value: 'alice' }])
    request.setAttributes([{ name: 'challengePassword', value: 'secret' }, { name: 'extensionRequest', extensions: [{ name: 'subjectAltName', altNames: [{ type: 1, value: 'alice@office.example' }, { type: 2, value: 'a.example' }] }] }])
    request.sign(pair.privateKey, forge.md.sha256.create())
    const der = Uint8Array.from(forge.asn1.toDer(forge.pki.certificationRequestToAsn1(request)).getBytes(), (character) => character.charCodeAt(0))
    expect(readRequest(crypto, der)).toMatchObject({ keyType: 'rsa', keyBits: 2048, emails: ['alice@office.example'], uris: [] })
  })
  it('can read ours: here node-forge', async () => {
    const der = makeRequest(await crypto.generateKey('rsa'), names)
    const request = forge.pki.certificationRequestFromAsn1(forge.asn1.fromDer(String.fromCharCode(...der)))
    expect(request.verify()).toBe(true)
    expect(JSON.stringify(request.getAttribute({ name: 'extensionRequest' }))).toContain('alice@office.example')
  })
  it('are refused when they are garbage', async () => {
    const root = await makeAuthority()
    for (const bytes of [new Uint8Array(), random.bytes(300), new Uint8Array(20_000).fill(0x30), root.certificate.der]) {
      expect(() => readRequest(crypto, bytes)).toThrow(DecodeError)
    }
  })
})
