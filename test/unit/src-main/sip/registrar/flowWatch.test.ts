import { describe, expect, it } from 'vitest'
import { fromHex } from '../../../../../src-main/base/bytes.ts'
import type { SipResponse } from '../../../../../src-main/sip/message/message.ts'
import { type RawEnd, ServerKit } from '../../../../support/sipServerKit.ts'
import type { MemoryConnectionOptions } from '../../../../support/memoryConnection.ts'

const BINDING_REQUEST = fromHex('000100002112a442b7e7a701bc34d686fa87dfae')
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

async function registered(options: MemoryConnectionOptions, headers: readonly (readonly [string, string])[] = []): Promise<{ kit: ServerKit; desk: RawEnd; response: SipResponse; register: (expires: number) => Promise<void> }> {
  const kit = new ServerKit(), desk = kit.end('desk', options)
  let cseq = 0
  const register = async (expires: number): Promise<void> => {
    await kit.ask(desk, desk.request('REGISTER', 'sip:office.example', [
      ['To', '<sip:desk@office.example>'], ['Call-ID', 'r'], ['Contact', '<sip:desk@10.0.0.2;ob>;reg-id=1;+sip.instance="<urn:uuid:1>"'], ['Supported', 'outbound, path'], ['Expires', String(expires)], ...headers,
    ], cseq += 2))
  }
  await register(3600)
  const response = desk.last as SipResponse
  return { kit, desk, response, register }
}

describe('flows that fail in silence (RFC 5626 §4.4)', () => {
  it.each([['UDP', false], ['TCP', true]] as const)('the server waits longer than Flow-Timer, then the binding and the flow are gone (%s)', async (_, reliable) => {
    const { kit, desk, response } = await registered({ reliable })
    expect(response.headers.get('Flow-Timer')).toBe('120')
    await kit.run(149_000)
    expect(kit.bindings.size).toBe(1)
    await kit.run(2_000)
    expect([kit.bindings.size, kit.element.transport.isOpen(desk.near)]).toEqual([0, false])
  })

  it.each([['a STUN Binding Request', false, BINDING_REQUEST], ['CRLFCRLF', true, utf8('\r\n\r\n')], ['a SIP message', true, utf8('OPTIONS sip:office.example SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.2;branch=z9hG4bKo\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:office.example>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n')]] as const)('%s once in Flow-Timer keeps it', async (_, reliable, bytes) => {
    const { kit, desk } = await registered({ reliable })
    desk.far.user = { onData: () => undefined, onClose: () => undefined } // answers to keep-alives
    for (let i = 0; i < 20; i++) {
      desk.far.send(bytes)
      await kit.run(120_000)
    }
    expect(kit.bindings.size).toBe(1)
    await kit.run(31_000)
    expect(kit.bindings.size).toBe(0)
  })

  it('the same flow may register again afterwards, and is watched again', async () => {
    const { kit, desk, register } = await registered({ reliable: true })
    await kit.run(100_000)
    await register(3600)
    await kit.run(100_000)
    expect(kit.bindings.size).toBe(1)
    await kit.run(60_000)
    expect([kit.bindings.size, kit.element.transport.isOpen(desk.near)]).toEqual([0, false])
  })

  it('a flow over which nothing is registered any more may be silent', async () => {
    const { kit, desk, register } = await registered({ reliable: true })
    await register(0)
    await kit.run(1_000_000)
    expect(kit.element.transport.isOpen(desk.near)).toBe(true)
  })

  it('on a WebSocket there is no Flow-Timer: it has pings of its own', async () => {
    const { kit, response } = await registered({ reliable: false, transport: 'WS' })
    expect([response.headers.get('Require'), response.headers.has('Flow-Timer')]).toEqual(['outbound', false])
    await kit.run(1_000_000)
    expect(kit.bindings.size).toBe(1)
  })

  it('a phone without reg-id promises nothing, and is not watched', async () => {
    const kit = new ServerKit(), desk = kit.end('desk', { reliable: false })
    await kit.ask(desk, desk.request('REGISTER', 'sip:office.example', [['To', '<sip:desk@office.example>'], ['Contact', '<sip:desk@10.0.0.2>'], ['Supported', 'outbound']]))
    expect((desk.last as SipResponse).headers.has('Flow-Timer')).toBe(false)
    await kit.run(1_000_000)
    expect(kit.bindings.size).toBe(1)
  })

  it('closing leaves no timer', async () => {
    const { kit } = await registered({ reliable: true })
    kit.bindings.close()
    await kit.element.close()
    await kit.run()
    expect(kit.left).toBe(0)
  })
})
