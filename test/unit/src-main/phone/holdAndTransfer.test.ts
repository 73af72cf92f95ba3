import type { CallView } from '@shared/model/index.ts'
import { beforeEach, describe, expect, it } from 'vitest'
import { fakeMedia } from './fakeNet.ts'
import { SipPhones, type Side } from './sipPhones.ts'

let net: SipPhones
let alice: Side, bob: Side, carol: Side
beforeEach(() => {
  net = new SipPhones()
  alice = net.add('alice')
  bob = net.add('bob')
  carol = net.add('carol')
})

const view = (side: Side, id: string): CallView | undefined => side.phone.calls.get(id)
const live = (side: Side): CallView[] => side.phone.calls.all().filter((call) => call.state !== 'ended')
const reinvites = (side: Side): string[] => side.pipes.flatMap((pipe) => pipe.sent.filter((text) => text.startsWith('INVITE ') && /^To:.*;tag=/m.test(text)))

describe('hold (RFC 3264 §8.4)', () => {
  it('offers a=sendonly with the next version of o=, is answered a=recvonly, and resumes with a=sendrecv', async () => {
    const call = await net.talk(alice, bob)
    alice.phone.calls.hold(call.out)
    expect(call.media.flow).toEqual({ send: false, receive: false }) // the wish of the user is the silence
    await net.pass(500)
    expect([view(alice, call.out), view(bob, call.in)]).toMatchObject([{ heldByMe: true, heldByThem: false }, { heldByMe: false, heldByThem: true }])
    expect(call.theirs.flow).toEqual({ send: false, receive: true })
    const [offer] = reinvites(alice)
    expect(offer).toMatch(/^a=sendonly\r$/m)
    expect(offer).toMatch(/^o=- 7 2 IN IP4 192\.0\.2\.1\r$/m)
    expect(bob.pipes[0]?.sent.at(-1)).toMatch(/^SIP\/2\.0 200/)
    expect(bob.pipes[0]?.sent.at(-1)).toMatch(/^a=recvonly\r$/m)
    alice.phone.calls.resume(call.out)
    await net.pass(500)
    expect([view(alice, call.out), view(bob, call.in)]).toMatchObject([{ heldByMe: false, heldByThem: false }, { heldByMe: false, heldByThem: false }])
    expect([call.media.flow, call.theirs.flow]).toEqual([{ send: true, receive: true }, { send: true, receive: true }])
    expect(reinvites(alice).at(-1)).toMatch(/^o=- 7 3 [^]*a=sendrecv\r$/m)
    expect(call.theirs.log).toEqual(['open', 'answer']) // no engine was asked again
    expect(await net.leftovers()).toBe(0)
  })

  it('by both sides ends only where each has resumed', async () => {
    const call = await net.talk(alice, bob)
    alice.phone.calls.hold(call.out)
    await net.pass(500)
    bob.phone.calls.hold(call.in)
    await net.pass(500)
    expect(reinvites(bob)[0]).toMatch(/^a=inactive\r$/m)
    expect([view(alice, call.out), view(bob, call.in)]).toMatchObject([{ heldByMe: true, heldByThem: true }, { heldByMe: true, heldByThem: true }])
    alice.phone.calls.resume(call.out)
    await net.pass(500)
    expect([view(alice, call.out), view(bob, call.in)]).toMatchObject([{ heldByMe: false, heldByThem: true }, { heldByMe: true, heldByThem: false }])
    bob.phone.calls.resume(call.in)
    await net.pass(500)
    expect([view(alice, call.out), view(bob, call.in)]).toMatchObject([{ heldByMe: false, heldByThem: false }, { heldByMe: false, heldByThem: false }])
  })

  it('by both in the same moment is glare: 491 to both, and each tries again after the times of RFC 3261 §14.1', async () => {
    const call = await net.talk(alice, bob)
    alice.phone.calls.hold(call.out)
    bob.phone.calls.hold(call.in)
    await net.pass(100)
    expect([...alice.pipes, ...bob.pipes].flatMap((pipe) => pipe.sent).filter((text) => text.startsWith('SIP/2.0 491'))).toHaveLength(2)
    await net.pass(5_000)
    expect([view(alice, call.out), view(bob, call.in)]).toMatchObject([{ heldByMe: true, heldByThem: true, state: 'active' }, { heldByMe: true, heldByThem: true, state: 'active' }])
  })

  it('taken back before the answer came ends unheld', async () => {
    const call = await net.talk(alice, bob)
    alice.phone.calls.hold(call.out)
    alice.phone.calls.resume(call.out)
    await net.pass(1_000)
    expect([view(alice, call.out), view(bob, call.in)]).toMatchObject([{ heldByMe: false }, { heldByThem: false }])
    expect(call.media.flow).toEqual({ send: true, receive: true })
  })

  it('of everything else goes with answering a call that waits', async () => {
    const first = await net.talk(alice, bob)
    carol.phone.calls.place('alice', fakeMedia())
    await net.pass(500)
    const waiting = alice.phone.calls.all().find((call) => call.state === 'incoming')
    alice.phone.calls.answer(waiting?.id ?? '', fakeMedia(), { holdOthers: true })
    await net.pass(500)
    expect([view(alice, first.out), view(alice, waiting?.id ?? '')]).toMatchObject([{ heldByMe: true, state: 'active' }, { heldByMe: false, state: 'active' }])
    alice.phone.calls.resume(first.out, { holdOthers: true })
    await net.pass(500)
    expect([view(alice, first.out), view(alice, waiting?.id ?? '')]).toMatchObject([{ heldByMe: false }, { heldByMe: true }])
  })

  it('is no matter for a call that is not answered', async () => {
    const id = alice.phone.calls.place('bob', fakeMedia())
    await net.pass(500)
    expect(() => { alice.phone.calls.hold(id) }).toThrow('not answered')
  })
})

