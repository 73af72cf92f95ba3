import { describe, expect, it } from 'vitest'
import { makeResponse, type SipRequest } from '../../../../../src-main/sip/message/message.ts'
import { InviteClient, makeAck, makeCancel } from '../../../../../src-main/sip/transaction/inviteClient.ts'
import { sampleRequest, transactionBench } from '../../../../support/transactionBench.ts'

function bench(reliable: boolean) {
  const b = transactionBench(reliable)
  const heard: string[] = []
  const request = sampleRequest('INVITE')
  const machine = new InviteClient(b.context, 'key', b.connection, request, {
    onResponse: (r) => { heard.push(String(r.status)) }, onTimeout: () => { heard.push('timeout') }, onTransportError: () => { heard.push('transport error') },
  }, b.onTerminated)
  machine.start()
  return { ...b, heard, machine, request, respond: (status: number) => { machine.onResponse(makeResponse(request, status, undefined, 'x')) } }
}

describe('INVITE client transaction (RFC 3261 §17.1.1)', () => {
  it('retransmits at T1, 2·T1, 4·T1 … on UDP (timer A) and times out after 64·T1 (timer B)', () => {
    const b = bench(false)
    b.clock.advance(31_999)
    expect(b.sent).toEqual([0, 500, 1500, 3500, 7500, 15_500, 31_500].map((t) => `${t} INVITE`))
    expect(b.heard).toEqual([])
    b.clock.advance(1)
    expect(b.heard).toEqual(['timeout'])
    expect([b.machine.state, b.state.terminated, b.clock.pending]).toEqual(['terminated', 1, 0])
  })

  it('does not retransmit over a reliable transport, but times out', () => {
    const b = bench(true)
    b.clock.advance(32_000)
    expect(b.sent).toEqual(['0 INVITE'])
    expect(b.heard).toEqual(['timeout'])
  })

  it('stops retransmitting and timing out on a provisional response', () => {
    const b = bench(false)
    b.clock.advance(600)
    b.respond(100)
    b.respond(180)
    b.clock.advance(600_000)
    expect(b.sent).toHaveLength(2)
    expect(b.heard).toEqual(['100', '180'])
    expect([b.machine.state, b.clock.pending]).toEqual(['proceeding', 0])
  })

  it('acknowledges 300-699, again for each repetition, until timer D', () => {
    const b = bench(false)
    b.respond(486)
    b.clock.advance(500)
    b.respond(486)
    expect(b.sent).toEqual(['0 INVITE', '0 ACK', '500 ACK'])
    expect(b.heard).toEqual(['486'])
    expect(b.machine.state).toBe('completed')
    b.clock.advance(31_499)
    expect(b.machine.state).toBe('completed')
    b.clock.advance(1)
    expect([b.machine.state, b.state.terminated, b.clock.pending]).toEqual(['terminated', 1, 0])
  })

  it('ends at once after 300-699 over a reliable transport (timer D is 0)', () => {
    const b = bench(true)
    b.respond(603)
    expect(b.sent).toEqual(['0 INVITE', '0 ACK'])
    expect([b.machine.state, b.clock.pending]).toEqual(['terminated', 0])
  })

  it('passes every 2xx up in state accepted until timer M (RFC 6026), and no other response', () => {
    const b = bench(false)
    b.respond(200)
    b.clock.advance(500)
    b.respond(200)
    b.respond(486)
    b.respond(180)
    expect(b.heard).toEqual(['200', '200'])
    expect(b.sent).toEqual(['0 INVITE'])
    b.clock.advance(31_499)
    expect(b.machine.state).toBe('accepted')
    b.clock.advance(1)
    expect([b.machine.state, b.clock.pending]).toEqual(['terminated', 0])
    b.respond(200)
    expect(b.heard).toHaveLength(2)
  })

  it('tells of a lost connection while it waits, not afterwards', () => {
    const b = bench(true)
    b.machine.connectionLost()
    b.machine.connectionLost()
    expect(b.heard).toEqual(['transport error'])
    const c = bench(false)
    c.respond(200)
    c.machine.connectionLost()
    expect(c.heard).toEqual(['200'])
    expect(b.clock.pending + c.clock.pending).toBe(0)
  })

  it('makes ACK and CANCEL that match the INVITE hop by hop (§17.1.1.3, §9.1)', () => {
    const invite = sampleRequest('INVITE')
    invite.headers.append('Via', 'SIP/2.0/UDP older;branch=z9hG4bKold').append('Contact', '<sip:a@b>')
    const response = makeResponse(invite, 404, undefined, 'theirs')
    const names = (m: SipRequest) => [...m.headers].map(([name]) => name)
    const ack = makeAck(invite, response), cancel = makeCancel(invite, [['Reason', 'SIP;cause=200']])
    for (const m of [ack, cancel]) {
      expect(m.requestUri).toBe(invite.requestUri)
      expect(m.vias).toHaveLength(1)
      expect(m.via.params.get('branch')).toBe('z9hG4bKabc')
      expect(m.cseq.number).toBe(5)
      expect(m.routes).toHaveLength(2)
      expect(names(m)).not.toContain('Contact')
    }
    expect([ack.toTag, cancel.toTag, cancel.cseq.method, cancel.headers.get('Reason')]).toEqual(['theirs', undefined, 'CANCEL', 'SIP;cause=200'])
  })
})
