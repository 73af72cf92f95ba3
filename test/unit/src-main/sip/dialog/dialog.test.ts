import { describe, expect, it } from 'vitest'
import { Dialog } from '../../../../../src-main/sip/dialog/dialog.ts'
import { makeResponse, SipRequest } from '../../../../../src-main/sip/message/message.ts'

function invite(): SipRequest {
  const request = new SipRequest('INVITE', 'sip:bob@biloxi.com')
  request.headers.append('Via', 'SIP/2.0/UDP a;branch=z9hG4bK1').append('From', '"Alice" <sip:alice@atlanta.com>;tag=a1').append('To', 'sip:bob@biloxi.com')
    .append('Call-ID', 'c1').append('CSeq', '314 INVITE').append('Contact', '<sip:alice@10.0.0.1>').append('Record-Route', '<sip:p2;lr>, <sip:p1;lr>')
  return request
}
function ok(request: SipRequest, contact = '<sip:bob@10.0.0.2>') {
  const response = makeResponse(request, 200, undefined, 'b1')
  response.headers.append('Contact', contact)
  return response
}
const routes = (r: SipRequest) => r.headers.getList('Route')

describe('dialogs (RFC 3261 §12)', () => {
  it('of the client: reversed route set, target of the Contact, numbers that go on', () => {
    const request = invite()
    const dialog = Dialog.fromResponse(request, ok(request))
    expect([dialog.callId, dialog.localTag, dialog.remoteTag, dialog.state]).toEqual(['c1', 'a1', 'b1', 'confirmed'])
    const bye = dialog.createRequest('BYE')
    expect(bye.startLine).toBe('BYE sip:bob@10.0.0.2 SIP/2.0')
    expect(routes(bye)).toEqual(['<sip:p1;lr>', '<sip:p2;lr>'])
    expect(bye.headers.get('From')).toBe('"Alice" <sip:alice@atlanta.com>;tag=a1')
    expect(bye.headers.get('To')).toBe('<sip:bob@biloxi.com>;tag=b1')
    expect(bye.cseq.number).toBe(315)
    expect(dialog.createRequest('ACK', 314).cseq).toEqual({ number: 314, method: 'ACK' })
    expect(dialog.createRequest('INVITE').cseq.number).toBe(316)
  })

  it('of the server: route set in order, own tag on From', () => {
    const dialog = Dialog.fromRequest(invite(), 'b1')
    const bye = dialog.createRequest('BYE')
    expect(bye.startLine).toBe('BYE sip:alice@10.0.0.1 SIP/2.0')
    expect(routes(bye)).toEqual(['<sip:p2;lr>', '<sip:p1;lr>'])
    expect([bye.fromTag, bye.toTag, bye.cseq.number]).toEqual(['b1', 'a1', 1])
  })

  it('goes through a strict router by putting it into the Request-URI (§12.2.1.1)', () => {
    const request = invite()
    request.headers.set('Record-Route', '<sip:last;lr>, <sip:strict;transport=udp>')
    const bye = Dialog.fromResponse(request, ok(request)).createRequest('BYE')
    expect(bye.requestUri).toBe('sip:strict;transport=udp')
    expect(routes(bye)).toEqual(['<sip:last;lr>', '<sip:bob@10.0.0.2>'])
  })

  it('refuses requests out of order and follows target refreshes', () => {
    const dialog = Dialog.fromRequest(invite(), 'b1')
    const next = (n: number) => { const r = new SipRequest('INVITE', 'sip:x'); r.headers.append('CSeq', `${n} INVITE`).append('Contact', `<sip:new${n}@10.0.0.9>`); return r }
    expect([314, 313, 320, 319, 321].map((n) => dialog.acceptSequence(next(n)))).toEqual([false, false, true, false, true])
    dialog.refreshTarget(next(321))
    expect(dialog.createRequest('BYE').requestUri).toBe('sip:new321@10.0.0.9')
  })

  it('becomes confirmed by the 2xx, which sets the route set anew (§13.2.2.4)', () => {
    const request = invite()
    const ringing = makeResponse(request, 180, undefined, 'b1')
    ringing.headers.append('Contact', '<sip:early@10.0.0.2>')
    const dialog = Dialog.fromResponse(request, ringing)
    expect(dialog.state).toBe('early')
    const answer = ok(request)
    answer.headers.set('Record-Route', '<sip:only;lr>')
    dialog.confirm(answer)
    const bye = dialog.createRequest('BYE')
    expect([dialog.state, bye.requestUri, routes(bye)]).toEqual(['confirmed', 'sip:bob@10.0.0.2', ['<sip:only;lr>']])
  })

  it('uses the Request-URI, or From, where a Contact is missing', () => {
    const request = invite()
    expect(Dialog.fromResponse(request, makeResponse(request, 200, undefined, 'b1')).remoteTarget).toBe('sip:bob@biloxi.com')
    request.headers.remove('Contact')
    expect(Dialog.fromRequest(request, 'b1').remoteTarget).toBe('sip:alice@atlanta.com')
  })
})
