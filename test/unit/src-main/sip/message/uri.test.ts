import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../../src-main/base/errors.ts'
import { aorOf, escapeUser, hostEquals, parseUri, printUri, uriEquals, uriOfAor } from '../../../../../src-main/sip/message/uri.ts'

describe('URIs (RFC 3261 §19.1)', () => {
  it.each([
    'sip:alice@atlanta.com', 'sip:alice:secretword@atlanta.com;transport=tcp', 'sips:alice@atlanta.com?subject=project%20x&priority=urgent',
    'sip:+1-212-555-1212:1234@gateway.com;user=phone', 'sips:1212@gateway.com', 'sip:alice@192.0.2.4', 'sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com',
    'sip:alice;day=tuesday@atlanta.com', 'sip:[2001:db8::10]:5070', 'sip:user@[2001:db8::1];lr', 'tel:+1-201-555-0123', 'tel:7042;phone-context=example.com', 'mailto:bob@example.com',
  ])('prints %s as it was read', (text) => { expect(printUri(parseUri(text))).toBe(text) })

  it.each([
    '', 'sip:', 'alice@atlanta.com', 'sip:@atlanta.com', 'sip:a b@c', 'sip:a@b c', 'sip:a%2@b', 'sip:a@b:99999', 'sip:a@b:x', 'sip:a@[::1', 'sip:a@[1]',
    'sip:a@b;;x', 'sip:a@b;=x', 'sip:a@b;x=1;X=1', 'sip:<a@b>', 'sip:a@b@c', 'sip:2001:db8::10', 'tel:', 'tel:hello world', `sip:${'a'.repeat(5000)}@b`, '<sip:a@b>',
  ])('refuses %j', (text) => { expect(() => parseUri(text)).toThrow(DecodeError) })

  it('reads its parts', () => {
    const uri = parseUri('sips:j%40ne:pw@Example.COM:5071;transport=TCP;lr?a=b')
    if (uri.kind !== 'sip') throw new Error('kind')
    expect([uri.scheme, uri.user, uri.password, uri.host, uri.port, uri.headers]).toEqual(['sips', 'j%40ne', 'pw', 'Example.COM', 5071, 'a=b'])
    expect([uri.params.get('TRANSPORT'), uri.params.get('lr'), uri.params.has('ttl')]).toEqual(['TCP', '', false])
  })

  it.each([
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com;newparam=5', 'sip:carol@chicago.com;security=on'],
    ['sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com', 'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com'],
    ['sip:alice@atlanta.com?subject=project%20x&priority=urgent', 'sip:alice@atlanta.com?priority=urgent&subject=project%20x'],
    ['sip:a@[2001:db8:0:0::1]', 'sip:a@[2001:DB8::1]'], ['sip:a@[::ffff:192.0.2.1]', 'sip:a@[::ffff:c000:201]'],
    ['tel:+1-201-555-0123', 'tel:+12015550123'], ['tel:123;b=1;a=2', 'tel:123;a=2;b=1'],
  ])('%s equals %s (§19.1.4)', (a, b) => { expect([uriEquals(parseUri(a), parseUri(b)), uriEquals(parseUri(b), parseUri(a))]).toEqual([true, true]) })

  it.each([
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'], ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'], ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'], ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'], ['sip:a@b', 'sips:a@b'], ['sip:a@b', 'sip:a:pw@b'],
    ['sip:a@b;maddr=1.2.3.4', 'sip:a@b'], ['tel:123', 'tel:1234'], ['sip:123@b', 'tel:123'], ['sip:a%3bb@c', 'sip:a;b@c'],
  ])('%s does not equal %s', (a, b) => { expect([uriEquals(parseUri(a), parseUri(b)), uriEquals(parseUri(b), parseUri(a))]).toEqual([false, false]) })

  it('makes addresses of record: no scheme, port or parameters, domain in lower case, escapes undone', () => {
    expect(aorOf(parseUri('sip:J%2eDoe;x=1@Office.EXAMPLE:5070;transport=tcp'))).toBe('J.Doe;x=1@office.example')
    expect(aorOf(parseUri('sip:office.example'))).toBe('office.example')
    expect(aorOf(parseUri('tel:+1 '.trim() + '-2'))).toBe('+12')
    expect(aorOf(parseUri('mailto:a@b'))).toBeUndefined()
    expect(printUri(uriOfAor('a b@office.example'))).toBe('sip:a%20b@office.example')
    expect(printUri(uriOfAor('sips:x@y'))).toBe('sips:x@y')
    expect(escapeUser('ä@%')).toBe('%C3%A4%40%25')
  })

  it('compares hosts without case and trailing dot', () => {
    expect(hostEquals('Example.com.', 'example.COM')).toBe(true)
    expect(hostEquals('example.com', 'example.org')).toBe(false)
  })
})
