import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../../../src-main/base/bytes.ts'
import { DecodeError } from '../../../../../src-main/base/errors.ts'
import { newConfiguration, type DomainRestriction } from '../../../../../src-main/reload/config/configuration.ts'
import { decodeSipRegistration, encodeSipRegistration, sipRegistrationRule } from '../../../../../src-main/reload/usages/sipRegistration.ts'
import { noSignature } from '../../../../../src-main/reload/wire/signature.ts'
import type { StoredData } from '../../../../../src-main/reload/wire/storage.ts'
import { bytes, nodeIdAt } from '../storage/ring.ts'

const route = { type: 'route' as const, contactPrefs: '(sip.schemes=SIPS)', destinationList: [{ node: nodeIdAt(0x40) }] }

describe('SipRegistration (RFC 7904 §3.2)', () => {
  it('a route is type 2, its length, contact_prefs and a Destination List', () => {
    const prefs = toHex(bytes('(sip.schemes=SIPS)'))
    expect(toHex(encodeSipRegistration(route))).toBe(`020028${'0012'}${prefs}${'0012'}0110${toHex(nodeIdAt(0x40))}`)
    expect(decodeSipRegistration(encodeSipRegistration(route))).toEqual(route)
  })

  it('a route may go through a peer to its client', () => {
    const client = { ...route, contactPrefs: '', destinationList: [{ node: nodeIdAt(0x10) }, { node: nodeIdAt(0x40) }] }
    expect(decodeSipRegistration(encodeSipRegistration(client))).toEqual(client)
  })

  it('a uri is type 1, its length and the address', () => {
    const uri = { type: 'uri' as const, uri: 'bob@office.example' }
    expect(toHex(encodeSipRegistration(uri))).toBe(`0100140012${toHex(bytes('bob@office.example'))}`)
    expect(decodeSipRegistration(encodeSipRegistration(uri))).toEqual(uri)
  })

  it('what does not follow the format is a DecodeError: leftovers, unknown types, empty routes and addresses, no nodes in the route', () => {
    for (const hex of ['', '0100', '03000400026162', `${toHex(encodeSipRegistration(route))}00`, '0200040000' + '0000', '010002' + '0000', '0200070000' + '00030201aa']) {
      expect(() => decodeSipRegistration(fromHex(hex)), hex).toThrow(DecodeError)
    }
  })
})

describe('the rule for writers (RFC 7904 §3.3, §3.4)', () => {
  const value = (content: Uint8Array | undefined): StoredData => ({
    storageTime: 1n, lifetime: 1, signature: noSignature,
    value: { model: 'dictionary', key: nodeIdAt(0x40), data: content === undefined ? { exists: false, value: new Uint8Array(0) } : { exists: true, value: content } },
  })
  const allows = (userName: string, domainRestriction?: DomainRestriction, content: Uint8Array | undefined = encodeSipRegistration(route)): boolean =>
    sipRegistrationRule(() => newConfiguration({ instanceName: 'office.example', ...(domainRestriction !== undefined && { domainRestriction }) }))(value(content), { userName, nodeId: nodeIdAt(0x40) })

  it('without a restriction any address of record is taken', () => {
    expect(allows('alice@elsewhere.example')).toBe(true)
    expect(allows('alice')).toBe(false)
  })

  it('with one that is not enabled only those of the overlay\'s name', () => {
    expect(allows('alice@office.example', { enable: false, patterns: [] })).toBe(true)
    expect(allows('alice@elsewhere.example', { enable: false, patterns: ['.*'] })).toBe(false)
  })

  it('with one that is enabled only those that match a pattern as a whole', () => {
    const restriction = { enable: true, patterns: ['([a-z]+\\.)?partner\\.example'] }
    expect(allows('alice@sales.partner.example', restriction)).toBe(true)
    expect(allows('alice@partner.example.evil', restriction)).toBe(false)
    expect(allows('alice@office.example', restriction)).toBe(false)
  })

  it('a removal needs no content, a value must be a registration', () => {
    expect(allows('alice@office.example', undefined, bytes('nonsense'))).toBe(false)
    const rule = sipRegistrationRule(() => newConfiguration({ instanceName: 'office.example' }))
    expect(rule(value(undefined), { userName: 'alice@office.example', nodeId: nodeIdAt(0x40) })).toBe(true)
  })
})
