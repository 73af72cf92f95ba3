import { describe, expect, it } from 'vitest'
import type { Certificate } from '../../../../../src-main/ports/crypto.ts'
import { provesDomain, sipDomains } from '../../../../../src-main/sip/transport/domainCertificate.ts'

const certificate = (altNames: Certificate['altNames'], subject = ''): Certificate => ({ altNames, subject }) as Certificate

describe('identities of SIP domains in certificates (RFC 5922 §7)', () => {
  it('are SIP URIs without user part; DNS names then count for other protocols', () => {
    const both = certificate([{ kind: 'uri', value: 'sip:example.com' }, { kind: 'uri', value: 'sip:alice@example.org' }, { kind: 'uri', value: 'sips:example.net' }, { kind: 'dns', value: 'www.example.net' }])
    expect(sipDomains(both)).toEqual(['example.com'])
    expect(provesDomain(both, 'EXAMPLE.com')).toBe(true)
    expect(provesDomain(both, 'example.org')).toBe(false)
    expect(provesDomain(both, 'www.example.net')).toBe(false)
  })
  it('are DNS names where no URI stands', () => {
    const names = certificate([{ kind: 'dns', value: 'sip.example.com' }, { kind: 'uri', value: 'https://example.com' }], 'CN=other.example')
    expect(sipDomains(names)).toEqual(['sip.example.com'])
    expect(provesDomain(names, 'other.example')).toBe(false)
  })
  it('is the common name only where there are no alternative names', () => {
    expect(sipDomains(certificate([], 'C=DE\nO=Example\nCN=example.com'))).toEqual(['example.com'])
    expect(sipDomains(certificate([{ kind: 'email', value: 'a@example.com' }], 'CN=example.com'))).toEqual([])
    expect(sipDomains(certificate([], ''))).toEqual([])
  })
  it('match as a whole: no wildcard, no suffix', () => {
    const wild = certificate([{ kind: 'dns', value: '*.example.com' }])
    expect(provesDomain(wild, 'a.example.com')).toBe(false)
    expect(provesDomain(wild, '*.example.com')).toBe(false)
    expect(provesDomain(certificate([{ kind: 'dns', value: 'example.com' }]), 'a.example.com')).toBe(false)
  })
})
