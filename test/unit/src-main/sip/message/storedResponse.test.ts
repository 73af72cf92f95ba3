import { describe, expect, it } from 'vitest'
import { makeResponse, SipRequest } from '../../../../../src-main/sip/message/message.ts'
import { StoredResponse } from '../../../../../src-main/sip/message/storedResponse.ts'
import { sampleRequest } from '../../../../support/transactionBench.ts'

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

describe('a response that may have to be sent again (RFC 3261 §17.2)', () => {
  it('is sent again byte for byte, even when the messages it was made of are gone', () => {
    const request = sampleRequest('MESSAGE')
    const response = makeResponse(request, 200, 'Grüße', 'x').setBody('text/plain', 'wie geht’s')
    const bytes = response.encode().slice()
    const stored = new StoredResponse(response)
    request.discard()
    response.headers.clear()
    expect(text(stored.read().encode())).toBe(text(bytes))
    expect(stored.read().via.params.get('branch')).toBe('z9hG4bKabc')
  })
})

describe('the size of a message', () => {
  it('is that of its bytes, with and without other characters than ASCII', () => {
    const request = sampleRequest('MESSAGE').setBody('text/plain', 'hallo')
    expect(request.size).toBe(request.encode().length)
    request.headers.append('Subject', 'Grüße \u{1f600}')
    expect(request.size).toBe(request.encode().length)
    request.headers.remove('Subject').set('To', '<sip:longer@office.example>;tag=1')
    expect(request.size).toBe(request.encode().length)
  })
})

describe('a printed head', () => {
  it('follows every change of the Request-URI and of the header fields', () => {
    const request = sampleRequest('MESSAGE')
    request.encode()
    request.requestUri = 'sip:other@office.example'
    expect(text(request.encode())).toMatch(/^MESSAGE sip:other@office.example SIP\/2.0\r\n/)
    request.headers.prepend('Via', 'SIP/2.0/UDP p:5060;branch=z9hG4bK2')
    expect(text(request.encode())).toContain('z9hG4bK2')
    request.discard()
    expect([request.requestUri, request.headers.size, request.body.length]).toEqual(['', 0, 0])
    expect(request instanceof SipRequest && request.clone().headers.size).toBe(0)
  })
})
