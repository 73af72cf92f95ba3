import { describe, expect, it } from 'vitest'
import { hueOf, initials, toAor } from '../../../../src-renderer/lib/address.ts'

describe('addresses as people type them', () => {
  it.each([
    ['bob', 'bob@office.example'], ['sip:bob@Office.Example', 'bob@office.example'], [' <sip:bob@office.example> ', 'bob@office.example'],
    ['sips:bob@office.example;transport=tls?subject=x', 'bob@office.example'], ['Bob@office.example', 'Bob@office.example'],
    ['bob@192.0.2.1:5070', 'bob@192.0.2.1:5070'], ['bob@[2001:db8::1]', 'bob@[2001:db8::1]'],
    ['bob smith', ''], ['bob@', ''], ['@office.example', ''], ['bob@-x.example', ''], ['', ''],
  ])('%s means %s', (typed, aor) => { expect(toAor(typed, 'office.example')).toBe(aor) })

  it('makes one or two initials of a name, of whole characters', () => {
    expect(initials('Alice Maria Moreau')).toBe('AM')
    expect(initials('bob')).toBe('B')
    expect(initials('𝒳 𝒴')).toBe('𝒳𝒴')
    expect(initials('')).toBe('?')
  })

  it('gives an address the same hue each time', () => {
    expect(hueOf('bob@office.example')).toBe(hueOf('bob@office.example'))
    expect(new Set(['a', 'b', 'c', 'd', 'e', 'f'].map(hueOf)).size).toBeGreaterThan(2)
  })
})
