import { describe, expect, it } from 'vitest'
import { SipPhones } from './sipPhones.ts'

describe('the trace of a call between two phones', () => {
  it('tells each side the whole dialog under its own id, after the call has left the view too', async () => {
    const net = new SipPhones()
    const alice = net.add('alice'), bob = net.add('bob')
    const call = await net.talk(alice, bob)
    alice.phone.calls.hangUp(call.out)
    await net.pass(60_000)
    expect(alice.phone.calls.get(call.out)).toBeUndefined()
    const told = (side: typeof alice, id: string): string[] => side.trace.of(id, false)?.messages.map(({ direction, summary }) => `${direction} ${summary.replace(/ sip:\S+| SIP\/2\.0|SIP\/2\.0 /g, '')}`) ?? []
    const out = told(alice, call.out)
    expect(out).toEqual(['out INVITE', 'in 100 Trying (1 INVITE)', 'in 180 Ringing (1 INVITE)', 'in 200 OK (1 INVITE)', 'out ACK', 'out BYE', 'in 200 OK (2 BYE)'])
    expect(told(bob, call.in)).toEqual(out.map((line) => (line.startsWith('out ') ? line.replace('out ', 'in ') : line.replace('in ', 'out '))))
    expect(await net.leftovers()).toBe(0)
  })
})
