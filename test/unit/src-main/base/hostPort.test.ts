import { expect, it } from 'vitest'
import { parseHostPort } from '../../../../src-main/base/hostPort.ts'

it('reads a host, or an IPv6 literal in brackets, and a port', () => {
  expect([parseHostPort('a.example:6084'), parseHostPort('[2001:db8::1]:0')]).toEqual([{ host: 'a.example', port: 6084 }, { host: '2001:db8::1', port: 0 }])
})

it.each(['a.example', '2001:db8::1:6084', ':6084', 'a:65536', 'a:1a', ''])('%j is neither', (text) => { expect(parseHostPort(text)).toBeUndefined() })
