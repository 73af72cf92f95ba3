import { describe, expect, it } from 'vitest'
import { makeResponse } from '../../../../../src-main/sip/message/message.ts'
import { InviteServer } from '../../../../../src-main/sip/transaction/inviteServer.ts'
import { sampleRequest, transactionBench } from '../../../../support/transactionBench.ts'

/** @param atOnce status that its user answers with before he returns */
function bench(reliable: boolean, atOnce?: number) {
  const b = transactionBench(reliable)
  const heard: string[] = []
  const request = sampleRequest('INVITE')
  const machine = new InviteServer(b.context, 'key', b.connection, request, b.onTerminated)
  if (atOnce !== undefined) machine.respond(makeResponse(request, atOnce, undefined, 'x'))
  machine.start()
  machine.user = { onTransportError: () => { heard.push('transport error') }, onAck: () => { heard.push('ack') }, onTerminated: () => { heard.push('terminated') } }
  return {
    ...b, heard, machine,
    respond: (status: number) => { machine.respond(makeResponse(request, status, undefined, 'x')) },
    again: () => { machine.onRequest(request) }, ack: () => { machine.onRequest(sampleRequest('ACK')) },
  }
}

describe('INVITE server transaction (RFC 3261 §17.2.1)', () => {
  it('sends 100 after 200 ms when its user has not answered', () => {
    const b = bench(false)
    b.clock.advance(199)
    expect(b.sent).toEqual([])
    b.clock.advance(1)
    expect(b.sent).toEqual(['200 100'])
    const c = bench(false)
    c.respond(180)
    c.clock.advance(1000)
    expect(c.sent).toEqual(['0 180'])
    const d = bench(false, 180)
    expect([d.sent, d.clock.pending]).toEqual([['0 180'], 0])
  })

  it('answers a repeated INVITE with the last provisional response', () => {
    const b = bench(false)
    b.again()
    b.respond(100)
    b.respond(183)
    b.again()
    expect(b.sent).toEqual(['0 100', '0 183', '0 183'])
  })

  it('retransmits 300-699 at T1, 2·T1, up to T2 on UDP (timer G) and gives up after 64·T1 (timer H)', () => {
    const b = bench(false)
    b.respond(486)
    b.clock.advance(32_000)
    expect(b.sent).toEqual([0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500].map((t) => `${t} 486`))
    expect(b.heard).toEqual(['terminated', 'transport error'])
    expect(b.clock.pending).toBe(0)
  })

  it('stops on the ACK and absorbs more of them until timer I (T4)', () => {
    const b = bench(false)
    b.respond(486)
    b.ack()
    b.ack()
    b.again()
    b.clock.advance(4999)
    expect(b.machine.state).toBe('confirmed')
    b.clock.advance(1)
    expect(b.sent).toEqual(['0 486'])
    expect([b.machine.state, b.heard, b.clock.pending]).toEqual(['terminated', ['terminated'], 0])
  })

  it('does not retransmit 300-699 over a reliable transport and ends on the ACK', () => {
    const b = bench(true)
    b.respond(486)
    b.clock.advance(10_000)
    b.ack()
    expect(b.sent).toEqual(['0 486'])
    expect([b.machine.state, b.clock.pending]).toEqual(['terminated', 0])
  })

  it('absorbs repeated INVITEs in state accepted, lets the user repeat its 2xx, until timer L (RFC 6026)', () => {
    const b = bench(false)
    b.respond(200)
    b.again()
    b.clock.advance(500)
    b.respond(200)
    b.respond(486)
    b.ack()
    expect(b.sent).toEqual(['0 200', '500 200'])
    expect(b.heard).toEqual(['ack'])
    b.clock.advance(31_499)
    expect(b.machine.state).toBe('accepted')
    b.clock.advance(1)
    expect([b.machine.state, b.clock.pending]).toEqual(['terminated', 0])
  })

  it('tells its user that there is no way back', () => {
    const b = bench(true)
    b.state.reachable = false
    b.respond(180)
    expect(b.heard).toEqual(['terminated', 'transport error'])
    expect(b.clock.pending).toBe(0)
  })
})
