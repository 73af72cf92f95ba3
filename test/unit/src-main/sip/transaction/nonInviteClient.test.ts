import { describe, expect, it } from 'vitest'
import { makeResponse } from '../../../../../src-main/sip/message/message.ts'
import { NonInviteClient } from '../../../../../src-main/sip/transaction/nonInviteClient.ts'
import { sampleRequest, transactionBench } from '../../../../support/transactionBench.ts'

function bench(reliable: boolean) {
  const b = transactionBench(reliable)
  const heard: string[] = []
  const request = sampleRequest('MESSAGE')
  const machine = new NonInviteClient(b.context, 'key', b.connection, request, {
    onResponse: (r) => { heard.push(String(r.status)) }, onTimeout: () => { heard.push('timeout') }, onTransportError: () => { heard.push('transport error') },
  }, b.onTerminated)
  machine.start()
  return { ...b, heard, machine, respond: (status: number) => { machine.onResponse(makeResponse(request, status, undefined, 'x')) } }
}

describe('non-INVITE client transaction (RFC 3261 §17.1.2)', () => {
  it('retransmits at T1, 2·T1, 4·T1 up to T2 on UDP (timer E) and times out after 64·T1 (timer F)', () => {
    const b = bench(false)
    b.clock.advance(32_000)
    expect(b.sent).toEqual([0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500].map((t) => `${t} MESSAGE`))
    expect(b.heard).toEqual(['timeout'])
    expect([b.machine.state, b.state.terminated, b.clock.pending]).toEqual(['terminated', 1, 0])
  })

  it('goes on at T2 after a provisional response', () => {
    const b = bench(false)
    b.clock.advance(100)
    b.respond(100)
    b.clock.advance(9000)
    expect(b.sent).toEqual(['0 MESSAGE', '500 MESSAGE', '4500 MESSAGE', '8500 MESSAGE'])
    expect(b.machine.state).toBe('proceeding')
    b.clock.advance(32_000)
    expect(b.heard).toEqual(['100', 'timeout'])
  })

  it('absorbs repeated final responses until timer K (T4)', () => {
    const b = bench(false)
    b.respond(200)
    b.respond(200)
    b.clock.advance(4999)
    expect(b.machine.state).toBe('completed')
    b.clock.advance(1)
    expect(b.heard).toEqual(['200'])
    expect([b.machine.state, b.clock.pending]).toEqual(['terminated', 0])
  })

  it('sends once and ends at once over a reliable transport', () => {
    const b = bench(true)
    b.clock.advance(10_000)
    b.respond(404)
    expect(b.sent).toEqual(['0 MESSAGE'])
    expect([b.machine.state, b.clock.pending, b.state.terminated]).toEqual(['terminated', 0, 1])
  })

  it('tells of a lost connection while it waits', () => {
    const b = bench(true)
    b.machine.connectionLost()
    b.machine.connectionLost()
    expect(b.heard).toEqual(['transport error'])
    expect(b.clock.pending).toBe(0)
  })
})
