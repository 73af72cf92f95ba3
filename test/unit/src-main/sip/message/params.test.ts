import { describe, expect, it } from 'vitest'
import { NO_PARAMS, Params, parseParams } from '../../../../../src-main/sip/message/params.ts'
import { parseAddressParams, parseTag } from '../../../../../src-main/sip/message/nameAddr.ts'
import { parseUri, printUri } from '../../../../../src-main/sip/message/uri.ts'

describe('parameters (RFC 3261 §7.3.1)', () => {
  const text = ';;  Lr ; tag = a;q="x\\"; y" ;=z'.replace(';=z', '; ;e=')

  it('read the same where they stand in the text and once they were taken out of it', () => {
    const lazy = parseParams(text, 0), taken = parseParams(text, 0)
    const list = [...taken]
    expect(list.map(({ name, value }) => [name, value])).toEqual([['Lr', undefined], ['tag', 'a'], ['q', '"x\\"; y"'], ['e', '']])
    for (const name of ['lr', 'LR', 'tag', 'Q', 'e', 'x', 'l']) expect([lazy.has(name), lazy.get(name)], name).toEqual([taken.has(name), taken.get(name)])
    expect([lazy.size, taken.size, lazy.get('q'), lazy.get('lr')]).toEqual([4, 4, 'x"; y', ''])
    expect(lazy.toString()).toBe(';Lr;tag=a;q="x\\"; y";e=')
  })

  it('are changed in a copy and leave the message as it was', () => {
    const read = parseParams(text, 0), copy = read.clone()
    copy.set('TAG', 'b')
    copy.set('rport', '5060')
    copy.delete('q')
    expect([read.toString(), copy.toString()]).toEqual([';Lr;tag=a;q="x\\"; y";e=', ';Lr;tag=b;e=;rport=5060'])
    const none = parseParams('', 0)
    expect(() => { none.push('a', undefined) }).toThrow('changed in a copy')
    const own = none.clone()
    own.push('a', undefined)
    expect([own.toString(), NO_PARAMS.size, new Params().size]).toEqual([';a', 0, 0])
  })

  it('keep their places when values change, come and go, whatever stands in quotes', () => {
    const changed = (change: (p: Params) => void): string => { const p = parseParams(';a=";b=1";b ; c = 2;;d=', 0).clone(); change(p); return `${p.size}${p.toString()}` }
    expect([
      changed((p) => { p.set('b', '3') }), changed((p) => { p.set('C', undefined) }), changed((p) => { p.set('d', '"x;y"') }), changed((p) => { p.set('e', '5') }),
      changed((p) => { p.delete('a') }), changed((p) => { p.delete('B') }), changed((p) => { p.delete('c') }), changed((p) => { p.delete('x') }),
      changed((p) => { for (const name of 'dcba') p.delete(name); p.push('z', '1') }),
    ]).toEqual([
      '4;a=";b=1";b=3;c=2;d=', '4;a=";b=1";b;c;d=', '4;a=";b=1";b;c=2;d="x;y"', '5;a=";b=1";b;c=2;d=;e=5',
      '3;b;c=2;d=', '3;a=";b=1";c=2;d=', '3;a=";b=1";b;d=', '4;a=";b=1";b;c=2;d=', '1;z=1',
    ])
  })

  it('stand in a URI once each, whatever their case (§19.1.1)', () => {
    expect(printUri(parseUri('sip:a@b;lr;x=1;LRX;xx'))).toBe('sip:a@b;lr;x=1;LRX;xx')
    for (const uri of ['sip:a@b;lr;LR', 'sip:a@b;x=1;y;X=2', 'tel:1;a;b;a']) expect(() => parseUri(uri), uri).toThrow('twice')
  })
})

describe('a tag (RFC 3261 §19.3)', () => {
  it.each([
    '<sip:a@b>;tag=1', '"x>;tag=2" <sip:a@b>;tag=1', 'A B <sip:a@b>;tag=1 ', '<sip:a@b>;x;tag=1', 'sip:a@b;tag=1', '<sip:a@b>; tag = 1', '<sip:a@b>', '<sip:a@b>;tag=', '<sip:a@b>;tag="q"',
    '<sip:a>x>;tag=1', '<sip:a@b;tag=1', '"x <sip:a@b>;tag=1', '<sip:a@b>;tag=1,2', 'a>;tag=1', '<sip:a@b>;tag=é', '<sip:a@b>;tagg=1', '<sip:a@b>;TAG=1', '',
  ])('is the parameter that a full reading finds: %s', (value) => {
    const read = (work: () => string | null): string | null => { try { return work() } catch (error) { return `refused: ${String(error)}` } }
    expect(read(() => parseTag(value))).toBe(read(() => parseAddressParams(value).get('tag') ?? null))
  })
})