describe('keys', () => {
  it('go as INFO application/dtmf-relay to a side without telephone-event, apart and in order, and are shown there', async () => {
    const call = await net.talk(alice, bob)
    alice.phone.calls.sendKeys(call.out, '12#')
    await net.pass(1_500)
    expect(view(bob, call.in)?.digits).toBe('12#')
    expect(call.media.log).not.toContain('keys 12#')
    expect(() => { alice.phone.calls.sendKeys(call.out, '1x') }).toThrow('keys are')
    expect(await net.leftovers()).toBe(0)
  })
})

describe('blind transfer (RFC 5589 §6)', () => {
  it('holds, refers, reports each step, and ends with the new call', async () => {
    const call = await net.talk(alice, bob)
    const steps: string[] = []
    alice.phone.calls.onChanged((each) => { if (each.id === call.out && each.transfer !== null && steps.at(-1) !== each.transfer.state) steps.push(each.transfer.state) })
    alice.phone.calls.transfer(call.out, 'carol')
    await net.pass(500)
    const atCarol = carol.phone.calls.all()[0]
    expect(atCarol).toMatchObject({ state: 'incoming', remote: { aor: bob.aor }, referredBy: alice.aor })
    expect(view(bob, call.in)).toMatchObject({ heldByThem: true, transfer: { by: 'them', target: carol.aor, state: 'ringing' } })
    carol.phone.calls.answer(atCarol?.id ?? '', fakeMedia())
    await net.pass(500)
    expect(steps).toEqual(['asking', 'calling', 'ringing', 'done'])
    const requests = alice.pipes.flatMap((pipe) => pipe.sent.map((text) => /^(\w+) sip:bob/.exec(text)?.[1] ?? ''))
    expect(requests.filter((method) => method === 'INVITE' || method === 'REFER')).toEqual(['INVITE', 'INVITE', 'REFER']) // on hold first
    expect(view(alice, call.out)).toMatchObject({ state: 'ended', end: 'transferred' })
    expect(alice.phone.history.latest()).toMatchObject([{ outcome: 'answered', end: 'transferred' }])
    expect(live(bob)).toMatchObject([{ state: 'active', remote: { aor: carol.aor }, continues: call.in, referredBy: alice.aor }])
    expect(live(carol)).toMatchObject([{ state: 'active', remote: { aor: bob.aor } }])
    expect(live(alice)).toEqual([])
    expect(await net.leftovers()).toBe(0)
  })

  it('that fails leaves the call as it was, with the reason', async () => {
    const call = await net.talk(alice, bob)
    alice.phone.calls.transfer(call.out, 'carol')
    await net.pass(500)
    carol.phone.calls.reject(carol.phone.calls.all()[0]?.id ?? '', true)
    await net.pass(1_000)
    expect(view(alice, call.out)).toMatchObject({ state: 'active', heldByMe: false, transfer: { state: 'failed', status: 486 } })
    expect(view(bob, call.in)).toMatchObject({ state: 'active', heldByThem: false, transfer: { by: 'them', state: 'failed', status: 486 } })
    alice.phone.calls.transfer(call.out, 'nobody')
    await net.pass(1_000)
    expect(view(alice, call.out)).toMatchObject({ state: 'active', heldByMe: false, transfer: { state: 'failed', status: 480 } })
    expect(live(bob)).toHaveLength(1)
  })

  it('is one at a time', async () => {
    const call = await net.talk(alice, bob)
    alice.phone.calls.transfer(call.out, 'carol')
    expect(() => { alice.phone.calls.transfer(call.out, 'carol') }).toThrow('under way')
  })
})

