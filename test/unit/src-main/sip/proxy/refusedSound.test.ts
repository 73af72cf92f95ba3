import { describe, expect, it } from 'vitest'
import type { SipRequest } from '../../../../../src-main/sip/message/message.ts'
import { makeCancel } from '../../../../../src-main/sip/transaction/inviteClient.ts'
import { OFFER } from '../../../../support/sipPeers.ts'
import { BOB, contactOf, identity, type RawEnd, ServerKit } from '../../../../support/sipServerKit.ts'

describe('a phone that refuses the sound of the bridge', () => {
  const bridged = (): ServerKit => new ServerKit(['proxy'], () => Promise.resolve({ offer: (_sdp, _from, sdes) => `sdes ${sdes}`, answer: () => 'answer', refused: () => {}, close: () => {} }))
  const called = async (kit: ServerKit, transport: 'TCP' | 'UDP'): Promise<{ caller: RawEnd; phone: RawEnd; invite: SipRequest }> => {
    const caller = kit.end('carol', { second: identity }), phone = kit.callee('phone', 1, { transport, reliable: transport === 'TCP' })
    const invite = caller.request('INVITE', BOB, [contactOf('carol')]).setBody('application/sdp', OFFER)
    caller.send(invite)
    await kit.run()
    expect(phone.lastOf('INVITE').text).toBe('sdes false')
    phone.respond(phone.lastOf('INVITE'), 488)
    await kit.run()
    return { caller, phone, invite }
  }

  it('is offered the other kind at once over a stream; 488 goes to the caller only when that is refused too', async () => {
    const kit = bridged()
    const { caller, phone } = await called(kit, 'TCP')
    expect([phone.lastOf('INVITE').text, caller.statuses.includes(488)]).toEqual(['sdes true', false])
    phone.respond(phone.lastOf('INVITE'), 488)
    await kit.run()
    expect([phone.requests.filter(({ method }) => method === 'INVITE').length, caller.statuses.at(-1)]).toEqual([2, 488])
  })

  it('over UDP is asked again when it has forgotten the request, after T4: before, it would see a merged one (RFC 3261 §8.2.2.2)', async () => {
    const kit = bridged()
    const { caller, phone } = await called(kit, 'UDP')
    const invites = (): number => phone.requests.filter(({ method }) => method === 'INVITE').length
    await kit.run(4_900)
    expect(invites()).toBe(1)
    await kit.run(700)
    expect([invites(), phone.lastOf('INVITE').text]).toEqual([2, 'sdes true'])
    phone.respond(phone.lastOf('INVITE'), 200, [contactOf('phone')])
    await kit.run()
    expect(caller.statuses.at(-1)).toBe(200)
  })

  it('is not asked again when the caller has given up meanwhile: 487', async () => {
    const kit = bridged()
    const { caller, phone, invite } = await called(kit, 'UDP')
    caller.send(makeCancel(invite))
    await kit.run(6_000)
    expect(phone.requests.filter(({ method }) => method === 'INVITE')).toHaveLength(1)
    expect([caller.statuses.includes(487), kit.element.server?.proxy.size]).toEqual([true, 0])
  })
})
