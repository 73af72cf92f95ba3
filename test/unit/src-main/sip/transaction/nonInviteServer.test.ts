import { describe, expect, it } from 'vitest'
import { makeResponse } from '../../../../../src-main/sip/message/message.ts'
import { NonInviteServer } from '../../../../../src-main/sip/transaction/nonInviteServer.ts'
import { sampleRequest, transactionBench } from '../../../../support/transactionBench.ts'

/** @param atOnce status that its user answers with before he returns */
function bench(reliable: boolean, atOnce?: number) {
  const b = transactionBench(reliable)
  const request = sampleRequest('OPTIONS')
  const machine = new NonInviteServer(b.context, 'key', b.connection, request, b.onTerminated)
  if (atOnce !== undefined) machine.respond(makeResponse(request, atOnce, undefined, 'x'))
  machine.start()
  return { ...b, machine, respond: (status: number) => { machine.respond(makeResponse(request, status, undefined, 'x')) }, again: () => { machine.onRequest(request) } }
}

describe('non-INVITE server transaction (RFC 3261 §17.2.2, RFC 4320)', () => {
  it('is silent to repetitions while trying, repeats the final response until timer J (64·T1)', () => {
    const b = bench(false)
    b.again()
    b.respond(200)
    b.again()
    b.respond(500)
    b.clock.advance(31_999)
    b.again()
    expect(b.sent).toEqual(['0 200', '0 200', '31999 200'])
    b.clock.advance(1)
    expect([b.machine.state, b.state.terminated, b.clock.pending]).toEqual(['terminated', 1, 0])
  })

  it('sets no other timer than J when it is answered at once, and J is whole', () => {
    const b = bench(false, 200)
    expect(b.clock.pending).toBe(1)
    b.clock.advance(31_999)
    expect(b.machine.state).toBe('completed')
    b.clock.advance(1)
    expect([b.machine.state, b.clock.pending]).toEqual(['terminated', 0])
    expect(bench(true, 200).clock.pending).toBe(0)
  })

  it('ends at once over a reliable transport', () => {
    const b = bench(true)
    b.respond(200)
    expect([b.machine.state, b.clock.pending]).toEqual(['terminated', 0])
  })

  it('sends no 100 over UDP before timer E has reached T2, and no other provisional response ever', () => {
    const b = bench(false)
    b.respond(100)
    b.respond(180)
    expect(b.sent).toEqual([])
    b.clock.advance(3500)
    b.respond(183)
    b.respond(100)
    b.again()
    expect(b.sent).toEqual(['3500 100', '3500 100'])
    const c = bench(true)
    c.respond(100)
    expect(c.sent).toEqual(['0 100'])
  })

  it('never sends 408, and is deaf to answers that come too late', () => {
    const b = bench(false)
    b.respond(408)
    expect(b.sent).toEqual([])
    expect([b.machine.state, b.clock.pending]).toEqual(['terminated', 0])
    const c = bench(false)
    c.clock.advance(32_000)
    c.respond(200)
    expect(c.sent).toEqual([])
    expect(c.clock.pending).toBe(0)
  })
})
