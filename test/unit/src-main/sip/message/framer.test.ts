import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../../src-main/base/errors.ts'
import { StreamFramer } from '../../../../../src-main/sip/message/framer.ts'
import type { SipMessage } from '../../../../../src-main/sip/message/message.ts'

const encode = (text: string) => new TextEncoder().encode(text)
const one = (n: number, body = '') => `MESSAGE sip:a@b SIP/2.0\r\nX: ${n}\r\nl: ${body.length}\r\n\r\n${body}`

function framer() {
  const heard: string[] = []
  const f = new StreamFramer({
    onMessage: (m) => { heard.push(`${m.headers.get('X')} ${m.text}${m.kind === 'request' && m.defect !== undefined ? ` ${m.defect.status}` : ''}`.trim()) },
    onPing: () => { heard.push('ping') },
  })
  return { f, heard }
}

describe('stream framing (RFC 3261 §18.3)', () => {
  it('cuts messages by Content-Length wherever the stream is cut', () => {
    const stream = encode(`\r\n${one(1, 'abc')}${one(2)}\r\n\r\n${one(3, 'x\r\n\r\ny')}\r\n${one(4, 'z')}`)
    for (let size = 1; size < 40; size++) {
      const { f, heard } = framer()
      for (let i = 0; i < stream.length; i += size) f.push(stream.subarray(i, i + size))
      expect(heard.filter((h) => h !== 'ping')).toEqual(['1 abc', '2', '3 x\r\n\r\ny', '4 z'])
      expect(f.partial).toBe(false)
    }
  })

  it('answers the double CRLF keep-alive (RFC 5626 §3.5.1) and ignores the single one', () => {
    const { f, heard } = framer()
    f.push(encode('\r\n\r\n'))
    f.push(encode('\r\n'))
    expect(heard).toEqual(['ping'])
    expect(f.partial).toBe(false)
  })

  it('hands on a request without Content-Length to be answered 400, and then cannot go on', () => {
    const { f, heard } = framer()
    expect(() => { f.push(encode('MESSAGE sip:a@b SIP/2.0\r\nX: 1\r\n\r\nbody')) }).toThrow(DecodeError)
    expect(heard).toEqual(['1  400'])
  })

  it('throws on heads and bodies that are too large', () => {
    expect(() => { framer().f.push(encode(`MESSAGE sip:a@b SIP/2.0\r\nX: ${'y'.repeat(40_000)}`)) }).toThrow('too large')
    expect(() => { framer().f.push(encode('MESSAGE sip:a@b SIP/2.0\r\nl: 99999999\r\n\r\n')) }).toThrow('too large')
    expect(() => { framer().f.push(encode('\x16\x03\x01 not sip at all\r\n\r\n')) }).toThrow(DecodeError)
  })

  it('knows while a message is incomplete', () => {
    const { f } = framer()
    f.push(encode(one(1, 'abc').slice(0, -1)))
    expect(f.partial).toBe(true)
    f.push(encode('c'))
    expect(f.partial).toBe(false)
  })

  it('gives bodies that stay as they are while the stream goes on', () => {
    const kept: { m: SipMessage; text: string }[] = []
    const f = new StreamFramer({ onMessage: (m) => { kept.push({ m, text: m.text }) }, onPing: () => {} })
    const stream = encode(Array.from({ length: 60 }, (_, i) => one(i, String(i).repeat(i))).join(''))
    for (let at = 0; at < stream.length; at += 37) f.push(stream.slice(at, at + 37))
    expect(kept).toHaveLength(60)
    expect(kept.map(({ m }) => m.text)).toEqual(kept.map(({ text }) => text))
    expect(kept[59]?.text).toBe('59'.repeat(59))
  })
})