describe('attended transfer (RFC 5589 §7, RFC 3891)', () => {
  it('joins the other sides of two calls and leaves', async () => {
    const first = await net.talk(alice, bob)
    alice.phone.calls.hold(first.out)
    await net.pass(500)
    const second = await net.talk(alice, carol)
    alice.phone.calls.join(first.out, second.out)
    await net.pass(2_000)
    expect([view(alice, first.out), view(alice, second.out)]).toMatchObject([{ state: 'ended', end: 'transferred' }, { state: 'ended', end: 'transferred' }])
    expect(live(bob)).toMatchObject([{ state: 'active', remote: { aor: carol.aor }, continues: first.in }])
    expect(live(carol)).toMatchObject([{ state: 'active', remote: { aor: bob.aor }, continues: second.in, referredBy: alice.aor }])
    expect(carol.phone.calls.all().some((call) => call.state === 'incoming')).toBe(false)
    expect(await net.leftovers()).toBe(0)
  })

  it('works the same when the one to be joined had called', async () => {
    const first = await net.talk(bob, alice)
    const second = await net.talk(carol, alice)
    alice.phone.calls.join(first.in, second.in)
    await net.pass(2_000)
    expect(live(alice)).toEqual([])
    expect([live(bob), live(carol)]).toMatchObject([[{ state: 'active', remote: { aor: carol.aor } }], [{ state: 'active', remote: { aor: bob.aor } }]])
  })

  it('finds no dialog: 481, and nobody rings (RFC 3891 §3)', async () => {
    const call = await net.talk(alice, bob)
    const told: number[] = []
    const [pipe] = alice.pipes
    if (pipe === undefined) throw new Error('no pipe')
    alice.sip.userAgent.invite({ connection: pipe, requestUri: `sip:${bob.aor}` }, { to: bob.aor, offer: 'v=0\r\n', headers: [['Replaces', 'nothing;to-tag=1;from-tag=2']] }, {
      onProgress: () => {}, onAnswered: () => {}, onFailed: (status) => { told.push(status) }, onEnded: () => {}, onOffer: () => '',
    })
    await net.pass(500)
    expect(told).toEqual([481])
    expect(live(bob)).toMatchObject([{ id: call.in }])
  })
})
